import semver from 'semver'
import { splitSpec, type PackageRef } from '../domain/package-ref.ts'
import { compileGlob, type Glob } from './glob.ts'
import { Mistake } from './mistake.ts'

/** An entry of a rule's `packages`: a glob on the name, with or without a range of versions. */
export interface PackagePattern {
  readonly text: string
  readonly name: Glob
  readonly range: semver.Range | undefined
}

/**
 * Reads `name`, `@scope/*`, `**` or any of them with `@semver-range`.
 * @throws Mistake
 */
export function compilePackagePattern(text: string): PackagePattern {
  const { name, version } = splitSpec(text)
  const glob = compileGlob(name)
  if (canNeverBeAName(name))
    throw new Mistake(
      'is the name of no package',
      'A name has one slash at most, behind its scope: "@acme/*"; "**" is every package',
    )
  return { text, name: glob, range: version === undefined ? undefined : parseRange(version) }
}

/** The range is read strictly, since semver's loose mode drops what it does not understand, which leaves "any version". */
function parseRange(text: string): semver.Range {
  const remedy =
    'Write a semver range behind the "@", such as left-pad@1.3.0 or "@acme/ui@>=2 <3"; dist-tags are not known to a policy'
  if (text.trim() === '' || text.length > 256) throw new Mistake('has an empty or endless range of versions', remedy)
  try {
    return new semver.Range(text, { includePrerelease: true })
  } catch {
    throw new Mistake(`"${text}" is not a range of versions`, remedy)
  }
}

function canNeverBeAName(name: string): boolean {
  const start = name.split('*', 1)[0] ?? ''
  return (
    /\s|:/.test(name) || start.startsWith('/') || (start.includes('/') && !start.startsWith('@')) || start.split('/').length > 2
  )
}

/** The version as npm's clients read it; undefined for what even they cannot order. */
export function parseVersion(version: string): semver.SemVer | undefined {
  // One version is held against many ranges in a row.
  if (last?.version !== version) last = { version, parsed: semver.parse(version, { loose: true }) ?? undefined }
  return last.parsed
}
let last: { readonly version: string; readonly parsed: semver.SemVer | undefined } | undefined

/**
 * Whether a range holds the version, prereleases included. A version that nobody can order is in no range, except in that of
 * a rule that refuses: a name chosen to slip past a range must not slip past a refusal.
 */
export function rangeHolds(pattern: PackagePattern, ref: PackageRef, refuses: boolean): boolean {
  if (pattern.range === undefined) return true
  const version = parseVersion(ref.version)
  return version === undefined ? refuses : pattern.range.test(version)
}

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

/** The version a waiver is for, or undefined where it is for a range. */
export const exactVersionOf = (spec: string): string | undefined => {
  const { version } = splitSpec(spec)
  return version !== undefined && EXACT.test(version) ? version : undefined
}

/**
 * Reads what a waiver is for: `name@version` or `name@range`.
 * @throws Mistake
 */
export function compileWaived(spec: string): PackagePattern {
  const pattern = compilePackagePattern(spec)
  const remedy = 'Write one package and its version, such as fsevents@2.3.3; for more than that, write a rule'
  if (pattern.name.literal === undefined) throw new Mistake('has a wildcard', remedy)
  if (pattern.range === undefined) throw new Mistake('names no version', remedy)
  return pattern
}

/** @throws Mistake unless it is one package and one version */
export function parseExactSpec(spec: string): void {
  compileWaived(spec)
  if (exactVersionOf(spec) === undefined) throw new Mistake('is not one version', 'Write NAME@VERSION, such as "@acme/ui@1.0.0"')
}

/** @throws Mistake unless it is one version */
export function parseExactVersion(version: string): void {
  if (!EXACT.test(version)) throw new Mistake(`"${version}" is not one version`, 'Write the version as it was published, such as 1.4.0')
}
