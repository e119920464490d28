/** Whole mirrors that share a ledger: what one learns or somebody decides counts for all. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { stringify } from 'yaml'
import { resetLedger, showLedger } from '../../plugin/cli/ledger.ts'
import { publishPolicy } from '../../plugin/cli/publish-policy.ts'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { hasPostgres, startPostgres, type Postgres } from '../support/postgres.ts'
import { withoutAttestations } from '../support/registry/edits.ts'
import { register } from '../support/raw.ts'
import { until } from '../support/until.ts'
import { githubIdentity, PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'

const OLD = new Date('2026-01-01T00:00:00Z')
const START = new Date('2026-03-01T00:00:00Z')
const OPEN = { ...NO_AGE, defaults: { ...NO_AGE.defaults, manifestRepository: 'ignore' } }
const SECRET = 'a secret of more than thirty-two bytes'
const tarball = (version: string, name = 'widget'): string => `/${name}/-/${name}-${version}.tgz`

describe('replicas: mirrors that share a ledger', function () {
  this.timeout(30_000)
  let server: Postgres
  let registry: FakeRegistry
  let url: string
  let count = 0
  const mirrors: TestMirror[] = []
  const clock = settableClock(START)

  before(async function () {
    if (!hasPostgres()) this.skip()
    this.timeout(60_000)
    server = await startPostgres()
    process.env.REPLICAS_TEST_SECRET = SECRET
  })
  after(async () => {
    delete process.env.REPLICAS_TEST_SECRET
    await (server as Postgres | undefined)?.close()
  })
  beforeEach(async () => {
    url = await server.database(`mirrors${String(++count)}`)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'widget', version, time: OLD, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
  })
  afterEach(async () => {
    for (const mirror of mirrors.splice(0)) await mirror.close()
    await registry.close()
  })

  const sectionOf = (name: string): JsonObject => ({
    store: url, facts: 'sqlite:./facts.db', decisions: { store: 'sqlite:./decisions.db' }, shared: { name, keys: [{ id: 'one', secret_env: 'REPLICAS_TEST_SECRET' }] },
  })
  const start = async (name: string, { section = {}, ...more }: Partial<TestMirrorOptions> = {}, expected = 'current'): Promise<TestMirror> => {
    const mirror = await startTestMirror({ registry, clock, policy: OPEN, uplink: { maxage: '1h', staleFor: '0s' }, ...more, section: { ...sectionOf(name), ...section } })
    mirrors.push(mirror)
    await until(() => mirror.engine.replicas?.state.state === expected)
    return mirror
  }
  /** A configuration of the command line for the same shared ledger. */
  const configOf = (mirror: TestMirror, more: JsonObject = {}): string => {
    const file = path.join(mirror.dir, 'command.yaml')
    const uplinks = { fake: { url: registry.url } }
    writeFileSync(file, stringify({ storage: './storage', uplinks, packages: { '**': { access: '$all', proxy: 'fake' } }, middlewares: { provenance: { ...sectionOf('command'), ...more } } }))
    return file
  }
  const answered = async (mirror: TestMirror, where: string): Promise<string> => {
    const response = await mirror.get(where)
    const text = await response.text()
    if (response.status === 200) return '200'
    const body: unknown = JSON.parse(text)
    const reasons = isObject(body) ? (body.reasons as unknown as readonly { readonly code: string }[] | undefined) : undefined
    return [response.status, ...(reasons ?? []).map(({ code }) => code)].join(' ')
  }
  const kept = async ({ engine }: TestMirror): Promise<void> => {
    let isHere = false
    await until(() => {
      void engine.isKept({ name: 'gadget', version: '1.0.0' }, undefined).then((found) => { isHere = found })
      return isHere
    })
  }
  const isAlone = (mirror: TestMirror): Promise<void> => until(() => mirror.engine.replicas?.state.state === 'alone')

  it('[3d] other bytes under a version that one has served are refused by the other', async () => {
    const [a, b] = [await start('a'), await start('b')]
    assert.equal(await answered(a, tarball('1.0.0')), '200')
    registry.publish({ name: 'widget', version: '1.0.0', time: OLD, files: { 'index.js': 'evil' }, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    assert.equal(await answered(b, tarball('1.0.0')), '403 integrity-changed')
  })

  it('a version of after the answer that one keeps is not taken for gone there, because the other has seen it', async () => {
    const [a, b] = [await start('a'), await start('b')]
    assert.equal(await answered(b, '/widget'), '200')
    registry.publish({ name: 'widget', version: '1.2.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.2.0' }) })
    assert.equal(await answered(a, tarball('1.2.0')), '200')
    await until(() => b.engine.ledger.versions(REGISTRY, 'widget').includes('1.2.0'))
    clock.advance(1000)
    assert.equal(await answered(b, tarball('1.2.0')), '200')
  })

  it('[3d] of two that are given other bytes at one moment, one lets its version in', async () => {
    const [a, b] = [await start('a'), await start('b')]
    registry.publish({ name: 'gadget', version: '1.0.0', time: OLD, provenance: false })
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    // Nobody can write: both have their bytes before either can say so.
    await client.query('BEGIN; SELECT one FROM ledger_log FOR UPDATE')
    const first = answered(a, tarball('1.0.0', 'gadget'))
    await kept(a)
    registry.publish({ name: 'gadget', version: '1.0.0', time: OLD, files: { 'index.js': 'evil' }, provenance: false })
    const second = answered(b, tarball('1.0.0', 'gadget'))
    await kept(b)
    await client.query('COMMIT')
    await client.end()
    assert.deepEqual([await first, await second].toSorted(), ['200', '403 integrity-changed'])
  })

  it('[18b] one that finds the shared ledger forged serves nothing, warm answers neither', async () => {
    const a = await start('a')
    for (let round = 0; round < 3; round++) assert.equal(await answered(a, tarball('1.0.0')), '200')
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query("UPDATE ledger_log SET mac = 'of somebody else'")
    await until(() => a.engine.replicas?.state.state === 'halted')
    assert.equal(await answered(a, tarball('1.0.0')), '503 evidence-unavailable')
    assert.equal((await a.get('/-/provenance/ready')).status, 503)
    await client.end()
  })

  it('[6h] evidence that one has verified is the other\'s when the uplink gives it no more', async () => {
    const [a, b] = [await start('a'), await start('b')]
    assert.equal(await answered(a, tarball('1.0.0')), '200')
    await until(() => b.engine.ledger.records(REGISTRY, 'widget').get('1.0.0')?.attestations !== undefined)
    registry.serveAttestations('widget', '1.0.0', undefined)
    registry.edit('widget', withoutAttestations('1.0.0'))
    assert.equal(await answered(b, tarball('1.0.0')), '200')
    assert.deepEqual([...new Set(b.decisions.at(-1)?.verdict.reasons.map(({ code }) => code))], ['evidence-withdrawn'])
  })

  it('a recall is in force at the other, also for what it answers warm', async () => {
    const [a, b] = [await start('a'), await start('b')]
    for (let round = 0; round < 3; round++) assert.equal(await answered(b, tarball('1.0.0')), '200')
    await a.engine.ledger.decided?.(() => a.engine.ledger.recalls.add({ name: 'widget', range: '1.0.0', reason: 'stolen', by: 'ann', at: START }))
    const asked = performance.now()
    await until(() => b.engine.ledger.recalls.of('widget').length === 1)
    assert.ok(performance.now() - asked < 2000)
    assert.equal(await answered(b, tarball('1.0.0')), '403 recalled')
  })

  it('the overview tells how it stands, and which mirrors there are', async () => {
    const a = await start('a')
    await start('b')
    const token = await register(a.url, 'ann')
    // It greets now and then: whoever came after it is not told of at once.
    const { replicas } = (await a.json('/-/provenance/v1/overview', { authorization: `Bearer ${token}` })) as { replicas: { state: string; problem: unknown; mirrors: { name: string; policy: string }[] } }
    assert.deepEqual([replicas.state, replicas.problem, replicas.mirrors.map(({ name, policy }) => [name, policy])], ['current', null, [['a', a.engine.policy.revision]]])
  })

  it('the command line decides for all of them', async () => {
    const [a, b] = [await start('a'), await start('b')]
    assert.equal(await answered(a, tarball('1.0.0')), '200')
    const config = configOf(a)
    assert.match((await showLedger('widget@1.0.0', { config })).join('\n'), /sha512-/)
    await resetLedger('widget', { config, reason: 'rebuilt' })
    for (const { engine } of [a, b]) await until(() => engine.ledger.lastReset('widget') === 1)
  })

  describe('while the shared ledger is away', () => {
    it('what was verified is served, nothing new is let in, and both are as before when it is back', async () => {
      const a = await start('a')
      assert.equal(await answered(a, tarball('1.0.0')), '200')
      await server.stop()
      await isAlone(a)
      try {
        assert.equal(await answered(a, tarball('1.0.0')), '200')
        assert.equal(await answered(a, '/widget'), '200')
        assert.equal(await answered(a, tarball('1.1.0')), '503 evidence-unavailable')
        const ready = await a.get('/-/provenance/ready')
        assert.equal(ready.status, 200)
        assert.equal(((await ready.json()) as { warnings: string[] }).warnings.length, 1)
      } finally {
        await server.start()
      }
      await until(() => a.engine.replicas?.state.state === 'current')
      assert.equal(await answered(a, tarball('1.1.0')), '200')
    })

    it('a mirror that starts serves nothing until it is there', async () => {
      const a = await start('a')
      assert.equal(await answered(a, tarball('1.0.0')), '200')
      await a.close({ keep: true })
      mirrors.length = 0
      await server.stop()
      const again = await start('a', { dir: a.dir }, 'behind')
      try {
        assert.equal(await answered(again, tarball('1.0.0')), '503 evidence-unavailable')
        assert.equal((await again.get('/-/provenance/ready')).status, 503)
      } finally {
        await server.start()
      }
      await until(() => again.engine.replicas?.state.state === 'current')
      assert.equal(await answered(again, tarball('1.0.0')), '200')
      assert.equal((await again.get('/-/provenance/ready')).status, 200)
    })
  })

  describe('a policy that is published', () => {
    const publish = async (mirror: TestMirror, policy: JsonObject): Promise<void> => {
      const file = path.join(mirror.dir, 'policy.yaml')
      writeFileSync(file, stringify(policy))
      await publishPolicy(file, { config: configOf(mirror, { policy: 'shared' }) })
    }
    const strict = { ...OPEN, rules: [{ name: 'none of it', packages: ['widget'], verdict: 'deny', reason: 'not here' }] }

    it('is in force at all of them, and at one that starts later', async () => {
      const shared = { section: { policy: 'shared' } }
      const [a, b] = [await start('a', shared), await start('b', shared)]
      await publish(a, strict)
      for (const { engine } of [a, b]) await until(() => engine.rollout.state.lastReload?.outcome === 'applied')
      for (const mirror of [a, b, await start('c', shared)]) assert.equal(await answered(mirror, tarball('1.0.0')), '403 denied-by-rule')
    })

    it('that cannot be read keeps a mirror that starts from serving by less', async () => {
      const shared = { section: { policy: 'shared' } }
      const a = await start('a', shared)
      const texts = new Map([['/policy.yaml', 'version: 1\nof-a-later-version: true\n']])
      await a.engine.ledger.decided?.(() => { a.engine.ledger.policies.add({ at: START, file: '/policy.yaml', texts, by: undefined }) })
      const b = await start('b', shared)
      assert.equal(await answered(b, tarball('1.0.0')), '503 internal-error')
    })
  })
})
