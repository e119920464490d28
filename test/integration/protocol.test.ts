/** HTTP as clients and caches speak it, through a whole mirror; what routes answer at all is in routes.test.ts. */
import assert from 'node:assert/strict'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { raw, register, type RawAnswer } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'

const FULL = 'application/json'
const SHORT = 'application/vnd.npm.install-v1+json'
const TARBALL = '/@acme/widget/-/widget-1.0.0.tgz'
const NOW = new Date('2026-05-01T12:00:00.000Z')

describe('the protocol', function () {
  this.timeout(20_000)
  const clock = settableClock(NOW)
  let registry: FakeRegistry
  let mirror: TestMirror
  let bytes: Buffer
  let token: string

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create({ clock }) })
    mirror = await startTestMirror({ registry, clock, policy: { ...NO_AGE, rules: [{ packages: ['shady'], verdict: 'deny', reason: 'no' }] } })
    bytes = registry.publish({ name: '@acme/widget', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) }).tarball
    registry.publish({ name: 'shady', version: '1.0.0' })
    token = await register(mirror.url, 'alice')
    for (const name of ['home-made', '@home/made']) assert.equal((await publishTo(mirror.url, token, name, '1.0.0')).status, 201)
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  const ask = (where: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<RawAnswer> => raw(mirror.url, where, { headers, method })
  const etagOf = async (where: string, headers: Readonly<Record<string, string>> = {}): Promise<string> => (await ask(where, headers)).headers.etag ?? ''

  describe('HEAD', () => {
    for (const where of ['/@acme%2fwidget', '/@acme%2fwidget/1.0.0', '/-/package/@acme%2fwidget/dist-tags', TARBALL, '/-/npm/v1/keys', '/-/npm/v1/attestations/@acme%2fwidget@1.0.0', '/-/provenance/v1/packages/@acme%2fwidget', '/@home%2fmade', '/home-made/-/home-made-1.0.0.tgz'])
      it(`${where}: the headers of GET, and no body`, async () => {
        const [head, get] = [await ask(where, {}, 'HEAD'), await ask(where)]
        const of = ({ status, headers }: RawAnswer): unknown => [status, headers['content-type'], headers['content-length'], headers.etag, headers['cache-control']]
        assert.deepEqual(of(head), of(get))
        assert.deepEqual([head.status, head.body.length], [200, 0])
        assert.equal(Number(get.headers['content-length']), get.body.length)
      })
    it('a refusal: its headers, and no body', async () => {
      const [head, get] = [await ask('/shady', {}, 'HEAD'), await ask('/shady')]
      assert.deepEqual([head.status, head.body.length, head.headers['content-length']], [403, 0, get.headers['content-length']])
    })
    it('Range means nothing to it (RFC 9110, 14.2)', async () => {
      const { status, headers } = await ask(TARBALL, { range: 'bytes=0-3' }, 'HEAD')
      assert.deepEqual([status, headers['content-length']], [200, String(bytes.length)])
    })
  })

  describe('Range', () => {
    const parts = async (range: string, more: Readonly<Record<string, string>> = {}): Promise<RawAnswer> => ask(TARBALL, { range, ...more })
    it('from the middle to the end', async () => {
      const { status, headers, body } = await parts('bytes=100-')
      assert.deepEqual([status, headers['content-range']], [206, `bytes 100-${String(bytes.length - 1)}/${String(bytes.length)}`])
      assert.deepEqual(body, bytes.subarray(100))
    })
    it('the last bytes', async () => {
      const { status, body } = await parts('bytes=-5')
      assert.equal(status, 206)
      assert.deepEqual(body, bytes.subarray(-5))
    })
    it('an end past the end is the end', async () => assert.deepEqual((await parts('bytes=10-99999999')).body, bytes.subarray(10)))
    it('past the end is 416 and says how long it is', async () => {
      const { status, headers } = await parts('bytes=99999999-')
      assert.deepEqual([status, headers['content-range']], [416, `bytes */${String(bytes.length)}`])
    })
    it('several are answered with all of it', async () => {
      const { status, body } = await parts('bytes=0-1,5-6')
      assert.deepEqual([status, body.length], [200, bytes.length])
    })
    for (const range of ['bytes=x-y', 'items=0-1', 'bytes=5-1'])
      it(`"${range}" is ignored`, async () => assert.ok([200, 416].includes((await parts(range)).status)))
    it('If-Range of these bytes', async () => assert.equal((await parts('bytes=0-3', { 'if-range': await etagOf(TARBALL) })).status, 206))
    it('If-Range of others is answered with all of it', async () => {
      for (const validator of ['"other"', `W/${await etagOf(TARBALL)}`, new Date(0).toUTCString()]) assert.equal((await parts('bytes=0-3', { 'if-range': validator })).status, 200, validator)
    })
    it('[15e] a part of a refused tarball is refused', async () => assert.equal((await ask('/shady/-/shady-1.0.0.tgz', { range: 'bytes=0-3' })).status, 403))
    it('a packument has no parts', async () => assert.equal((await ask('/@acme%2fwidget', { range: 'bytes=0-3' })).status, 200))
  })

  describe('conditional requests', () => {
    for (const where of ['/@acme%2fwidget', '/@acme%2fwidget/1.0.0', '/-/package/@acme%2fwidget/dist-tags', '/-/npm/v1/attestations/@acme%2fwidget@1.0.0', TARBALL, '/@home%2fmade', '/home-made/-/home-made-1.0.0.tgz']) {
      it(`${where}: one of several tags, weak ones, and any`, async () => {
        const etag = await etagOf(where)
        for (const tags of [`"a", ${etag}`, `W/"b",W/${etag}`, `${etag} ,"c"`, '*']) {
          const { status, headers, body } = await ask(where, { 'if-none-match': tags })
          assert.deepEqual([status, body.length, headers.etag], [304, 0, etag], tags)
          assert.ok(headers['cache-control'], tags)
        }
        assert.equal((await ask(where, { 'if-none-match': `"a", W/"b"` })).status, 200)
      })
      it(`${where}: the tag wins over a date`, async () => {
        assert.equal((await ask(where, { 'if-none-match': '"other"', 'if-modified-since': new Date(2100, 1).toUTCString() })).status, 200)
      })
    }
    it('each encoding has its tag, and none is sent that has no tag of its own', async () => {
      const encodings = ['identity', 'gzip', 'br', 'deflate', 'zstd', 'br;q=1, gzip;q=0.5', '*', 'gzip;q=0']
      const answers = await Promise.all(encodings.map(async (encoding) => ask('/@acme%2fwidget', { 'accept-encoding': encoding })))
      const tags = new Map<string, Set<string>>()
      for (const { headers } of answers) {
        const encoding = headers['content-encoding'] ?? 'identity'
        tags.set(encoding, (tags.get(encoding) ?? new Set()).add(headers.etag ?? ''))
      }
      assert.deepEqual([...tags.keys()].sort(), ['gzip', 'identity'])
      for (const [encoding, of] of tags) assert.equal(of.size, 1, encoding)
    })
    it('full and abbreviated have a tag each', async () => assert.notEqual(await etagOf('/@acme%2fwidget', { accept: FULL }), await etagOf('/@acme%2fwidget', { accept: SHORT })))
    it('If-Match of other bytes is 412, of these 200', async () => {
      assert.equal((await ask(TARBALL, { 'if-match': '"other"' })).status, 412)
      assert.equal((await ask(TARBALL, { 'if-match': await etagOf(TARBALL) })).status, 200)
    })
    it('If-Modified-Since, and Last-Modified that moves with what is served', async () => {
      registry.publish({ name: 'moving', version: '1.0.0', time: new Date(NOW.getTime() - 90 * 86_400_000) })
      const { headers: { 'last-modified': first = '' } } = await ask('/moving')
      assert.equal(first, NOW.toUTCString())
      assert.equal((await ask('/moving', { 'if-modified-since': first })).status, 304)
      assert.equal((await ask('/moving', { 'if-modified-since': new Date(NOW.getTime() - 1000).toUTCString() })).status, 200)
      assert.equal((await ask('/moving', { 'if-modified-since': 'yesterday' })).status, 200)
      clock.advance(5000)
      registry.publish({ name: 'moving', version: '1.0.1', time: new Date(NOW.getTime() - 60 * 86_400_000) })
      const { headers: { 'last-modified': second = '' }, status } = await ask('/moving', { 'if-modified-since': first })
      assert.deepEqual([status, Date.parse(second) - Date.parse(first)], [200, 5000])
    })
  })

  describe('Accept', () => {
    for (const [accept, type] of [
      [`${SHORT}; q=1.0, ${FULL}; q=0.8, */*`, SHORT],
      [`${FULL}; q=1.0, ${SHORT}; q=0.8`, FULL],
      [`${SHORT};q=0.1, ${FULL};q=0`, SHORT],
      [`${SHORT};q=0, */*`, FULL],
      ['*/*', FULL],
      ['text/html', FULL],
      ['', FULL],
    ] as const)
      it(`"${accept}" is ${type === SHORT ? 'abbreviated' : 'full'}`, async () => {
        const { headers, body } = await ask('/@acme%2fwidget', { accept })
        assert.deepEqual([headers['content-type'], headers.vary], [type, 'Accept, Accept-Encoding'])
        assert.equal(Object.hasOwn(JSON.parse(body.toString()) as object, 'readme'), type === FULL)
      })
  })

  describe('addresses', () => {
    for (const [name, there, local] of [['@acme/widget', '@acme', false], ['@home/made', '@home', true]] as const)
      describe(local ? 'of what is published here' : 'of an uplink\'s', () => {
        const bare = name.slice(there.length + 1)
        for (const path of [`${there}%2f${bare}`, `${there}%2F${bare}`, `${there}/${bare}`, `%40${there.slice(1)}%2f${bare}`, `%40${there.slice(1)}/${bare}`, `%40${there.slice(1)}%2F${bare}`])
          it(`[15a,b] /${path}, with and without a slash behind it, and its version, tarball and tags`, async () => {
            for (const where of [`/${path}`, `/${path}/`, `/${path}?x=1`]) assert.equal((JSON.parse((await ask(where)).body.toString()) as JsonObject).name, name, where)
            for (const where of [`/${path}/1.0.0`, `/${path}/latest`]) assert.equal((JSON.parse((await ask(where)).body.toString()) as JsonObject).version, '1.0.0', where)
            assert.equal((await ask(`/${path}/-/${bare}-1.0.0.tgz`)).status, 200)
            assert.equal((await ask(`/-/package/${path}/dist-tags`)).status, 200)
          })
        for (const path of [`${there}%252f${bare}`, `%2540${there.slice(1)}%2f${bare}`, `${there}%2f%2f${bare}`, `${there}%5c${bare}`, `${there}%2f${bare}%00`])
          it(`[15a] /${path} is another name, which nobody has`, async () => {
            const { status, headers } = await ask(`/${path}`)
            assert.ok([400, 404].includes(status), String(status))
            assert.match(String(headers['content-type']), /json/)
          })
      })
    for (const where of ['/%', '/%zz', '/@acme%2', '/%c0%af', '/widget/-/%E0%A4%A.tgz'])
      it(`${where} cannot be decoded: 400 as JSON`, async () => {
        const { status, headers } = await ask(where)
        assert.deepEqual([status, String(headers['content-type']).includes('json')], [400, true])
      })
  })

  describe('?write=true', () => {
    it('of an uplink\'s package is what anybody is shown', async () => {
      const { status, body } = await ask('/@acme%2fwidget?write=true', { authorization: `Bearer ${token}` })
      assert.deepEqual([status, Object.keys((JSON.parse(body.toString()) as { versions: object }).versions)], [200, ['1.0.0']])
    })
    it('[15h] shows a refused package of an uplink to nobody', async () => assert.equal((await ask('/shady?write=true', { authorization: `Bearer ${token}` })).status, 403))
    it('of what is published here has its revision, for whoever may publish', async () => {
      const revision = async (headers: Readonly<Record<string, string>>): Promise<unknown> => (JSON.parse((await ask('/home-made?write=true', headers)).body.toString()) as JsonObject)._rev
      assert.match(String(await revision({ authorization: `Bearer ${token}` })), /^\d+-/)
    })
  })

  describe('other methods', () => {
    for (const [method, where] of [['POST', '/@acme%2fwidget'], ['PATCH', '/@acme%2fwidget'], ['DELETE', '/@acme%2fwidget'], ['POST', TARBALL], ['GET', '/-/npm/v1/security/advisories/bulk'], ['PUT', '/-/npm/v1/keys']] as const)
      it(`${method} ${where} changes nothing`, async () => {
        const { status } = await ask(where, { authorization: `Bearer ${token}` }, method)
        assert.ok(status >= 400 && status < 500, String(status))
        assert.equal((await ask(TARBALL)).status, 200)
      })
  })
})
