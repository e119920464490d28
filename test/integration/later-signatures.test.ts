/** Registry signatures that a listing names on their claim: what is listed meanwhile, and what becomes of it. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { EXPIRED_KEY_END, PrivateSigstore } from '../support/private-sigstore.ts'
import { editVersions, without } from '../support/registry/kinds.ts'

const VERSIONS = 40
/** Neither tagged nor among the newest of its line. */
const UNLIKELY = '1.5.0'
const TARBALL = `/widget/-/widget-${UNLIKELY}.tgz`
const BEFORE_ITS_END = new Date(Date.parse(EXPIRED_KEY_END) - 86_400_000)
const AFTER_ITS_END = new Date(Date.parse(EXPIRED_KEY_END) + 86_400_000)

describe('signatures that are verified behind a listing', function () {
  this.timeout(30_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'other', version: '1.0.0' })
    for (let minor = 0; minor < VERSIONS; minor++) registry.publish({ name: 'widget', version: `1.${minor}.0`, time: BEFORE_ITS_END })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const start = async (more: Partial<TestMirrorOptions> = {}, meets = 'other'): Promise<void> => {
    mirror = await startTestMirror({ registry, uplink: { maxage: '5m' }, ...more })
    // Only of a registry that is known to sign is anything taken at its word.
    if (meets !== '') await mirror.json(`/${meets}`)
    await mirror.engine.settled()
  }
  const sign = (sign: (integrity: string) => readonly JsonObject[], ...left: readonly string[]): void => {
    editVersions(registry, 'widget', (manifest, dist) =>
      manifest.version === UNLIKELY ? { ...manifest, dist: { ...without(dist, ...left), signatures: sign(dist.integrity as string) } } : manifest)
  }
  const genuine = (integrity: string): JsonObject => ({ ...registry.sigstore.signRegistry('widget', UNLIKELY, integrity) })
  /** Of another version: as good as any to look at. */
  const forged = (integrity: string): JsonObject => ({ ...registry.sigstore.signRegistry('widget', '9.9.9', integrity) })
  const listed = async (): Promise<boolean> => UNLIKELY in ((await mirror.json('/widget')).versions as JsonObject)
  const verified = (): number => mirror.engine.work.signatures
  const remembered = (): number => mirror.engine.ledger.records(mirror.engine.upstreams.all[0]?.registry ?? '', 'widget').size

  it('the likely ones are verified before the answer, the rest once behind it, and the answer stays', async () => {
    await start()
    const before = verified()
    const first = await mirror.get('/widget')
    assert.deepEqual([verified() - before, remembered()], [3, 3])
    await mirror.engine.settled()
    assert.deepEqual([verified() - before, remembered()], [VERSIONS, VERSIONS])
    const { answers } = mirror.engine.work
    assert.equal((await mirror.get('/widget')).headers.get('etag'), first.headers.get('etag'))
    await mirror.engine.settled()
    assert.deepEqual([verified() - before, mirror.engine.work.answers - answers], [VERSIONS, 0])
  })
  it('a bad one is listed on its claim, refused at the gate, and leaves the packument once it was looked at', async () => {
    sign((integrity) => [forged(integrity)])
    await start()
    assert.equal(await listed(), true)
    assert.equal((await mirror.get(TARBALL)).status, 403)
    await mirror.engine.settled()
    assert.equal(await listed(), false)
  })
  it('and leaves it although nobody asked for it', async () => {
    sign((integrity) => [forged(integrity)])
    await start()
    assert.equal(await listed(), true)
    await mirror.engine.settled()
    assert.equal(await listed(), false)
    assert.equal(remembered(), VERSIONS - 1)
  })
  it('nothing that is only claimed vouches for anything', async () => {
    await start()
    await mirror.get('/widget')
    assert.equal(mirror.engine.ledger.records(mirror.engine.upstreams.all[0]?.registry ?? '', 'widget').has(UNLIKELY), false)
  })
  it('a registry that is not known to sign is not taken at its word', async () => {
    sign((integrity) => [forged(integrity)])
    await start({}, '')
    assert.equal(await listed(), false)
    assert.equal(verified(), VERSIONS)
  })
  it('nor is any where nothing is listed on a claim', async () => {
    sign((integrity) => [forged(integrity)])
    await start({ policy: { ...NO_AGE, listing: 'verified' } })
    const before = verified()
    assert.equal(await listed(), false)
    assert.equal(verified() - before, VERSIONS)
  })

  for (const [title, signatures] of [
    ['[1d] a key that nobody knows', (integrity) => [{ ...genuine(integrity), keyid: 'SHA256:unknown' }]],
    ['what is no signature at all', (integrity) => [{ ...genuine(integrity), sig: 'c2ln' }]],
    ['a bad one beside a good one', (integrity) => [genuine(integrity), forged(integrity)]],
    ['no list', () => 'none' as never],
    ['none', () => []],
  ] satisfies readonly (readonly [string, (integrity: string) => readonly JsonObject[]])[])
    it(`withheld at once: ${title}`, async () => {
      sign(signatures)
      await start()
      assert.equal(await listed(), false)
    })

  const withOldKey = (time: Date): void => {
    registry.publish({ name: 'widget', version: UNLIKELY, time })
    // Else it would be the latest.
    registry.publish({ name: 'widget', version: `1.${VERSIONS - 1}.0`, time: BEFORE_ITS_END })
    sign((integrity) => [{ ...registry.sigstore.signRegistry('widget', UNLIKELY, integrity, registry.sigstore.expiredKey) }], 'attestations')
  }
  it('withheld at once: a key that had ended when the version was published', async () => {
    withOldKey(AFTER_ITS_END)
    await start()
    assert.equal(await listed(), false)
  })
  it('a key that ended since is no reason to wait', async () => {
    withOldKey(BEFORE_ITS_END)
    await start()
    const before = verified()
    assert.equal(await listed(), true)
    assert.equal(verified() - before, 3)
    await mirror.engine.settled()
    assert.equal(await listed(), true)
  })
  it('a condition on what only a verified signature says: the listing is made anew when it has', async () => {
    const rules = [{ packages: ['**'], where: 'package.minor != 5 || evidence.signature != "verified"' }]
    await start({ policy: { ...NO_AGE, rules } })
    assert.equal(await listed(), true)
    await mirror.engine.settled()
    assert.equal(await listed(), false)
  })
  it('what an operator has forgotten meanwhile is not brought back', async () => {
    await start()
    await mirror.get('/widget')
    mirror.engine.ledger.reset({ name: 'widget', version: undefined, reason: 'a test', at: new Date() })
    await mirror.engine.settled()
    assert.equal(remembered(), 0)
  })
})
