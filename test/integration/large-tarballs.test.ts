/** Tarballs that are sent in slices, through all of Verdaccio's middlewares. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

describe('large tarballs', function () {
  this.timeout(20_000)
  const FILE = '/widget/-/widget-1.0.0.tgz'
  let registry: FakeRegistry
  let mirror: TestMirror
  let bytes: Buffer
  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    bytes = registry.publish({ name: 'widget', version: '1.0.0', files: { noise: randomBytes(3_000_000) } }).tarball
    mirror = await startTestMirror({ registry })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })
  const body = async (headers: Readonly<Record<string, string>> = {}): Promise<Buffer> => {
    const answer = await mirror.get(FILE, headers)
    const got = Buffer.from(await answer.arrayBuffer())
    assert.ok(answer.ok, answer.statusText)
    return got
  }

  it('fifty clients, one download, and every byte for each of them', async () => {
    assert.ok(bytes.length > 3_000_000)
    for (const one of await Promise.all(Array.from({ length: 50 }, () => body()))) assert.ok(one.equals(bytes))
    assert.equal(registry.hits(FILE), 1)
  })
  it('again, and in parts', async () => {
    assert.ok((await body()).equals(bytes))
    assert.ok((await body({ range: 'bytes=1000-2000000' })).equals(bytes.subarray(1000, 2_000_001)))
  })
})
