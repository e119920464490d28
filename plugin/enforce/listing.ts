import type semver from 'semver'
import type { Packument } from '../domain/packument.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { inTurns } from '../domain/turns.ts'
import { isServed, type Verdict } from '../domain/verdict.ts'
import { repairTags } from './dist-tags.ts'
import { printable } from './text.ts'
import { parseVersion } from './versions.ts'

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

/** As much of a verdict as an answer depends on. */
export type Judged = Pick<Verdict, 'outcome' | 'reasons'>

/** Decides what is listed. A version without a verdict was judged by nobody, so it is withheld. */
export function listingOf(packument: Packument, verdicts: ReadonlyMap<string, Judged>, options: ListingOptions = {}): Listing {
  return summed(packument, [...packument.versions.keys()].map((version) => decide(version, verdicts.get(version), options)))
}

/** The same in short turns of the event loop. */
export async function listingInTurns(packument: Packument, verdicts: ReadonlyMap<string, Judged>, options: ListingOptions = {}): Promise<Listing> {
  return summed(packument, await inTurns(packument.versions.keys(), (version) => decide(version, verdicts.get(version), options)))
}

type Decided =
  | { readonly version: string; readonly parsed: semver.SemVer; readonly isAllowed: boolean }
  | (Withheld & { readonly parsed: undefined })

function decide(version: string, verdict: Judged | undefined, options: ListingOptions): Decided {
  const parsed = parseVersion(version)
  if (parsed === undefined) return { version, parsed, reasons: [notSemver(version)] }
  const reasons = reasonsToWithhold(verdict, options)
  if (reasons !== undefined) return { version, parsed: undefined, reasons }
  return { version, parsed, isAllowed: verdict?.outcome !== 'unavailable' }
}

function summed(packument: Packument, decided: readonly Decided[]): Listing {
  const listed = new Set<string>()
  const allowed: semver.SemVer[] = []
  const withheld: Withheld[] = []
  for (const one of decided) {
    if (one.parsed === undefined) withheld.push({ version: one.version, reasons: one.reasons })
    else {
      listed.add(one.version)
      if (one.isAllowed) allowed.push(one.parsed)
    }
  }
  const tags = repairTags(packument.distTags, { listed, allowed, known: (version) => packument.versions.has(version) })
  const from = packument.distTags.get('latest')
  const to = tags.get('latest')
  return { listed, withheld, tags, ...(from === undefined || from === to ? {} : { latestMoved: { from, to } }) }
}

function reasonsToWithhold(verdict: Judged | undefined, options: ListingOptions): readonly Reason[] | undefined {
  if (verdict === undefined) return [reason('internal-error', 'the version has not been judged')]
  if (isServed(verdict)) return undefined
  return verdict.outcome === 'unavailable' && options.withholdUnavailable !== true ? undefined : verdict.reasons
}

const notSemver = (version: string): Reason =>
  reason('manifest-mismatch', 'the packument lists a version that is not a semantic version', { version: printable(version) })
