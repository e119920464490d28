import assert from 'node:assert/strict'
import { mirrorMetrics } from '../../../plugin/audit/metrics.ts'
import { Distribution, noMeasures } from '../../../plugin/domain/measures.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import { busySource, declaredIn, scraped, seriesOf } from '../../support/metrics.ts'

describe('metrics', () => {
  it('every family that is declared has a value', async () => {
    const text = await mirrorMetrics(busySource()).text()
    const series = [...seriesOf(text).keys()]
    const empty = [...declaredIn(text).keys()].filter((name) => name.startsWith('provenance_') && !series.some((one) => one.replace(/\{.*/, '').replace(/_(?:bucket|sum|count)$/, '') === name || one.replace(/\{.*/, '') === name))
    assert.deepEqual(empty, [])
  })
  it('is a text that no series is in twice', async () => {
    const lines = (await mirrorMetrics(busySource()).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')))
    assert.deepEqual(lines.filter((line, index) => lines.indexOf(line) !== index), [])
  })
  it('a histogram counts by the first bound that a value does not pass, and those below', async () => {
    const source = busySource()
    source.measures.requests.of.tarball.warm.note(200, 0.01, 1025)
    source.measures.requests.of.tarball.warm.note(200, 99, undefined)
    const series = await scraped(source)
    const seconds = (le: string): number | undefined => series.get(`provenance_request_duration_seconds_bucket{le="${le}",route="tarball",way="warm"}`)
    assert.deepEqual([seconds('0.005'), seconds('0.01'), seconds('60'), seconds('+Inf')], [0, 1, 1, 2])
    const bytes = (le: string): number | undefined => series.get(`provenance_response_size_bytes_bucket{le="${le}",route="tarball",way="warm"}`)
    assert.deepEqual([bytes('1024'), bytes('4096'), bytes('+Inf')], [0, 1, 1])
    assert.equal(series.get('provenance_request_duration_seconds_sum{route="tarball",way="warm"}'), 99.01)
  })
  it('a status that has not been seen begins at 0, so that its first one shows in a rate', async () => {
    const source = busySource()
    const errors = 'provenance_requests_total{route="packument",way="whole",status="5xx"}'
    assert.equal((await scraped(source)).get(errors), 0)
    source.measures.requests.of.packument.whole.note(503, 1, 10)
    source.measures.requests.of.packument.whole.note(0, 1, undefined)
    const series = await scraped(source)
    assert.deepEqual([series.get(errors), series.get(errors.replace('5xx', 'aborted')), series.get(errors.replace('5xx', '2xx'))], [1, 1, 1])
  })
  it('decisions and their reasons: a verdict of two reasons is one decision', async () => {
    const source = busySource({ measures: noMeasures() })
    source.measures.decisions.note({ kind: 'warned', verdict: { outcome: 'warn', rule: '', reasons: [reason('release-too-young', ''), reason('trust-downgrade', '')] } })
    const series = await scraped(source)
    assert.equal(series.get('provenance_decisions_total{kind="warned",outcome="warn"}'), 1)
    assert.equal(series.get('provenance_decision_reasons_total{kind="warned",code="release-too-young"}'), 1)
    assert.equal(series.get('provenance_decision_reasons_total{kind="warned",code="trust-downgrade"}'), 1)
    assert.equal(series.get('provenance_decisions_total{kind="refused",outcome="deny"}'), 0)
  })
  it('what monitor served although policy refuses it', async () => {
    const source = busySource({ measures: noMeasures() })
    for (const more of [{}, { monitored: true as const }]) source.measures.decisions.note({ kind: 'warned', verdict: { outcome: 'warn', rule: '', reasons: [], ...more } })
    assert.equal((await scraped(source)).get('provenance_decisions_monitored_total'), 1)
  })
  it('asked twice, and by two at one time, says the same', async () => {
    const metrics = mirrorMetrics(busySource())
    const own = async (): Promise<string> => (await metrics.text()).split('\n').filter((line) => line.startsWith('provenance_')).join('\n')
    const [one, other] = await Promise.all([own(), own()])
    assert.deepEqual([other, await own()], [one, one])
  })
  it('a policy that gave way to another leaves no series of its own', async () => {
    let revision = 'one'
    const metrics = mirrorMetrics(busySource({ policy: () => ({ ...busySource().policy(), revision }) }))
    await metrics.text()
    revision = 'two'
    assert.deepEqual([...seriesOf(await metrics.text()).keys()].filter((series) => series.startsWith('provenance_policy_info')), ['provenance_policy_info{revision="two",preset="strict",mode="enforce"}'])
  })
  it('waivers by how soon they end, the sooner among the later', async () => {
    const series = await scraped(busySource())
    assert.deepEqual(['1d', '7d', '30d', 'all'].map((within) => series.get(`provenance_waivers{within="${within}"}`)), [1, 2, 2, 3])
  })
  it('trust material: age, and time that is left', async () => {
    const series = await scraped(busySource())
    assert.equal(series.get('provenance_trust_material_age_seconds{uplink="npmjs"}'), 86_400)
    assert.equal(series.get('provenance_trust_material_expiry_seconds{uplink="npmjs"}'), 3 * 86_400)
    assert.equal(series.get('provenance_registry_key_expiry_seconds{uplink="npmjs"}'), 30 * 86_400)
    assert.equal(series.get('provenance_registry_keys{uplink="npmjs",source="tuf"}'), 2)
  })
  it('Sigstore instances: which are here, what of them ends, and how their refresh goes, each by itself', async () => {
    const series = await scraped(busySource())
    assert.deepEqual(['default', 'acme'].map((name) => series.get(`provenance_sigstore_up{sigstore="${name}"}`)), [1, 0])
    assert.equal(series.get('provenance_trust_end_seconds{sigstore="default",kind="ca",owner="own"}'), 20 * 86_400)
    assert.equal(series.get('provenance_signing_key_age_seconds{purpose="registry"}'), 100 * 86_400)
    assert.deepEqual(['default', 'acme'].map((name) => series.get(`provenance_trust_refreshes_total{sigstore="${name}",outcome="failed"}`)), [2, 3])
  })
  it('what is not known has no series: an age of nothing is not 0', async () => {
    const states = [{ uplink: 'npmjs', asOf: undefined, expires: undefined, keySource: 'none' as const, keys: 0, keyExpires: undefined }]
    const series = await scraped(busySource({ trust: () => ({ states, instances: [], refreshes: { succeeded: 0, failed: 0 } }), disk: () => Promise.resolve({ databases: {}, free: undefined }) }))
    assert.deepEqual([...series.keys()].filter((name) => /trust_material|key_expiry|disk_free/.test(name)), [])
  })
  it('an uplink that is left alone is down, one that is never asked is neither', async () => {
    const of = (name: string, state: 'asked' | 'left-alone' | 'offline') => ({ name, state, waiting: { foreground: 0, background: 0 }, running: 0 })
    const series = await scraped(busySource({ uplinks: () => [of('a', 'asked'), of('b', 'left-alone'), of('c', 'offline')] }))
    assert.deepEqual(['a', 'b', 'c'].map((uplink) => series.get(`provenance_upstream_up{uplink="${uplink}"}`)), [1, 0, undefined])
  })
  it('a name that an operator chose cannot break the text', async () => {
    const name = 'x"} 1\nevil_metric{a="\\'
    const text = await mirrorMetrics(busySource({ uplinks: () => [{ name, state: 'asked', waiting: { foreground: 0, background: 0 }, running: 0 }] })).text()
    assert.equal(/^evil_metric/m.test(text), false)
  })
  it('what keeps the mirror from its job', async () => {
    const series = await scraped(busySource({ problems: () => [{ check: 'stores', message: 'full' }, { check: 'stores', message: 'read-only' }] }))
    assert.deepEqual([series.get('provenance_ready'), series.get('provenance_problems{check="stores"}'), series.get('provenance_problems{check="trust"}')], [0, 2, 0])
  })
  it('one that cannot be read is an error, not a number', async () => {
    await assert.rejects(mirrorMetrics(busySource({ trust: () => { throw new Error('closed') } })).text(), /closed/)
  })
  it('of the process: event-loop delay, memory, CPU', async () => {
    const declared = declaredIn(await mirrorMetrics(busySource()).text())
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes', 'process_cpu_seconds_total']) assert.ok(declared.has(name), name)
  })
  it('two mirrors in one process do not count for each other', async () => {
    const [one, other] = [busySource({ measures: noMeasures() }), busySource({ measures: noMeasures() })]
    one.measures.requests.of.search.whole.note(200, 1, 1)
    assert.equal([...(await scraped(other)).keys()].some((series) => series.includes('route="search"')), false)
    assert.ok([...(await scraped(one)).keys()].some((series) => series.includes('route="search"')))
  })
  it('a distribution of nothing', () => { assert.deepEqual(new Distribution([1, 2]).cumulative, [0, 0]) })
})
