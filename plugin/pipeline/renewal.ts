import { Unavailable } from '../domain/errors.ts'
import type { Candidate, Evidence } from '../domain/evidence.ts'
import type { AttestationResult, TrustMaterial, TrustRenewal, Upstream } from '../domain/ports.ts'

/** What evidence was judged with, and whether newer trust material may judge it otherwise. */
export interface Judging {
  readonly upstream: Upstream
  readonly trust: TrustMaterial
  /** Without it the material at hand has the last word. */
  readonly renewal?: TrustRenewal | undefined
}

/**
 * An unknown key, log or CA is more often a rotation than an attack. While newer trust material is fetched nothing is decided,
 * and nothing stored; once it is here, or none is to be had, the evidence stands as it was judged.
 */
export function unlessRenewing<Facts>(judging: Judging, evidence: Evidence<Facts>): Evidence<Facts> {
  return isRenewing(judging, evidence) ? { state: 'unavailable', reasons: [stale(judging).reason] } : evidence
}

/** The same for a whole document. @throws Unavailable (`trust-material-stale`) */
export function assertNotRenewing(judging: Judging, { publishAttestation, provenance }: AttestationResult): void {
  if ([publishAttestation, provenance].some((evidence) => isRenewing(judging, evidence))) throw stale(judging)
}

/** Whether it rests on something that the trust material does not name. */
export const restsOnUnknown = (evidence: Evidence<unknown>): boolean =>
  evidence.state === 'unknown-key' || 'unknownAnchor' in evidence

/** Until when a listing of such candidates counts: newer trust material may say otherwise of what it does not know now. */
export function renewalEnds(candidates: readonly Candidate[], { upstream, trust, renewal }: Judging, now: Date): readonly Date[] {
  const have = (is: (evidence: Evidence<unknown>) => boolean): boolean =>
    candidates.some(({ signature, publishAttestation, provenance }) => is(signature) || is(publishAttestation) || is(provenance))
  if (have(isStale)) return [now]
  const next = have(restsOnUnknown) ? renewal?.nextRenewal(upstream.name, trust.revision) : undefined
  return next === undefined ? [] : [next]
}

function isRenewing({ upstream, trust, renewal }: Judging, evidence: Evidence<unknown>): boolean {
  if (renewal === undefined || !restsOnUnknown(evidence)) return false
  return renewal.isRenewing(upstream.name, evidence.state === 'unknown-key' ? 'registry-key' : 'sigstore', trust.revision)
}

const isStale = (evidence: Evidence<unknown>): boolean =>
  evidence.state === 'unavailable' && evidence.reasons.some(({ code }) => code === 'trust-material-stale')

const stale = ({ upstream }: Judging): Unavailable =>
  new Unavailable('trust-material-stale', `the evidence rests on a key, log or authority of ${upstream.registry} that is not known here; newer trust material is being fetched`)
