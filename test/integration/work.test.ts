/**
 * What things cost, in counts that do not depend on the machine: questions to the uplink, packuments read, answers written and
 * compressed, verifications, bytes. A change that makes any of them grow fails here before it is slow anywhere.
 */
import assert from 'node:assert/strict'
import type { Work } from '../../plugin/domain/work.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { raw } from '../support/raw.ts'

const OLD = new Date('2026-01-01T00:00:00Z')
const START = new Date('2026-03-01T00:00:00Z')
const VERSIONS = 300
const NPM = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'accept-encoding': 'gzip' }
const NOTHING: Work = { reads: 0, answers: 0, signatures: 0, attestations: 0, warm: 0 }

describe('work', function () {
  this.timeout(60_000)
  const clock = settableClock(START)
  let registry: FakeRegistry
  let mirror: TestMirror
  let counted: Work

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (let minor = 0; minor < VERSIONS; minor++) registry.publish({ name: 'widget', version: `1.${minor}.0`, time: OLD, provenance: minor === 299 ? githubIdentity({ ref: `refs/tags/v1.${minor}.0` }) : false })
    for (let number = 0; number < 20; number++) registry.publish({ name: `part-${number}`, version: '1.0.0', time: OLD })
  })
  after(() => registry.close())
  beforeEach(() => { clock.set(START) })
  afterEach(() => mirror.close())
  const start = async (more: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, uplink: { maxage: '5m', staleFor: '1h' }, ...more })
    reset()
  }
  const reset = (): void => {
    counted = Object.fromEntries(Object.entries(mirror.engine.work)) as unknown as Work
    registry.requests.length = 0
  }
  /** Since the last `reset`. */
  const work = (): Work => Object.fromEntries(Object.entries(mirror.engine.work).map(([kind, count]) => [kind, (count as number) - counted[kind as keyof Work]])) as unknown as Work
  const asked = (): readonly string[] => registry.requests.map(({ path }) => path).sort()
  const get = async (where = '/widget', headers: Readonly<Record<string, string>> = NPM): Promise<number> => (await raw(mirror.url, where, { headers })).body.length
  const TARBALL = '/widget/-/widget-1.299.0.tgz'

  it('a cold packument: one question and one bundle, one reading, each signature once, one answer written', async () => {
    await start()
    await get()
    assert.deepEqual(asked(), ['/-/npm/v1/attestations/widget@1.299.0', '/widget'])
    assert.deepEqual(work(), { ...NOTHING, reads: 1, signatures: VERSIONS, attestations: 1, answers: 1 })
  })
  it('packuments that have left the memory are read for nothing that was answered before', async () => {
    await start({ section: { cache: { dir: './cache', memory: '64kb', disk: '1gb' } } })
    const tarballs = Array.from({ length: 20 }, (_, number) => `/part-${number}/-/part-${number}-1.0.0.tgz`)
    // Twice: with the first one its registry was found to sign.
    for (const tarball of [...tarballs, ...tarballs]) await get(tarball)
    reset()
    // They do not all fit: asking for one after the other, none is there any more.
    for (const tarball of tarballs) await get(tarball)
    assert.deepEqual([asked(), work().reads], [[], 0])
  })
  it('the second and third form of it: an answer each; the hundredth request: nothing', async () => {
    await start()
    await get()
    reset()
    await get('/widget', { ...NPM, accept: '*/*' })
    assert.deepEqual([asked(), work()], [[], { ...NOTHING, answers: 1 }])
    // Its registry was found to sign meanwhile, so it was judged anew.
    await get()
    reset()
    for (let round = 0; round < 100; round++) await get()
    assert.deepEqual([asked(), work()], [[], { ...NOTHING, warm: 100 }])
  })
  it('fifty clients on a cold packument cost what one costs', async () => {
    await start()
    await Promise.all(Array.from({ length: 50 }, () => get()))
    const { warm: _warm, ...rest } = work()
    assert.deepEqual([asked().length, rest], [2, { reads: 1, answers: 1, signatures: VERSIONS, attestations: 1 }])
  })
  it('fifty clients on one past `maxage`: one question behind their answers, and no work, since nothing changed', async () => {
    await start()
    await get()
    clock.advance(6 * 60_000)
    reset()
    await Promise.all(Array.from({ length: 50 }, () => get()))
    await mirror.engine.settled()
    const { warm: _warm, ...rest } = work()
    assert.deepEqual([asked(), rest], [['/widget'], { reads: 0, answers: 0, signatures: 0, attestations: 0 }])
  })
  it('a new version: one reading, one signature, one answer; what is known is not verified again', async () => {
    await start()
    await get()
    registry.publish({ name: 'widget', version: '1.300.0', time: OLD })
    clock.advance(2 * 3_600_000)
    reset()
    await get()
    assert.deepEqual([asked(), work()], [['/widget'], { ...NOTHING, reads: 1, signatures: 1, answers: 1 }])
    registry.unpublish('widget', '1.300.0')
  })
  it('a policy that withholds the same: no verification and no new bytes; one that does not: one answer', async () => {
    await start({ policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' } } })
    await get()
    reset()
    const same = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '1d' } }
    const other = { ...same, rules: [{ name: 'no', packages: ['widget@1.298.0'], verdict: 'deny', reason: 'no' }] }
    for (const [policy, answers] of [[same, 0], [other, 1]] as const) {
      const listing = await mirror.engine.whatIf((await import('../../plugin/policy/index.ts')).parsePolicy(policy, 'a test', { now: START })).listing('widget')
      assert.ok(listing !== 'absent')
      assert.deepEqual([work().signatures, work().attestations, listing.verdicts.get('1.298.0')?.outcome], [0, 0, answers === 0 ? 'allow' : 'deny'])
    }
  })
  it('one version and the tags: nothing is read or verified for them', async () => {
    await start()
    await get()
    reset()
    for (const where of ['/widget/1.7.0', '/widget/latest', '/-/package/widget/dist-tags']) await get(where, {})
    assert.deepEqual([asked(), work()], [[], NOTHING])
  })
  it('a cold tarball of a known packument: the tarball; again: nothing', async () => {
    await start()
    await get()
    reset()
    await get(TARBALL)
    assert.deepEqual([asked(), work()], [[TARBALL], NOTHING])
    reset()
    for (let round = 0; round < 20; round++) await get(TARBALL)
    assert.deepEqual([asked(), work()], [[], { ...NOTHING, warm: 20 }])
  })
  it('a lockfile of cold tarballs: a packument, a signature and a tarball each', async () => {
    await start()
    await Promise.all(Array.from({ length: 20 }, (_, number) => get(`/part-${number}/-/part-${number}-1.0.0.tgz`)))
    const { answers, ...rest } = work()
    assert.deepEqual([asked().length, answers, rest], [40, 0, { reads: 20, signatures: 20, attestations: 0, warm: 0 }])
  })
  it('after a restart: one reading from disk, nothing asked or verified again', async () => {
    await start()
    await get()
    await get(TARBALL)
    const { dir } = mirror
    await mirror.close({ keep: true })
    await start({ dir })
    await get()
    await get(TARBALL)
    assert.deepEqual([asked(), work()], [[], { ...NOTHING, reads: 1, answers: 1 }])
  })
  it('304 and HEAD send no byte of a body', async () => {
    await start()
    const { headers } = await raw(mirror.url, '/widget', { headers: NPM })
    assert.equal((await raw(mirror.url, '/widget', { headers: { ...NPM, 'if-none-match': headers.etag ?? '' } })).body.length, 0)
    assert.equal((await raw(mirror.url, '/widget', { method: 'HEAD', headers: NPM })).body.length, 0)
  })
  it('abbreviated is less than full, and compressed less than half', async () => {
    await start()
    const [abbreviated, full] = [await get(), await get('/widget', { ...NPM, accept: '*/*' })]
    const identity = await get('/widget', { accept: NPM.accept, 'accept-encoding': 'identity' })
    assert.ok(abbreviated < full && abbreviated < identity / 2, `${abbreviated} of ${full}, ${identity}`)
  })
})
