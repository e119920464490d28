import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { Body, isFresh, send } from '../../../plugin/http/respond.ts'
import { Served, type Answer, type Ask } from './support.ts'

const DOCUMENT = { name: 'widget', text: 'x'.repeat(2000) }
const MODIFIED = new Date('2026-05-01T10:00:00.500Z')

describe('sending a body', () => {
  const served = new Served()
  const body = new Body(DOCUMENT, 'application/json')
  before(async () => {
    await served.start()
    served.handler = (request, response) => send(request, response, body, { lastModified: MODIFIED, cacheControl: 'no-cache' })
  })
  after(() => served.stop())

  const ask = (headers: Ask['headers'] = {}, method = 'GET'): Promise<Answer> => served.ask({ method, headers })
  const [PLAIN, ZIPPED] = [body.etag('identity'), body.etag('gzip')]

  it('as it is, to who accepts no encoding', async () => {
    const { status, headers, body: bytes } = await ask()
    assert.deepEqual([status, headers['content-encoding'], headers['content-length']], [200, undefined, String(body.identity.length)])
    assert.deepEqual(bytes, body.identity)
  })
  it('gzipped, to who accepts that', async () => {
    const { headers, body: bytes } = await ask({ 'accept-encoding': 'br, gzip' })
    assert.equal(headers['content-encoding'], 'gzip')
    assert.equal(headers['content-length'], String(bytes.length))
    assert.deepEqual(gunzipSync(bytes), body.identity)
  })
  it('as it is, to who excludes gzip', async () => assert.equal((await ask({ 'accept-encoding': 'gzip;q=0, identity' })).headers['content-encoding'], undefined))
  it('each encoding has a strong ETag of its own', async () => {
    const [plain, zipped] = [await ask(), await ask({ 'accept-encoding': 'gzip' })]
    assert.deepEqual([plain.headers.etag, zipped.headers.etag], [PLAIN, ZIPPED])
    assert.notEqual(PLAIN, ZIPPED)
    assert.match(PLAIN, /^"[^"]+"$/)
  })
  it('in memory of its own: small Buffers share 64 KB, which would stay as long as the body', async () => {
    const small = new Body({ name: 'widget' }, 'application/json')
    const zipped = await small.bytes('gzip')
    assert.deepEqual([small.identity.buffer.byteLength, zipped.buffer.byteLength], [small.identity.length, zipped.length])
  })
  it('another document has another ETag', () => assert.notEqual(new Body({ name: 'other' }, 'application/json').etag('identity'), PLAIN))
  it('with its validators and how to keep it', async () => {
    const { headers } = await ask()
    assert.deepEqual(
      [headers['cache-control'], headers.vary, headers['last-modified'], headers['content-type']],
      ['no-cache', 'Accept, Accept-Encoding', 'Fri, 01 May 2026 10:00:00 GMT', 'application/json'],
    )
  })
  it('HEAD: all headers, no body', async () => {
    const { status, headers, body: bytes } = await ask({}, 'HEAD')
    assert.deepEqual([status, headers['content-length'], bytes.length], [200, String(body.identity.length), 0])
  })

  describe('304', () => {
    for (const [what, headers] of [
      ['the same ETag', { 'if-none-match': PLAIN }],
      ['one of a list', { 'if-none-match': `"a", ${PLAIN} , "b"` }],
      ['its weak form: If-None-Match compares weakly', { 'if-none-match': `W/${PLAIN}` }],
      ['a star', { 'if-none-match': '*' }],
      ['the ETag of the encoding asked for', { 'if-none-match': ZIPPED, 'accept-encoding': 'gzip' }],
      ['a date not before the last change', { 'if-modified-since': 'Fri, 01 May 2026 10:00:00 GMT' }],
    ] as const)
      it(what, async () => {
        const { status, headers: received, body: bytes } = await ask(headers)
        assert.deepEqual([status, bytes.length], [304, 0])
        assert.deepEqual([received['cache-control'], received.etag !== undefined], ['no-cache', true])
      })
  })

  describe('200', () => {
    for (const [what, headers] of [
      ['another ETag', { 'if-none-match': '"other"' }],
      ['the ETag of another encoding', { 'if-none-match': ZIPPED }],
      ['the start of the ETag', { 'if-none-match': PLAIN.slice(0, -2) }],
      ['an earlier date', { 'if-modified-since': 'Fri, 01 May 2026 09:59:59 GMT' }],
      ['a date that is none', { 'if-modified-since': 'soon' }],
      ['another ETag with a good date: If-None-Match wins', { 'if-none-match': '"other"', 'if-modified-since': 'Sat, 02 May 2026 10:00:00 GMT' }],
    ] as const)
      it(what, async () => assert.equal((await ask(headers)).status, 200))
  })

  it('without a Last-Modified no date is fresh', () => {
    assert.equal(isFresh({ headers: { 'if-modified-since': 'Sat, 02 May 2026 10:00:00 GMT' } }, PLAIN, undefined), false)
  })
})
