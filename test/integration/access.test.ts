/** Who may ask for what, on every route: a route that has no row here makes this fail. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { createRouter, type RouterDeps } from '../../plugin/http/router.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore, githubIdentity } from '../support/private-sigstore.ts'
import { raw, rawJson, register, type RawAnswer } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'

const HERS = { access: 'alice', publish: 'alice', unpublish: 'alice' }
const PACKAGES = { 'secret-*': HERS, '@secret/*': HERS, '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } }
/** Stands in every manifest that is not for everybody. */
const MARKER = 'For alice alone'
const UPSTREAM = 'secret-sauce'
const LOCAL = '@secret/local'
/** As those, and nobody has them. */
const NOTHING: Readonly<Record<string, string>> = { [UPSTREAM]: 'secret-smoke', [LOCAL]: '@secret/nobody' }
const slashed = (name: string): string => name.replace('/', '%2f')
const fileOf = (name: string): string => `${name.split('/').at(-1) ?? ''}-1.0.0.tgz`

interface Ask {
  readonly method?: 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly path: (name: string) => string
  readonly body?: (name: string) => unknown
}
interface Row {
  /** `open`: says nothing of packages. `static`: the same files for everybody. `signed-in`: nor that, and is for users. `core`: what the core must not tell either. */
  readonly kind: 'probe' | 'open' | 'signed-in' | 'package' | 'filtered' | 'nothing' | 'core' | 'write' | 'question' | 'static'
  readonly asks: readonly Ask[]
}
const get = (...paths: readonly Ask['path'][]): readonly Ask[] => paths.map((where) => ({ path: where }))
const versionOf = (name: string, version: string): JsonObject => ({ name, version, description: 'mallory was here', dist: { shasum: '0'.repeat(40), tarball: 'http://localhost/x.tgz' } })
const document = (name: string): JsonObject => ({ _id: name, name, 'dist-tags': { latest: '6.6.6' }, versions: { '6.6.6': versionOf(name, '6.6.6') } })
const publication = (name: string): JsonObject => ({
  ...document(name),
  _attachments: { [`${name}-6.6.6.tgz`]: { content_type: 'application/octet-stream', data: 'eA==', length: 1 } },
})

/** By method and path of the router, then what the core answers behind it. */
const ROWS: Readonly<Record<string, Row>> = {
  'get /-/provenance/health': { kind: 'probe', asks: get(() => '/-/provenance/health') },
  'get /-/provenance/ready': { kind: 'probe', asks: get(() => '/-/provenance/ready') },
  // From this machine; who else may read them: test/unit/http/metrics.test.ts.
  'get /-/provenance/metrics': { kind: 'open', asks: get(() => '/-/provenance/metrics') },
  // What each may ask about, and that no token of theirs travels: audit.test.ts.
  'post /-/npm/v1/security/advisories/bulk': { kind: 'question', asks: [{ method: 'POST', path: () => '/-/npm/v1/security/advisories/bulk', body: (name) => ({ [name]: ['1.0.0'] }) }] },
  'post /-/npm/v1/security/audits/quick | /-/npm/v1/security/audits': {
    kind: 'question',
    asks: ['/quick', ''].map((end) => ({ method: 'POST', path: () => `/-/npm/v1/security/audits${end}`, body: (name) => ({ dependencies: { [name]: { version: '1.0.0', integrity: 'sha512-x' } } }) })),
  },
  'get /-/provenance/v1/policy': { kind: 'signed-in', asks: get(() => '/-/provenance/v1/policy') },
  // What of it each is told: dashboard-api.test.ts.
  'post /-/provenance/v1/check': { kind: 'open', asks: [{ method: 'POST', path: () => '/-/provenance/v1/check', body: () => ({ specs: [`${UPSTREAM}@1.0.0`] }) }] },
  'get /-/provenance/v1/session': { kind: 'open', asks: get(() => '/-/provenance/v1/session') },
  'get /-/provenance/v1/overview': { kind: 'signed-in', asks: get(() => '/-/provenance/v1/overview') },
  'get /-/provenance/v1/decisions': { kind: 'signed-in', asks: get(() => '/-/provenance/v1/decisions') },
  // A GET of it does not end.
  'get /-/provenance/v1/decisions/stream': { kind: 'signed-in', asks: [{ method: 'HEAD', path: () => '/-/provenance/v1/decisions/stream' }] },
  'get /-/provenance/v1/pins': { kind: 'signed-in', asks: get(() => '/-/provenance/v1/pins') },
  'get /-/provenance/v1/pins/:package': { kind: 'package', asks: get((name) => `/-/provenance/v1/pins/${slashed(name)}`, (name) => `/-/provenance/v1/pins/${name}`) },
  'post /-/provenance/v1/pins/:package/approve': { kind: 'write', asks: [{ method: 'POST', path: (name) => `/-/provenance/v1/pins/${slashed(name)}/approve`, body: () => ({ to: '1', reason: 'x' }) }] },
  'post /-/provenance/v1/pins/:package/drop': { kind: 'write', asks: [{ method: 'POST', path: (name) => `/-/provenance/v1/pins/${slashed(name)}/drop`, body: () => ({ to: '1', reason: 'x' }) }] },
  'get /-/provenance/v1/recalls': { kind: 'signed-in', asks: get(() => '/-/provenance/v1/recalls') },
  // Who may, and what it does: recall.test.ts.
  'get /-/provenance/v1/recalls/:id/fetched': { kind: 'write', asks: get(() => '/-/provenance/v1/recalls/1/fetched') },
  'post /-/provenance/v1/recalls': { kind: 'write', asks: [{ method: 'POST', path: () => '/-/provenance/v1/recalls', body: (name) => ({ package: `${name}@*`, reason: 'x' }) }] },
  'delete /-/provenance/v1/recalls/:id': { kind: 'write', asks: [{ method: 'DELETE', path: () => '/-/provenance/v1/recalls/1' }] },
  // Pages hold no data.
  'get /-/provenance': { kind: 'open', asks: get(() => '/-/provenance/') },
  'get /-/provenance/decisions | /-/provenance/policy | /-/provenance/pins | /-/provenance/what-if | /-/provenance/packages | /-/provenance/packages/* | /-/provenance/recalls': { kind: 'open', asks: get(() => '/-/provenance/policy') },
  'get /-/provenance/assets/:file': { kind: 'static', asks: [] },
  'get /-/provenance/:file.:extension(svg|ico|png)': { kind: 'static', asks: [] },
  // Any name is answered alike, and the core's own answer to strangers names nobody.
  'get /-/user/:user': { kind: 'open', asks: get(() => '/-/user/org.couchdb.user:nobody') },
  'get /-/npm/v1/keys': { kind: 'open', asks: get(() => '/-/npm/v1/keys') },
  'get /-/provenance/v1/keys': { kind: 'open', asks: get(() => '/-/provenance/v1/keys') },
  'get /-/provenance/v1/vsa/:package/:version': {
    kind: 'package',
    asks: get((name) => `/-/provenance/v1/vsa/${slashed(name)}/1.0.0`, (name) => `/-/provenance/v1/vsa/${name}/1.0.0`),
  },
  'get /-/npm/v1/attestations/:spec': { kind: 'package', asks: get((name) => `/-/npm/v1/attestations/${slashed(name)}@1.0.0`, (name) => `/-/npm/v1/attestations/${name}@1.0.0`) },
  'get /-/provenance/v1/attestations/:spec': { kind: 'package', asks: get((name) => `/-/provenance/v1/attestations/${slashed(name)}@1.0.0`) },
  'get /-/provenance/v1/packages/:package/:version?': {
    kind: 'package',
    asks: get((name) => `/-/provenance/v1/packages/${slashed(name)}`, (name) => `/-/provenance/v1/packages/${slashed(name)}/1.0.0`, (name) => `/-/provenance/v1/packages/${name}/1.0.0`),
  },
  'get /-/package/:package/dist-tags': { kind: 'package', asks: get((name) => `/-/package/${slashed(name)}/dist-tags`) },
  'get /:package/-/:filename': { kind: 'package', asks: get((name) => `/${slashed(name)}/-/${fileOf(name)}`, (name) => `/${name}/-/${fileOf(name)}`) },
  'get /:package/:version?': {
    kind: 'package',
    asks: get((name) => `/${slashed(name)}`, (name) => `/${name}`, (name) => `/${slashed(name)}/1.0.0`, (name) => `/${slashed(name)}/latest`, (name) => `/${slashed(name)}?write=true`),
  },
  'get /:package/*': { kind: 'nothing', asks: get((name) => `/${slashed(name)}/-/x/y`, (name) => `/${slashed(name)}/1.0.0/package.json`) },
  'get /-/v1/search': { kind: 'filtered', asks: get(() => '/-/v1/search?text=', () => '/-/v1/search?text=local', () => '/-/v1/search?text=author:alice') },
  'get /-/all(/since)?': { kind: 'filtered', asks: get(() => '/-/all', () => '/-/all/since?startkey=0') },
  'get /-/verdaccio/data/search/:anything': { kind: 'core', asks: get(() => '/-/verdaccio/data/search/local', () => '/-/verdaccio/data/search/alice') },
  'get /-/verdaccio/data/packages | /-/_view/starredByUser': { kind: 'core', asks: get(() => '/-/verdaccio/data/packages', () => '/-/_view/starredByUser?key=%22alice%22') },
  'all /-/verdaccio/*': {
    kind: 'core',
    asks: get((name) => `/-/verdaccio/data/sidebar/${name}`, (name) => `/-/verdaccio/data/package/readme/${name}`, (name) => `/-/verdaccio/data/sidebar/${slashed(name)}`),
  },
  'put /:package | /:package/*': {
    kind: 'write',
    asks: [
      { method: 'PUT', path: (name) => `/${slashed(name)}`, body: publication },
      { method: 'PUT', path: (name) => `/${slashed(name)}`, body: document },
      { method: 'PUT', path: (name) => `/${slashed(name)}`, body: (name) => ({ _id: name, name, users: { mallory: true } }) },
      { method: 'PUT', path: (name) => `/${slashed(name)}/-rev/1-a`, body: document },
      { method: 'PUT', path: (name) => `/${slashed(name)}/-rev/1-a`, body: (name) => ({ _id: name, name, maintainers: [] }) },
      { method: 'PUT', path: (name) => `/${slashed(name)}/-/${fileOf(name)}`, body: () => ({}) },
      { method: 'PUT', path: (name) => `/${slashed(name)}/beta`, body: () => '1.0.0' },
    ],
  },
  'delete /:package/*': {
    kind: 'write',
    asks: [
      { method: 'DELETE', path: (name) => `/${slashed(name)}/-rev/1-a` },
      { method: 'DELETE', path: (name) => `/${slashed(name)}/-/${fileOf(name)}/-rev/1-a` },
    ],
  },
  'put,post,delete /-/package/:package/dist-tags/:tag?': {
    kind: 'write',
    asks: [
      { method: 'PUT', path: (name) => `/-/package/${slashed(name)}/dist-tags/beta`, body: () => '1.0.0' },
      { method: 'DELETE', path: (name) => `/-/package/${slashed(name)}/dist-tags/latest` },
      { method: 'POST', path: (name) => `/-/package/${slashed(name)}/dist-tags`, body: () => ({ beta: '1.0.0' }) },
    ],
  },
}

describe('access', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let dir: string
  /** Authorization by who asks. */
  const who = new Map<string, string>()
  const OUTSIDERS = ['nobody', 'bob', 'a revoked token', 'a token from elsewhere'] as const
  const BAD_TOKENS = ['a revoked token', 'a token from elsewhere'] as const
  const REFUSALS = [401, 403, 404]

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    dir = mkdtempSync(path.join(tmpdir(), 'access-'))
    // Every request with a token asks for the password behind it: a hash that is made to be slow would be most of this test.
    const auth = { htpasswd: { file: path.join(dir, 'htpasswd'), algorithm: 'bcrypt', rounds: 4 } }
    mirror = await startTestMirror({ registry, policy: { ...NO_AGE, extends: 'observe' }, core: { auth, packages: PACKAGES, web: { enable: true } }, dir })
    registry.publish({ name: UPSTREAM, version: '1.0.0', packageJson: { description: MARKER }, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    const login = await register(mirror.url, 'alice')
    who.set('alice', `Bearer ${login}`).set('bob', `Bearer ${await register(mirror.url, 'bob')}`)
    const made = await token(login, false, [])
    who.set('a revoked token', `Bearer ${made.token}`)
    assert.equal((await ask('a revoked token', `/${UPSTREAM}`)).status, 200)
    await raw(mirror.url, `/-/npm/v1/tokens/token/${made.key}`, { method: 'DELETE', headers: { authorization: `Bearer ${login}` } })
    who.set('a token from elsewhere', `Bearer ${(await token(login, false, ['10.0.0.0/8'])).token}`)
    who.set('a read-only token', `Bearer ${(await token(login, true, [])).token}`)
    assert.equal((await publishTo(mirror.url, login, LOCAL, '1.0.0', { description: MARKER, author: { name: 'alice' } })).status, 201)
  })
  after(async () => {
    await mirror.close()
    await registry.close()
  })

  async function token(login: string, readonly: boolean, cidr: readonly string[]): Promise<{ readonly token: string; readonly key: string }> {
    const body = JSON.stringify({ password: 'a long password', readonly, cidr_whitelist: cidr })
    const answer = await rawJson(mirror.url, '/-/npm/v1/tokens', { method: 'POST', body, headers: { 'content-type': 'application/json', authorization: `Bearer ${login}` } })
    return answer as unknown as { token: string; key: string }
  }
  function ask(name: string, where: string, { method = 'GET', body, headers = {} }: { method?: string; body?: unknown; headers?: Readonly<Record<string, string>> } = {}): Promise<RawAnswer> {
    const authorization = who.get(name)
    return raw(mirror.url, where, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(authorization === undefined ? {} : { authorization }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
  const does = (name: string, one: Ask, of: string): Promise<RawAnswer> => ask(name, one.path(of), { ...(one.method === undefined ? {} : { method: one.method }), body: one.body?.(of) })
  const rows = (...kinds: readonly Row['kind'][]): readonly (readonly [string, Row])[] => Object.entries(ROWS).filter(([, { kind }]) => kinds.includes(kind))

  /** Nothing of the package, and what would be answered if there were none of that name. */
  function tellsNothing(answer: RawAnswer, ofNothing: RawAnswer, name: string, what: string): void {
    assert.ok(REFUSALS.includes(answer.status), `${what}: ${String(answer.status)}`)
    const text = answer.body.toString()
    assert.equal(text.includes(MARKER), false, what)
    const without = ({ status, body, headers }: RawAnswer, of: string): unknown => [
      status, body.toString().replaceAll(of, 'NAME').replaceAll(fileOf(of), 'FILE'), headers.etag === undefined, headers['last-modified'], headers['npm-policy-revision'],
    ]
    assert.deepEqual(without(answer, name), without(ofNothing, NOTHING[name] ?? ''), `${what}: tells that there is such a package`)
  }
  const stored = (): string =>
    readdirSync(path.join(mirror.dir, 'storage'), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && !file.name.startsWith('.'))
      .map((file) => `${path.join(file.parentPath, file.name)}\n${readFileSync(path.join(file.parentPath, file.name), 'latin1')}`)
      .sort()
      .join('\n')

  it('every route has its row', () => {
    const nothing = {} as never
    const deps: RouterDeps = {
      ...mirror.engine.routes,
      auth: { webUIJWTmiddleware: () => (_request: unknown, _response: unknown, next: () => void) => { next() } } as never,
      storage: nothing,
      logger: nothing,
      unfiltered: nothing,
      local: nothing,
    }
    const layers = (createRouter(deps) as unknown as { stack: readonly { route?: { path: string | string[]; methods: Readonly<Record<string, boolean>> } }[] }).stack
    const routes = layers.flatMap(({ route }) =>
      route === undefined ? [] : [`${Object.hasOwn(route.methods, '_all') ? 'all' : Object.keys(route.methods).filter((method) => method !== 'head').join()} ${[route.path].flat().join(' | ')}`],
    )
    assert.deepEqual(routes.filter((route) => !Object.hasOwn(ROWS, route)), [], 'routes that nobody asked about here')
    assert.deepEqual(Object.keys(ROWS).filter((row) => !row.startsWith('core') && !routes.includes(row)), [], 'rows of no route')
  })

  for (const [route, { asks }] of rows('package'))
    for (const name of [UPSTREAM, LOCAL])
      it(`[15h,i] ${route}: ${name} is alice's, also with her answer in every cache`, async () => {
        for (const one of asks) {
          const first = await does('alice', one, name)
          const hasNone = name === LOCAL && route.includes('attestations')
          assert.equal(first.status, hasNone ? 404 : 200, `${one.path(name)}: ${first.body.toString()}`)
          assert.equal((await does('a read-only token', one, name)).status, first.status)
          const asked = OUTSIDERS.flatMap((outsider) =>
            ([
              ['GET', {}],
              ['HEAD', { method: 'HEAD' }],
              ['If-None-Match', { headers: { 'if-none-match': first.headers.etag ?? '*' } }],
              ['If-None-Match *', { headers: { 'if-none-match': '*' } }],
              ['If-Modified-Since', { headers: { 'if-modified-since': new Date(Date.now() + 86_400_000).toUTCString() } }],
              ['Range', { headers: { range: 'bytes=0-3' } }],
              ['abbreviated', { headers: { accept: 'application/vnd.npm.install-v1+json' } }],
            ] as const).map(async ([how, more]) => {
              const [answer, ofNothing] = await Promise.all([ask(outsider, one.path(name), more), ask(outsider, one.path(NOTHING[name] ?? ''), more)])
              tellsNothing(answer, ofNothing, name, `${outsider}, ${how} ${one.path(name)}`)
            }),
          )
          await Promise.all(asked)
          // And the refusal is not what alice is given next.
          assert.equal((await does('alice', one, name)).status, first.status)
        }
      })

  for (const [route, { asks }] of rows('nothing', 'core'))
    it(`[15i] ${route}: says nothing of what is alice's`, async () => {
      for (const name of [UPSTREAM, LOCAL])
        for (const one of asks)
          for (const outsider of OUTSIDERS) {
            const [answer, ofNothing] = await Promise.all([does(outsider, one, name), does(outsider, one, NOTHING[name] ?? '')])
            if (answer.status === 200) {
              for (const word of [MARKER, name]) assert.equal(answer.body.toString().includes(word), false, `${outsider} ${one.path(name)}: ${answer.body.toString()}`)
            } else tellsNothing(answer, ofNothing, name, `${outsider} ${one.path(name)}`)
          }
    })

  for (const [route, { asks }] of rows('filtered'))
    it(`[15h,i] ${route}: finds what is alice's for alice alone`, async () => {
      const found = async (name: string): Promise<readonly (readonly [number, boolean])[]> =>
        Promise.all(asks.map(async (one) => {
          const { status, body } = await does(name, one, '')
          return [status, body.toString().includes(LOCAL)] as const
        }))
      const is = (status: number, there: boolean): readonly (readonly [number, boolean])[] => asks.map(() => [status, there] as const)
      assert.deepEqual(await found('alice'), is(200, true))
      for (const name of ['nobody', 'bob']) assert.deepEqual(await found(name), is(200, false), name)
      for (const name of BAD_TOKENS) assert.deepEqual(await found(name), is(403, false), name)
      assert.deepEqual(await found('alice'), is(200, true))
    })

  for (const [route, { kind, asks }] of rows('probe', 'open', 'signed-in'))
    it(`[15h] ${route}`, async () => {
      const statuses = async (name: string): Promise<readonly number[]> => Promise.all(asks.map(async (one) => (await does(name, one, '')).status))
      assert.deepEqual(await statuses('alice'), [200])
      assert.deepEqual(await statuses('nobody'), [kind === 'signed-in' ? 401 : 200])
      for (const name of BAD_TOKENS) assert.deepEqual(await statuses(name), [kind === 'probe' ? 200 : 403], name)
    })

  for (const [route, { asks }] of rows('question'))
    it(`[15h,i] ${route}: a read-only token may ask, a bad one may not, and nobody of what is alice's but her`, async () => {
      for (const one of asks) {
        // The registry publishes no advisories, which is known once it was asked.
        assert.equal((await does('a read-only token', one, UPSTREAM)).status, 503)
        for (const outsider of OUTSIDERS) {
          const [answer, ofNothing] = await Promise.all([does(outsider, one, UPSTREAM), does(outsider, one, NOTHING[UPSTREAM] ?? '')])
          tellsNothing(answer, ofNothing, UPSTREAM, `${outsider} ${one.path(UPSTREAM)}`)
        }
        // A local name is no question to anybody.
        assert.equal((await does('a read-only token', one, LOCAL)).status, 200)
      }
    })

  for (const [route, { asks }] of rows('write'))
    for (const name of [UPSTREAM, LOCAL])
      it(`[15h,i] ${route}: nobody but alice changes ${name}, or learns of it`, async () => {
        const before = stored()
        for (const one of asks)
          for (const outsider of [...OUTSIDERS, 'a read-only token']) {
            const [answer, ofNothing] = await Promise.all([does(outsider, one, name), does(outsider, one, NOTHING[name] ?? '')])
            tellsNothing(answer, ofNothing, name, `${outsider}, ${one.method ?? ''} ${one.path(name)} ${JSON.stringify(one.body?.(name) ?? '').slice(0, 60)}`)
          }
        assert.equal(stored(), before)
      })
})
