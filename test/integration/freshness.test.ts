/** How long an answer stands, and that what a registry takes back or adds takes effect. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type PublishOptions } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE
const AGES = { maxage: '2m', staleFor: '10m', maxStale: '7d' }
const STALE = 3 * MINUTE
const EXPIRED = 13 * MINUTE

describe('freshness', function () {
  this.timeout(20_000)
  const name = 'widget'
  const file = (version: string): string => `/${name}/-/${name}-${version}.tgz`
  let registry: FakeRegistry
  let clock: ReturnType<typeof settableClock>
  let mirror: TestMirror

  beforeEach(async () => {
    clock = settableClock(new Date())
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })

  const start = async (options: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, uplink: AGES, ...options })
  }
  const publish = (version: string, more: Partial<PublishOptions> = {}) => registry.publish({ name, version, ...more })
  const built = (version: string): Partial<PublishOptions> => ({ provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
  const packument = async () =>
    (await mirror.json(`/${name}`)) as { versions?: Record<string, JsonObject>; 'dist-tags'?: JsonObject; reasons?: { code: string }[] }
  const versions = async (): Promise<readonly string[]> => Object.keys((await packument()).versions ?? {})
  const codes = async (where: string): Promise<readonly unknown[]> => {
    const response = await mirror.get(where)
    const { reasons = [] } = (response.status === 200 ? {} : await response.json()) as { reasons?: { code: string }[] }
    return [response.status, ...reasons.map(({ code }) => code)]
  }

  describe('by age', () => {
    it('below maxage nothing is asked', async () => {
      await start()
      publish('1.0.0')
      for (let time = 0; time < 3; time++) await versions()
      clock.advance(2 * MINUTE - 1)
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
      assert.equal(registry.hits(`/${name}`), 1)
    })

    it('for staleFor the last answer is given at once, and refreshed behind', async () => {
      await start()
      publish('1.0.0')
      await versions()
      publish('1.1.0')
      clock.advance(STALE)
      assert.deepEqual(await versions(), ['1.0.0'])
      await mirror.engine.settled()
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
      assert.equal(registry.hits(`/${name}`), 2)
    })

    it('and does not wait for an uplink that does not answer', async () => {
      await start({ uplink: { ...AGES, timeout: '10m' } })
      publish('1.0.0')
      await versions()
      registry.hang(`/${name}`)
      clock.advance(STALE)
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
    })

    it('then the uplink is asked first', async () => {
      await start()
      publish('1.0.0')
      await versions()
      publish('1.1.0')
      clock.advance(EXPIRED)
      assert.deepEqual(await versions(), ['1.0.0', '1.1.0'])
    })

    it('once, however many clients wait', async () => {
      await start()
      publish('1.0.0')
      await versions()
      clock.advance(EXPIRED)
      const answers = await Promise.all(Array.from({ length: 50 }, () => mirror.get(`/${name}`)))
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
      assert.equal(registry.hits(`/${name}`), 2)
    })

    it('[22b] an uplink that is blocked for longer than maxStale is 503, not frozen for good', async () => {
      await start()
      publish('1.0.0')
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
      registry.status(() => true, 503)
      clock.advance(7 * DAY - MINUTE)
      assert.deepEqual(await versions(), ['1.0.0'])
      clock.advance(2 * MINUTE)
      assert.deepEqual(await codes(`/${name}`), [503, 'evidence-unavailable'])
      // Its bytes and its evidence are here; whether it was taken down since nobody knows.
      assert.deepEqual(await codes(file('1.0.0')), [503, 'evidence-unavailable'])
      registry.reset()
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
    })
  })

  describe('what changes upstream', () => {
    it('[22a] a version gone upstream is refused after staleFor, though its bytes are here', async () => {
      await start()
      publish('1.0.0')
      publish('1.1.0')
      assert.equal((await mirror.get(file('1.1.0'))).status, 200)
      registry.unpublish(name, '1.1.0')
      clock.advance(2 * MINUTE - 1)
      assert.equal((await mirror.get(file('1.1.0'))).status, 200)
      clock.advance(EXPIRED)
      assert.deepEqual(await codes(file('1.1.0')), [403, 'version-withdrawn'])
      assert.deepEqual(await codes(`/${name}/1.1.0`), [403, 'version-withdrawn'])
      assert.deepEqual(await versions(), ['1.0.0'])
    })

    it('[22a] one refresh behind is enough', async () => {
      await start()
      publish('1.0.0')
      publish('1.1.0')
      await versions()
      registry.unpublish(name, '1.1.0')
      clock.advance(STALE)
      await versions()
      await mirror.engine.settled()
      assert.deepEqual(await codes(file('1.1.0')), [403, 'version-withdrawn'])
    })

    it('a version of after the answer that is kept is asked for before it is called gone', async () => {
      await start()
      publish('1.0.0')
      await versions()
      publish('1.1.0')
      clock.advance(SECOND)
      assert.deepEqual(await codes(file('1.1.0')), [200])
      assert.equal(registry.hits(`/${name}`), 2)
    })

    it('a whole package too, of which it was just said that there is none', async () => {
      await start()
      assert.deepEqual(await codes(file('1.0.0')), [404])
      publish('1.0.0')
      clock.advance(SECOND)
      assert.deepEqual(await codes(file('1.0.0')), [200])
    })

    it('whoever goes on asking for what is not there does not make the mirror ask more than a few times a second', async () => {
      await start()
      publish('1.0.0')
      await versions()
      clock.advance(SECOND)
      for (let time = 0; time < 5; time++) assert.deepEqual(await codes(file('9.9.9')), [404])
      assert.equal(registry.hits(`/${name}`), 2)
    })

    it('nothing is called gone while its registry cannot be asked', async () => {
      await start()
      publish('1.0.0')
      publish('1.1.0')
      assert.equal((await mirror.get(file('1.1.0'))).status, 200)
      registry.unpublish(name, '1.1.0')
      clock.advance(STALE)
      await versions()
      await mirror.engine.settled()
      clock.advance(SECOND)
      registry.status(`/${name}`, 503)
      assert.deepEqual(await codes(file('1.1.0')), [503, 'evidence-unavailable'])
      registry.reset()
      assert.deepEqual(await codes(file('1.1.0')), [403, 'version-withdrawn'])
    })

    it('[22a] a package gone upstream is refused by name, one that never was is 404', async () => {
      await start()
      publish('1.0.0')
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
      registry.unpublish(name)
      clock.advance(EXPIRED)
      assert.deepEqual(await codes(`/${name}`), [403, 'version-withdrawn'])
      assert.deepEqual(await codes(`/${name}/1.0.0`), [403, 'version-withdrawn'])
      assert.deepEqual(await codes(`/-/package/${name}/dist-tags`), [403, 'version-withdrawn'])
      assert.deepEqual(await codes(file('1.0.0')), [403, 'version-withdrawn'])
      assert.deepEqual(await codes(file('9.9.9')), [404])
      assert.deepEqual(await codes('/never-was'), [404])
    })

    it('a version that came back is served again', async () => {
      await start()
      publish('1.0.0')
      await versions()
      registry.unpublish(name)
      clock.advance(EXPIRED)
      assert.equal((await mirror.get(`/${name}`)).status, 403)
      publish('1.0.0')
      clock.advance(31 * SECOND)
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
    })

    it('a tag that points elsewhere', async () => {
      await start()
      publish('1.0.0')
      publish('1.1.0')
      await versions()
      registry.retag(name, 'latest', '1.0.0')
      clock.advance(EXPIRED)
      assert.deepEqual((await packument())['dist-tags'], { latest: '1.0.0' })
    })

    it('a deprecation', async () => {
      await start()
      publish('1.0.0')
      await versions()
      registry.deprecate(name, '1.0.0', 'use gadget')
      clock.advance(EXPIRED)
      assert.equal((await packument()).versions?.['1.0.0']?.deprecated, 'use gadget')
    })

    it('a signature that came late, once the registry is known to sign', async () => {
      await start()
      publish('1.0.0', { signed: false })
      registry.publish({ name: 'signed', version: '1.0.0' })
      assert.equal((await mirror.get('/signed')).status, 200)
      assert.deepEqual(await codes(file('1.0.0')), [403, 'signature-absent'])
      publish('1.0.0')
      clock.advance(EXPIRED)
      assert.deepEqual(await codes(file('1.0.0')), [200])
    })

    it('a registry that turns out to sign: what was served unsigned no longer is', async () => {
      await start()
      publish('1.0.0', { signed: false })
      assert.deepEqual(await codes(file('1.0.0')), [200])
      registry.publish({ name: 'signed', version: '1.0.0' })
      await mirror.get('/signed')
      assert.deepEqual(await codes(file('1.0.0')), [403, 'signature-absent'])
      assert.deepEqual(await codes(`/${name}`), [403, 'signature-absent'])
    })

    it('provenance that came late', async () => {
      await start({ policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', provenance: 'required' } } })
      publish('1.0.0')
      assert.deepEqual(await codes(file('1.0.0')), [403, 'provenance-absent'])
      publish('1.0.0', built('1.0.0'))
      clock.advance(EXPIRED)
      assert.deepEqual(await codes(file('1.0.0')), [200])
      assert.deepEqual(await versions(), ['1.0.0'])
    })
  })

  describe('a name nobody has', () => {
    it('is asked for once in half a minute, and is there when it was published since', async () => {
      await start()
      for (let time = 0; time < 5; time++) assert.equal((await mirror.get(`/${name}`)).status, 404)
      assert.equal((await mirror.get(file('1.0.0'))).status, 404)
      publish('1.0.0')
      clock.advance(30 * SECOND - 1)
      assert.equal((await mirror.get(`/${name}`)).status, 404)
      assert.equal(registry.hits(`/${name}`), 1)
      clock.advance(1)
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
    })
  })

  describe('behind an answer', () => {
    const six = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0']
    const attestations = (version: string): string => `/-/npm/v1/attestations/${name}@${version}`

    it('the versions listed on a claim are verified, each once', async () => {
      await start()
      for (const version of six) publish(version, built(version))
      assert.deepEqual(await versions(), six)
      await mirror.engine.settled()
      assert.deepEqual(await versions(), six)
      await mirror.engine.settled()
      assert.deepEqual(six.map((version) => registry.hits(attestations(version))), [1, 1, 1, 1, 1, 1])
    })

    it('what was found bad there leaves the next packument', async () => {
      await start()
      for (const version of six) publish(version, { ...built(version), ...(version === '1.0.0' ? { fault: '2b' } : {}) })
      assert.deepEqual(await versions(), six)
      await mirror.engine.settled()
      assert.deepEqual(await versions(), six.slice(1))
    })

    it('a registry that does not have what it announces is not asked again and again', async () => {
      await start()
      for (const version of six) publish(version, { ...built(version), ...(version === '1.0.0' ? { fault: '6a' } : {}) })
      for (let time = 0; time < 5; time++) {
        await versions()
        await mirror.engine.settled()
      }
      assert.ok(registry.hits(attestations('1.0.0')) <= 2)
    })

    it('what the policy does not look at is not asked for', async () => {
      const ignored = { publishAttestation: 'ignore', provenance: 'ignore' }
      await start({ policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0', ...ignored } } })
      for (const version of six) publish(version, built(version))
      await versions()
      await mirror.engine.settled()
      assert.equal(registry.hits(/attestations/), 0)
    })
  })

  describe('429', () => {
    it('is respected: nothing is asked until the time has passed, and clients are told at once', async () => {
      await start()
      publish('1.0.0')
      registry.publish({ name: 'other', version: '1.0.0' })
      registry.status(`/${name}`, 429, { 'retry-after': '120' }, { times: 1 })
      assert.deepEqual(await codes(`/${name}`), [503, 'evidence-unavailable'])
      assert.deepEqual(await codes('/other'), [503, 'evidence-unavailable'])
      assert.equal(registry.requests.length, 1)
      clock.advance(120 * SECOND)
      assert.deepEqual(await versions(), ['1.0.0'])
    })

    it('does not take away what is known', async () => {
      await start()
      publish('1.0.0')
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
      registry.status(`/${name}`, 429, { 'retry-after': '120' })
      clock.advance(EXPIRED)
      assert.deepEqual(await versions(), ['1.0.0'])
      assert.equal((await mirror.get(file('1.0.0'))).status, 200)
    })
  })
})
