import semver from 'semver'
import { byVersion } from './versions.ts'

export interface TagTargets {
  /** What a tag may point to. */
  readonly listed: ReadonlySet<string>
  /** What a tag may be moved to: the listed versions that policy decided on. */
  readonly allowed: readonly semver.SemVer[]
  /** Whether the upstream lists the version at all. */
  readonly known: (version: string) => boolean
}

/**
 * The tags that are left when refused versions are gone. A tag moves down only and never across a major or a prerelease
 * identifier: whoever refuses a version must not thereby push clients onto another release line, and a tag that pointed at
 * nothing is an upstream's mistake that is not ours to guess away.
 */
export function repairTags(tags: ReadonlyMap<string, string>, targets: TagTargets): ReadonlyMap<string, string> {
  const repaired = new Map<string, string>()
  let lines: ReadonlyMap<string, readonly semver.SemVer[]> | undefined
  for (const [tag, target] of tags) {
    if (targets.listed.has(target)) {
      repaired.set(tag, target)
      continue
    }
    const original = targets.known(target) ? semver.parse(target, { loose: true }) : null
    if (original === null) continue
    // Sorted once for all tags: a packument may bring 100,000 of both.
    lines ??= linesOf(targets.allowed)
    const replacement = highestUpTo(lines.get(tag === 'latest' ? STABLE : lineOf(original)) ?? [], original)
    if (replacement !== undefined) repaired.set(tag, replacement.raw)
  }
  return repaired
}

const STABLE = 'stable'

/** `2|` for 2.1.0, `2|beta` for 2.1.0-beta.4, `2|0` for 2.1.0-0. */
const lineOf = (version: semver.SemVer): string => `${String(version.major)}|${String(version.prerelease[0] ?? '')}`

function linesOf(versions: readonly semver.SemVer[]): ReadonlyMap<string, readonly semver.SemVer[]> {
  const lines = new Map<string, semver.SemVer[]>()
  const add = (line: string, version: semver.SemVer): void => {
    const members = lines.get(line)
    if (members === undefined) lines.set(line, [version])
    else members.push(version)
  }
  for (const version of versions.toSorted(byVersion)) {
    if (version.prerelease.length === 0) add(STABLE, version)
    add(lineOf(version), version)
  }
  return lines
}

/** The last of an ascending list that is not above the limit, by bisection. */
function highestUpTo(ascending: readonly semver.SemVer[], limit: semver.SemVer): semver.SemVer | undefined {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const candidate = ascending[middle]
    if (candidate !== undefined && byVersion(candidate, limit) <= 0) low = middle + 1
    else high = middle
  }
  return ascending[low - 1]
}
