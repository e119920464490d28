import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Evidence, ProvenanceFacts, PublishFacts } from '../../../plugin/domain/evidence.ts'
import type { AttestationResult, TrustMaterial } from '../../../plugin/domain/ports.ts'
import type { ReasonCode } from '../../../plugin/domain/reason.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial, parseRegistryKeys, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { PrivateSigstore, REGISTRY, type Artifact } from '../../support/private-sigstore.ts'

export const sigstore = PrivateSigstore.create()

export const trustOf = (instance: PrivateSigstore): TrustMaterial =>
  buildTrustMaterial({
    trustedRoot: parseTrustedRoot(instance.trustedRoot(), 'trusted_root.json'),
    registryKeys: parseRegistryKeys(instance.registryKeysTarget(), 'keys.json'),
    source: { trustedRoot: 'test', registryKeys: 'test' },
  })

export const trust = trustOf(sigstore)
const compiled = compileTrust(trust)

export const sha512 = (text: string): string => createHash('sha512').update(text).digest('hex')
export const artifact: Artifact = { name: '@acme/widget', version: '1.0.0', sha512: sha512('tarball') }

export interface Attestation {
  readonly predicateType: unknown
  readonly bundle: unknown
}

/** Verifies a document made of these attestations, or given as text, for `artifact`. */
export function verify(attestations: readonly Attestation[] | string, of: Artifact = artifact): AttestationResult {
  return anchored(attestations, of).result
}

export function anchored(attestations: readonly Attestation[] | string, of: Artifact = artifact) {
  const document = Buffer.from(typeof attestations === 'string' ? attestations : JSON.stringify({ attestations }))
  const ref = { name: of.name, version: of.version }
  return verifyAttestationDocument({ ref, sha512: of.sha512, document, registry: REGISTRY }, compiled)
}

export function assertRefused(
  evidence: Evidence<PublishFacts> | Evidence<ProvenanceFacts>,
  code: ReasonCode,
  cause?: string,
  state: 'invalid' | 'unknown-key' | 'unavailable' = 'invalid',
): void {
  assert.equal(evidence.state, state)
  assert.ok('reasons' in evidence)
  assert.deepEqual(
    evidence.reasons.map((reason) => reason.code),
    [code],
  )
  if (cause !== undefined) assert.equal(evidence.reasons[0].detail?.cause, cause)
}

export function factsOf<Facts>(evidence: Evidence<Facts>): Facts {
  assert.equal(evidence.state, 'verified', JSON.stringify(evidence))
  assert.ok('facts' in evidence)
  return evidence.facts
}
