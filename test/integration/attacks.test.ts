/**
 * What must be refused, through a whole mirror: gone from the packument where it can be known there, 403 (or 503 where the
 * mirror cannot decide) with the code that fits on the tarball, and nothing of it left in a cache. One fault per fixture.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import type { ReasonCode } from '../../plugin/domain/reason.ts'
import { FAULTS, FakeRegistry, type FaultId, type PublishOptions } from '../support/fake-registry.ts'
import { TRUSTED_SIGNER } from '../support/faults.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

const OURS = {
  issuer: 'github-actions',
  sourceRepository: 'https://github.com/acme/*',
  sourceRef: 'refs/tags/v{version}',
  workflow: '.github/workflows/release.yml',
  trigger: ['push', 'release'],
  runner: 'github-hosted',
}
const rule = (packages: string, provenance: JsonObject): JsonObject => ({
  name: packages,
  packages: [packages],
  require: { registrySignature: 'required', provenance: { ...OURS, ...provenance } },
})
const POLICY = {
  version: 1,
  extends: 'recommended',
  // What the packument says of dependencies is to be found out by the tarball alone.
  defaults: { minimumReleaseAge: '0', dependencySources: 'any' },
  rules: [
    rule('case-8c', { sourceRepository: 'https://github.com/acme/widget' }),
    rule('case-8f', { workflow: '.github/workflows/release.yml' }),
    rule('case-9d', { sourceRepositoryId: '1001', sourceOwnerId: '2002' }),
    rule('case-10a', { sourceRepository: '**', signerWorkflow: TRUSTED_SIGNER, sourceOwnerId: '2002' }),
    rule('case-10b', { signerWorkflow: TRUSTED_SIGNER }),
    rule('case-11f', { environment: 'production' }),
    rule('**', {}),
  ],
}

/** What the mirror can know from metadata and evidence alone. */
const REFUSED: Partial<Record<FaultId, ReasonCode>> = {
  '1a': 'signature-invalid',
  '1b': 'signature-invalid',
  '1c': 'signature-invalid',
  '1d': 'signature-key-unknown',
  '1e': 'signature-invalid',
  '1f': 'signature-absent',
  '1g': 'signature-absent',
  '1h': 'signature-invalid',
  '1j': 'integrity-malformed',
  '1j.canonical': 'integrity-malformed',
  '1j.missing': 'integrity-missing',
  '1j.sha1': 'integrity-malformed',
  '2a': 'subject-mismatch',
  '2b': 'subject-mismatch',
  '2c': 'subject-mismatch',
  '2d': 'subject-mismatch',
  '2e': 'subject-mismatch',
  '2f': 'subject-mismatch',
  '2g': 'subject-mismatch',
  '2g.case': 'subject-mismatch',
  '2h': 'statement-mismatch',
  '4a': 'statement-mismatch',
  '4a.publish': 'publish-attestation-invalid',
  '4b': 'statement-mismatch',
  '4c': 'statement-mismatch',
  '4d': 'provenance-unsupported',
  '4e': 'provenance-invalid',
  '5a': 'publish-attestation-invalid',
  '5b': 'statement-mismatch',
  '5c': 'statement-mismatch',
  '5c.registry': 'statement-mismatch',
  '5c.version': 'statement-mismatch',
  '5d': 'provenance-invalid',
  '6a': 'attestation-missing',
  '6b': 'attestation-missing',
  '6c': 'attestation-missing',
  '6c.announcement': 'provenance-absent',
  '7a': 'provenance-unsupported',
  '7b': 'issuer-mismatch',
  '7c': 'issuer-mismatch',
  '8a': 'source-repository-mismatch',
  '8b': 'source-ref-mismatch',
  '8c': 'source-repository-mismatch',
  '8d': 'provenance-invalid',
  '8e': 'workflow-mismatch',
  '8f': 'workflow-mismatch',
  '9a': 'statement-mismatch',
  '9b': 'statement-mismatch',
  '9c': 'source-repository-mismatch',
  '9d': 'source-repository-id-mismatch',
  '10a': 'source-owner-mismatch',
  '10b': 'signer-workflow-mismatch',
  '11a': 'source-ref-mismatch',
  '11b': 'source-ref-mismatch',
  '11c': 'trigger-mismatch',
  '11d': 'runner-mismatch',
  '11e': 'identity-claim-missing',
  '11f': 'environment-mismatch',
  '12a': 'provenance-invalid',
  '12b': 'provenance-invalid',
  '12c': 'provenance-invalid',
  '12d': 'provenance-invalid',
  '12e': 'provenance-invalid',
  '12e.time': 'provenance-invalid',
  '12f': 'provenance-invalid',
  '12f.checkpoint': 'provenance-invalid',
  '12g': 'provenance-invalid',
  '12h': 'provenance-invalid',
  '12i': 'provenance-invalid',
  '12i.v2': 'provenance-invalid',
  '12j': 'provenance-invalid',
  '12k': 'provenance-invalid',
  '12k.signature': 'provenance-invalid',
  '12l': 'provenance-invalid',
  '12l.holders': 'provenance-invalid',
  '12m': 'provenance-invalid',
  '14a': 'tarball-host-refused',
  '14c': 'tarball-host-refused',
  '14c.credentials': 'tarball-host-refused',
  '14c.private': 'tarball-host-refused',
  '14c.relative': 'tarball-host-refused',
  '16d': 'signature-key-unknown',
  '20d': 'manifest-mismatch',
  '20d.version': 'manifest-mismatch',
}

/** What only the bytes tell: listed first, refused at the tarball, and gone from the next packument. */
const REFUSED_AT_THE_TARBALL: Partial<Record<FaultId, ReasonCode>> = {
  '3a': 'integrity-mismatch',
  '3b': 'integrity-mismatch',
  '3e': 'manifest-mismatch',
  '3f': 'manifest-mismatch',
  '14e': 'tarball-host-refused',
  '20a': 'manifest-mismatch',
  '20b': 'manifest-mismatch',
  '20b.url': 'manifest-mismatch',
  '20c': 'manifest-mismatch',
  '20c.script': 'manifest-mismatch',
  '20e': 'manifest-mismatch',
}

/** Nothing is known: 503, and the version stays listed, since unavailability never withholds. */
const UNDECIDED: readonly FaultId[] = ['3b.connection', '6d', '6e', '6f', '6f.null', '6f.string', '6g', '14b']

/** Not faults: what looks like one and must pass. */
const SERVED: readonly FaultId[] = ['8g', '14d', '16a', '16b', '16c']

describe('attacks: refused by a whole mirror', function () {
  this.timeout(30_000)
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, policy: POLICY, uplink: { timeout: '500ms' } })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  /** A package with a good 1.0.0 and a spoiled 1.1.0. */
  function publish(fault: FaultId): { name: string; tarball: string; sha512: string } {
    const name = fault === '16a' ? 'constructor' : `case-${fault.replace('.', '-')}`
    const good: PublishOptions = { name, version: '1.0.0', provenance: identityFor(fault, '1.0.0') }
    registry.publish(good)
    const { sha512 } = registry.publish({ name, version: '1.1.0', provenance: identityFor(fault, '1.1.0'), fault })
    return { name, tarball: `/${name}/-/${name}-1.1.0.tgz`, sha512 }
  }
  const identityFor = (fault: FaultId, version: string) =>
    githubIdentity({
      ref: `refs/tags/v${version}`,
      ...(fault === '10b' || fault === '10a' ? { buildSigner: TRUSTED_SIGNER } : {}),
      ...(fault === '11f' ? { environment: 'production' } : {}),
    })
  const listed = async (name: string): Promise<string[]> => {
    const { versions } = await mirror.json(`/${name}`)
    return Object.keys(isObject(versions) ? versions : {})
  }
  const codes = async (response: Response): Promise<unknown[]> =>
    ((await response.json()) as { reasons: { code: string }[] }).reasons.map(({ code }) => code)
  const isKept = (sha512: string): boolean => existsSync(path.join(mirror.dir, 'cache', 'tarballs', sha512.slice(0, 2), sha512))

  for (const [fault, code] of Object.entries(REFUSED) as [FaultId, ReasonCode][])
    it(`[${fault}] ${FAULTS[fault].title}`, async () => {
      const { name, tarball, sha512 } = publish(fault)
      assert.deepEqual(await listed(name), ['1.0.0'])
      assert.deepEqual((await mirror.json(`/${name}`))['dist-tags'], { latest: '1.0.0' })
      const response = await mirror.get(tarball)
      assert.equal(response.status, 403)
      assert.equal((await codes(response))[0], code)
      assert.equal((await mirror.get(`/${name}/1.1.0`)).status, 403)
      assert.equal(isKept(sha512), false)
      assert.equal((await mirror.get(`/${name}/-/${name}-1.0.0.tgz`)).status, 200)
    })

  for (const [fault, code] of Object.entries(REFUSED_AT_THE_TARBALL) as [FaultId, ReasonCode][])
    it(`[${fault}] ${FAULTS[fault].title}`, async () => {
      const { name, tarball } = publish(fault)
      const response = await mirror.get(tarball)
      assert.equal(response.status, 403)
      assert.equal((await codes(response))[0], code)
      assert.deepEqual(await listed(name), ['1.0.0'])
      assert.equal((await mirror.get(tarball)).status, 403)
    })

  for (const fault of UNDECIDED)
    it(`[${fault}] ${FAULTS[fault].title}`, async () => {
      const { name, tarball, sha512 } = publish(fault)
      const response = await mirror.get(tarball)
      assert.equal(response.status, 503)
      assert.equal(response.headers.get('retry-after'), '1')
      assert.deepEqual(await codes(response), ['evidence-unavailable'])
      assert.deepEqual(await listed(name), ['1.0.0', '1.1.0'])
      assert.equal(isKept(sha512), false)
    })

  for (const fault of SERVED)
    it(`[${fault}] ${FAULTS[fault].title}`, async () => {
      const { name, tarball } = publish(fault)
      assert.deepEqual(await listed(name), ['1.0.0', '1.1.0'])
      assert.equal((await mirror.get(tarball)).status, 200)
    })

  it('leaves no half-written file behind', () => {
    assert.deepEqual(readdirSync(path.join(mirror.dir, 'cache', 'tmp'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()), [])
  })
})
