/** Two whole mirrors that share what they verified, and nothing else. */
import assert from 'node:assert/strict'
import { FakeRegistry } from '../support/fake-registry.ts'
import { seriesOf } from '../support/metrics.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { hasPostgres, startPostgres } from '../support/postgres.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { hasRedis, startRedis } from '../support/redis.ts'

const OLD = new Date('2026-01-01T00:00:00Z')
const HOUR = 60 * 60 * 1000
const TARBALL = '/widget/-/widget-1.1.0.tgz'

interface Server {
  readonly facts: string
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

const SERVERS: readonly (readonly [title: string, isThere: () => boolean, start: () => Promise<Server>])[] = [
  ['Valkey', hasRedis, async () => {
    const redis = await startRedis()
    return { ...redis, facts: redis.url().replace('redis', 'valkey') }
  }],
  ['PostgreSQL', hasPostgres, async () => {
    const postgres = await startPostgres()
    return { ...postgres, facts: await postgres.database('facts') }
  }],
]

for (const [title, isThere, startServer] of SERVERS)
  describe(`mirrors that share facts in ${title}`, function () {
    this.timeout(40_000)
    let server: Server
    let registry: FakeRegistry
    let names = 0
    const clock = settableClock(new Date('2026-03-01T00:00:00Z'))
    const open: TestMirror[] = []
    before(async function () {
      if (!isThere()) this.skip()
      process.env.MIRRORS_KNOW_THIS_IN_THE_TEST = 'what only mirrors know, and nobody else does'
      server = await startServer()
      registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
      registry.publish({ name: 'widget', version: '1.0.0', time: OLD })
      registry.publish({ name: 'widget', version: '1.1.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.1.0' }) })
    })
    after(async () => {
      if (!isThere()) return
      delete process.env.MIRRORS_KNOW_THIS_IN_THE_TEST
      await registry.close()
      await server.close()
    })
    afterEach(async () => { for (const mirror of open.splice(0)) await mirror.close() })
    const start = async (): Promise<TestMirror> => {
      const mirror = await startTestMirror({ registry, clock, uplink: { maxage: '5m', staleFor: '10m' }, section: { facts: server.facts, shared: { name: `m${String(names++)}`, keys: [{ id: 'k1', secret_env: 'MIRRORS_KNOW_THIS_IN_THE_TEST' }] } } })
      open.push(mirror)
      return mirror
    }
    const install = async (mirror: TestMirror): Promise<void> => {
      assert.equal((await mirror.get('/widget')).status, 200)
      const tarball = await mirror.get(TARBALL)
      assert.equal(tarball.status, 200)
      await tarball.arrayBuffer()
      await mirror.engine.settled()
    }
    const verified = ({ engine }: TestMirror): readonly number[] => [engine.work.signatures, engine.work.attestations]

    it('one verifies, the other one knows', async () => {
      const [one, two] = [await start(), await start()]
      await install(one)
      assert.deepEqual(verified(one), [2, 1])
      await install(two)
      assert.deepEqual(verified(two), [0, 0])
    })

    it('what one verified after the other had looked is found before it is verified again', async () => {
      const [one, two] = [await start(), await start()]
      registry.publish({ name: 'gadget', version: '1.0.0', time: OLD })
      const versions = async (mirror: TestMirror): Promise<number> => {
        const { versions: found } = await mirror.json('/gadget')
        await mirror.engine.settled()
        return Object.keys(found as object).length
      }
      assert.deepEqual([await versions(one), await versions(two)], [1, 1])
      registry.publish({ name: 'gadget', version: '1.0.1', time: OLD })
      clock.advance(2 * HOUR)
      assert.deepEqual([await versions(one), await versions(two)], [2, 2])
      assert.deepEqual([verified(one), verified(two)], [[2, 0], [0, 0]])
    })

    it('without the server everything is verified and served, and ready says what is missing', async () => {
      await server.stop()
      const mirror = await start()
      await install(mirror)
      assert.deepEqual(verified(mirror), [2, 1])
      const ready = await mirror.get('/-/provenance/ready')
      const { warnings } = (await ready.json()) as { warnings: readonly string[] }
      assert.deepEqual([ready.status, warnings.length], [200, 1])
      assert.equal(seriesOf(await (await mirror.get('/-/provenance/metrics')).text()).get('provenance_store_up{store="facts"}'), 0)
      await server.start()
    })
  })
