/** What an upstream could make grow without end. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

describe('regression: growth', function () {
  this.timeout(20_000)

  it('an attestations document of which something is always missing is kept once, however it varies', async () => {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    const mirror = await startTestMirror({ registry })
    try {
      const [name, version] = ['widget', '1.0.0']
      registry.publish({ name, version, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
      const where = `/-/npm/v1/attestations/${name}@${version}`
      const genuine = (await (await fetch(`${registry.url}${where}`)).json()) as { attestations: JsonObject[] }
      const publishOnly = genuine.attestations.filter((item) => (item.predicateType as string).includes('publish'))
      for (let i = 0; i < 5; i++) {
        registry.serveAttestations(name, version, { attestations: [...publishOnly, { predicateType: 'https://unknown.example/v1', bundle: { i } }] })
        const body: unknown = await mirror.json(`/${name}/-/${name}-${version}.tgz`)
        assert.ok(isObject(body))
        assert.deepEqual((body.reasons as { code: string }[]).map(({ code }) => code), ['attestation-missing'])
      }
      const documents = readdirSync(path.join(mirror.dir, 'cache', 'documents'), { recursive: true, withFileTypes: true })
      assert.equal(documents.filter((entry) => entry.isFile()).length, 1)
    } finally {
      await mirror.close()
      await registry.close()
    }
  })
})
