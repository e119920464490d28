import { writeFileSync } from 'node:fs'
import { styleText } from 'node:util'
import pLimit from 'p-limit'
import { askedOf, check, exitCodeOf, FORMATS, render, type Checked, type Format } from '../check/index.ts'
import { messageOf, Unavailable } from '../domain/errors.ts'
import { VERSION } from '../version.ts'
import { EXIT } from './exit-codes.ts'
import { judgeOf, type SourceOptions } from './judged-by.ts'
import { usage } from './usage.ts'
import { printable } from './terminal.ts'
import { Progress } from './progress.ts'
import { namedBy, subjectsOf } from './subjects.ts'

export interface CheckCommandOptions extends SourceOptions {
  readonly format?: string
  readonly json?: boolean
  readonly sarif?: boolean
  readonly junit?: boolean
  readonly markdown?: boolean
  readonly output?: string
  readonly all?: boolean
}

export const AT_ONCE = 16
const WIDEST = 100

/**
 * `check`: the verdict on every package of lockfiles, or on packages named.
 * @returns the exit code
 * @throws ConfigurationError, LockfileError
 */
export async function checkCommand(args: readonly string[], options: CheckCommandOptions): Promise<number> {
  const format = formatOf(options)
  // Before anything is opened or asked: a file that is no lockfile is told at once.
  const named = namedBy(args)
  try {
    const { source, addresses } = await judgeOf(options)
    try {
      const subjects = await subjectsOf(named, source)
      const progress = new Progress(subjects.reduce((sum, subject) => sum + askedOf(subject), 0), process.stderr)
      const limit = pLimit(AT_ONCE)
      const checked: Checked[] = []
      let before = 0
      for (const subject of subjects) {
        const at = before
        checked.push(await check(subject, { source, addresses, limit: (task) => limit(task), onProgress: (done) => { progress.at(at + done) } }))
        before += askedOf(subject)
      }
      progress.end()
      const text = render(checked, format, {
        source: source.title,
        version: VERSION,
        width: process.stdout.isTTY ? Math.min(process.stdout.columns, WIDEST) : 80,
        paint: options.output === undefined ? (style, line) => styleText(style, line, { stream: process.stdout }) : (_style, line) => line,
        all: options.all === true,
      })
      write(text, options.output)
      return exitCodeOf(checked)
    } finally {
      await source.close()
    }
  } catch (error) {
    return notDecided(error)
  }
}

/** Nothing can be said at all: one sentence, and the exit code that says so. */
export function notDecided(error: unknown): number {
  if (!(error instanceof Unavailable)) throw error
  console.error(`cannot decide: ${printable(error.reason.message)}. Try again when it answers.`)
  return EXIT.undecided
}

function formatOf(options: CheckCommandOptions): Format {
  const named = FORMATS.filter((format) => format !== 'text' && options[format] === true)
  const asked = [...new Set([...(options.format === undefined ? [] : [options.format]), ...named])]
  const [wanted = 'text', another] = asked
  if (another !== undefined) throw usage('--format', `several are asked for: ${asked.join(', ')}`, 'Give one.')
  const format = FORMATS.find((one) => one === wanted)
  if (format === undefined) throw usage('--format', `"${wanted}" is none`, `Give one of ${FORMATS.join(', ')}.`)
  return format
}

function write(lines: readonly string[], file: string | undefined): void {
  const text = `${lines.join('\n')}\n`
  if (file === undefined) {
    process.stdout.write(text)
    return
  }
  try {
    writeFileSync(file, text)
  } catch (cause) {
    throw usage('--output', `${file} cannot be written: ${messageOf(cause)}`, 'Name a file you may write.')
  }
}
