import { setTimeout as wait } from 'node:timers/promises'
import pLimit from 'p-limit'
import { findingOf, printable, undecided, type Answer, type Subject, type VerdictSource } from '../check/index.ts'
import { Unavailable } from '../domain/errors.ts'
import type { LockedPackage } from '../lockfile/index.ts'
import { AT_ONCE, notDecided } from './check.ts'
import { EXIT } from './exit-codes.ts'
import { judgeOf, type SourceOptions } from './judged-by.ts'
import { usage } from './usage.ts'
import { Progress } from './progress.ts'
import { namedBy, subjectsOf } from './subjects.ts'
import { jsonText } from './terminal.ts'

export interface WarmOptions extends SourceOptions {
  readonly rate: string
  readonly json?: boolean
}

export interface Warmed {
  /** Fetched and verified now. */
  readonly fetched: number
  /** Were here before. */
  readonly kept: number
  readonly refused: readonly Unserved[]
  readonly undecided: readonly Unserved[]
}

export interface Unserved {
  readonly package: string
  readonly version: string
  readonly code: string
  readonly message: string
}

/**
 * `warm`: has packages fetched and verified ahead of use. What is here already is skipped without asking anybody, so that a run that
 * was broken off goes on where it ended.
 * @returns the exit code
 * @throws ConfigurationError, LockfileError
 */
export async function warmCommand(args: readonly string[], options: WarmOptions): Promise<number> {
  const rate = rateOf(options.rate)
  const named = namedBy(args)
  try {
    const { source } = await judgeOf(options)
    try {
      const wanted = versionsOf(await subjectsOf(named, source))
      const progress = new Progress(wanted.length, process.stderr)
      const warmed = await warm(wanted, source, rate, (done) => { progress.at(done) })
      progress.end()
      const lines = options.json === true ? [jsonText({ source: source.title, ...warmed }, 2)] : linesOf(warmed, source.title)
      for (const line of lines) console.log(line)
      return warmed.refused.length > 0 ? EXIT.refused : warmed.undecided.length > 0 ? EXIT.undecided : EXIT.fine
    } finally {
      await source.close()
    }
  } catch (error) {
    return notDecided(error)
  }
}

/** What comes from a registry, each version once. */
function versionsOf(subjects: readonly Subject[]): readonly LockedPackage[] {
  const wanted = subjects.flatMap(({ packages }) => packages).filter(({ kind }) => kind === 'registry' || kind === 'alias')
  return [...new Map(wanted.map((one) => [JSON.stringify([one.name, one.version]), one])).values()]
}

/** @param rate - versions that are begun in a second, those apart that are here */
async function warm(wanted: readonly LockedPackage[], source: VerdictSource, rate: number, onProgress: (done: number) => void): Promise<Warmed> {
  const limit = pLimit(AT_ONCE)
  const turn = pace(rate)
  const counts = { fetched: 0, kept: 0, done: 0 }
  const refused: Unserved[] = []
  const open: Unserved[] = []
  await Promise.all(
    wanted.map((one) =>
      limit(async () => {
        const { name, version, integrity } = one
        if (await source.isWarm(name, version, integrity)) counts.kept++
        else {
          await turn()
          const finding = findingOf(one, await asked(source, name, version))
          if (finding === undefined || finding.level === 'warned') counts.fetched++
          else (finding.level === 'undecided' ? open : refused).push({ package: name, version, code: finding.code, message: finding.message })
        }
        onProgress(++counts.done)
      }),
    ),
  )
  return { fetched: counts.fetched, kept: counts.kept, refused, undecided: open }
}

async function asked(source: VerdictSource, name: string, version: string): Promise<Answer> {
  try {
    return await source.warm(name, version)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return undecided(error.reason.code, error.reason.message)
  }
}

/** Lets one through every so often, in the order they come. */
function pace(rate: number): () => Promise<void> {
  let next = performance.now()
  return async () => {
    const at = Math.max(next, performance.now())
    next = at + 1000 / rate
    await wait(Math.max(0, at - performance.now()))
  }
}

function rateOf(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(?:\/(s|m|min|h))?$/.exec(text.trim()) ?? []
  const seconds = unit === 's' ? 1 : unit === 'h' ? 3600 : 60
  const rate = Number(number) / seconds
  if (number !== undefined && rate > 0 && rate <= 10_000) return rate
  throw usage('--rate', `"${text}" is not a rate`, 'Write it as 20/s or 600/min.')
}

function linesOf({ fetched, kept, refused, undecided: open }: Warmed, source: string): readonly string[] {
  const line = (word: string) => ({ package: name, version, code, message }: Unserved): string => `${word}  ${printable(`${name}@${version}`)}  ${code}: ${printable(message)}`
  const parts = [`${String(fetched)} fetched and verified`, `${String(kept)} here before`]
  const bad = [...(refused.length === 0 ? [] : [`${String(refused.length)} refused`]), ...(open.length === 0 ? [] : [`${String(open.length)} undecided`])]
  return [...refused.map(line('refused  ')), ...open.map(line('undecided')), `${[...parts, ...bad].join(', ')}; by ${source}`]
}
