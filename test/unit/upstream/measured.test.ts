/** What a client of an uplink tells of its questions. */
import assert from 'node:assert/strict'
import type { Question } from '../../../plugin/domain/measures.ts'
import { NO_TRACING, type Span, type SpanAttributes, type Tracing } from '../../../plugin/domain/tracing.ts'
import { Connection, discard } from '../../../plugin/upstream/connection.ts'
import { RequestFailure } from '../../../plugin/upstream/failure.ts'
import { withDefaults } from '../../../plugin/upstream/options.ts'
import { Fixture, json, packumentOf, status } from './support.ts'

const REF = { name: 'widget', version: '1.0.0' }

describe('upstream: questions are counted and traced', () => {
  let fixture: Fixture
  let asked: Question[]
  let spans: { readonly span: Span; readonly notes: SpanAttributes[] }[]
  const tracing: Tracing = {
    ...NO_TRACING,
    headers: () => ({ traceparent: '00-a-b-01' }),
    traced: (span, work) => {
      const notes: SpanAttributes[] = []
      spans.push({ span, notes })
      return work((found) => { notes.push(found) })
    },
  }
  beforeEach(async () => {
    asked = []
    spans = []
    fixture = await Fixture.create((_request, response) => { json(response, packumentOf('widget', '1.0.0')) })
  })
  afterEach(() => fixture.dispose())
  const client = (uplink = {}) => fixture.client(uplink, { asked: (question) => { asked.push(question) }, tracing })
  const told = (): readonly (readonly string[])[] => asked.map(({ kind, outcome }) => [kind, outcome])

  it('once each, by kind, however many attempts it took', async () => {
    const uplink = await client({ retries: 1 })
    fixture.server.handler = (_request, response, count) => { if (count === 1) response.writeHead(503).end(); else json(response, packumentOf('widget', '1.0.0')) }
    await uplink.packument('widget')
    assert.deepEqual([told(), fixture.server.requests.length], [[['packument', 'answered']], 2])
    assert.ok((asked[0]?.seconds ?? 0) > 0)
  })
  it('absence is an answer', async () => {
    fixture.server.handler = status(404)
    const uplink = await client()
    await uplink.packument('widget')
    await uplink.attestations(REF)
    await uplink.keys()
    assert.deepEqual(told(), [['packument', 'answered'], ['attestations', 'answered'], ['keys', 'answered']])
  })
  it('failures, and what is not even asked any more', async () => {
    fixture.server.handler = status(500)
    const uplink = await client({ max_fails: 1 })
    for (let time = 0; time < 2; time++) await assert.rejects(uplink.packument('widget'))
    assert.deepEqual([told(), asked[1]?.seconds, uplink.state.state], [[['packument', 'failed'], ['packument', 'skipped']], 0, 'left-alone'])
  })
  it('a redirect to where nothing may come from is refused', async () => {
    fixture.server.handler = status(302, { location: 'https://evil.example/x.tgz' })
    await assert.rejects((await client()).tarball(`${fixture.server.url}/x.tgz`))
    assert.deepEqual(told(), [['tarball', 'refused']])
  })
  it('a span has the address without its query, and the status of the last answer', async () => {
    fixture.server.handler = status(404)
    await (await client()).tarball(`${fixture.server.url}/x.tgz?signature=secret`)
    const [{ span, notes } = { span: undefined, notes: [] }] = spans
    assert.deepEqual([span?.name, span?.kind, span?.attributes()['url.full'], notes], ['uplink tarball', 'client', `${fixture.server.url}/x.tgz`, [{ 'http.response.status_code': 404 }]])
  })
  it('[14f] another host is not told of the trace', async () => {
    const other = await fixture.other(status(404))
    fixture.server.handler = status(302, { location: `${other.url}/x.tgz` })
    // One that may be redirected anywhere: hosts of tarballs are https, which loopback is not.
    const connection = new Connection(withDefaults({ name: 'up', url: fixture.server.url, registry: 'https://registry.example' }), { clock: fixture.clock, userAgent: 'test', tracing })
    const question = { kind: 'tarball' as const, url: new URL('/x.tgz', fixture.server.url), what: 'it', headers: {}, deadline: 10_000, allows: () => true, refused: () => new RequestFailure('refused'), answers: [404] }
    await connection.ask(question, ({ body }) => discard(body))
    await connection.close()
    assert.deepEqual([fixture, { server: other }].map(({ server }) => server.requests.map(({ headers }) => headers.traceparent)), [['00-a-b-01'], [undefined]])
  })
  it('what waits and what is on its way', async () => {
    const uplink = await client()
    let state = uplink.state
    fixture.server.handler = (_request, response) => {
      state = uplink.state
      json(response, packumentOf('widget', '1.0.0'))
    }
    await uplink.packument('widget')
    assert.deepEqual([state.running, state.waiting, uplink.state.running], [1, { foreground: 0, background: 0 }, 0])
  })
})
