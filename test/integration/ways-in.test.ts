/** Every way a request can be written: what is refused is served under none of them, what is allowed is answered rightly. */
import assert from 'node:assert/strict'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'
import { onTheWire, raw, rawJson, register, type RawAnswer, type RawRequest } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'

const ABBREVIATED = 'application/vnd.npm.install-v1+json'
const POLICY = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0' },
  rules: [{ packages: ['widget@1.2.0', '@acme/widget@1.2.0', 'all-bad'], verdict: 'deny', reason: 'known to be bad' }],
}
const PACKAGES = {
  'secret-*': { access: 'alice', publish: 'alice' },
  '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' },
}

describe('ways in', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const published = new Map<string, Published>()
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }

  before(async () => {
    process.on('unhandledRejection', note)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({
      registry,
      policy: POLICY,
      core: { packages: PACKAGES, web: { enable: true } },
      section: { publicUrl: ['https://npm.acme.test', 'http://inside.test:8080/npm', 'https://npm.acme.test:8443'] },
    })
    for (const name of ['widget', '@acme/widget'])
      for (const version of ['1.0.0', '1.2.0'])
        published.set(`${name}@${version}`, registry.publish({ name, version, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) }))
    registry.publish({ name: 'all-bad', version: '1.0.0' })
    registry.publish({ name: 'secret-sauce', version: '1.0.0' })
    // Known and verified, in every cache there is, before anybody tries.
    for (const where of ['/widget', '/@acme%2fwidget', '/widget/-/widget-1.0.0.tgz', '/@acme/widget/-/widget-1.0.0.tgz']) await mirror.get(where)
    await publishTo(mirror.url, await register(mirror.url, 'alice'), 'home-made', '1.0.0', { description: 'made at home' })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
    process.off('unhandledRejection', note)
    assert.deepEqual(unhandled, [])
  })

  const ask = (where: string, request?: RawRequest): Promise<RawAnswer> => raw(mirror.url, where, request)

  /** Neither its bytes nor its manifest. */
  function servesNothingRefused({ status, body }: RawAnswer, what: string): void {
    for (const spec of ['widget@1.2.0', '@acme/widget@1.2.0'])
      assert.equal(body.includes(published.get(spec)!.tarball.subarray(0, 40)), false, `${what}: the bytes of ${spec}`)
    if (status !== 200 || !body.toString().startsWith('{')) return
    const document = JSON.parse(body.toString()) as JsonObject
    assert.notEqual(document.version, '1.2.0', what)
    assert.equal(isObject(document.versions) && Object.hasOwn(document.versions, '1.2.0'), false, `${what}: lists 1.2.0`)
    assert.equal(isObject(document['dist-tags']) && Object.values(document['dist-tags']).includes('1.2.0'), false, `${what}: tags 1.2.0`)
  }

  // -------------------------------------------------------------- the path

  const tarballs = (prefix: string, file: string): readonly string[] => [
    `${prefix}/-/${file}`,
    `${prefix}/%2D/${file}`,
    `${prefix}/%2d/${file}`,
    `${prefix}/-/${file.replace('-', '%2D')}`,
    `${prefix}/-/${file.replace('-', '%252D')}`,
    `${prefix}/-/${file.replaceAll('.', '%2e')}`,
    `${prefix}/-/${file}/`,
    `${prefix}/-/${file}//`,
    `${prefix}/-/${file}?write=true`,
    `${prefix}/-/${file}?x=/-/widget-1.0.0.tgz`,
    `${prefix}/-/${file}#x`,
    `${prefix}/-/${file}%00`,
    `${prefix}/-/${file}%20`,
    `${prefix}/-/${file};x`,
    `${prefix}/-/${file.replace('w', 'W')}`,
    `${prefix}/-/./${file}`,
    `${prefix}/-/x/../${file}`,
    `${prefix}/-/x%2f..%2f${file}`,
    `${prefix}/-/..%2f-%2f${file}`,
    `${prefix}/-//${file}`,
    `${prefix}/-%2f${file}`,
    `${prefix}%2f-%2f${file}`,
    `${prefix}/-\\${file}`,
    `${prefix}/-%5c${file}`,
    `${prefix}/-/widget%2f${file}`,
    `${prefix}/-/@acme/${file}`,
    `${prefix}/-/@acme%2f${file}`,
    `/${prefix}/-/${file}`,
    `/.${prefix}/-/${file}`,
    `/x/..${prefix}/-/${file}`,
    `/-/..${prefix}/-/${file}`,
    `/-/verdaccio/data/../../..${prefix}/-/${file}`,
    `/-/static/..%2f..%2f..%2fstorage${prefix}/${file}`,
  ]
  const SCOPES = ['/@acme/widget', '/@acme%2fwidget', '/@acme%2Fwidget', '/%40acme/widget', '/%40acme%2fwidget', '/@acme%252fwidget', '/@ACME/widget']

  for (const prefix of ['/widget', '/%77idget', '/WIDGET', ...SCOPES])
    it(`[15a,b] the refused tarball under ${prefix}, written in any way`, async () => {
      for (const where of tarballs(prefix, 'widget-1.2.0.tgz')) {
        const answer = await ask(where)
        assert.ok([400, 403, 404].includes(answer.status), `${where}: ${String(answer.status)}`)
        servesNothingRefused(answer, where)
      }
    })
  it('[15a] the allowed tarball, wherever the spelling means the same', async () => {
    for (const prefix of ['/widget', '/%77idget', '/@acme/widget', '/@acme%2fwidget', '/@acme%2Fwidget', '/%40acme/widget', '/%40acme%2fwidget'])
      for (const file of ['-/widget-1.0.0.tgz', '-/widget%2D1%2e0%2e0.tgz', '-/widget-1.0.0.tgz/', '-/widget-1.0.0.tgz?x=1']) {
        const { status, body } = await ask(`${prefix}/${file}`)
        assert.equal(status, 200, `${prefix}/${file}`)
        assert.ok(body.equals(published.get(prefix.includes('acme') ? '@acme/widget@1.0.0' : 'widget@1.0.0')!.tarball), prefix)
      }
  })

  for (const prefix of ['/widget', '/%77idget', ...SCOPES])
    it(`[15a,b] the packument at ${prefix}, written in any way`, async () => {
      const variants = ['', '/', '//', '?write=true', '?write=true&write=true', '?x=1', '/latest', '/1.2.0', '/1%2e2%2e0', '/v1.2.0', '/=1.2.0', '/^1.2.0', '/-rev/1', '/%31.2.0?write=true', '%2f', '%2flatest', '%00']
      for (const variant of variants) servesNothingRefused(await ask(`${prefix}${variant}`), `${prefix}${variant}`)
    })
  it('[15a] the allowed packument, wherever the spelling means the same', async () => {
    for (const where of ['/widget', '/%77idget', '/widget/', '/widget?x=1', '/@acme/widget', '/@acme%2fwidget', '/@acme%2Fwidget', '/%40acme%2fwidget', '/%40acme/widget'])
      assert.deepEqual(Object.keys((await rawJson(mirror.url, where)).versions as JsonObject), ['1.0.0'], where)
  })
  it('[15a] an encoded slash that is encoded again is another name, which no uplink has', async () => {
    assert.ok([400, 404].includes((await ask('/@acme%252fwidget')).status))
  })
  it('[15b] names differ by case', async () => {
    assert.equal((await ask('/WIDGET')).status, 404)
  })
  for (const where of ['/%zz', '/widget/-/%zz', '/%c0%af', '/%e0%80%af', '/widget/%ff', '/-/package/%zz/dist-tags', '/-/provenance/v1/packages/%zz', '/-/npm/v1/attestations/%zz'])
    it(`[15a] ${where} is no encoding, and 400`, async () => {
      assert.equal((await ask(where)).status, 400)
    })
  it('[15c] the raw manifest in the storage', async () => {
    for (const name of ['widget', 'home-made', '@acme/widget', '@acme%2fwidget'])
      for (const file of ['package.json', 'package%2ejson', 'package.json/', 'package.json?write=true', 'Package.json', '.%2fpackage.json', 'package.json.bak'])
        for (const method of ['GET', 'HEAD']) {
          const { status, body } = await ask(`/${name}/-/${file}`, { method })
          assert.ok(status === 404 || status === 400, `${name} ${file}: ${String(status)}`)
          assert.equal(body.includes('_attachments'), false)
        }
  })
  it('[15d] an unknown file of a known package', async () => {
    for (const file of ['widget-9.9.9.tgz', 'widget-1.2.0.zip', 'widget-1.2.0', 'widget.tgz', 'home-made-1.0.0.tgz', '..', '.'])
      assert.ok([400, 404].includes((await ask(`/widget/-/${file}`)).status), file)
  })

  // -------------------------------------------------------------- method and headers

  it('[15e] HEAD decides as GET does', async () => {
    for (const where of ['/widget', '/widget/1.0.0', '/widget/1.2.0', '/all-bad', '/nobody', '/widget/-/widget-1.0.0.tgz', '/widget/-/widget-1.2.0.tgz', '/-/package/widget/dist-tags', '/-/npm/v1/attestations/widget@1.0.0', '/-/provenance/v1/packages/widget/1.2.0']) {
      const [get, head] = [await ask(where), await ask(where, { method: 'HEAD' })]
      assert.equal(head.status, get.status, where)
      assert.equal(head.headers['content-length'], get.headers['content-length'], where)
      assert.equal(head.body.length, 0, where)
    }
  })
  for (const method of ['POST', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'])
    it(`[15e] ${method} brings out nothing`, async () => {
      for (const where of ['/widget/-/widget-1.2.0.tgz', '/widget', '/widget/1.2.0']) {
        const answer = await ask(where, { method })
        assert.ok(answer.status === 204 || answer.status >= 400, `${where}: ${String(answer.status)}`)
        servesNothingRefused(answer, where)
      }
    })
  it('[15e] a method in a header is none', async () => {
    const answer = await ask('/widget/-/widget-1.2.0.tgz', { headers: { 'x-http-method-override': 'HEAD', 'x-original-url': '/widget/-/widget-1.0.0.tgz' } })
    assert.equal(answer.status, 403)
  })
  for (const range of ['bytes=0-3', 'bytes=-5', 'bytes=99999999-', 'bytes=0-0,2-3', 'bytes=5-1', 'bytes=', 'lines=1-2', 'bytes=0-9999999999999999999999'])
    it(`[15e] Range: ${range} of the refused tarball is 403, of the allowed one a part, all or 416`, async () => {
      const refused = await ask('/widget/-/widget-1.2.0.tgz', { headers: { range } })
      assert.equal(refused.status, 403)
      const { tarball } = published.get('widget@1.0.0')!
      const { status, headers, body } = await ask('/widget/-/widget-1.0.0.tgz', { headers: { range } })
      assert.ok([200, 206, 416].includes(status), String(status))
      if (status === 200) assert.ok(body.equals(tarball))
      if (status === 206) {
        const [, from, to] = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '') ?? []
        assert.ok(body.equals(tarball.subarray(Number(from), Number(to) + 1)))
      }
    })
  it('[15e] If-Range with another ETag brings the whole file', async () => {
    const { status } = await ask('/widget/-/widget-1.0.0.tgz', { headers: { range: 'bytes=0-3', 'if-range': '"other"' } })
    assert.equal(status, 200)
  })

  const ACCEPTS: readonly (readonly [string, string])[] = [
    [ABBREVIATED, ABBREVIATED],
    [`${ABBREVIATED}; q=1.0, application/json; q=0.8, */*`, ABBREVIATED],
    [`application/json; q=0.5, ${ABBREVIATED}; q=0.4`, 'application/json'],
    [`application/json;q=0.4,${ABBREVIATED};q=0.5`, ABBREVIATED],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
    [';;q=,', 'application/json'],
    [`${ABBREVIATED};q=0`, 'application/json'],
    ['\u00ff\u00fe', 'application/json'],
    ['a'.repeat(4000), 'application/json'],
  ]
  for (const [accept, type] of ACCEPTS)
    it(`[15f] Accept: ${accept.slice(0, 60)} is answered with ${type}, without what is refused`, async () => {
      const answer = await ask('/widget', { headers: { accept } })
      assert.equal(answer.status, 200)
      assert.equal(answer.headers['content-type'], type)
      servesNothingRefused(answer, accept)
      assert.equal((await ask('/widget/-/widget-1.2.0.tgz', { headers: { accept } })).status, 403)
    })
  it('[15f] no Accept at all is the full form', async () => {
    const answer = await onTheWire(mirror.url, `GET /widget HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*content-type: application\/json/i)
  })

  // -------------------------------------------------------------- host and addresses

  const status = async (lines: string): Promise<number> =>
    Number(/^HTTP\/1\.1 (\d+)/.exec(await onTheWire(mirror.url, `${lines}\r\nConnection: close\r\n\r\n`))?.[1] ?? 0)

  for (const [what, lines] of [
    ['a foreign Host', 'GET /widget HTTP/1.1\r\nHost: evil.test'],
    ['a Host that begins like ours', 'GET /widget HTTP/1.1\r\nHost: npm.acme.test.evil.test'],
    ['our Host with another port', 'GET /widget HTTP/1.1\r\nHost: npm.acme.test:1'],
    ['a Host with credentials', 'GET /widget HTTP/1.1\r\nHost: npm.acme.test@evil.test'],
    ['a Host with a path', 'GET /widget HTTP/1.1\r\nHost: localhost/evil'],
    ['bytes that are no Host', 'GET /widget HTTP/1.1\r\nHost: \u00ff\u00fe'],
    ['an empty Host', 'GET /widget HTTP/1.1\r\nHost: '],
    ['a port that is none', 'GET /widget HTTP/1.1\r\nHost: localhost:99999'],
    ['no Host', 'GET /widget HTTP/1.1\r\nX: y'],
    ['no Host in HTTP/1.0', 'GET /widget HTTP/1.0\r\nX: y'],
    ['two Hosts, ours first', 'GET /widget HTTP/1.1\r\nHost: localhost\r\nHost: evil.test'],
    ['two Hosts, ours last', 'GET /widget HTTP/1.1\r\nHost: evil.test\r\nHost: localhost'],
    ['an absolute target', 'GET http://evil.test/widget HTTP/1.1\r\nHost: localhost'],
    ['an absolute target of ours', 'GET http://localhost/widget HTTP/1.1\r\nHost: localhost'],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nHost: localhost'],
  ] as const)
    it(`[15g] ${what} is 400, before Verdaccio has looked at it`, async () => {
      // Verdaccio's CORS headers would be there.
      const answer = await onTheWire(mirror.url, `${lines}\r\nConnection: close\r\n\r\n`, false)
      assert.match(answer, /^HTTP\/1\.1 400 /)
      assert.doesNotMatch(answer, /access-control-allow-origin/i)
    })
  it('[15g] a foreign Host never reaches Verdaccio\'s own addresses', async () => {
    for (const where of ['/-/ping', '/', '/-/v1/search', '/home-made', '/-/verdaccio/data/packages', '/-/web/detail/widget', '/-/static/ui-options.js'])
      assert.equal((await ask(where, { headers: { host: 'evil.test' } })).status, 400, where)
  })
  it('[15g] what follows a refused request on its connection is not a request', async () => {
    const good = 'GET /-/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const answer = await onTheWire(mirror.url, `GET /widget HTTP/1.1\r\nHost: evil.test\r\n\r\n${good}`)
    assert.deepEqual([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code), ['400'])
  })
  it('[15g] CONNECT is closed without an answer', async () => {
    assert.equal(await status('CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443'), 0)
  })
  it('[15g] loopback names work, however they are written', async () => {
    for (const host of ['localhost', 'LOCALHOST:4873', 'localhost:', '127.0.0.1', '127.1', '[::1]:4873'])
      for (const where of ['/widget', '/home-made', '/-/static/ui-options.js', '/-/verdaccio/data/packages'])
        assert.equal((await ask(where, { headers: { host } })).status, 200, `${host} ${where}`)
  })
  it('[15g] health and readiness answer under any Host, and without one', async () => {
    assert.equal(await status('GET /-/provenance/health HTTP/1.1\r\nHost: 10.0.0.1:4873'), 200)
    assert.equal(await status('GET /-/provenance/ready HTTP/1.0\r\nX: y'), 200)
    assert.equal(await status('GET /-/provenance/health HTTP/1.1\r\nHost: \u00ff'), 200)
    assert.equal(await status('GET /-/provenance/health/../v1/packages/widget HTTP/1.1\r\nHost: evil.test'), 400)
  })

  const addressOf = async (name: string, headers: Readonly<Record<string, string>>): Promise<unknown> => {
    const { versions } = (await rawJson(mirror.url, `/${name}`, { headers })) as { versions: Record<string, { dist: JsonObject }> }
    return versions['1.0.0']!.dist.tarball
  }
  for (const [host, base] of [
    ['npm.acme.test', 'https://npm.acme.test'],
    ['NPM.acme.test:443', 'https://npm.acme.test'],
    ['npm.acme.test:8443', 'https://npm.acme.test:8443'],
    ['inside.test:8080', 'http://inside.test:8080/npm'],
  ] as const)
    it(`publicUrl: addresses are those of ${base} when the client asked ${host}`, async () => {
      assert.equal(await addressOf('widget', { host }), `${base}/widget/-/widget-1.0.0.tgz`)
      const refused = await rawJson(mirror.url, '/widget/-/widget-1.2.0.tgz', { headers: { host } })
      assert.equal(refused.explain, `${base}/-/provenance/v1/packages/widget/1.2.0`)
    })
  it('publicUrl: a package published here gets its scheme too, behind a proxy that ends TLS', async () => {
    assert.equal(await addressOf('home-made', { host: 'npm.acme.test' }), 'https://npm.acme.test/home-made/-/home-made-1.0.0.tgz')
  })
  it('publicUrl: an answer for one address is not given to another', async () => {
    const etags = await Promise.all(['npm.acme.test', 'inside.test:8080'].map(async (host) => (await ask('/widget', { headers: { host } })).headers.etag))
    assert.notEqual(etags[0], etags[1])
    assert.equal((await ask('/widget', { headers: { host: 'inside.test:8080', 'if-none-match': etags[0]! } })).status, 200)
  })
  it('[15g] X-Forwarded-* and Forwarded change nothing', async () => {
    const forwarded = {
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'gopher, https',
      'x-forwarded-port': '1',
      'x-forwarded-prefix': '/evil',
      'x-forwarded-for': '10.0.0.1',
      forwarded: 'host=evil.test;proto=https',
    }
    const plain = { host: 'localhost' }
    for (const name of ['widget', 'home-made']) assert.equal(await addressOf(name, { ...plain, ...forwarded }), await addressOf(name, plain), name)
    assert.equal((await ask('/widget', { headers: { host: 'evil.test', 'x-forwarded-host': 'localhost' } })).status, 400)
  })

  // -------------------------------------------------------------- who asks

  const SECRETS = [
    '/secret-sauce',
    '/secret-sauce?write=true',
    '/secret%2dsauce',
    '/secret-sauce/latest',
    '/secret-sauce/1.0.0',
    '/secret-sauce/-/secret-sauce-1.0.0.tgz',
    '/secret-sauce/-/secret%2dsauce-1.0.0.tgz',
    '/-/package/secret-sauce/dist-tags',
    '/-/npm/v1/attestations/secret-sauce@1.0.0',
    '/-/npm/v1/attestations/secret%2dsauce@1.0.0',
    '/-/provenance/v1/packages/secret-sauce',
    '/-/provenance/v1/packages/secret-sauce/1.0.0',
  ]
  it('[15i] a package the user may not access, on every route, by every method', async () => {
    for (const where of SECRETS)
      for (const method of ['GET', 'HEAD']) assert.equal((await ask(where, { method })).status, 401, `${method} ${where}`)
    const bob = await register(mirror.url, 'bob')
    for (const where of SECRETS) assert.equal((await ask(where, { headers: { authorization: `Bearer ${bob}` } })).status, 403, where)
    assert.equal(registry.hits(/secret/), 0, 'the uplink was asked for it')
  })
  it('[15h] a token of nobody, and one that was cut', async () => {
    for (const authorization of ['Bearer x', 'Bearer ', 'Bearer a.b.c', `Basic ${Buffer.from('__proto__:x').toString('base64')}`, 'Basic \u00ff', 'Digest x', ''])
      for (const where of ['/secret-sauce', '/secret-sauce/-/secret-sauce-1.0.0.tgz']) {
        const { status: code } = await ask(where, { headers: { authorization } })
        assert.ok([400, 401, 403].includes(code), `${authorization} ${where}: ${String(code)}`)
      }
  })
})
