import assert from 'node:assert/strict'
import { FAULT_IDS, FAULTS, FakeRegistry, type FaultId } from '../../support/fake-registry.ts'
import { githubIdentity, gitlabIdentity, PrivateSigstore } from '../../support/private-sigstore.ts'
import { handCheck } from './hand-check.ts'
import { verifierOf } from './plain-verifier.ts'

const sigstore = PrivateSigstore.create()
const verifier = verifierOf(sigstore.trustedRoot(), sigstore.registryKeysTarget())
const identity = githubIdentity()

/** These never come. */
const PATIENCE: Partial<Record<FaultId, { readonly attestations?: number; readonly tarball?: number }>> = {
  '6e': { attestations: 100 },
  '17f': { tarball: 100 },
}
const SIZES: Partial<Record<FaultId, number>> = { '17b': 1000, '17d': 100 }

/** What the check by hand says of each: one thing, unless one lie makes several fields disagree. */
const EXPECTED: Readonly<Record<FaultId, readonly string[]>> = {
  '1a': ['signature'],
  '1b': ['signature'],
  '1c': ['signature'],
  '1d': ['signature-key'],
  '1e': ['signature'],
  '1f': ['signature-absent'],
  '1g': ['signature-absent'],
  '1h': ['signature'],
  '1i': ['signature-expired'],
  '1j': ['integrity'],
  '1j.canonical': ['integrity'],
  '1j.missing': ['integrity', 'signature-absent'],
  '1j.sha1': ['integrity'],
  '2a': ['provenance-statement'],
  '2b': ['provenance-statement'],
  '2c': ['provenance-statement'],
  '2d': ['provenance-statement'],
  '2e': ['provenance-statement'],
  '2f': ['provenance-statement'],
  '2g': ['provenance-statement'],
  '2g.case': ['provenance-statement'],
  '2h': ['attestation-types', 'identity', 'provenance-statement'],
  '3a': ['bytes'],
  '3b': ['bytes', 'contents'],
  '3b.connection': ['tarball-broken'],
  '3c': ['bytes'],
  '3d': [],
  '3e': ['contents'],
  '3f': ['contents'],
  '4a': ['provenance-statement'],
  '4a.publish': ['attestation-types', 'publish-keyid', 'publish-signer', 'publish-statement'],
  '4b': ['provenance-payload-type'],
  '4c': ['provenance-statement'],
  '4d': ['announcement', 'attestation-types', 'provenance-statement'],
  '4e': ['provenance-statement'],
  '5a': ['publish-keyid', 'publish-signer'],
  '5b': ['publish-keyid'],
  '5c': ['publish-statement'],
  '5c.registry': ['publish-statement'],
  '5c.version': ['publish-statement'],
  '5d': ['provenance-signer'],
  '6a': ['attestations-status'],
  '6b': ['attestation-types'],
  '6c': ['attestation-types'],
  '6c.announcement': ['announcement', 'attestations-status'],
  '6d': ['attestations-status'],
  '6e': ['attestations-broken'],
  '6f': ['attestations-garbage'],
  '6f.null': ['attestations-garbage'],
  '6f.string': ['attestations-garbage'],
  '6g': ['attestations-size'],
  '7a': ['identity'],
  '7b': ['identity'],
  '7c': ['attestation-types', 'identity', 'provenance-statement'],
  '8a': ['identity', 'provenance-statement'],
  '8b': ['identity', 'provenance-statement'],
  '8c': ['identity', 'provenance-statement'],
  '8d': ['identity', 'provenance-statement'],
  '8e': ['identity', 'provenance-statement'],
  '8f': ['identity', 'provenance-statement'],
  '8g': ['identity', 'provenance-statement'],
  '9a': ['identity'],
  '9b': ['provenance-statement'],
  '9c': ['identity', 'provenance-statement'],
  '9d': ['identity', 'provenance-statement'],
  '10a': ['identity', 'provenance-statement'],
  '10b': ['identity'],
  '11a': ['identity', 'provenance-statement'],
  '11b': ['identity', 'provenance-statement'],
  '11c': ['identity', 'provenance-statement'],
  '11d': ['identity', 'provenance-statement'],
  '11e': ['identity'],
  '11f': ['identity'],
  '12a': ['provenance-CERTIFICATE_ERROR'],
  '12b': ['provenance-CERTIFICATE_ERROR'],
  '12c': ['provenance-TLOG_ERROR'],
  '12d': ['provenance-TLOG_INCLUSION_PROMISE_ERROR'],
  '12e': ['provenance-TLOG_INCLUSION_PROMISE_ERROR'],
  '12e.time': ['provenance-TLOG_INCLUSION_PROMISE_ERROR'],
  '12f': ['provenance-TLOG_INCLUSION_PROOF_ERROR'],
  '12f.checkpoint': ['provenance-TLOG_INCLUSION_PROOF_ERROR'],
  '12g': ['provenance-TIMESTAMP_ERROR'],
  '12h': ['provenance-CERTIFICATE_ERROR'],
  '12i': ['provenance-TIMESTAMP_ERROR'],
  '12i.v2': ['provenance-TLOG_ERROR'],
  '12j': ['provenance-CERTIFICATE_ERROR'],
  '12k': ['provenance-TLOG_BODY_ERROR', 'provenance-statement'],
  '12k.signature': ['provenance-TLOG_BODY_ERROR'],
  '12l': ['provenance-TLOG_BODY_ERROR', 'provenance-contents'],
  '12l.holders': ['provenance-PUBLIC_KEY_ERROR', 'provenance-signer'],
  '12m': ['provenance-media-type'],
  '14a': ['tarball-address'],
  '14b': ['tarball-address'],
  '14c': ['tarball-address'],
  '14c.credentials': ['tarball-address'],
  '14c.private': ['tarball-address'],
  '14c.relative': ['tarball-address'],
  '14d': ['attestations-address'],
  '14e': ['tarball-status'],
  '16a': ['property'],
  '16b': ['property'],
  '16c': ['property'],
  '16d': ['signature-key'],
  '17a': ['packument-size'],
  '17b': ['packument-depth'],
  '17c': ['packument-size'],
  '17c.tarball': ['contents'],
  '17d': ['many-versions'],
  '17e': ['tarball-size'],
  '17f': ['tarball-broken'],
  '17g': ['tarball-status'],
  '17h': ['attestations-size'],
  '20a': ['contents'],
  '20b': ['contents'],
  '20b.url': ['contents'],
  '20c': ['contents'],
  '20c.script': ['contents'],
  '20d': ['contents', 'manifest'],
  '20d.version': ['contents', 'manifest'],
  '20e': ['contents'],
}

describe('faults', () => {
  let registry: FakeRegistry
  before(async () => {
    registry = await FakeRegistry.start({ sigstore })
  })
  after(() => registry.close())

  const check = (fault: FaultId | undefined, name: string) => {
    const published = registry.publish({
      name,
      version: '1.0.0',
      provenance: identity,
      ...(fault === undefined ? {} : { fault, faultSize: SIZES[fault] ?? 2_000_000 }),
    })
    return handCheck(registry, published, identity, verifier, fault === undefined ? {} : PATIENCE[fault])
  }

  it('a good package has nothing wrong', async () => {
    assert.deepEqual([...(await check(undefined, '@acme/good'))], [])
    assert.deepEqual([...(await check(undefined, 'good'))], [])
  })

  for (const id of FAULT_IDS)
    it(`[${id}] ${FAULTS[id].title}`, async () => {
      assert.deepEqual([...(await check(id, `@acme/fault-${id}`))].sort(), EXPECTED[id])
    })

  it('[3d] brings other bytes with good evidence, so only memory finds it', () => {
    const first = registry.publish({ name: 'known', version: '1.0.0', provenance: identity })
    const second = registry.publish({ name: 'known', version: '1.0.0', provenance: identity, fault: '3d' })
    assert.notEqual(first.integrity, second.integrity)
  })

  it('[14e] leads to the good bytes, so that whoever follows succeeds', async () => {
    const { name, tarball } = registry.publish({ name: 'moved', version: '1.0.0', fault: '14e' })
    const response = await fetch(`${registry.url}/-/elsewhere/${name}/-/moved-1.0.0.tgz`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), tarball)
  })

  it('a version published again without its fault is good again', async () => {
    await check('6e', '@acme/again')
    assert.deepEqual([...(await check(undefined, '@acme/again'))], [])
  })

  it('faults apply to unscoped packages and to GitLab builds', () => {
    const id = gitlabIdentity()
    for (const fault of FAULT_IDS) registry.publish({ name: 'plain', version: '1.0.0', provenance: id, fault, faultSize: 1000 })
  })
})

