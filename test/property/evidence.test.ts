/** Properties of evidence: nothing that was changed verifies as something else, and nothing makes a reader throw. */
import assert from 'node:assert/strict'
import { X509Certificate } from '@sigstore/core'
import fc from 'fast-check'
import type { AttestationResult } from '../../plugin/domain/ports.ts'
import { EvidenceFault } from '../../plugin/verify/fault.ts'
import { signerIdentityOf } from '../../plugin/verify/fulcio-claims.ts'
import { githubIdentity } from '../support/private-sigstore.ts'
import { artifact, factsOf, sigstore, verify } from '../unit/verify/support.ts'

const RUNS = { seed: 20_260_101, numRuns: 40 } as const
const document = sigstore.attestations(artifact, githubIdentity({ ref: 'refs/tags/v1.0.0' }))
const text = JSON.stringify(document)
const genuine = verify(text)
const provenance = factsOf(genuine.provenance)
const published = factsOf(genuine.publishAttestation)

function assertNothingElse(result: AttestationResult): void {
  if (result.provenance.state === 'verified') assert.deepEqual(result.provenance.facts, provenance)
  if (result.publishAttestation.state === 'verified') assert.deepEqual(result.publishAttestation.facts, published)
}

describe('property: evidence', function () {
  this.timeout(20_000)

  it('any JSON for an attestations document verifies nothing', () => {
    const entries = fc.array(fc.record({ predicateType: fc.constantFrom(...document.attestations.map(({ predicateType }) => predicateType)), bundle: fc.jsonValue() }))
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ attestations: fc.oneof(entries, fc.jsonValue()) })), (value) => {
        const result = verify(JSON.stringify(value))
        assert.notEqual(result.provenance.state, 'verified')
        assert.notEqual(result.publishAttestation.state, 'verified')
      }),
      { ...RUNS, numRuns: 200 },
    )
  })

  it('one character of an answer changed: what still verifies says what it said', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('A', '0', '=', '"', '}', '\\', 'é', ''), (at, other) => {
        assertNothingElse(verify(text.slice(0, at) + other + text.slice(at + 1)))
      }),
      RUNS,
    )
  })

  it('[2c] evidence is never of other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (digest) => {
        const result = verify(text, { ...artifact, sha512: Buffer.from(digest).toString('hex') })
        assert.deepEqual([result.provenance.state, result.publishAttestation.state], ['invalid', 'invalid'])
      }),
      { ...RUNS, numRuns: 10 },
    )
  })

  it('any change of a certificate gives an identity or an EvidenceFault', () => {
    const der = Buffer.from(document.attestations[1]?.bundle.verificationMaterial.certificate?.rawBytes ?? '', 'base64')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), fc.nat(der.length), (changes, end) => {
        const copy = Buffer.from(der.subarray(0, end % 4 === 0 ? end : der.length))
        for (const [at, byte] of changes) if (at < copy.length) copy[at] = byte
        let certificate: X509Certificate
        try {
          certificate = X509Certificate.parse(copy)
        } catch {
          return
        }
        try {
          assert.equal(typeof signerIdentityOf(certificate).issuer, 'string')
        } catch (error) {
          assert.ok(error instanceof EvidenceFault)
        }
      }),
      { ...RUNS, numRuns: 500 },
    )
  })
})
