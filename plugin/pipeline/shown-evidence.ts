import type { EntryEvidence } from '../domain/decision.ts'
import type { Candidate } from '../domain/evidence.ts'
import type { Policy } from '../domain/ports.ts'
import { relationTo } from './pin-basis.ts'

/** What was verified of a version, in short: for the decision log. A claim is no evidence. */
export function shownEvidence(candidate: Candidate, policy: Policy): EntryEvidence {
  const { signature, publishAttestation, provenance, ref, origin } = candidate
  const isBuilt = provenance.state === 'verified'
  return {
    signature: signature.state === 'verified',
    publishAttestation: publishAttestation.state === 'verified',
    provenance: isBuilt,
    pinned: isBuilt && (policy.holdsIdentity?.(ref, origin) === true || relationTo(candidate.pins.pins, candidate, policy) === 'same'),
  }
}
