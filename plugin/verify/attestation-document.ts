import { isDeepStrictEqual } from 'node:util'
import type { Evidence, ProvenanceFacts, PublishFacts } from '../domain/evidence.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { specOf } from '../domain/package-ref.ts'
import type { Anchored, AttestationResult, AttestationTask } from '../domain/ports.ts'
import { reason, type Reason } from '../domain/reason.ts'
import type { CompiledTrust } from './compiled-trust.ts'
import { EvidenceFault, faultEvidence, guarded } from './fault.ts'
import { SLSA_V02, SLSA_V1 } from './predicate-agreement.ts'
import { verifyProvenance } from './provenance.ts'
import { NPM_PUBLISH, verifyPublishAttestation } from './publish-attestation.ts'
import { parseStrictJson, StrictJsonError } from '../domain/strict-json.ts'

/** npm's answers have 12-15 KB. */
export const MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
const MAX_ATTESTATIONS = 32

/**
 * Verifies the answer of `/-/npm/v1/attestations/name@version` for one version. What is no such document was no answer
 * (`unavailable`); what is one and can be read in two ways is `invalid`. Attestations of other types are ignored.
 */
export function verifyAttestationDocument(task: AttestationTask, trust: CompiledTrust): Anchored<AttestationResult> {
  const { attestations, refusal } = readDocument(task)
  if (refusal !== undefined) return { result: refusal, anchors: [trust.everything] }
  const publishes = attestations
    .filter(({ type }) => type === NPM_PUBLISH)
    .map(({ bundle }) => attempt('publish-attestation-invalid', trust, () => verifyPublishAttestation(bundle, task, trust)))
  const provenances = attestations
    .filter(({ type }) => type === SLSA_V02 || type === SLSA_V1)
    .map(({ type, bundle }) => attempt('provenance-invalid', trust, () => verifyProvenance(type, bundle, task, trust)))
  const publishAttestation = together<PublishFacts>(publishes, trust, (a, b) => a.registry === b.registry)
  const provenance = together<ProvenanceFacts>(provenances, trust, (a, b) => isDeepStrictEqual(a.identity, b.identity))
  return {
    result: { publishAttestation: publishAttestation.result, provenance: provenance.result },
    anchors: [...new Set([...publishAttestation.anchors, ...provenance.anchors])],
  }
}

interface Attestation {
  readonly type: string
  readonly bundle: JsonObject
}

type Document = { readonly attestations: readonly Attestation[]; readonly refusal?: never } | Refusal
interface Refusal {
  readonly attestations?: never
  readonly refusal: AttestationResult
}

function readDocument(task: AttestationTask): Document {
  if (task.document.byteLength > MAX_DOCUMENT_BYTES) return noAnswer(task, `is larger than ${MAX_DOCUMENT_BYTES} bytes`)
  let document: Json
  try {
    document = parseStrictJson(task.document)
  } catch (error) {
    const fault = error instanceof StrictJsonError ? error.fault : 'malformed'
    return fault === 'malformed' ? noAnswer(task, 'is not JSON') : refused(task, fault)
  }
  const entries = isObject(document) ? own(document, 'attestations') : undefined
  if (!Array.isArray(entries)) return noAnswer(task, 'is not an attestations document')
  if (entries.length > MAX_ATTESTATIONS) return refused(task, 'too-many')
  const attestations = (entries as readonly Json[]).map(readAttestation).filter((attestation) => attestation !== undefined)
  return attestations.length < entries.length ? noAnswer(task, 'holds something that is not an attestation') : { attestations }
}

/** A bundle that is none is found out when its type is one of ours. */
function readAttestation(entry: Json): Attestation | undefined {
  const type = isObject(entry) ? ownString(entry, 'predicateType') : undefined
  return isObject(entry) && type !== undefined ? { type, bundle: ownObject(entry, 'bundle') ?? {} } : undefined
}

function noAnswer({ ref }: AttestationTask, what: string): Refusal {
  const evidence = all(
    'unavailable',
    reason('evidence-unavailable', `the registry's answer for the attestations of ${specOf(ref)} ${what}`),
  )
  return { refusal: { publishAttestation: evidence, provenance: evidence } }
}

function refused({ ref }: AttestationTask, cause: string): Refusal {
  const message = `the attestations of ${specOf(ref)} are ambiguous or beyond all measure`
  return {
    refusal: {
      publishAttestation: all('invalid', reason('publish-attestation-invalid', message, { cause })),
      provenance: all('invalid', reason('provenance-invalid', message, { cause })),
    },
  }
}

const all = (state: 'invalid' | 'unavailable', why: Reason): Evidence<never> => ({ state, reasons: [why] })

/** One attestation's outcome; anything thrown on the way is the evidence's fault, and it is invalid. */
function attempt<Facts>(
  code: 'publish-attestation-invalid' | 'provenance-invalid',
  trust: CompiledTrust,
  verify: () => Anchored<Facts>,
): Anchored<Evidence<Facts>> {
  try {
    const { result, anchors } = guarded(code, 'the attestation cannot be verified', verify)
    return { result: { state: 'verified', facts: result }, anchors }
  } catch (error) {
    if (!(error instanceof EvidenceFault)) throw error
    return { result: faultEvidence(error), anchors: [trust.everything] }
  }
}

/**
 * Several attestations of one type: every one must verify and all must say the same, or which of them counts would be the
 * registry's choice. Of those that do, the one logged last is reported.
 */
function together<Facts extends { readonly loggedAt: string }>(
  outcomes: readonly Anchored<Evidence<Facts>>[],
  trust: CompiledTrust,
  agree: (one: Facts, other: Facts) => boolean,
): Anchored<Evidence<Facts>> {
  const results = outcomes.map(({ result }) => result)
  const bad = results.find(({ state }) => state === 'invalid') ?? results.find(({ state }) => state !== 'verified')
  if (bad !== undefined) return { result: bad, anchors: [trust.everything] }
  const facts = results.flatMap((result) => (result.state === 'verified' ? [result.facts] : []))
  const [first, ...others] = facts
  if (first === undefined) return { result: { state: 'absent' }, anchors: [] }
  if (!others.every((other) => agree(first, other)))
    return {
      result: all('invalid', reason('statement-mismatch', 'several attestations of one type disagree')),
      anchors: [trust.everything],
    }
  const last = others.reduce((latest, other) => (other.loggedAt > latest.loggedAt ? other : latest), first)
  return { result: { state: 'verified', facts: last }, anchors: [...new Set(outcomes.flatMap(({ anchors }) => anchors))] }
}
