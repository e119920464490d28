import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AccessLines, answered } from '../../../plugin/http/access-lines.ts'

describe('lines of the access log', () => {
  const NOW = Date.parse('2026-02-03T04:05:06.789Z')
  let written: string[]
  let lines: AccessLines
  const socket = { remoteAddress: '::ffff:10.0.0.7' }
  const request = (more: object = {}): IncomingMessage => ({ method: 'GET', url: '/widget', socket, headers: { 'user-agent': 'npm/11' }, ...more }) as unknown as IncomingMessage
  const response = (more: object = {}): ServerResponse => Object.assign(new EventEmitter(), { statusCode: 200, writableFinished: true, getHeader: () => '42', ...more }) as unknown as ServerResponse
  const last = (): Record<string, unknown> => {
    const line = written.at(-1) ?? ''
    assert.match(line, /^[^\n]*\n$/)
    const { ms, ...rest } = JSON.parse(line) as Record<string, unknown>
    assert.equal(typeof ms, 'number')
    return rest
  }
  const told = (asked: IncomingMessage, answer = response()): Record<string, unknown> => {
    lines.begin(asked, answer)
    answer.emit('close')
    return last()
  }

  beforeEach(() => {
    written = []
    lines = new AccessLines({ add: (pieces, end) => { written.push(Buffer.concat(pieces).toString() + end) } }, () => NOW)
  })

  it('say when, who, what, how and how much', () => {
    assert.deepEqual(told(request()), {
      ...{ time: '2026-02-03T04:05:06.789Z', address: '10.0.0.7', client: 'npm/11' },
      ...{ method: 'GET', url: '/widget', status: 200, bytes: 42, warm: false },
    })
  })
  it('of what was answered again', () => {
    lines.note(request(), answered({ method: 'GET', url: '/widget', status: 304, bytes: 0, isWarm: true }), 0.0123)
    assert.match(written.at(-1) ?? '', /"ms":0\.012}/)
    assert.deepEqual(last(), { time: '2026-02-03T04:05:06.789Z', address: '10.0.0.7', client: 'npm/11', method: 'GET', url: '/widget', status: 304, bytes: 0, warm: true })
  })
  it('come when the answer has ended, and once', () => {
    const [asked, answer] = [request(), response()]
    lines.begin(asked, answer)
    lines.begin(asked, answer)
    assert.deepEqual(written, [])
    answer.emit('close')
    assert.equal(written.length, 1)
  })
  it('status 0 where the client went away before', () => {
    assert.equal(told(request(), response({ writableFinished: false })).status, 0)
  })
  it('no bytes for HEAD and 304, and none said where nobody said so', () => {
    assert.equal(told(request({ method: 'HEAD' })).bytes, 0)
    assert.equal(told(request(), response({ statusCode: 304 })).bytes, 0)
    assert.ok(!('bytes' in told(request(), response({ getHeader: () => undefined }))))
  })
  it('who asks, also over a connection on which another client asked before', () => {
    assert.equal(told(request()).client, 'npm/11')
    assert.equal(told(request({ headers: { 'user-agent': 'pnpm/11' } })).client, 'pnpm/11')
    assert.ok(!('client' in told(request({ headers: {} }))))
    assert.equal(told(request({ remote_user: { name: 'alice' } })).user, 'alice')
    assert.ok(!('user' in told(request())))
  })
  it('the address before trusted proxies, and before no other', () => {
    const forwarded = request({ headers: { 'x-forwarded-for': '192.0.2.1, 10.0.0.9' } })
    assert.equal(told(forwarded).address, '10.0.0.7')
    lines.open((address) => address.includes('10.0.0'))
    assert.equal(told(request({ headers: { 'x-forwarded-for': '192.0.2.1, 10.0.0.9' } })).address, '192.0.2.1')
    assert.equal(told(request()).address, '10.0.0.7')
  })
  it('one line whatever a client sends', () => {
    assert.equal(told(request({ url: '/a"b\\c\u2028\u0000é' })).url, '/a"b\\c\u2028\u0000é')
    assert.equal(told(request({ headers: { 'user-agent': 'a"\u007fb' } })).client, 'a"\u007fb')
    assert.equal((told(request({ url: `/${'x'.repeat(100_000)}` })).url as string).length, 2000)
    assert.equal((told(request({ headers: { 'user-agent': 'y'.repeat(10_000) } })).client as string).length, 200)
  })
  it('no token: `npm logout` names it in the address', () => {
    for (const url of ['/-/user/token/s3cret', '/npm/-/user/token/s3cret?x', '/-/User/TOKEN/s3cret']) assert.doesNotMatch(String(told(request({ method: 'DELETE', url })).url), /s3cret/)
  })
})
