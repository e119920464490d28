import type { PublishFacts } from '../domain/evidence.ts'
import { own, type JsonObject } from '../domain/json.ts'
import type { Anchored, AttestationTask } from '../domain/ports.ts'
import { readBundle, verifyBundle } from './bundle.ts'
import type { CompiledTrust } from './compiled-trust.ts'
import { EvidenceFault } from './fault.ts'
import { mismatch, predicateOf, textOf } from './statement.ts'

export const NPM_PUBLISH = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'
const CODE = 'publish-attestation-invalid'

/**
 * Verifies npm's publish attestation (npm/attestation, specs/publish/v0.1): the registry's word, under the registry's key,
 * that it published these bytes as this version.
 * @throws EvidenceFault
 */
export function verifyPublishAttestation(
  bundle: JsonObject,
  task: AttestationTask,
  trust: CompiledTrust,
): Anchored<PublishFacts> {
  const read = readBundle(bundle, CODE)
  // Anybody with an e-mail address gets a certificate; only the registry has its key.
  if (read.signer.kind !== 'key')
    throw new EvidenceFault(CODE, 'the publish attestation is not signed with a key of the registry', { cause: 'signer-kind' })
  const { hint } = read.signer
  const { anchors, loggedAt } = verifyBundle(read, trust, CODE)
  // The DSSE keyid is not signed. npm finds the key by it, the library by the hint: they must not be two keys.
  const keyid = read.envelope.signatures[0]?.keyid ?? ''
  if (keyid !== hint) throw mismatch('the envelope names another key than the one that signed', hint, keyid, 'keyid')
  const predicate = predicateOf(read.envelope, NPM_PUBLISH, task, CODE)
  assertField(predicate, 'name', task.ref.name)
  assertField(predicate, 'version', task.ref.version)
  assertField(predicate, 'registry', task.registry, withoutSlash)
  return { result: { keyid, registry: withoutSlash(task.registry), loggedAt: loggedAt.toISOString() }, anchors }
}

const withoutSlash = (text: string): string => text.replace(/\/$/, '')

function assertField(predicate: JsonObject, field: string, expected: string, normal = (text: string): string => text): void {
  const actual = own(predicate, field)
  if (typeof actual !== 'string' || normal(actual) !== normal(expected))
    throw mismatch(`the publish attestation is of another ${field}`, expected, textOf(actual), field)
}
