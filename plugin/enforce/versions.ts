import semver from 'semver'

/**
 * Reads a version as npm's clients read it, loosely: `3.0.0rc3` was published before npm was strict, and installs to this day.
 * `v1.0.0`, ` 1.0.0` and `1.0` are not versions a client would ask for.
 */
export function parseVersion(version: string): semver.SemVer | undefined {
  return /^\d\S*$/.test(version) ? (semver.parse(version, { loose: true }) ?? undefined) : undefined
}

/** Ascending, of versions read by `parseVersion`; semver's own function would read them anew, strictly, without what follows a plus. */
export const byVersion = (a: semver.SemVer, b: semver.SemVer): number => a.compare(b) || a.compareBuild(b)
