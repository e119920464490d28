import type semver from 'semver'
import { isServed, type Verdict } from '../domain/verdict.ts'
import { byVersion, parseVersion } from './versions.ts'

/**
 * What to offer instead of a refused version: the highest allowed one below it in the same line (the major; for 0.x the
 * minor), else the highest below, else the lowest above. Prereleases are offered to who asked for one, or when there is
 * nothing else. Undefined when nothing is allowed, or the version is not semver.
 */
export function nearestAllowed(version: string, verdicts: ReadonlyMap<string, Verdict>): string | undefined {
  const refused = parseVersion(version)
  if (refused === undefined) return undefined
  const allowed = [...verdicts]
    .filter(([, verdict]) => isServed(verdict))
    .map(([candidate]) => parseVersion(candidate))
    .filter((candidate) => candidate !== undefined && candidate.raw !== version)
    .filter((candidate) => candidate !== undefined)
  if (refused.prerelease.length > 0) return pick(refused, allowed)
  return (
    pick(
      refused,
      allowed.filter(({ prerelease }) => prerelease.length === 0),
    ) ?? pick(refused, allowed)
  )
}

function pick(refused: semver.SemVer, allowed: readonly semver.SemVer[]): string | undefined {
  const below = allowed.filter((candidate) => byVersion(candidate, refused) < 0)
  const inLine = below.filter((candidate) => sameLine(candidate, refused))
  return (highest(inLine) ?? highest(below) ?? lowest(allowed))?.raw
}

const sameLine = (a: semver.SemVer, b: semver.SemVer): boolean => a.major === b.major && (a.major > 0 || a.minor === b.minor)

const highest = (versions: readonly semver.SemVer[]): semver.SemVer | undefined =>
  versions.reduce<semver.SemVer | undefined>(
    (best, v) => (best === undefined || byVersion(v, best) > 0 ? v : best),
    undefined,
  )

const lowest = (versions: readonly semver.SemVer[]): semver.SemVer | undefined =>
  versions.reduce<semver.SemVer | undefined>(
    (best, v) => (best === undefined || byVersion(v, best) < 0 ? v : best),
    undefined,
  )
