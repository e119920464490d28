/** What an upstream without a key could have written into the ledger. */
import assert from 'node:assert/strict'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'

describe('regression: what the ledger was made to keep', function () {
  this.timeout(20_000)
  const [name, version] = ['widget', '1.0.0']
  const tarball = `/${name}/-/${name}-${version}.tgz`
  let registry: FakeRegistry
  let mirror: TestMirror

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, policy: { ...NO_AGE, defaults: { minimumReleaseAge: '0', registrySignature: 'required' } } })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const ledger = <Result>(look: (ledger: SqliteLedger) => Result): Result => {
    const opened = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
    try {
      return look(opened)
    } finally {
      opened.close()
    }
  }

  it('[6h] signatures of unknown keys beside the genuine one are not kept, and do not condemn it once it is gone', async () => {
    registry.publish({ name, version })
    let signatures = (genuine: readonly JsonObject[]): readonly JsonObject[] | undefined => genuine
    registry.edit(name, (document) => {
      const versions = document.versions as Readonly<Record<string, JsonObject>>
      const { signatures: genuine, ...dist } = versions[version]!.dist as JsonObject
      const changed = signatures(genuine as readonly JsonObject[])
      return { ...document, versions: { [version]: { ...versions[version], dist: { ...dist, ...(changed === undefined ? {} : { signatures: changed }) } } } }
    })
    for (const round of [1, 2]) {
      signatures = (genuine) => [...genuine, ...Array.from({ length: 31 }, (_, i) => ({ keyid: `SHA256:unknown-${round}-${i}`, sig: 'AAAA' }))]
      registry.retag(name, 'latest', version)
      assert.equal((await mirror.get(tarball)).status, 200)
    }
    signatures = () => undefined
    registry.retag(name, 'latest', version)
    assert.equal(ledger((opened) => opened.records(REGISTRY, name).get(version)?.signatures.length), 1)
    assert.equal((await mirror.get(tarball)).status, 200)
  })

  it('names longer than any version are not remembered', async () => {
    registry.publish({ name, version })
    const long = `1.0.0-${'a'.repeat(100_000)}`
    registry.edit(name, (document) => ({ ...document, versions: { ...(document.versions as JsonObject), [long]: {} } }))
    assert.equal((await mirror.get(`/${name}`)).status, 200)
    await mirror.engine.settled()
    assert.deepEqual(ledger((opened) => opened.versions(REGISTRY, name)), [version])
  })
})
