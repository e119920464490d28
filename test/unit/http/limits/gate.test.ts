import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { RequestMeasures } from '../../../../plugin/domain/measures.ts'
import { TRUSTS_NONE } from '../../../../plugin/http/asker.ts'
import { front } from '../../../../plugin/http/front.ts'
import { passwordGate } from '../../../../plugin/http/limits/handler.ts'
import { ClientLimits } from '../../../../plugin/http/limits/limits.ts'
import { settableClock } from '../../../support/mirror.ts'
import { onTheWire, raw } from '../../../support/raw.ts'

const BASIC = { authorization: 'Basic YW5uOng=' }

describe('limits: the gate before Verdaccio', () => {
  let server: http.Server
  let url: string
  let reached: string[]
  let limits: ClientLimits
  const clock = settableClock(new Date('2026-03-01T00:00:00Z'))

  beforeEach(async () => {
    reached = []
    limits = new ClientLimits({ rates: { passwords: { requests: 1, milliseconds: 60_000 } }, connections: undefined, allow: [], clock, measures: new RequestMeasures(), warn: () => undefined })
    const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      reached.push(`${request.method ?? ''} ${request.url ?? ''}`)
      response.end('{}')
    }
    server = http.createServer(front({ urls: [], prefix: '' }, listener, { gate: passwordGate(limits, TRUSTS_NONE) }))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const guessed = (): void => { limits.charge('passwords', { address: '127.0.0.1', user: undefined }) }

  for (const [what, path, request] of [
    ['a password', '/widget', { headers: BASIC }],
    ['a password, spelled otherwise', '/widget', { headers: { authorization: 'bASIC  YW5uOng=' } }],
    ['a login', '/-/user/org.couchdb.user:ann', { method: 'PUT', body: '{"name":"ann","password":"x"}' }],
    ['a login of the web UI', '/-/verdaccio/sec/login', { method: 'POST', body: '{}' }],
  ] as const) {
    it(`${what} is let through`, async () => {
      assert.equal((await raw(url, path, request)).status, 200)
      assert.equal(reached.length, 1)
    })
    it(`${what} is not looked at, after too many wrong ones`, async () => {
      guessed()
      const { status, headers } = await raw(url, path, request)
      assert.deepEqual([status, headers['retry-after'], reached], [429, '60', []])
    })
  }
  it('the rest of a body is not waited for, and no request', async () => {
    guessed()
    const next = 'GET /widget HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const answers = await onTheWire(url, `PUT /-/user/org.couchdb.user:ann HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n${next}`)
    assert.match(answers, /^connection: close\r$/im)
    assert.deepEqual([...answers.matchAll(/^HTTP\/1.1 (\d+)/gm)].map(([, status]) => status), ['429'])
  })
  it('tokens, and questions without any, are let through all the same', async () => {
    guessed()
    for (const headers of [{ authorization: 'Bearer x' }, {}] as const) assert.equal((await raw(url, '/widget', { headers })).status, 200)
  })
})
