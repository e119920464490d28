import type { Candidate, Evidence, KeptEvidence } from '../domain/evidence.ts'
import type { Packument } from '../domain/packument.ts'
import type { Policy, UpstreamPackument } from '../domain/ports.ts'
import { isServed, type Verdict } from '../domain/verdict.ts'
import type { PackageContext } from './context.ts'

/** A package with the verdict on each of its versions: what answers are made of. Immutable. */
export class Listing {
  readonly packument: Packument
  readonly uplink: string
  readonly verdicts: ReadonlyMap<string, Verdict>
  readonly kept: ReadonlyMap<string, KeptEvidence>
  readonly policyRevision: string
  /** In `listing: verified` nothing is listed that could not be decided. */
  readonly listsUndecided: boolean
  /** What becomes of refused versions. */
  readonly withheld: Policy['withheld']
  readonly builtAt: Date
  /** sha256 of the upstream's document, hex. */
  readonly digest: string
  /** Bytes of the upstream's document. */
  readonly documentSize: number
  /** The upstream could not be asked: this is its last good answer. */
  readonly stale: boolean
  /** When the clock alone would change a verdict in it. */
  readonly validUntil: Date | undefined

  constructor(
    document: UpstreamPackument,
    uplink: string,
    policy: Policy,
    /** By version. */
    verdicts: ReadonlyMap<string, Verdict>,
    kept: ReadonlyMap<string, KeptEvidence>,
    builtAt: Date,
    /** When what it rests on stops counting, beside its verdicts. */
    ends: readonly Date[],
  ) {
    this.packument = document.packument
    this.uplink = uplink
    this.stale = document.stale
    this.policyRevision = policy.revision
    this.listsUndecided = policy.listing === 'claimed'
    this.withheld = policy.withheld
    this.verdicts = verdicts
    this.kept = kept
    this.builtAt = builtAt
    this.digest = document.digest
    this.documentSize = document.size
    let first = Infinity
    for (const end of ends) first = Math.min(first, end.getTime())
    for (const { validUntil } of verdicts.values()) if (validUntil !== undefined) first = Math.min(first, validUntil.getTime())
    this.validUntil = first === Infinity ? undefined : new Date(first)
  }

  /** Whether a version appears in this package's metadata. */
  lists(version: string): boolean {
    const verdict = this.verdicts.get(version)
    if (verdict === undefined) return false
    return isServed(verdict) || (verdict.outcome === 'unavailable' && this.listsUndecided)
  }
}

const ASK_AGAIN_MS = 30_000
const PROBE_AGAIN_MS = 5 * 60_000

/**
 * When answers of the attestations endpoint stop counting. They are not part of the document a listing rests on: one that was
 * missing, broken or a lie would stand for as long as the packument does not change.
 */
export function askedAgain({ upstream }: PackageContext, candidates: readonly Candidate[], now: Date): readonly Date[] {
  const states = new Set<Evidence<unknown>['state']>()
  for (const { publishAttestation, provenance } of candidates) states.add(publishAttestation.state).add(provenance.state)
  const unsettled = states.has('invalid') || states.has('unavailable') || states.has('unknown-key')
  if (unsettled) return [new Date(now.getTime() + ASK_AGAIN_MS)]
  return states.has('absent') && upstream.attestationsMode === 'probe' ? [new Date(now.getTime() + PROBE_AGAIN_MS)] : []
}

/** The mirror's own copies of evidence that is gone upstream, by version. */
export function keptEvidence(context: PackageContext, candidates: readonly Candidate[]): ReadonlyMap<string, KeptEvidence> {
  const kept = new Map<string, KeptEvidence>()
  for (const { ref, signature, publishAttestation, provenance } of candidates) {
    const record = context.records.get(ref.version)
    if (record === undefined) continue
    const signatures = isWithdrawn(signature) ? { signatures: record.signatures } : {}
    const attestations =
      isWithdrawn(publishAttestation) || isWithdrawn(provenance)
        ? { attestations: provenance.state === 'verified' ? { provenance: provenance.facts.predicateType } : {} }
        : {}
    const entry = { ...signatures, ...attestations }
    if (Object.keys(entry).length > 0) kept.set(ref.version, entry)
  }
  return kept
}

const isWithdrawn = (evidence: Evidence<unknown>): boolean => evidence.state === 'verified' && evidence.withdrawn === true
