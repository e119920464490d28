/** Every route of a mirror: what it answers, to whom, and in which form. */
import assert from 'node:assert/strict'
import http from 'node:http'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'
import { shasumOf, tarballOf } from '../support/tarball.ts'

const ABBREVIATED = 'application/vnd.npm.install-v1+json'
const POLICY = {
  version: 1,
  extends: 'recommended',
  defaults: { minimumReleaseAge: '0' },
  rules: [{ name: 'no bad versions', packages: ['widget@1.2.0', 'all-bad'], verdict: 'deny', reason: 'known to be bad' }],
}
const PACKAGES = {
  'secret-*': { access: 'alice', publish: 'alice' },
  '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' },
}

describe('routes', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    mirror = await startTestMirror({ registry, policy: POLICY, core: { packages: PACKAGES } })
    for (const version of ['1.0.0', '1.1.0', '1.2.0'])
      registry.publish({ name: 'widget', version, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
    registry.publish({ name: '@acme/widget', version: '1.0.0', provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    registry.publish({ name: 'all-bad', version: '1.0.0' })
    registry.publish({ name: 'secret-sauce', version: '1.0.0' })
    registry.publish({ name: 'taken', version: '1.0.0' })
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  const register = async (name: string): Promise<string> => {
    const response = await fetch(`${mirror.url}/-/user/org.couchdb.user:${name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, password: 'a long password' }),
    })
    return ((await response.json()) as { token: string }).token
  }
  const put = (name: string, token: string): Promise<Response> => {
    const file = `${name}-1.0.0.tgz`
    const bytes = tarballOf({ 'package/package.json': { name, version: '1.0.0' } })
    const document = {
      _id: name,
      name,
      'dist-tags': { latest: '1.0.0' },
      versions: { '1.0.0': { name, version: '1.0.0', dist: { tarball: `${mirror.url}/${name}/-/${file}`, shasum: shasumOf(bytes) } } },
      _attachments: { [file]: { content_type: 'application/octet-stream', data: bytes.toString('base64'), length: bytes.length } },
    }
    return fetch(`${mirror.url}/${name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(document),
    })
  }

  describe('packuments', () => {
    it('addresses of tarballs and attestations are this mirror\'s', async () => {
      const { versions } = (await mirror.json('/@acme%2fwidget')) as { versions: Record<string, { dist: JsonObject }> }
      const dist = versions['1.0.0']!.dist
      assert.equal(dist.tarball, `${mirror.url}/@acme/widget/-/widget-1.0.0.tgz`)
      assert.equal((dist.attestations as JsonObject).url, `${mirror.url}/-/npm/v1/attestations/@acme/widget@1.0.0`)
    })
    it('the abbreviated form keeps time, signatures and attestations', async () => {
      const response = await mirror.get('/widget', { accept: `${ABBREVIATED}; q=1.0, application/json; q=0.8, */*` })
      assert.equal(response.headers.get('content-type'), ABBREVIATED)
      const document = (await response.json()) as { time: JsonObject; versions: Record<string, { dist: JsonObject }> }
      assert.ok(document.time['1.0.0'])
      assert.ok(document.versions['1.0.0']!.dist.signatures)
      assert.ok(document.versions['1.0.0']!.dist.attestations)
    })
    it('a refused version is in neither versions nor time, and latest points below it', async () => {
      const document = (await mirror.json('/widget')) as { versions: JsonObject; time: JsonObject; 'dist-tags': JsonObject }
      assert.deepEqual(Object.keys(document.versions), ['1.0.0', '1.1.0'])
      assert.equal(Object.hasOwn(document.time, '1.2.0'), false)
      assert.deepEqual(document['dist-tags'], { latest: '1.1.0' })
    })
    it('what was withheld is said in npm-notice, on an answer npm does not keep', async () => {
      const { headers } = await mirror.get('/widget')
      assert.match(headers.get('npm-notice') ?? '', /1\.2\.0/)
      assert.equal(headers.get('cache-control'), 'no-store')
    })
    it('a package with every version refused is 403', async () => {
      const response = await mirror.get('/all-bad')
      assert.equal(response.status, 403)
      const body = (await response.json()) as { error: string; message: string; reasons: { code: string }[] }
      assert.equal(body.error, body.message)
      assert.equal(body.reasons[0]?.code, 'denied-by-rule')
    })
    it('a package that no uplink has is 404', async () => {
      assert.equal((await mirror.get('/nobody-has-this')).status, 404)
    })
    it('304 for the ETag of the same encoding, with Cache-Control', async () => {
      const first = await mirror.get('/@acme%2fwidget')
      const etag = first.headers.get('etag') ?? ''
      const second = await mirror.get('/@acme%2fwidget', { 'if-none-match': etag })
      assert.equal(second.status, 304)
      assert.equal(second.headers.get('cache-control'), 'no-cache')
      const plain = await mirror.get('/@acme%2fwidget', { 'if-none-match': etag, 'accept-encoding': 'identity' })
      assert.equal(plain.status, 200)
    })
    it('HEAD has the headers and no body', async () => {
      const response = await fetch(`${mirror.url}/@acme%2fwidget`, { method: 'HEAD' })
      assert.equal(response.status, 200)
      assert.ok(response.headers.get('etag'))
      assert.equal((await response.arrayBuffer()).byteLength, 0)
    })
    it('a scope with an unencoded slash is the same package', async () => {
      assert.equal((await mirror.json('/@acme/widget')).name, '@acme/widget')
    })
  })

  describe('one version and tags', () => {
    it('by number', async () => assert.equal((await mirror.json('/widget/1.1.0')).version, '1.1.0'))
    it('by tag, where the tag was moved', async () => assert.equal((await mirror.json('/widget/latest')).version, '1.1.0'))
    it('refused by number', async () => assert.equal((await mirror.get('/widget/1.2.0')).status, 403))
    it('unknown', async () => assert.equal((await mirror.get('/widget/7.7.7')).status, 404))
    it('dist-tags', async () => assert.deepEqual(await mirror.json('/-/package/widget/dist-tags'), { latest: '1.1.0' }))
    it('dist-tags of a scoped package', async () => assert.deepEqual(await mirror.json('/-/package/@acme%2fwidget/dist-tags'), { latest: '1.0.0' }))
  })

  describe('tarballs', () => {
    it('refused: the same sentence in reason phrase, error and message, and what passes', async () => {
      const response = await mirror.get('/widget/-/widget-1.2.0.tgz')
      const body = (await response.json()) as JsonObject
      assert.equal(response.status, 403)
      assert.equal(response.statusText, body.error)
      assert.equal(body.message, body.error)
      assert.equal(body.nearestAllowed, '1.1.0')
      assert.equal(body.version, '1.2.0')
      assert.match(body.error as string, /^[\x20-\x7e]+$/)
    })
    it('the explanation it points to is there', async () => {
      const { explain } = (await (await mirror.get('/widget/-/widget-1.2.0.tgz')).json()) as { explain: string }
      const document = (await (await fetch(explain)).json()) as JsonObject
      assert.equal(document.outcome, 'deny')
      assert.equal(document.rule, 'no bad versions')
    })
    it('Range', async () => {
      const response = await mirror.get('/widget/-/widget-1.0.0.tgz', { range: 'bytes=0-3' })
      assert.equal(response.status, 206)
      assert.equal((await response.arrayBuffer()).byteLength, 4)
    })
    it('a range past the end is 416', async () => {
      assert.equal((await mirror.get('/widget/-/widget-1.0.0.tgz', { range: 'bytes=999999-' })).status, 416)
    })
    it('HEAD verifies too', async () => {
      assert.equal((await fetch(`${mirror.url}/widget/-/widget-1.2.0.tgz`, { method: 'HEAD' })).status, 403)
      assert.equal((await fetch(`${mirror.url}/widget/-/widget-1.0.0.tgz`, { method: 'HEAD' })).status, 200)
    })
    it('304 by ETag', async () => {
      const etag = (await mirror.get('/widget/-/widget-1.0.0.tgz')).headers.get('etag') ?? ''
      assert.equal((await mirror.get('/widget/-/widget-1.0.0.tgz', { 'if-none-match': etag })).status, 304)
    })
    for (const [what, where] of [
      ['%2D', '/widget/%2D/widget-1.2.0.tgz'],
      ['a trailing slash', '/widget/-/widget-1.2.0.tgz/'],
      ['a query', '/widget/-/widget-1.2.0.tgz?x=1'],
      ['an encoded dot', '/widget/-/widget-1.2.0%2etgz'],
      ['another case', '/widget/-/Widget-1.2.0.tgz'],
      ['double slash', '//widget/-/widget-1.2.0.tgz'],
      ['dots', '/x/../widget/-/widget-1.2.0.tgz'],
      ['package.json', '/widget/-/package.json'],
      ['an unknown file', '/widget/-/widget-1.2.0.zip'],
    ] as const)
      it(`a refused tarball is not served by ${what}`, async () => {
        const status = await rawStatus(mirror.url, where)
        assert.ok([400, 403, 404].includes(status), String(status))
      })
  })

  describe('evidence', () => {
    it('keys, as npm audit signatures asks for them', async () => {
      const { keys } = (await mirror.json('/-/npm/v1/keys')) as { keys: JsonObject[] }
      assert.deepEqual(keys.map(({ expires }) => expires), [registry.sigstore.expiredKey.expires, null])
      assert.deepEqual(Object.keys(keys[0]!).sort(), ['expires', 'key', 'keyid', 'keytype', 'scheme'])
    })
    it('attestations, under the name with and without an encoded slash', async () => {
      for (const name of ['@acme/widget', '@acme%2fwidget']) {
        const { attestations } = (await mirror.json(`/-/npm/v1/attestations/${name}@1.0.0`)) as { attestations: unknown[] }
        assert.equal(attestations.length, 2)
      }
    })
    it('attestations of a version without any are 404', async () => {
      assert.equal((await mirror.get('/-/npm/v1/attestations/taken@1.0.0')).status, 404)
    })
  })

  describe('access', () => {
    const PRIVATE = [
      '/secret-sauce',
      '/secret-sauce/1.0.0',
      '/secret-sauce/-/secret-sauce-1.0.0.tgz',
      '/-/package/secret-sauce/dist-tags',
      '/-/npm/v1/attestations/secret-sauce@1.0.0',
      '/-/provenance/v1/packages/secret-sauce',
      '/-/provenance/v1/packages/secret-sauce/1.0.0',
    ]
    for (const where of PRIVATE)
      it(`a package that is not everybody's is not shown at ${where}`, async () => {
        assert.equal((await mirror.get(where)).status, 401)
      })
    it('and is shown to whom the rule names, until his token is revoked', async () => {
      const login = await register('alice')
      const created = await fetch(`${mirror.url}/-/npm/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${login}` },
        body: JSON.stringify({ password: 'a long password', readonly: false, cidr_whitelist: [] }),
      })
      const { token, key } = (await created.json()) as { token: string; key: string }
      const authorization = `Bearer ${token}`
      for (const where of PRIVATE.filter((path) => !path.includes('attestations')))
        assert.equal((await mirror.get(where, { authorization })).status, 200, where)
      await fetch(`${mirror.url}/-/npm/v1/tokens/token/${key}`, { method: 'DELETE', headers: { authorization: `Bearer ${login}` } })
      for (const where of PRIVATE) assert.equal((await mirror.get(where, { authorization })).status, 403, where)
    })
  })

  describe('packages published here', () => {
    it('are the core\'s to serve', async () => {
      const token = await register('bob')
      assert.equal((await put('home-made', token)).status, 201)
      const { versions } = await mirror.json('/home-made')
      assert.deepEqual(Object.keys(isObject(versions) ? versions : {}), ['1.0.0'])
      assert.equal(registry.hits('/home-made'), 1)
    })
    it('[21c] may not take a name that an uplink serves', async () => {
      assert.equal((await put('taken', await register('carol'))).status, 403)
      assert.equal((await mirror.json('/taken')).name, 'taken')
    })
    it('are not accepted while nobody knows whether the name is free', async () => {
      const token = await register('dave')
      registry.down = true
      const { status } = await put('unknown-yet', token)
      registry.down = false
      assert.equal(status, 503)
    })
  })

  describe('hosts and state', () => {
    it('a foreign Host is 400', async () => {
      for (const host of ['evil.test', 'evil.test:80', 'localhost.evil.test', 'a b'])
        assert.equal(await rawStatus(mirror.url, '/widget', { host }), 400, host)
    })
    it('X-Forwarded-Host and X-Forwarded-Proto change nothing', async () => {
      const { versions } = (await mirror.json('/widget', { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' })) as {
        versions: Record<string, { dist: JsonObject }>
      }
      assert.equal(versions['1.0.0']!.dist.tarball, `${mirror.url}/widget/-/widget-1.0.0.tgz`)
    })
    it('health and readiness, under any host', async () => {
      assert.equal(await rawStatus(mirror.url, '/-/provenance/health', { host: '10.0.0.1:4873' }), 200)
      const { ready, problems } = await mirror.json('/-/provenance/ready')
      assert.deepEqual([ready, problems], [true, []])
    })
    it('Verdaccio\'s own addresses still are', async () => {
      assert.equal((await mirror.get('/-/ping')).status, 200)
    })
  })
})

/** A request as it is written: `fetch` would tidy the path and set the Host. */
function rawStatus(base: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    http.get({ hostname, port, path, headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }).on('error', reject)
  })
}
