/** The built mirror as a process: no request ends it, hangs it, or makes it say that a promise was left alone. */
import assert from 'node:assert/strict'
import { accessSync, constants, rmSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { FakeRegistry } from '../support/fake-registry.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { isBuilt, MAIN, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'
import { onTheWire, raw, register } from '../support/raw.ts'
import { publishTo, sectionFor } from '../support/stored.ts'

const OVERLONG = 'a'.repeat(100_000)

describe('a process', function () {
  this.timeout(30_000)
  let dir: string | undefined
  let registry: FakeRegistry
  let mirror: MirrorProcess
  let authorization: string

  before(async function () {
    if (!isBuilt()) {
      process.stderr.write('skipped: not built (npm run build)\n')
      this.skip()
    }
    dir = temporaryDirectory('process-')
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0' })
    mirror = await serveProcess(dir, sectionFor(dir, registry))
    const token = await register(mirror.url, 'alice')
    authorization = `Bearer ${token}`
    await publishTo(mirror.url, token, 'home-made', '1.0.0')
  })
  after(async () => {
    if (dir === undefined) return
    await mirror.stop()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  async function goesOn(): Promise<void> {
    assert.equal((await fetch(`${mirror.url}/-/ping`)).status, 200)
    assert.doesNotMatch(mirror.output(), /unhandled|uncaught/i)
  }

  const head = (first: string, ...lines: readonly string[]): string => [first, 'Host: localhost', `Authorization: ${authorization}`, ...lines].join('\r\n')
  const get = (path: string, ...lines: readonly string[]): string => `${head(`GET ${path} HTTP/1.1`, ...lines, 'Connection: close')}\r\n\r\n`
  const send = (method: string, path: string, body: string | Uint8Array, ...lines: readonly string[]): Buffer => {
    const length = `Content-Length: ${String(Buffer.byteLength(body))}`
    const type = lines.some((line) => line.startsWith('Content-Type')) ? [] : ['Content-Type: application/json']
    return Buffer.concat([Buffer.from(`${head(`${method} ${path} HTTP/1.1`, ...type, ...lines, length, 'Connection: close')}\r\n\r\n`), Buffer.from(body)])
  }
  const publish = (name: string, version: unknown, attachments: unknown, tags: unknown = { latest: '1.0.0' }): string =>
    JSON.stringify({ _id: name, name, versions: { '1.0.0': version }, 'dist-tags': tags, _attachments: attachments })

  it('is started by its name, as npm links it', () => {
    accessSync(MAIN, constants.X_OK)
  })

  /** Each is answered, with a 4xx or otherwise, and closed. */
  const ANSWERED: Readonly<Record<string, () => string | Uint8Array>> = {
    'no encoding': () => get('/%zz'),
    'no encoding of a file': () => get('/home-made/-/%zz'),
    'an overlong encoding': () => get('/%c0%af'),
    'a NUL': () => get('/home-made%00'),
    'no encoding in the web API': () => get('/-/verdaccio/data/package/readme/%zz'),
    'no encoding in a search': () => get('/-/verdaccio/data/search/%zz'),
    'a query that is a list': () => get('/-/v1/search?text=a&text=b&size[]=1'),
    'a query that is an object': () => get('/-/v1/search?text[a]=b&from[x]=1'),
    'a key that is a list': () => get('/-/_view/starredByUser?key[]=a'),
    'a version that is a list': () => get('/-/verdaccio/data/sidebar/home-made?v[]=1'),
    'a version that is a property': () => get('/-/verdaccio/data/sidebar/home-made?v=__proto__'),
    'a package that is a property': () => get('/-/verdaccio/data/package/readme/__proto__'),
    'a Host that Verdaccio does not take': () => get('/home-made').replace('Host: localhost', 'Host: localhost:'),
    'a Host that nobody takes': () => get('/home-made').replace('Host: localhost', 'Host: \u00ff'),
    'a protocol given twice': () => get('/home-made', 'X-Forwarded-Proto: a', 'X-Forwarded-Proto: b'),
    'a way back': () => get('/-/static/../../../package.json'),
    'a way back, encoded': () => get('/-/static/..%2f..%2f..%2fpackage.json'),
    'a NUL in a static file': () => get('/-/static/%00'),
    'an overlong address': () => get(`/${OVERLONG}`),
    'an overlong header': () => get('/widget', `X: ${OVERLONG}`),
    'many headers': () => get('/widget', ...Array.from({ length: 3000 }, (_, index) => `x${String(index)}: 1`)),
    'an Expect of something': () => get('/widget', 'Expect: everything'),
    'an upgrade': () => get('/widget', 'Upgrade: websocket'),
    'an overlong Range': () => get('/home-made/-/home-made-1.0.0.tgz', `Range: bytes=${'0-0,'.repeat(2000)}`),
    'a Via in no form': () => get('/home-made', 'Via: ,;,'),
    'a body in broken gzip': () => send('PUT', '/home-made', 'not gzip', 'Content-Encoding: gzip'),
    'a body in gzip that is cut': () => send('PUT', '/home-made', gzipSync('{"a":1}').subarray(0, 12), 'Content-Encoding: gzip'),
    'a body in gzip that is a bomb': () => send('PUT', '/home-made', gzipSync(Buffer.alloc(50_000_000)), 'Content-Encoding: gzip'),
    'an unknown encoding': () => send('PUT', '/home-made', '{}', 'Content-Encoding: x'),
    'an unknown character set': () => send('PUT', '/home-made', '{}', 'Content-Type: application/json; charset=x'),
    'JSON that is cut': () => send('PUT', '/home-made', '{'),
    'JSON that is null': () => send('PUT', '/home-made', 'null'),
    'JSON that is deep': () => send('PUT', '/home-made', '['.repeat(100_000)),
    'JSON with a prototype': () => send('PUT', '/new', '{"__proto__":{"_attachments":{"a":1}},"name":"new"}'),
    'an attachment that is null': () => send('PUT', '/new', publish('new', {}, { 'new-1.0.0.tgz': null })),
    'an attachment whose data is a number': () => send('PUT', '/new', publish('new', {}, { 'new-1.0.0.tgz': { data: 5 } })),
    'an attachment without a name': () => send('PUT', '/new', publish('new', {}, { '': { data: 'eA==' } })),
    'an attachment that ends in a slash': () => send('PUT', '/new', publish('new', {}, { 'new/': { data: 'eA==' } })),
    'an attachment with a star': () => send('PUT', '/new', publish('new', {}, { 'a*b': { data: 'eA==' } })),
    'a version that is null': () => send('PUT', '/new', publish('new', null, { 'new-1.0.0.tgz': { data: 'eA==' } })),
    'a version of numbers': () => send('PUT', '/newer', publish('newer', { dist: 5, readme: 5, contributors: 5 }, { 'newer-1.0.0.tgz': { data: 'eA==' } })),
    'tags that are null': () => send('PUT', '/newest', publish('newest', { name: 'newest' }, { 'newest-1.0.0.tgz': { data: 'eA==' } }, null)),
    'a tag that is a property': () => send('PUT', '/-/package/home-made/dist-tags/constructor', '"__proto__"'),
    'tags that are no tags': () => send('POST', '/-/package/home-made/dist-tags', '{"a":{}}'),
    'a star of nobody': () => send('PUT', '/home-made', '{"users":{"x":true}}').subarray(),
    'users that are null': () => send('PUT', '/home-made/-rev/1', '{"name":"home-made","versions":null,"users":null}'),
    'an upload of no tarball': () => send('PUT', '/home-made/-/home-made-2.0.0.tgz/1', 'x', 'Content-Type: application/octet-stream'),
    'a removal of a property': () => send('DELETE', '/home-made/-/__proto__/-rev/1', ''),
    'a user who is a property': () => send('PUT', '/-/user/org.couchdb.user:__proto__', '{"name":"__proto__","password":"a long password"}'),
    'a user who is null': () => send('PUT', '/-/user/org.couchdb.user:x', 'null'),
    'a user who is an object': () => send('PUT', '/-/user/org.couchdb.user:x', '{"name":{},"password":[]}'),
    'a login of a property': () => send('POST', '/-/verdaccio/sec/login', '{"username":"__proto__","password":"a long password"}'),
    'a login of null': () => send('POST', '/-/verdaccio/sec/login', 'null'),
    'a token of numbers': () => send('POST', '/-/npm/v1/tokens', '{"password":5,"cidr_whitelist":[{}]}'),
    'a token that is a property': () => send('DELETE', '/-/npm/v1/tokens/token/__proto__', ''),
    'a profile of numbers': () => send('POST', '/-/npm/v1/user', '{"password":{"new":5,"old":7}}'),
    'two lengths': () => `${head('PUT /home-made HTTP/1.1', 'Transfer-Encoding: chunked', 'Content-Length: 3')}\r\n\r\n0\r\n\r\n`,
    'a chunk without a length': () => `${head('PUT /home-made HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}\r\n\r\nZZ\r\n`,
    'no HTTP': () => Buffer.from([22, 3, 1, 0, 1, 255]),
    'HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  }
  it('every one of these is answered', async () => {
    await Promise.all(
      Object.entries(ANSWERED).map(async ([what, bytes]) => {
        assert.match(await onTheWire(mirror.url, bytes()), /^HTTP\/1\.1 [2345]\d\d /, what)
      }),
    )
    await goesOn()
  })

  it('clients that hang up: in the head, in an upload, while an answer is sent', async () => {
    const cut = send('PUT', '/home-made', publish('home-made', {}, { 'home-made-2.0.0.tgz': { data: 'eA=='.repeat(1000) } }))
    const hangUps = [
      'GET /wid',
      head('PUT /home-made HTTP/1.1', 'Content-Length: 5000', 'Content-Type: application/json', '', '{"na'),
      head('PUT /home-made HTTP/1.1', 'Content-Encoding: gzip', 'Content-Length: 5000', 'Content-Type: application/json', '', 'x'),
      head('PUT /home-made HTTP/1.1', 'Expect: 100-continue', 'Content-Length: 5', '', ''),
      cut.subarray(0, -20),
      cut,
      get('/widget'),
      get('/widget/-/widget-1.0.0.tgz'),
      get('/home-made/-/home-made-1.0.0.tgz'),
      get('/-/v1/search?text='),
      get('/-/verdaccio/data/packages'),
      get('/-/all'),
      get('/-/web/detail/widget'),
      get('/-/npm/v1/attestations/widget@1.0.0'),
    ]
    await Promise.all(hangUps.map((bytes) => onTheWire(mirror.url, bytes, true)))
    await goesOn()
  })

  it('requests in a row on one connection, a bad one among them', async () => {
    const row = ['/widget', '/-/ping', '/%zz', '/widget/-/widget-1.0.0.tgz'].map((path) => `${head(`GET ${path} HTTP/1.1`)}\r\n\r\n`).join('')
    const answer = await onTheWire(mirror.url, `${row}${get('/-/ping')}`)
    assert.deepEqual([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status), ['200', '200', '400', '200', '200'])
  })
  it('and at the end it serves as it did', async () => {
    assert.equal((await raw(mirror.url, '/widget/-/widget-1.0.0.tgz')).status, 200)
    await goesOn()
  })
})
