/** What a bundle rests on that the trust material does not name is said, since it may be a rotation. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { githubIdentity, PrivateSigstore, provenanceStatement, REGISTRY, type KeylessOptions } from '../../support/private-sigstore.ts'
import { authorityOf } from '../../support/sigstore/fulcio.ts'
import { base64 } from '../../support/sigstore/keys.ts'
import { sigstore, trust } from './support.ts'

const foreign = PrivateSigstore.create({ name: 'foreign' })
const artifact = { name: 'widget', version: '1.0.0', sha512: 'ab'.repeat(64) }
const identity = githubIdentity()

function provenance(changes: JsonObject, options: KeylessOptions = {}) {
  const statement = provenanceStatement(artifact, identity)
  const attestations = [{ predicateType: statement.predicateType, bundle: sigstore.keyless(statement, identity, options) }]
  const task = { ref: artifact, sha512: artifact.sha512, document: Buffer.from(JSON.stringify({ attestations })), registry: REGISTRY }
  const trustedRoot = parseTrustedRoot({ ...sigstore.trustedRoot(), ...changes }, 'trusted_root.json')
  return verifyAttestationDocument(task, compileTrust(buildTrustMaterial({ ...trust, trustedRoot }))).result.provenance
}

const sameName = (): JsonObject => {
  const [authority] = sigstore.trustedRoot().certificateAuthorities as readonly JsonObject[]
  const { certificate } = authorityOf('another key', 'private.test', 'fulcio')
  return { ...authority, certChain: { certificates: [{ rawBytes: base64(certificate) }] } }
}

describe('verify: an unknown anchor', () => {
  const REKOR_V2 = { kind: 'dsse/0.0.2' } as const
  const cases: readonly (readonly [string, JsonObject, KeylessOptions?])[] = [
    ['certificate authority', { certificateAuthorities: foreign.trustedRoot().certificateAuthorities! }],
    ['certificate authority', { certificateAuthorities: [sameName()] }],
    ['transparency log', { tlogs: foreign.trustedRoot().tlogs! }],
    ['certificate transparency log', { ctlogs: foreign.trustedRoot().ctlogs! }],
    ['timestamp authority', { timestampAuthorities: [] }, REKOR_V2],
  ]
  for (const [what, changes, options] of cases)
    it(`is a ${what}${changes.certificateAuthorities !== undefined && cases[1]?.[1] === changes ? ' of the same name with another key' : ''}`, () => {
      assert.equal(provenance({}, options).state, 'verified')
      const evidence = provenance(changes, options)
      assert.equal(evidence.state, 'invalid')
      assert.ok('unknownAnchor' in evidence && 'reasons' in evidence)
      assert.equal(evidence.reasons[0].detail?.unknown, what)
    })
  it('is not what any other fault is', () => {
    for (const fault of ['no-sct', 'no-log-entry', 'altered-set', 'bad-proof', 'log-time', 'altered-payload', 'two-contents'] as const) {
      const evidence = provenance({}, { fault })
      assert.equal(evidence.state, 'invalid')
      assert.ok(!('unknownAnchor' in evidence), fault)
    }
  })
})
