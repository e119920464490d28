import semver from 'semver'
import type { Packument } from '../domain/packument.ts'

const NEWEST_PER_LINE = 3

/**
 * The versions an install is likely to pick, likeliest first: every dist-tag's target, `latest` leading, then the newest of
 * each release line (the major; for 0.x the minor), newest line first. These are verified before the first answer.
 */
export function likelyPicks(packument: Packument): readonly string[] {
  const tagged = [packument.distTags.get('latest'), ...packument.distTags.values()].filter((version) => version !== undefined)
  const lines = new Map<string, string[]>()
  for (const version of newestFirst([...packument.versions.keys()])) {
    const key = releaseLine(version)
    const line = lines.get(key)
    if (line === undefined) lines.set(key, [version])
    else if (line.length < NEWEST_PER_LINE) line.push(version)
  }
  return [...new Set([...tagged, ...[...lines.values()].flat()])].filter((version) => packument.versions.has(version))
}

/** Valid versions in descending order; what is no version is left out. */
export function newestFirst(versions: readonly string[]): readonly string[] {
  return versions
    .map((version) => semver.parse(version, { loose: true }))
    .filter((version) => version !== null)
    .sort(semver.rcompare)
    .map(({ raw }) => raw)
}

function releaseLine(version: string): string {
  const { major, minor } = new semver.SemVer(version, { loose: true })
  return major === 0 ? `0.${String(minor)}` : String(major)
}
