import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { accessLog } from '../../../plugin/http/access-log.ts'

describe('access log of warm answers', () => {
  const lines: unknown[] = []
  const logger = { http: (fields: object) => { lines.push(fields) }, isLevelEnabled: (level: string) => level === 'http' }
  const logged = (method: string, statusCode: number, headers: object = {}): unknown => {
    lines.length = 0
    const response = Object.assign(new EventEmitter(), { statusCode, getHeader: () => 42 })
    accessLog(logger)?.({ method, url: '/widget', headers, socket: { remoteAddress: '127.0.0.1' } } as unknown as IncomingMessage, response as unknown as ServerResponse, 7)
    assert.deepEqual(lines, [])
    response.emit('close')
    return lines[0]
  }
  const line = { request: { method: 'GET', url: '/widget' }, user: null, remoteIP: '127.0.0.1', status: 200, bytes: { in: 0, out: 42 } }

  it('a line for each, as of any other request, when it has ended', () => {
    assert.deepEqual(logged('GET', 200), line)
    assert.deepEqual(logged('GET', 304), { ...line, status: 304, bytes: { in: 0, out: 0 } })
    assert.deepEqual(logged('HEAD', 200), { ...line, request: { method: 'HEAD', url: '/widget' }, bytes: { in: 0, out: 0 } })
    assert.deepEqual(logged('GET', 200, { 'x-forwarded-for': '10.0.0.1' }), { ...line, remoteIP: '10.0.0.1 via 127.0.0.1' })
  })
  it('the length of the body where no header says it', () => {
    const response = Object.assign(new EventEmitter(), { statusCode: 200, getHeader: () => undefined })
    accessLog(logger)?.({ method: 'GET', url: '/widget', headers: {}, socket: { remoteAddress: '127.0.0.1' } } as unknown as IncomingMessage, response as unknown as ServerResponse, 7)
    response.emit('close')
    assert.deepEqual(lines.at(-1), { ...line, bytes: { in: 0, out: 7 } })
  })
  it('none where requests are not logged', () => {
    assert.equal(accessLog({ ...logger, isLevelEnabled: () => false }), undefined)
    assert.equal(accessLog({ isLevelEnabled: () => true }), undefined)
  })
})
