import type { Candidate, Evidence } from '../domain/evidence.ts'
import { identityDocument, pinDocument, type BuildersDocument } from '../domain/identity-document.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { builtBy, keyOf } from '../domain/pins.ts'
import type { Reason } from '../domain/reason.ts'
import { helpFor } from '../domain/reason-help.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import type { Verdict } from '../domain/verdict.ts'
import type { Judgement } from '../pipeline/pipeline.ts'
import type { Listing } from '../pipeline/listing.ts'
import { withdrawnReason } from '../domain/withdrawn.ts'

/** Why one version is served or refused: the answer of `/-/provenance/v1/packages/:pkg/:version`. */
export function explainVersion({ ref, candidate, verdict, policyRevision }: Judgement, nearest: string | undefined, builders: BuildersDocument): JsonObject {
  return {
    package: ref.name,
    version: ref.version,
    ...verdictDocument(verdict),
    reasons: verdict.reasons.map(withHelp),
    policyRevision,
    uplink: candidate.uplink,
    integrity: candidate.integrity.state === 'ok' ? candidate.integrity.sri : null,
    notBefore: candidate.notBefore.toISOString(),
    evidence: evidenceDocument(candidate),
    builtBy: {
      isEstablished: candidate.pins.isEstablished,
      pins: candidate.pins.pins.map(pinDocument) as unknown as Json,
      pending: builders.pending.filter(({ versions }) => versions.includes(ref.version)) as unknown as Json,
    },
    ...(nearest === undefined ? {} : { nearestAllowed: nearest }),
  }
}

/** What was here and is gone: the address that its refusal names has an answer too. */
export function explainWithdrawn(name: string, version: string | undefined, policyRevision: string): JsonObject {
  const which = version === undefined ? {} : { version }
  return { package: name, ...which, outcome: 'deny', reasons: [withHelp(withdrawnReason({ name, ...which }))], policyRevision }
}

/** All versions of a package with their verdicts, as the listing has them. */
export const explainPackage = (listing: Listing, { package: _package, ...builders }: BuildersDocument, candidates: readonly Candidate[] = []): JsonObject => ({
  package: listing.packument.name,
  uplink: listing.uplink,
  policyRevision: listing.policyRevision,
  stale: listing.stale,
  builtBy: builders as unknown as Json,
  /** As the registry has them, refused targets and all. */
  distTags: Object.fromEntries(listing.packument.distTags),
  ...versionsOf(listing, candidates),
})

function versionsOf(listing: Listing, candidates: readonly Candidate[]): JsonObject {
  const known = new Map(candidates.map((candidate) => [candidate.ref.version, candidate]))
  const identities = new Map<string, readonly [index: number, identity: JsonObject]>()
  const indexOf = (identity: SignerIdentity): number | null => {
    const by = builtBy(identity)
    // A person's signature: who it is stands nowhere.
    if (by === undefined) return null
    const key = keyOf(by)
    const entry = identities.get(key) ?? ([identities.size, { ...identityDocument(by) }] as const)
    identities.set(key, entry)
    return entry[0]
  }
  const versions = [...listing.verdicts].map(([version, verdict]) => {
    const candidate = known.get(version)
    return [version, { ...verdictDocument(verdict), ...published(listing, version), ...(candidate === undefined ? {} : badgesOf(candidate, indexOf)) }] as const
  })
  return { versions: Object.fromEntries(versions), ...(candidates.length === 0 ? {} : { identities: [...identities.values()].map(([, identity]) => identity) }) }
}

/** What of a version's evidence is known without asking for it: its states, and of provenance that verified who, from what and when. */
function badgesOf({ signature, publishAttestation, provenance, notBefore }: Candidate, indexOf: (identity: SignerIdentity) => number | null): JsonObject {
  const badge = (evidence: Evidence<unknown>): JsonObject => ({ state: evidence.state, ...(evidence.state === 'verified' && evidence.withdrawn === true ? { withdrawn: true } : {}) })
  const evidence = { signature: badge(signature), publishAttestation: badge(publishAttestation), provenance: badge(provenance) }
  if (provenance.state !== 'verified') return { notBefore: notBefore.toISOString(), evidence }
  const { identity, loggedAt, logIndex, instance } = provenance.facts
  return {
    notBefore: notBefore.toISOString(),
    evidence,
    /** Place in `identities`. */
    identity: indexOf(identity),
    commit: identity.sourceDigest ?? null,
    run: identity.run ?? null,
    loggedAt,
    logIndex: logIndex ?? null,
    ...(instance === undefined ? {} : { sigstore: instance }),
  }
}

/** As the packument claims, unsigned: to put versions in order, no more. */
const published = ({ packument }: Listing, version: string): JsonObject => {
  const time = packument.time.get(version)
  return time === undefined ? {} : { published: time }
}

export const verdictDocument = ({ outcome, rule, reasons, monitored, waiver, validUntil }: Verdict): JsonObject => ({
  outcome,
  rule,
  reasons: reasons.map(reasonDocument),
  ...(monitored === undefined ? {} : { monitored }),
  ...(waiver === undefined ? {} : { waiver: { ...waiver, expires: waiver.expires.toISOString() } }),
  ...(validUntil === undefined ? {} : { validUntil: validUntil.toISOString() }),
})

const reasonDocument = ({ code, message, detail }: Reason): JsonObject => ({ code, message, ...(detail === undefined ? {} : { detail }) })

/** Of one version only: in a list of thousands the same words would stand thousands of times. */
const withHelp = (reason: Reason): JsonObject => {
  const { developer, security, remedy } = helpFor(reason.code)
  return { ...reasonDocument(reason), help: { developer, security, remedy: { ...remedy } } }
}

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
