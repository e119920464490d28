import type { Candidate } from '../domain/evidence.ts'
import { isUnavailable, type ReasonCode } from '../domain/reason.ts'
import type { AppliedWaiver } from '../domain/verdict.ts'
import { isRefusal, warn, type Finding } from './finding.ts'
import { compileWaived, exactVersionOf, rangeHolds } from './package-pattern.ts'
import type { WaiverDocument } from './schema.ts'
import { inScope, type Scope } from './scope.ts'
import { parseDate } from './values.ts'

/** An exception for one version, or a range of one package. Plain data: a part of the policy's revision. */
export interface Waiver extends AppliedWaiver {
  readonly waives: readonly ReasonCode[]
  readonly integrity?: string
  /** Packages that the file it stands in may speak of. */
  readonly scope: Scope
}

export function waiverOf(document: WaiverDocument, scope: Scope): Waiver {
  const { package: spec, integrity, waives, reason, approvedBy, expires } = document
  return {
    package: spec,
    ...(integrity === undefined ? {} : { integrity }),
    // The schema lets no other word through.
    waives: waives as readonly ReasonCode[],
    reason,
    approvedBy,
    expires: parseDate(expires),
    scope,
  }
}

/** The waivers that speak of a candidate and are not over. */
export type WaiverFinder = (candidate: Candidate, now: Date) => readonly Waiver[]

export function waiverFinder(waivers: readonly Waiver[]): WaiverFinder {
  const byName = Map.groupBy(
    waivers.map((waiver) => ({ waiver, pattern: compileWaived(waiver.package), exact: exactVersionOf(waiver.package) })),
    ({ pattern }) => pattern.name.literal,
  )
  return ({ ref, integrity }, now) =>
    (byName.get(ref.name) ?? [])
      .filter(
        ({ waiver, pattern, exact }) =>
          now < waiver.expires &&
          inScope(waiver.scope, ref.name) &&
          (exact === undefined ? rangeHolds(pattern, ref, false) : exact === ref.version) &&
          // Pinned to bytes, it is for no others that somebody puts under the same version.
          (waiver.integrity === undefined || (integrity.state === 'ok' && integrity.sri === waiver.integrity)),
      )
      .map(({ waiver }) => waiver)
}

/** What a waiver excuses is still said, as a warning, and comes back when the waiver ends. */
export const waive = (findings: readonly Finding[], waivers: readonly Waiver[]): readonly Finding[] =>
  waivers.length === 0 ? findings : findings.map((finding) => excused(finding, waivers))

function excused(finding: Finding, waivers: readonly Waiver[]): Finding {
  const { code } = finding.reason
  if (!isSoftenable(finding)) return finding
  const [longest] = waivers.filter(({ waives }) => waives.includes(code)).toSorted((a, b) => b.expires.getTime() - a.expires.getTime())
  if (longest === undefined) return finding
  const until = finding.until !== undefined && finding.until < longest.expires ? finding.until : longest.expires
  return { ...warn(finding.reason), until, waiver: longest }
}

/** Forgery is excused by nothing, and what was not understood was not judged. */
export const isSoftenable = (finding: Finding): boolean =>
  isRefusal(finding) && finding.severity !== 'forgery' && !isUnavailable(finding.reason.code)
