import semver from 'semver'
import type { Packument } from '../domain/packument.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { isServed, type Verdict } from '../domain/verdict.ts'
import { repairTags } from './dist-tags.ts'
import { printable } from './text.ts'

export interface ListingOptions {
  /** Under `listing: verified` nothing undecided is listed; otherwise the tarball gate decides it when it is asked for. */
  readonly withholdUnavailable?: boolean
}

export interface Withheld {
  readonly version: string
  readonly reasons: readonly Reason[]
}

/** Which versions of a packument may be listed, and where its tags then point. */
export interface Listing {
  /** In the packument's own order; every key is semver. */
  readonly listed: ReadonlySet<string>
  readonly withheld: readonly Withheld[]
  readonly tags: ReadonlyMap<string, string>
  /** `to` is undefined when nothing allowed is left for it. */
  readonly latestMoved?: { readonly from: string; readonly to: string | undefined }
}

/**
 * Reads a version as npm's clients read it, loosely: `3.0.0rc3` was published before npm was strict, and installs to this day.
 * `v1.0.0`, ` 1.0.0` and `1.0` are not versions a client would ask for.
 */
export function parseVersion(version: string): semver.SemVer | undefined {
  return /^\d\S*$/.test(version) ? (semver.parse(version, { loose: true }) ?? undefined) : undefined
}

/** Decides what is listed. A version without a verdict was judged by nobody, so it is withheld. */
export function listingOf(packument: Packument, verdicts: ReadonlyMap<string, Verdict>, options: ListingOptions = {}): Listing {
  const listed = new Set<string>()
  const allowed: semver.SemVer[] = []
  const withheld: Withheld[] = []
  for (const version of packument.versions.keys()) {
    const parsed = parseVersion(version)
    const reasons = parsed === undefined ? [notSemver(version)] : reasonsToWithhold(verdicts.get(version), options)
    if (parsed === undefined || reasons !== undefined) {
      withheld.push({ version, reasons: reasons ?? [] })
      continue
    }
    listed.add(version)
    if (verdicts.get(version)?.outcome !== 'unavailable') allowed.push(parsed)
  }
  const tags = repairTags(packument.distTags, { listed, allowed, known: (version) => packument.versions.has(version) })
  const from = packument.distTags.get('latest')
  const to = tags.get('latest')
  return { listed, withheld, tags, ...(from === undefined || from === to ? {} : { latestMoved: { from, to } }) }
}

function reasonsToWithhold(verdict: Verdict | undefined, options: ListingOptions): readonly Reason[] | undefined {
  if (verdict === undefined) return [reason('internal-error', 'the version has not been judged')]
  if (isServed(verdict)) return undefined
  return verdict.outcome === 'unavailable' && options.withholdUnavailable !== true ? undefined : verdict.reasons
}

const notSemver = (version: string): Reason =>
  reason('manifest-mismatch', 'the packument lists a version that is not a semantic version', { version: printable(version) })
