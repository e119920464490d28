import type { ProvenanceFacts } from '../domain/evidence.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Anchored, AttestationTask } from '../domain/ports.ts'
import { readBundle, verifyBundle } from './bundle.ts'
import type { CompiledTrust } from './compiled-trust.ts'
import { EvidenceFault } from './fault.ts'
import { signerIdentityOf } from './fulcio-claims.ts'
import { assertPredicate } from './predicate-agreement.ts'
import { predicateOf } from './statement.ts'

const CODE = 'provenance-invalid'

/**
 * Verifies SLSA provenance (https://slsa.dev/provenance/v0.2 and v1): that a trusted Fulcio certified who built these bytes,
 * and that what the build says of itself does not contradict it. Whether that somebody may is the policy's to say.
 * @throws EvidenceFault
 */
export function verifyProvenance(
  type: string,
  bundle: JsonObject,
  task: AttestationTask,
  trust: CompiledTrust,
): Anchored<ProvenanceFacts> {
  const read = readBundle(bundle, CODE)
  // A registry's key says who published; nobody certified a build with it.
  if (read.signer.kind !== 'certificate')
    throw new EvidenceFault(CODE, 'the provenance is not signed with a certificate', { cause: 'signer-kind' })
  const { anchors, loggedAt, logIndex, instance } = verifyBundle(read, trust, CODE)
  const predicate = predicateOf(read.envelope, type, task, CODE)
  const identity = signerIdentityOf(read.signer.certificate)
  const buildType = assertPredicate(type, predicate, identity)
  const facts = { predicateType: type, buildType, identity, loggedAt: loggedAt.toISOString(), logIndex }
  return { result: instance === undefined ? facts : { ...facts, instance }, anchors }
}
