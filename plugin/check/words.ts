/** Words that every form of a report shares. Names come from lockfiles, which anybody may have written. */
import type { Finding, Level, LockfileCode, Nearest } from './finding.ts'
import type { LockedPackage } from '../lockfile/index.ts'
import type { Counts } from './report.ts'
import { helpFor } from '../domain/reason-help.ts'
import { isReasonCode } from '../domain/reason.ts'
import { withoutUnseen } from '../domain/unseen.ts'

export const printable = (text: string, longest = 300): string => {
  const clean = withoutUnseen(text)
  return clean.length > longest ? `${clean.slice(0, longest - 1)}…` : clean
}

export const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  refused: 'refused',
  uncovered: 'not covered',
  missing: 'not there',
  undecided: 'undecided',
  warned: 'warned',
}

const LOCKFILE_HELP: Readonly<Record<LockfileCode, string>> = {
  'git-dependency': 'Comes straight from a Git repository: no mirror sees it.',
  'url-dependency': 'Comes straight from an address: no mirror sees it.',
  'file-dependency': 'A file or folder beside the project: no registry vouches for it.',
  'past-the-mirror': 'The lockfile names another host, and its client goes there, past the mirror.',
  'other-tarball': 'The lockfile names the tarball of another package or version: that is what would be installed.',
  'not-found': 'No registry behind the mirror has it: an install fails.',
  'published-here': 'Published at the mirror itself: only the running one can judge it.',
}

const REMEDIES: Readonly<Record<LockfileCode, string>> = {
  'git-dependency': 'Publish what you need of it to a registry, or vet each commit.',
  'url-dependency': 'Depend on the version of a registry.',
  'file-dependency': 'Nothing, if it is yours and reviewed with the project.',
  'past-the-mirror': 'Set the registry to the mirror and write the lockfile anew.',
  'other-tarball': 'Find out who changed the address; write the lockfile anew.',
  'not-found': 'Check the name; it may have been taken down, or be private.',
  'published-here': 'Ask the running mirror: --mirror URL.',
}

const isLockfileCode = (code: string): code is LockfileCode => Object.hasOwn(LOCKFILE_HELP, code)

/** One sentence about what a code means, for whoever installs. */
export function meaningOf(code: string): string {
  if (isLockfileCode(code)) return LOCKFILE_HELP[code]
  return isReasonCode(code) ? helpFor(code).developer : code
}

export function remedyFor(code: string): string {
  if (isLockfileCode(code)) return REMEDIES[code]
  return isReasonCode(code) ? helpFor(code).remedy.developer : ''
}

/** `name@version`; what has no version is named by where it comes from. */
export const specOfPackage = ({ name, version, resolved }: LockedPackage): string =>
  version === '' ? (resolved === undefined ? printable(name, 214) : `${printable(name, 214)}@${printable(resolved, 120)}`) : `${printable(name, 214)}@${printable(version, 120)}`

export const nearestText = ({ version, inRange }: Nearest): string =>
  inRange === undefined ? printable(version, 120) : `${printable(version, 120)}, which the range ${inRange ? 'allows' : 'does not allow'}`

export const pathText = (path: readonly string[]): string => path.map((name) => printable(name, 214)).join(' > ')

/** What an install makes of a refused optional dependency (docs/clients.md). */
export const OPTIONAL_NOTE = 'optional: npm and bun install without it, pnpm and yarn fail'

export function tagsOf({ package: one, monitored, waiver }: Finding): readonly string[] {
  return [
    ...(one.optional ? ['optional'] : []),
    ...(one.dev ? ['dev'] : []),
    ...(one.peer ? ['peer'] : []),
    ...(one.kind === 'alias' ? ['alias'] : []),
    ...(monitored ? ['served by monitor only'] : []),
    ...(waiver === undefined ? [] : ['waived']),
  ]
}

export function summaryOf(counts: Counts): string {
  const all: readonly number[] = Object.values(counts)
  const total = all.reduce((sum, count) => sum + count, 0)
  const parts = (['allowed', 'warned', 'refused', 'uncovered', 'missing', 'undecided'] as const)
    .filter((kind) => kind === 'allowed' || counts[kind] > 0)
    .map((kind) => `${String(counts[kind])} ${kind === 'allowed' ? 'allowed' : LEVEL_WORDS[kind]}`)
  const rest = [
    ...(counts.workspaces === 0 ? [] : [`${String(counts.workspaces)} of the project itself`]),
    ...(counts.bundled === 0 ? [] : [`${String(counts.bundled)} inside others' tarballs`]),
  ]
  return `${String(total)} ${total === 1 ? 'package' : 'packages'}: ${[...parts, ...rest].join(', ')}`
}
