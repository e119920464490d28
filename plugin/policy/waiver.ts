import type { Candidate } from '../domain/evidence.ts'
import { splitSpec } from '../domain/package-ref.ts'
import { isUnavailable, type ReasonCode } from '../domain/reason.ts'
import type { AppliedWaiver } from '../domain/verdict.ts'
import { isRefusal, warn, type Finding } from './finding.ts'
import { compileWaived, exactVersionOf, rangeHolds } from './package-pattern.ts'
import { revisionOf } from './revision.ts'
import type { WaiverDocument } from './schema.ts'
import { inScope, type Scope } from './scope.ts'
import { parseDate } from './values.ts'
import { integrityNotUsable } from './words.ts'

/** An exception for one version, or a range of one package. Plain data: a part of the policy's revision. */
export interface Waiver extends AppliedWaiver {
  /** Of what it says: the same in every policy that has it. */
  readonly id: string
  readonly waives: readonly ReasonCode[]
  readonly integrity?: string
  /** Packages that the file it stands in may speak of. */
  readonly scope: Scope
}

export function waiverOf(document: WaiverDocument, scope: Scope): Waiver {
  const { package: spec, integrity, waives, reason, approvedBy, expires } = document
  const said = {
    package: spec,
    ...(integrity === undefined ? {} : { integrity }),
    // The schema lets no other word through.
    waives: waives as readonly ReasonCode[],
    reason,
    approvedBy,
    expires: parseDate(expires),
    scope,
  }
  return { id: revisionOf({ ...said, expires: said.expires.toISOString() }), ...said }
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

const NO_PINS: ReadonlyMap<string, string> = new Map()

/**
 * The integrities that waivers of `integrity-missing` give to versions of a package. Two that name different bytes for one version
 * cannot both be right, so that neither counts.
 */
export function pinFinder(waivers: readonly Waiver[]): (name: string, now: Date) => ReadonlyMap<string, string> {
  const byName = Map.groupBy(waivers.filter(pinsMissing), ({ package: spec }) => splitSpec(spec).name)
  return (name, now) => {
    const inForce = (byName.get(name) ?? []).filter(({ expires, scope }) => now < expires && inScope(scope, name))
    if (inForce.length === 0) return NO_PINS
    const byVersion = Map.groupBy(inForce, ({ package: spec }) => exactVersionOf(spec))
    return new Map(
      [...byVersion].flatMap(([version, all]) => {
        const [integrity, ...others] = new Set(all.flatMap(({ integrity }) => integrity ?? []))
        return version === undefined || integrity === undefined || others.length > 0 ? [] : [[version, integrity] as const]
      }),
    )
  }
}

export const pinsMissing = ({ waives, integrity }: Waiver): boolean => integrity !== undefined && waives.includes('integrity-missing')

/**
 * The bytes of a version of which its registry gives no digest, or none that counts. A waiver that names them makes that good, and
 * nothing else does: without it, there would be nothing to hold them against.
 */
export function integrityFindings({ integrity }: Candidate, waivers: readonly Waiver[]): readonly Finding[] {
  if (integrity.state !== 'ok') return [{ severity: 'forgery', reason: integrityNotUsable(integrity.state) }]
  if (integrity.pinned !== true) return []
  const missing = integrityNotUsable('missing')
  const [longest] = waivers
    .filter((waiver) => pinsMissing(waiver) && waiver.integrity === integrity.sri)
    .toSorted((a, b) => b.expires.getTime() - a.expires.getTime())
  return [longest === undefined ? { severity: 'forgery', reason: missing } : { ...warn(missing), until: longest.expires, waiver: longest }]
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
