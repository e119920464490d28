import assert from 'node:assert/strict'
import { Breaker } from '../../../plugin/upstream/breaker.ts'
import { Connection } from '../../../plugin/upstream/connection.ts'
import { RequestFailure } from '../../../plugin/upstream/failure.ts'
import { withDefaults } from '../../../plugin/upstream/options.ts'
import { bytesOf, Fixture, json, status, TestClock } from './support.ts'

describe('upstream: credentials', () => {
  let fixture: Fixture
  beforeEach(async () => {
    fixture = await Fixture.create(status(404))
  })
  afterEach(() => fixture.dispose())
  const secrets = { auth: { type: 'bearer', token: 's3cret' }, headers: { 'x-secret': 's3cret' } } as const

  /** A connection as the client makes it, that may be redirected anywhere: hosts of tarballs are https, which loopback is not. */
  const follow = async (url: string): Promise<void> => {
    const uplink = withDefaults({ name: 'up', url: fixture.server.url, registry: 'https://registry.example', ...secrets })
    const connection = new Connection(uplink, { clock: new TestClock(), userAgent: 'test' })
    const question = {
      kind: 'packument' as const,
      url: new URL(url),
      what: 'it',
      headers: {},
      deadline: 10_000,
      allows: () => true,
      refused: () => new RequestFailure('refused'),
      answers: [200],
    }
    await connection.ask(question, (answer) => bytesOf(answer.body as AsyncIterable<Uint8Array>))
    await connection.close()
  }

  it('[14f] do not travel to another host', async () => {
    const other = await fixture.other((_request, response) => { json(response, {}) })
    fixture.server.handler = status(302, { location: other.url })
    await follow(fixture.server.url)
    assert.equal(fixture.server.requests[0]!.headers.authorization, 'Bearer s3cret')
    const { headers } = other.requests[0]!
    assert.deepEqual([headers.authorization, headers['x-secret']], [undefined, undefined])
  })

  it('[14f] are not given back when another host redirects home', async () => {
    const other = await fixture.other(status(302, { location: `${fixture.server.url}/home` }))
    fixture.server.handler = (request, response, count) => {
      if (request.url === '/home') json(response, {})
      else status(302, { location: other.url })(request, response, count)
    }
    await follow(fixture.server.url)
    assert.equal(fixture.server.requests[1]!.headers.authorization, undefined)
  })

  it('[14f] do not go to a configured attestations address on another host', async () => {
    const other = await fixture.other((_request, response) => { json(response, {}) })
    const client = await fixture.client({ ...secrets, attestations: `${other.url}/base` })
    await client.attestations({ name: 'widget', version: '1.0.0' })
    const { url, headers } = other.requests[0]!
    assert.equal(url, '/base/-/npm/v1/attestations/widget@1.0.0')
    assert.deepEqual([headers.authorization, headers['x-secret']], [undefined, undefined])
    assert.equal(fixture.server.requests.length, 0)
  })
})

describe('upstream: circuit breaker', () => {
  it('one failure after the time-out closes the uplink again', () => {
    const clock = new TestClock()
    const breaker = new Breaker(2, 1000, clock)
    const seen: boolean[] = []
    const failed = (): void => { breaker.failed() }
    const answered = (): void => { breaker.answered() }
    const wait = (): void => { clock.advance(1000) }
    for (const step of [failed, failed, wait, failed, answered]) {
      step()
      seen.push(breaker.isOpen)
    }
    assert.deepEqual(seen, [false, true, false, true, false])
  })

  it('max_fails 0 never does', () => {
    const breaker = new Breaker(0, 1000, new TestClock())
    breaker.failed()
    assert.equal(breaker.isOpen, false)
  })
})
