/** What `monitor` served although policy refuses it must not become what the ledger believes. */
import assert from 'node:assert/strict'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

describe('regression: monitor mode', function () {
  this.timeout(20_000)

  it('one unsigned lie that monitor let through does not condemn the genuine version', async () => {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const mirror = await startTestMirror({ registry, policy: { ...NO_AGE, mode: 'monitor' }, uplink: { trust: { registry: 'https://registry.example', registryKeys: './keys.json', signs: true } } })
    try {
      const [name, version] = ['widget', '1.0.0']
      const tarball = `/${name}/-/${name}-${version}.tgz`
      registry.publish({ name, version, signed: false, files: { 'package/index.js': 'evil()' } })
      assert.equal((await mirror.get(tarball)).status, 200)
      registry.publish({ name, version })
      assert.equal((await mirror.get(tarball)).status, 200)
    } finally {
      await mirror.close()
      await registry.close()
    }
  })
})
