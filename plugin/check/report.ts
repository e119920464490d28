/** What a check found, before anybody is told in one form or another. */
import type { LockedPackage, Lockfile } from '../lockfile/index.ts'
import { isCovered, type Addresses } from './coverage.ts'
import { findingOf, findingWithoutRegistry, otherTarball, pastTheMirror, type Finding, type Level } from './finding.ts'
import { undecided, type Answer, type VerdictSource } from './source.ts'
import { Unavailable } from '../domain/errors.ts'

/** One lockfile, or the specs of a command line. */
export interface Subject {
  /** As the person named it; undefined for specs. */
  readonly file: string | undefined
  /** Undefined for specs. */
  readonly format: Lockfile['format'] | undefined
  readonly formatVersion: string | undefined
  readonly packages: readonly LockedPackage[]
}

export interface Checked {
  readonly subject: Subject
  readonly findings: readonly Finding[]
  readonly counts: Counts
}

/** How many packages of each kind; what has two findings counts under the worse. */
export interface Counts extends Readonly<Record<Level, number>> {
  readonly allowed: number
  /** The project's own. */
  readonly workspaces: number
  /** Inside another package's tarball, whose verdict is theirs. */
  readonly bundled: number
}

export interface CheckOptions {
  readonly source: VerdictSource
  readonly addresses: Addresses
  /** Runs tasks a few at a time. */
  readonly limit: <Result>(task: () => Promise<Result>) => Promise<Result>
  /** Told after each package. */
  readonly onProgress?: (done: number) => void
}

/** Judges every package of a subject. @throws ConfigurationError where the source cannot be asked at all */
export async function check(subject: Subject, { source, addresses, limit, onProgress }: CheckOptions): Promise<Checked> {
  const isHere = (one: LockedPackage): boolean => subject.format === undefined || isCovered(subject.format, one.resolved, addresses)
  const asked = subject.packages.filter(isAsked)
  const byName = Map.groupBy(asked, ({ name }) => name)
  await source.prefetch?.(asked)
  let done = 0
  const answers = new Map(
    await Promise.all(
      [...byName].map(([name, packages]) =>
        limit(async () => {
          const versions = [...new Set(packages.map(({ version }) => version))]
          const answered = await judged(source, name, versions)
          done += packages.length
          onProgress?.(done)
          return [name, answered] as const
        }),
      ),
    ),
  )
  const perPackage = subject.packages.map((one) => {
    if (!isAsked(one)) return [findingWithoutRegistry(one)]
    const answer = answers.get(one.name)?.get(one.version) ?? undecided('internal-error', 'no answer came for it')
    return [isHere(one) ? otherTarball(one, answer) : pastTheMirror(one), findingOf(one, answer)]
  })
  const found = perPackage.map((findings) => findings.filter((finding) => finding !== undefined))
  return { subject, findings: found.flat(), counts: countsOf(subject.packages, found) }
}

/** How many packages of a subject anybody is asked about. */
export const askedOf = ({ packages }: Subject): number => packages.filter(isAsked).length

const isAsked = ({ kind }: LockedPackage): boolean => kind === 'registry' || kind === 'alias'

async function judged(source: VerdictSource, name: string, versions: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
  try {
    return await source.judge(name, versions)
  } catch (error) {
    // One package that cannot be decided leaves the others to be.
    if (!(error instanceof Unavailable)) throw error
    return new Map(versions.map((version) => [version, undecided(error.reason.code, error.reason.message)]))
  }
}

const WORST: readonly Level[] = ['refused', 'uncovered', 'missing', 'undecided', 'warned']

function countsOf(packages: readonly LockedPackage[], found: readonly (readonly Finding[])[]): Counts {
  const counts = { allowed: 0, workspaces: 0, bundled: 0, refused: 0, uncovered: 0, missing: 0, undecided: 0, warned: 0 }
  packages.forEach(({ kind }, index) => {
    const levels = new Set((found[index] ?? []).map(({ level }) => level))
    const worst = WORST.find((level) => levels.has(level))
    if (worst !== undefined) counts[worst]++
    else if (kind === 'workspace') counts.workspaces++
    else if (kind === 'bundled') counts.bundled++
    else counts.allowed++
  })
  return counts
}

/** 0 fine, 1 something is refused or does not come through the mirror, 3 something could not be decided. */
export function exitCodeOf(checked: readonly Checked[]): 0 | 1 | 3 {
  const has = (...levels: readonly Level[]): boolean => checked.some(({ counts }) => levels.some((level) => counts[level] > 0))
  if (has('refused', 'uncovered', 'missing')) return 1
  return has('undecided') ? 3 : 0
}
