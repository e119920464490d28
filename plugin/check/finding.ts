/** What is wrong with a package, and how bad that is. */
import semver from 'semver'
import { CODES_BY_KIND, isReasonCode, type ReasonKind } from '../domain/reason.ts'
import type { LockedPackage } from '../lockfile/index.ts'
import { isOfAnother } from './coverage.ts'
import type { Answer, SaidReason } from './source.ts'

/**
 * - `refused`: the mirror would not serve it;
 * - `uncovered`: it does not come through the mirror at all;
 * - `missing`: nobody has it;
 * - `undecided`: it cannot be said now;
 * - `warned`: served, and said to be wrong.
 */
export type Level = 'refused' | 'uncovered' | 'missing' | 'undecided' | 'warned'

/** Beside the reason codes of verdicts: what only a lockfile can be told. */
export type LockfileCode = 'git-dependency' | 'url-dependency' | 'file-dependency' | 'past-the-mirror' | 'other-tarball' | 'not-found' | 'published-here'

export interface Finding {
  readonly level: Level
  readonly code: string
  readonly message: string
  /** Codes of further reasons. */
  readonly also: readonly string[]
  readonly package: LockedPackage
  /** Policy refuses it, and `monitor` serves it. */
  readonly monitored: boolean
  readonly rule: string | undefined
  readonly waiver: string | undefined
  readonly nearest: Nearest | undefined
  readonly explain: string | undefined
}

export interface Nearest {
  readonly version: string
  /** Whether every range that asks for the package allows it; undefined where the lockfile does not keep them. */
  readonly inRange: boolean | undefined
}

const UNCOVERED = {
  git: ['git-dependency', 'comes from a Git repository, past every registry'],
  url: ['url-dependency', 'comes from an address of its own, past every registry'],
  file: ['file-dependency', 'is a file or folder of the project, which no registry vouches for'],
} as const satisfies Partial<Record<LockedPackage['kind'], readonly [LockfileCode, string]>>

/** A package that no registry is asked for; undefined for the others. */
export function findingWithoutRegistry(one: LockedPackage): Finding | undefined {
  if (one.kind !== 'git' && one.kind !== 'url' && one.kind !== 'file') return undefined
  const [code, what] = UNCOVERED[one.kind]
  return plain('uncovered', code, `${one.name} ${what}`, one)
}

export const pastTheMirror = (one: LockedPackage): Finding =>
  plain('uncovered', 'past-the-mirror', `the lockfile has clients fetch it from ${URL.parse(one.resolved ?? '')?.host ?? 'elsewhere'}`, one)

/** Of another package or version; unless the lockfile has the digest of the right one, which no other bytes can have. */
export function otherTarball(one: LockedPackage, answer: Answer): Finding | undefined {
  const integrity = answer.state === 'judged' ? answer.integrity : undefined
  if (!isOfAnother(one) || (integrity !== undefined && isOnly(sha512s(one.integrity), integrity))) return undefined
  return plain('refused', 'other-tarball', `the lockfile has clients fetch ${URL.parse(one.resolved ?? '')?.pathname ?? 'another'} for it`, one)
}

const isOnly = (digests: readonly string[], integrity: string): boolean => digests.length > 0 && digests.every((digest) => digest === integrity)

const plain = (level: Level, code: LockfileCode | 'integrity-mismatch', message: string, one: LockedPackage): Finding => ({
  level,
  code,
  message,
  also: [],
  package: one,
  monitored: false,
  rule: undefined,
  waiver: undefined,
  nearest: undefined,
  explain: undefined,
})

/** What a verdict says of a package of a lockfile; undefined when nothing is wrong. */
export function findingOf(one: LockedPackage, answer: Answer): Finding | undefined {
  if (answer.state === 'absent') return plain('missing', 'not-found', `no registry behind the mirror has ${one.name}@${one.version}`, one)
  if (answer.state === 'published-here')
    return plain('undecided', 'published-here', 'published at the mirror: only the running one can judge it (--mirror)', one)
  const worst = worstFirst(mismatch(one, answer.integrity, answer.reasons))
  const [first, ...others] = worst
  const level = levelOf(answer.outcome, worst.length > answer.reasons.length)
  if (level === undefined || first === undefined) return undefined
  const { rule, waiver, monitored, explain } = answer
  return {
    level,
    code: first.code,
    message: first.message,
    also: [...new Set(others.map(({ code }) => code))].filter((code) => code !== first.code),
    package: one,
    monitored,
    rule,
    waiver,
    nearest: level === 'refused' && answer.nearest !== undefined ? { version: answer.nearest, inRange: allows(one.ranges, answer.nearest) } : undefined,
    explain,
  }
}

function levelOf(outcome: string, otherBytes: boolean): Level | undefined {
  if (otherBytes || outcome === 'deny') return 'refused'
  if (outcome === 'warn') return 'warned'
  return outcome === 'allow' ? undefined : 'undecided'
}

/** A lockfile that expects other bytes than the registry has fails at every client, or was written by somebody who served others. */
function mismatch(one: LockedPackage, integrity: string | undefined, reasons: readonly SaidReason[]): readonly SaidReason[] {
  const expected = sha512s(one.integrity)
  if (integrity === undefined || expected.length === 0 || expected.includes(integrity)) return reasons
  return [...reasons, { code: 'integrity-mismatch', message: `the lockfile expects other bytes than the registry has for ${one.name}@${one.version}` }]
}

const sha512s = (integrity: string | undefined): readonly string[] =>
  (integrity ?? '').split(/\s+/).map((digest) => digest.split('?')[0] ?? '').filter((digest) => digest.startsWith('sha512-'))

function allows(ranges: readonly string[], version: string): boolean | undefined {
  const known = ranges.filter((range) => semver.validRange(range, { loose: true }) !== null)
  return known.length === 0 ? undefined : known.every((range) => semver.satisfies(version, range, { loose: true }))
}

const WORST_FIRST: readonly ReasonKind[] = ['forgery', 'history', 'identity', 'evidence', 'policy', 'circumstance', 'unavailable']
const PAST: ReadonlySet<string> = new Set(['git-dependency', 'url-dependency', 'file-dependency', 'past-the-mirror', 'other-tarball'])

const rankOfCode = (code: string): number => {
  // After lies, before everything that the mirror at least sees.
  if (PAST.has(code)) return 0.5
  const kind = isReasonCode(code) ? WORST_FIRST.findIndex((one) => CODES_BY_KIND[one].some((known) => known === code)) : -1
  return kind === -1 ? WORST_FIRST.length : kind
}

function worstFirst(reasons: readonly SaidReason[]): readonly SaidReason[] {
  return [...reasons].sort((a, b) => rankOfCode(a.code) - rankOfCode(b.code))
}

export interface Group {
  readonly level: Level
  readonly code: string
  readonly monitored: boolean
  readonly findings: readonly Finding[]
}

const LEVELS: readonly Level[] = ['refused', 'uncovered', 'missing', 'undecided', 'warned']
/** What is refused and what is not covered fail alike; the other levels follow. */
const rankOfLevel = (level: Level): number => (level === 'uncovered' ? 0 : LEVELS.indexOf(level))

/** By what is wrong, worst first, packages by name. */
export function grouped(findings: readonly Finding[]): readonly Group[] {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const key = JSON.stringify([finding.level, finding.code, finding.monitored])
    groups.set(key, [...(groups.get(key) ?? []), finding])
  }
  return [...groups.values()]
    .map((all) => all.sort((a, b) => compare(a.package.name, b.package.name) || compare(a.package.version, b.package.version)))
    .flatMap((all) => (all[0] === undefined ? [] : [{ level: all[0].level, code: all[0].code, monitored: all[0].monitored, findings: all }]))
    .sort((a, b) => rankOfLevel(a.level) - rankOfLevel(b.level) || Number(b.monitored) - Number(a.monitored) || rankOfCode(a.code) - rankOfCode(b.code) || compare(a.code, b.code))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
