/** What a whole mirror counts, traces and says of itself. */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { renameSync } from 'node:fs'
import path from 'node:path'
import { context, propagation, ROOT_CONTEXT, trace, type Context, type ContextManager } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { FakeRegistry } from '../support/fake-registry.ts'
import { seriesOf } from '../support/metrics.ts'
import { NO_AGE, settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { raw, register } from '../support/raw.ts'

const OLD = new Date('2026-01-01T00:00:00Z')
const START = new Date('2026-03-01T00:00:00Z')
const METRICS = '/-/provenance/metrics'
const TARBALL = '/secret-name/-/secret-name-1.0.0.tgz'
const NPM = { accept: 'application/vnd.npm.install-v1+json', 'accept-encoding': 'gzip' }

describe('metrics of a mirror', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(START)

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'secret-name', version: '1.0.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    registry.publish({ name: 'secret-bare', version: '1.0.0', time: OLD })
  })
  after(() => registry.close())
  beforeEach(() => {
    clock.set(START)
    registry.requests.length = 0
  })
  afterEach(() => mirror.close())
  const start = async (more: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, uplink: { maxage: '5m', staleFor: '1h' }, ...more })
  }
  const get = (where: string, headers: Readonly<Record<string, string>> = NPM) => raw(mirror.url, where, { headers })
  const scrape = async (): Promise<ReadonlyMap<string, number>> => seriesOf((await get(METRICS, {})).body.toString())

  it('counts requests by what they are for and how they were answered, warm ones too', async () => {
    await start()
    for (let time = 0; time < 4; time++) await get('/secret-name')
    for (let time = 0; time < 4; time++) await get(TARBALL)
    await get('/nothing')
    await mirror.engine.settled()
    await get('/secret-name')
    await get('/secret-name')
    const series = await scrape()
    const count = (route: string, way: string, status: string): number => series.get(`provenance_requests_total{route="${route}",way="${way}",status="${status}"}`) ?? 0
    assert.equal(count('packument', 'warm', '2xx') + count('packument', 'whole', '2xx'), 6)
    assert.equal(count('tarball', 'warm', '2xx') + count('tarball', 'whole', '2xx'), 4)
    assert.ok(count('packument', 'warm', '2xx') > 0 && count('tarball', 'warm', '2xx') > 0)
    assert.equal(count('packument', 'warm', '2xx') + count('tarball', 'warm', '2xx'), mirror.engine.work.warm)
    assert.equal(count('packument', 'whole', '4xx'), 1)
    assert.equal(series.get('provenance_request_duration_seconds_count{route="tarball",way="warm"}'), count('tarball', 'warm', '2xx'))
    assert.ok((series.get('provenance_response_size_bytes_sum{route="tarball",way="warm"}') ?? 0) > 0)
    assert.equal(series.get('provenance_requests_open'), 1)
  })
  it('counts verdicts with their reasons, questions to uplinks, verifications and lookups', async () => {
    await start({ policy: { ...NO_AGE, defaults: { ...NO_AGE.defaults, provenance: 'required' } } })
    assert.equal((await get(TARBALL)).status, 200)
    assert.equal((await get('/secret-bare/-/secret-bare-1.0.0.tgz')).status, 403)
    const series = await scrape()
    const value = (name: string): number | undefined => series.get(name)
    // The fake repository is not what its package.json names.
    assert.equal(value('provenance_decisions_total{kind="warned",outcome="warn"}'), 1)
    assert.equal(value('provenance_decision_reasons_total{kind="warned",code="manifest-repository-mismatch"}'), 1)
    assert.equal(value('provenance_decisions_total{kind="refused",outcome="deny"}'), 1)
    assert.equal(value('provenance_decision_reasons_total{kind="refused",code="provenance-absent"}'), 1)
    assert.equal(value('provenance_upstream_requests_total{uplink="fake",kind="packument",outcome="answered"}'), 2)
    assert.equal(value('provenance_upstream_requests_total{uplink="fake",kind="tarball",outcome="answered"}'), 1)
    assert.equal(value('provenance_upstream_requests_total{uplink="fake",kind="attestations",outcome="answered"}'), 1)
    assert.equal(value('provenance_verifications_total{evidence="provenance",result="verified"}'), 1)
    assert.equal(value('provenance_cache_requests_total{cache="verdicts",result="miss"}'), 2)
    assert.equal(value('provenance_cache_requests_total{cache="tarballs",result="miss"}'), 1)
    assert.equal(value('provenance_policy_info{revision="' + mirror.engine.policy.revision + '",preset="recommended",mode="enforce"}'), 1)
    assert.equal(value('provenance_registry_keys{uplink="fake",source="file"}'), 2)
    assert.ok((value('provenance_disk_free_bytes') ?? 0) > 0 && (value('provenance_database_size_bytes{database="ledger"}') ?? 0) > 0)
  })
  it('[15h] names no package, no user, no address', async () => {
    await start()
    await register(mirror.url, 'secretuser')
    for (const where of ['/secret-name', TARBALL, '/secret-bare', '/secret-nothing', '/@secret%2fscope', '/-/v1/search?text=secret', '/-/npm/v1/attestations/secret-name@1.0.0']) await get(where)
    await get('/secret-name', { 'user-agent': 'secret-agent', 'x-forwarded-for': '203.0.113.9' })
    const { body } = await get(METRICS, {})
    assert.equal(/secret|203\.0\.113/.test(body.toString()), false)
  })
  it('an uplink that fails is counted, and down when it is left alone', async () => {
    const broken = await FakeRegistry.start({ sigstore: registry.sigstore })
    const { url } = broken
    await broken.close()
    await start({ uplink: { url, max_fails: 2, fail_timeout: '1h', timeout: '1s' } })
    for (let time = 0; time < 4; time++) assert.equal((await get('/secret-name')).status, 503)
    const series = await scrape()
    const count = (outcome: string): number => series.get(`provenance_upstream_requests_total{uplink="fake",kind="packument",outcome="${outcome}"}`) ?? 0
    assert.deepEqual([count('failed'), count('skipped') > 0, series.get('provenance_upstream_up{uplink="fake"}')], [2, true, 0])
    assert.ok((series.get('provenance_requests_total{route="packument",way="whole",status="5xx"}') ?? 0) > 0)
  })
  it('a mirror whose stores cannot be written is not ready, and alive', async () => {
    await start()
    const problems = async (): Promise<unknown> => {
      const { ready, checks } = await mirror.json('/-/provenance/ready')
      return [ready, checks]
    }
    await problems()
    const cache = path.join(mirror.dir, 'cache')
    // At once: a look that is under way may be writing there.
    renameSync(cache, `${cache}-gone`)
    clock.advance(11_000)
    // It is looked at behind an answer.
    for (let time = 0; time < 200 && (await problems() as readonly unknown[])[0] === true; time++);
    assert.deepEqual(await problems(), [false, { running: 'ok', policy: 'ok', trust: 'ok', stores: 'failed' }])
    assert.equal((await scrape()).get('provenance_problems{check="stores"}'), 1)
    assert.equal((await get('/-/provenance/health')).status, 200)
  })
  it('can be switched off', async () => {
    await start({ section: { metrics: { enabled: false } } })
    assert.equal((await get(METRICS, {})).status, 404)
  })
  it('takes the login of a user who is named, as Prometheus sends it', async () => {
    await start({ section: { metrics: { allow: [], access: ['prometheus'] } } })
    await register(mirror.url, 'prometheus')
    const token = await register(mirror.url, 'mallory')
    const basic = (password: string): string => `Basic ${Buffer.from(`prometheus:${password}`).toString('base64')}`
    assert.equal((await get(METRICS, {})).status, 401)
    assert.equal((await get(METRICS, { authorization: basic('a long password') })).status, 200)
    assert.ok([401, 403].includes((await get(METRICS, { authorization: basic('wrong') })).status))
    assert.equal((await get(METRICS, { authorization: `Bearer ${token}` })).status, 403)
  })
})

/** As an SDK for Node registers one. */
class AsyncContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()
  active(): Context { return this.#storage.getStore() ?? ROOT_CONTEXT }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(within: Context, fn: F, thisArg?: ThisParameterType<F>, ...args: A): ReturnType<F> {
    return this.#storage.run(within, () => fn.apply(thisArg, args))
  }
  bind<T>(_within: Context, target: T): T { return target }
  enable(): this { return this }
  disable(): this { return this }
}

describe('traces of a mirror', function () {
  this.timeout(20_000)
  const TRACE = '0af7651916cd43dd8448eb211c80319c'
  const exporter = new InMemorySpanExporter()
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    context.setGlobalContextManager(new AsyncContexts())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  })
  after(async () => {
    await registry.close()
    trace.disable()
    context.disable()
    propagation.disable()
  })
  beforeEach(() => {
    exporter.reset()
    registry.requests.length = 0
  })
  afterEach(() => mirror.close())
  const start = async (propagate: boolean): Promise<void> => {
    mirror = await startTestMirror({ registry, uplink: { maxage: '5m', staleFor: '1h' }, section: { tracing: { propagate } } })
  }
  const get = (where: string) => raw(mirror.url, where, { headers: { ...NPM, traceparent: `00-${TRACE}-b7ad6b7169203331-01` } })
  const spans = (): readonly ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === TRACE)
  const named = (name: string): ReadableSpan => {
    const span = spans().find((one) => one.name === name)
    assert.ok(span, `${name} in ${spans().map((one) => one.name).join(', ')}`)
    return span
  }

  it('an install is one tree: request, questions, verification, evaluation, store', async () => {
    await start(false)
    await get('/widget')
    await get('/widget/-/widget-1.0.0.tgz')
    const [packument, tarball] = [named('GET packument'), named('GET tarball')]
    assert.deepEqual(
      [tarball.attributes['provenance.package'], tarball.attributes['provenance.version'], tarball.attributes['provenance.outcome'], tarball.attributes['http.response.status_code'], tarball.attributes['url.path']],
      ['widget', '1.0.0', 'warn', 200, '/widget/-/widget-1.0.0.tgz'],
    )
    for (const name of ['uplink packument', 'uplink attestations', 'uplink tarball', 'verify signatures', 'verify attestations', 'policy evaluate', 'store facts load', 'store tarball ingest']) named(name)
    const ids = new Map(spans().map((span) => [span.spanContext().spanId, span]))
    const rootOf = (span: ReadableSpan): string => {
      const parent = ids.get(span.parentSpanContext?.spanId ?? '')
      return parent === undefined ? span.name : rootOf(parent)
    }
    assert.deepEqual([rootOf(named('policy evaluate')), rootOf(named('uplink tarball'))], [packument.name, tarball.name])
    assert.equal(named('uplink packument').attributes['url.full'], `${registry.url}/widget`.replace(/([^:])\/\//, '$1/'))
  })
  it('a warm answer is a span too', async () => {
    await start(false)
    for (let time = 0; time < 3; time++) await get('/widget')
    await mirror.engine.settled()
    for (let time = 0; time < 3; time++) await get('/widget')
    assert.ok(spans().some(({ name, attributes }) => name === 'GET packument' && attributes['provenance.warm'] === true && attributes['http.response.status_code'] === 200))
  })
  for (const propagate of [false, true])
    it(`an uplink is ${propagate ? '' : 'not '}told of the trace`, async () => {
      await start(propagate)
      await get('/widget')
      const told = registry.requests.map(({ headers }) => String(headers.traceparent ?? '').includes(TRACE))
      assert.ok(told.length > 0)
      assert.deepEqual([...new Set(told)], [propagate])
    })
})
