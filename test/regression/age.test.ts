/** Times that cannot be backdated. */
import assert from 'node:assert/strict'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

const DAY = 86_400_000

describe('regression: the age of a version', function () {
  this.timeout(20_000)

  it('[19c] counts from the log of the publish attestation too, whatever the packument claims', async () => {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const mirror = await startTestMirror({ registry, policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '3d' } } })
    try {
      const [name, version] = ['widget', '1.0.0']
      registry.publish({ name, version, publishAttestation: true, time: new Date(Date.now() - DAY / 24) })
      registry.edit(name, (document) => ({ ...document, time: { [version]: new Date(Date.now() - 60 * DAY).toISOString() } }))
      const response = await mirror.get(`/${name}/-/${name}-${version}.tgz`)
      assert.equal(response.status, 403)
      const { reasons } = (await response.json()) as { reasons: { code: string }[] }
      assert.deepEqual(reasons.map(({ code }) => code), ['release-too-young'])
    } finally {
      await mirror.close()
      await registry.close()
    }
  })
})
