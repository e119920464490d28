import type { Candidate, Evidence } from '../domain/evidence.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { Verdict } from '../domain/verdict.ts'
import type { Judgement } from '../pipeline/pipeline.ts'
import type { Listing } from '../pipeline/listing.ts'
import { withdrawnReason } from './refusal.ts'

/** Why one version is served or refused: the answer of `/-/provenance/v1/packages/:pkg/:version`. */
export function explainVersion({ ref, candidate, verdict }: Judgement, policyRevision: string, nearest: string | undefined): JsonObject {
  return {
    package: ref.name,
    version: ref.version,
    ...verdictDocument(verdict),
    policyRevision,
    uplink: candidate.uplink,
    integrity: candidate.integrity.state === 'ok' ? candidate.integrity.sri : null,
    notBefore: candidate.notBefore.toISOString(),
    evidence: evidenceDocument(candidate),
    ...(nearest === undefined ? {} : { nearestAllowed: nearest }),
  }
}

/** What was here and is gone: the address that its refusal names has an answer too. */
export function explainWithdrawn(name: string, version: string | undefined, policyRevision: string): JsonObject {
  const which = version === undefined ? {} : { version }
  const { code, message } = withdrawnReason({ name, ...which })
  return { package: name, ...which, outcome: 'deny', reasons: [{ code, message }], policyRevision }
}

/** All versions of a package with their verdicts, as the listing has them. */
export const explainPackage = (listing: Listing): JsonObject => ({
  package: listing.packument.name,
  uplink: listing.uplink,
  policyRevision: listing.policyRevision,
  stale: listing.stale,
  versions: Object.fromEntries([...listing.verdicts].map(([version, verdict]) => [version, verdictDocument(verdict)])),
})

const verdictDocument = ({ outcome, rule, reasons, monitored, waiver, validUntil }: Verdict): JsonObject => ({
  outcome,
  rule,
  reasons: reasons.map(({ code, message, detail }) => ({ code, message, ...(detail === undefined ? {} : { detail }) })),
  ...(monitored === undefined ? {} : { monitored }),
  ...(waiver === undefined ? {} : { waiver: { ...waiver, expires: waiver.expires.toISOString() } }),
  ...(validUntil === undefined ? {} : { validUntil: validUntil.toISOString() }),
})

const evidenceDocument = ({ signature, publishAttestation, provenance }: Candidate): JsonObject => ({
  signature: one(signature),
  publishAttestation: one(publishAttestation),
  provenance: one(provenance),
})

const one = (evidence: Evidence<unknown>): JsonObject => ({
  state: evidence.state,
  ...(evidence.state === 'verified' ? { facts: evidence.facts as Json, ...(evidence.withdrawn === undefined ? {} : { withdrawn: true }) } : {}),
  ...('reasons' in evidence ? { reasons: evidence.reasons.map(({ code, message }) => ({ code, message })) } : {}),
})
