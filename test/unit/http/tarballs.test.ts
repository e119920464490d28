/** Sending tarballs over plain node:http: parts, conditions (RFC 9110), slow and vanishing clients, files touched on the way. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { StoredTarball } from '../../../plugin/domain/ports.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import { policyWarning, sendTarball, type TarballToSend } from '../../../plugin/http/tarballs.ts'
import { FileByteStore } from '../../../plugin/store/bytes.ts'

const BYTES = Buffer.from('0123456789')
const ETAG = `"${'ab'.repeat(64).slice(0, 43)}"`
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const ALLOWED: Verdict = { outcome: 'allow', rule: 'ours', reasons: [] }
const later = (): number => Date.now() + 1000

interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  /** It ended as it had announced. */
  readonly isComplete: boolean
}

describe('http: sendTarball', () => {
  let server: http.Server
  let toSend: TarballToSend
  let errors: unknown[]
  /** Answers that have not ended. */
  const going = new Set<http.ServerResponse>()
  let ended: () => void
  let sending: Promise<void>
  const small = (read: StoredTarball['read'] = (start, end) => ({ bytes: BYTES.subarray(start, end) })): StoredTarball => ({ sha512: 'ab'.repeat(64), path: '', size: BYTES.length, read })

  before(async () => {
    server = http.createServer((request, response) => {
      going.add(response)
      response.once('close', () => {
        going.delete(response)
        ended()
      })
      sending = sendTarball(request, response, toSend).catch((error: unknown) => {
        errors.push(error)
        if (!response.headersSent) response.writeHead(503).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    toSend = { tarball: small(), warning: undefined }
    errors = []
    ended = () => undefined
  })
  const allEnded = (): Promise<void> => new Promise((resolve) => {
    ended = () => { if (going.size === 0) resolve() }
  })
  const portOf = (): number => (server.address() as AddressInfo).port
  /** `onResponse` comes before anything of the body is read. */
  const ask = (headers: http.OutgoingHttpHeaders = {}, method = 'GET', onResponse: (response: http.IncomingMessage) => void = () => undefined): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: portOf(), method, path: '/', headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        const answer = (): void => { resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), isComplete: response.complete }) }
        response.on('error', () => undefined).on('close', answer)
        onResponse(response)
        response.on('data', (chunk: Buffer) => { chunks.push(chunk) })
      })
      request.on('error', reject).end()
    })

  describe('Range (RFC 9110, 14)', () => {
    const cases: readonly (readonly [string, number, string])[] = [
      ['bytes=0-3', 206, '0123'],
      ['bytes=4-', 206, '456789'],
      ['bytes=-3', 206, '789'],
      ['bytes=-10', 206, '0123456789'],
      ['bytes=-99', 206, '0123456789'],
      ['bytes=9-9', 206, '9'],
      ['bytes=0-', 206, '0123456789'],
      ['bytes=8-99999999999999999999999', 206, '89'],
      ['Bytes=0-3', 206, '0123'],
      ['bytes= 0-3 ', 206, '0123'],
      ['bytes=10-', 416, ''],
      ['bytes=10-12', 416, ''],
      ['bytes=99999999999999999999999-', 416, ''],
      ['bytes=-0', 416, ''],
      ['bytes=0-1,3-4', 200, '0123456789'],
      ['bytes=0-1,99-', 200, '0123456789'],
      [`bytes=${'0-,'.repeat(3000)}0-`, 200, '0123456789'],
      ['bytes=5-1', 200, '0123456789'],
      ['bytes=', 200, '0123456789'],
      ['bytes=-', 200, '0123456789'],
      ['bytes=--1', 200, '0123456789'],
      ['bytes=1', 200, '0123456789'],
      ['bytes=0x1-2', 200, '0123456789'],
      ['bytes=1e0-2', 200, '0123456789'],
      ['bytes=+1-2', 200, '0123456789'],
      ['items=0-3', 200, '0123456789'],
      ['0-3', 200, '0123456789'],
      ['', 200, '0123456789'],
    ]
    for (const [range, status, text] of cases)
      it(`${range.slice(0, 40)}: ${String(status)}`, async () => {
        const answer = await ask({ range })
        assert.deepEqual([answer.status, String(answer.body), answer.headers['content-length']], [status, text, String(text.length)])
        const start = BYTES.indexOf(text)
        const expected = { 200: undefined, 206: `bytes ${String(start)}-${String(start + text.length - 1)}/10`, 416: 'bytes */10' }[status]
        assert.equal(answer.headers['content-range'], expected)
        assert.equal(answer.headers.etag, ETAG)
      })
    it('of nothing', async () => {
      toSend = { tarball: { ...small(), size: 0 }, warning: undefined }
      assert.deepEqual([(await ask({ range: 'bytes=-5' })).status, (await ask({ range: 'bytes=0-' })).status, (await ask()).status], [416, 416, 200])
    })
    it('HEAD has no parts', async () => {
      const { status, headers, body } = await ask({ range: 'bytes=0-3' }, 'HEAD')
      assert.deepEqual([status, headers['content-length'], headers['accept-ranges'], body.length], [200, '10', 'bytes', 0])
    })
    for (const [validator, status] of [[ETAG, 206], [`W/${ETAG}`, 200], ['"other"', 200], [`"a", ${ETAG}`, 200], ['Thu, 01 Jan 2099 00:00:00 GMT', 200], ['*', 200]] as const)
      it(`If-Range: ${validator.slice(0, 12)}: ${String(status)}`, async () => assert.equal((await ask({ range: 'bytes=0-3', 'if-range': validator })).status, status))
    it('If-Range without a range means nothing', async () => assert.equal((await ask({ 'if-range': '"other"' })).status, 200))
  })

  describe('conditions (RFC 9110, 13)', () => {
    const cases: readonly (readonly [http.OutgoingHttpHeaders, number])[] = [
      [{ 'if-none-match': ETAG }, 304],
      [{ 'if-none-match': `W/${ETAG}` }, 304],
      [{ 'if-none-match': `"a,b",W/"c" , ${ETAG}` }, 304],
      [{ 'if-none-match': '*' }, 304],
      [{ 'if-none-match': '"other"' }, 200],
      [{ 'if-none-match': ETAG.slice(1, -1) }, 200],
      [{ 'if-none-match': `"x${ETAG.slice(1)}` }, 200],
      [{ 'if-none-match': ETAG, range: 'bytes=0-3' }, 304],
      [{ 'if-none-match': '"other"', range: 'bytes=0-3' }, 206],
      [{ 'if-none-match': ETAG, range: 'bytes=99-' }, 304],
      [{ 'if-modified-since': 'Thu, 01 Jan 2099 00:00:00 GMT' }, 200],
      [{ 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
      [{ 'if-match': ETAG }, 200],
      [{ 'if-match': '*' }, 200],
      [{ 'if-match': `"a", ${ETAG}` }, 200],
      [{ 'if-match': '"other"' }, 412],
      [{ 'if-match': `W/${ETAG}` }, 412],
      [{ 'if-match': '"other"', 'if-none-match': ETAG }, 412],
      [{ 'if-match': ETAG, 'if-none-match': ETAG }, 304],
      [{ 'if-match': '"other"', range: 'bytes=0-3' }, 412],
    ]
    for (const [headers, status] of cases)
      it(`${JSON.stringify(headers).replaceAll(ETAG.slice(1, -1), 'ours').slice(0, 80)}: ${String(status)}`, async () => {
        for (const method of ['GET', 'HEAD']) {
          const answer = await ask(headers, method)
          const expected = method === 'HEAD' && status === 206 ? 200 : status
          assert.deepEqual([answer.status, answer.headers.etag, answer.headers['cache-control']], [expected, ETAG, 'no-cache'])
          if (status === 304 || status === 412) assert.equal(answer.body.length, 0)
        }
      })
  })

  it('what policy warns of is said with the whole, a part, and 304', async () => {
    const warning = policyWarning({ ...ALLOWED, outcome: 'warn', reasons: [reason('evidence-withdrawn', 'x'), reason('trust-downgrade', 'y'), reason('evidence-withdrawn', 'z')] })
    toSend = { tarball: small(), warning }
    for (const headers of [{}, { range: 'bytes=0-3' }, { 'if-none-match': ETAG }]) assert.equal((await ask(headers)).headers['npm-policy-warning'], 'evidence-withdrawn trust-downgrade')
    assert.equal(policyWarning(ALLOWED), undefined)
  })

  it('bytes at hand are sent before it returns, in one piece', async () => {
    const response = new http.ServerResponse(new http.IncomingMessage(new net.Socket()))
    void sendTarball(response.req, response, { tarball: small(), warning: undefined })
    assert.deepEqual([response.headersSent, response.writableEnded, response.getHeader('transfer-encoding')], [true, true, undefined])
    await Promise.resolve()
  })
  it('a loan is ended once the bytes are gone, and when the client is', async () => {
    const returned = Promise.withResolvers<boolean>()
    toSend = { tarball: small((start, end) => ({ bytes: BYTES.subarray(start, end), release: returned.resolve })), warning: undefined }
    await ask()
    assert.equal(await returned.promise, true)

    const large = Buffer.alloc(40_000_000)
    const lost = Promise.withResolvers<boolean>()
    toSend = { tarball: { ...small(() => ({ bytes: large, release: lost.resolve })), size: large.length }, warning: undefined }
    await ask({}, 'GET', (response) => response.destroy())
    assert.equal(await lost.promise, false)
  })
  it('what cannot be read is for the caller to answer', async () => {
    toSend = { tarball: small(() => { throw new Unavailable('internal-error', 'touched') }), warning: undefined }
    assert.equal((await ask()).status, 503)
    toSend = { tarball: small(() => failing()), warning: undefined }
    assert.equal((await ask()).status, 503)
    assert.equal(errors.length, 2)
  })

  describe('from disk, to a client that takes its time', () => {
    const large = randomBytes(24_000_000)
    let dir: string
    let store: FileByteStore
    let tarball: StoredTarball
    before(() => { dir = mkdtempSync(path.join(tmpdir(), 'send-')) })
    after(() => { rmSync(dir, { recursive: true, force: true }) })
    beforeEach(async () => {
      store = await FileByteStore.open({ dir, memory: 0, now: later })
      const sha512 = hash('sha512', large)
      await store.ingest((async function* () { yield await Promise.resolve(large) })(), sha512)
      tarball = (await store.tarball(sha512))!
      toSend = { tarball, warning: undefined }
    })
    afterEach(() => store.close())

    it('it gets every byte, and so does one that asks for a part', async () => {
      const [whole, part] = await Promise.all([ask(), ask({ range: 'bytes=1000000-9000000' })])
      assert.ok(whole.body.equals(large) && whole.isComplete)
      assert.ok(part.body.equals(large.subarray(1_000_000, 9_000_001)) && part.isComplete)
    })
    const touches: readonly (readonly [string, () => void])[] = [
      ['altered', () => { writeFileSync(tarball.path, Buffer.alloc(large.length)) }],
      ['cut short', () => { truncateSync(tarball.path, 10_000_000) }],
      ['replaced', () => {
        writeFileSync(`${tarball.path}.other`, Buffer.alloc(large.length))
        renameSync(`${tarball.path}.other`, tarball.path)
      }],
    ]
    for (const [how, touch] of touches)
      it(`[18a] the file is ${how} meanwhile: it never gets a whole answer, nor the next one other bytes`, async () => {
        // On a connection that stays, what follows would be taken for the rest of it.
        const answer = await ask({ connection: 'keep-alive' }, 'GET', touch)
        assert.deepEqual([answer.status, answer.headers['content-length'], answer.isComplete], [200, String(large.length), false])
        assert.ok(answer.body.length < large.length)
        assert.equal(await store.tarball(tarball.sha512), undefined)
      })
    it('it goes away: its file is let go', async () => {
      const end = allEnded()
      await ask({}, 'GET', (response) => response.destroy())
      await end
      await sending
      assert.deepEqual(errors, [])
      // It is closed by its last reader at the latest, and there is none any more.
      await store.close()
      if (process.platform === 'linux') assert.deepEqual(readdirSync('/proc/self/fd').filter((fd) => isOpenOn(fd, tarball.path)), [])
    })
    it('it goes away while others wait behind it on one connection', async () => {
      const end = allEnded()
      const socket = net.connect(portOf(), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(REQUEST.repeat(3))
      await once(socket, 'data')
      assert.equal(going.size, 3)
      socket.destroy()
      await end
      assert.deepEqual(errors, [])
    })
    it('one that takes nothing at all is left', async () => {
      toSend = { tarball, warning: undefined, patience: 50 }
      const end = allEnded()
      const socket = net.connect(portOf(), '127.0.0.1').on('error', () => undefined).pause()
      socket.write(REQUEST)
      await end
      socket.destroy()
    })
  })
})

function isOpenOn(fd: string, file: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === file
  } catch {
    return false
  }
}

async function* failing(): AsyncGenerator<Uint8Array> {
  await Promise.reject(new Unavailable('internal-error', 'touched'))
}
