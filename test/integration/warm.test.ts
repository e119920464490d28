/** What is answered before anything else looks at a request: as the long way would, and never a moment longer. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { VerdaccioAuth } from '../../plugin/http/access.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { temporaryDirectory } from '../support/process.ts'
import { onTheWire, raw, register } from '../support/raw.ts'
import { publishTo } from '../support/stored.ts'
import { ToldWatch } from '../unit/rollout/support.ts'

const DAY = 86_400_000
const OLD = new Date('2026-01-01T00:00:00Z')
const START = new Date('2026-03-01T00:00:00Z')
const OPEN = 'version: 1\nextends: recommended\ndefaults: { minimumReleaseAge: 0 }\n'
const TARBALL = '/widget/-/widget-1.1.0.tgz'
const NPM = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'accept-encoding': 'gzip' }

describe('warm answers', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(START)

  beforeEach(async () => {
    clock.set(START)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0']) registry.publish({ name: 'widget', version, time: OLD, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const start = async (more: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, uplink: { maxage: '1h', staleFor: '0s' }, ...more })
  }
  const warm = (): number => mirror.engine.work.warm
  /** Asks until it is answered warm; then says what that costs. */
  const heat = async (where: string, headers: Readonly<Record<string, string>> = NPM): Promise<void> => {
    for (let round = 0; round < 3; round++) await (await mirror.get(where, headers)).arrayBuffer()
    registry.requests.length = 0
  }
  const isWarm = async (where: string, headers: Readonly<Record<string, string>> = NPM): Promise<boolean> => {
    const before = warm()
    await (await mirror.get(where, headers)).arrayBuffer()
    return warm() > before
  }

  for (const where of ['/widget', '/widget/1.0.0', '/widget/latest', TARBALL])
    it(`${where} costs no question, reading, writing or verification`, async () => {
      await start()
      await heat(where)
      const before = { ...mirror.engine.work }
      assert.equal(await isWarm(where), true)
      assert.deepEqual(registry.requests, [])
      assert.deepEqual({ ...mirror.engine.work }, { ...before, warm: before.warm + 1 })
    })
  for (const accept of [NPM.accept, '*/*'])
    for (const encoding of ['gzip', 'identity'])
      it(`is byte for byte the answer of the long way: ${accept.slice(0, 20)}, ${encoding}`, async () => {
        await start()
        const headers = { accept, 'accept-encoding': encoding }
        await heat('/widget', headers)
        const [short, long] = [await raw(mirror.url, '/widget', { headers }), await raw(mirror.url, '/widget?', { headers })]
        const { date: _short, ...told } = short.headers
        const { date: _long, ...expected } = long.headers
        assert.deepEqual([short.status, told, short.body.toString('base64')], [long.status, expected, long.body.toString('base64')])
        assert.equal(await isWarm('/widget', headers), true)
        assert.equal(await isWarm('/widget?', headers), false)
      })
  it('HEAD and 304 have no body, and the same validators', async () => {
    await start()
    await heat('/widget')
    const whole = await raw(mirror.url, '/widget', { headers: NPM })
    const head = await raw(mirror.url, '/widget', { method: 'HEAD', headers: NPM })
    assert.deepEqual([head.status, head.body.length, head.headers.etag, head.headers['content-length']], [200, 0, whole.headers.etag, whole.headers['content-length']])
    const since = await raw(mirror.url, '/widget', { headers: { ...NPM, 'if-modified-since': whole.headers['last-modified'] ?? '' } })
    const known = await raw(mirror.url, '/widget', { headers: { ...NPM, 'if-none-match': whole.headers.etag ?? '' } })
    const other = await raw(mirror.url, '/widget', { headers: { ...NPM, 'if-none-match': '"other"', 'if-modified-since': whole.headers['last-modified'] ?? '' } })
    assert.deepEqual([since.status, known.status, known.body.length, known.headers.etag, other.status], [304, 304, 0, whole.headers.etag, 200])
    assert.ok(warm() >= 5)
  })
  it('a tarball in parts, and not to whom other bytes are promised', async () => {
    await start()
    await heat(TARBALL)
    const whole = await raw(mirror.url, TARBALL)
    const part = await raw(mirror.url, TARBALL, { headers: { range: 'bytes=5-9' } })
    assert.deepEqual([part.status, part.body.toString('hex')], [206, whole.body.subarray(5, 10).toString('hex')])
    const other = await raw(mirror.url, TARBALL, { headers: { 'pacote-integrity': `sha512-${'A'.repeat(86)}==` } })
    assert.equal(other.status, 403)
  })
  it('a tarball is byte for byte the answer of the long way', async () => {
    await start()
    await heat(TARBALL)
    const [short, long] = [await raw(mirror.url, TARBALL, { headers: NPM }), await raw(mirror.url, `${TARBALL}?`, { headers: NPM })]
    const { date: _short, ...told } = short.headers
    const { date: _long, ...expected } = long.headers
    assert.deepEqual([short.status, told, short.body.toString('base64')], [long.status, expected, long.body.toString('base64')])
    assert.equal(await isWarm(TARBALL), true)
  })
  it('a tarball that is asked for again in the same turn: each delivery is told, and other bytes that somebody expects are refused', async () => {
    await start()
    await heat(TARBALL)
    const [before, told] = [warm(), mirror.decisions.length]
    const { host } = new URL(mirror.url)
    const asked = (more: string): string => `GET ${TARBALL} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`
    // In one write, so that the server reads them in one turn.
    const answers = await onTheWire(mirror.url, [asked('User-Agent: one\r\n'), asked('User-Agent: two\r\n'), asked(`Pacote-Integrity: sha512-${'A'.repeat(86)}==\r\nConnection: close\r\n`)].join(''))
    assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 403'])
    assert.deepEqual(mirror.decisions.slice(told).map(({ kind, asker }) => [kind, asker?.client]), [['warned', 'one'], ['warned', 'two'], ['refused', undefined]])
    assert.equal(warm(), before + 2)
  })

  describe('ends', () => {
    it('when the uplink is to be asked again', async () => {
      await start()
      await heat('/widget')
      registry.publish({ name: 'widget', version: '1.2.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.2.0' }) })
      clock.advance(2 * 3_600_000)
      assert.deepEqual(Object.keys((await mirror.json('/widget', NPM)).versions as object), ['1.0.0', '1.1.0', '1.2.0'])
    })
    it('and not before, while the last good answer is served: one question behind them all', async () => {
      await start({ uplink: { maxage: '2m', staleFor: '10m' } })
      await heat('/widget')
      await heat(TARBALL)
      clock.advance(4 * 60_000)
      assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => isWarm('/widget'))), Array.from({ length: 20 }, () => true))
      assert.equal(await isWarm(TARBALL), true)
      clock.advance(12 * 60_000)
      assert.equal(await isWarm('/widget'), false)
      assert.equal(registry.requests.filter(({ path: where }) => where === '/widget').length, 1)
    })
    it('when the clock changes a verdict, and no earlier', async () => {
      registry.publish({ name: 'widget', version: '1.2.0', time: new Date(START.getTime() - DAY), provenance: githubIdentity({ ref: 'refs/tags/v1.2.0' }) })
      await start({ uplink: { maxage: '30d' }, policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '3d' } } })
      await heat('/widget')
      clock.advance(2 * DAY - 1000)
      assert.equal(await isWarm('/widget'), true)
      assert.deepEqual(Object.keys((await mirror.json('/widget', NPM)).versions as object), ['1.0.0', '1.1.0'])
      clock.advance(2000)
      assert.deepEqual(Object.keys((await mirror.json('/widget', NPM)).versions as object), ['1.0.0', '1.1.0', '1.2.0'])
    })
    it('with the policy', async () => {
      const dir = temporaryDirectory('warm-')
      mkdirSync(path.join(dir, 'storage'))
      const write = (rules: string): void => { writeFileSync(path.join(dir, 'policy.yaml'), OPEN + rules) }
      write('')
      await start({ dir, section: { policy: './policy.yaml' }, rollout: { watch: new ToldWatch().watch } })
      await heat('/widget')
      await heat(TARBALL)
      write('rules:\n  - { name: recalled, packages: ["widget@1.1.0"], verdict: deny, reason: recalled }\n')
      assert.equal(mirror.engine.rollout.reload('signal').outcome, 'applied')
      assert.deepEqual([Object.keys((await mirror.json('/widget', NPM)).versions as object), (await mirror.get(TARBALL)).status], [['1.0.0'], 403])
    })
    it('with a clock that is set back', async () => {
      await start()
      await heat(TARBALL)
      clock.advance(-DAY)
      assert.equal(await isWarm(TARBALL), false)
    })
    it('with a reset of the ledger', async () => {
      await start()
      await heat('/widget')
      await heat(TARBALL)
      mirror.engine.ledger.reset({ name: 'widget', version: undefined, reason: 'a test', at: START })
      await new Promise((resolve) => setImmediate(resolve))
      const before = { ...mirror.engine.work }
      assert.equal((await mirror.get(TARBALL, NPM)).status, 200)
      assert.deepEqual([mirror.engine.work.warm, mirror.engine.ledger.records(mirror.engine.ledger.registriesOf('widget')[0] ?? '', 'widget').size > 0], [before.warm, true])
    })
    it('[1a] with the bytes: a tarball that was altered on disk never leaves', async () => {
      await start({ section: { cache: { memory: '8mb' } } })
      await heat(TARBALL)
      const whole = await raw(mirror.url, TARBALL)
      const dir = path.join(mirror.dir, 'cache', 'tarballs')
      for (const file of readdirSync(dir, { recursive: true, withFileTypes: true })) if (file.isFile()) appendFileSync(path.join(file.parentPath, file.name), 'more')
      const after = await raw(mirror.url, TARBALL)
      assert.deepEqual([after.status, after.body.toString('hex')], [200, whole.body.toString('hex')])
    })
  })

  describe('are only for anonymous questions that nothing else could change', () => {
    for (const [what, headers] of Object.entries({
      'a token': { authorization: 'Bearer made-up' },
      'a cookie': { cookie: 'a=b' },
      'a proxy that names itself': { via: '1.1 other' },
      'an origin': { origin: 'https://other.example' },
      'another language of the client': { accept: 'text/plain;q=0.1, application/json' },
    }))
      it(what, async () => {
        await start()
        await heat('/widget')
        assert.equal(await isWarm('/widget', { ...NPM, ...headers }), false)
      })
    it('and only an answer to such a question is given again', async () => {
      await start()
      for (const header of [{ origin: 'https://other.example' }, { cookie: 'a=b' }]) await heat('/widget', { ...NPM, ...header })
      assert.equal(await isWarm('/widget'), false)
    })
    it('not what only some may read', async () => {
      await start({ core: { packages: { widget: { access: 'alice' }, '**': { access: '$all' } } } })
      const token = await register(mirror.url, 'alice')
      for (let round = 0; round < 3; round++) assert.equal((await mirror.get('/widget', { ...NPM, authorization: `Bearer ${token}` })).status, 200)
      assert.equal((await mirror.get('/widget', NPM)).status, 401)
      assert.equal(warm(), 0)
    })
    it('not a version that an auth plugin refuses, whatever it says of the others', async () => {
      await start()
      await heat(TARBALL)
      await heat('/widget/1.0.0')
      const auth: { open(auth: VerdaccioAuth): void } | undefined = mirror.engine.routes.warm
      const asked: unknown[] = []
      auth?.open({
        allow_access: (pkg, _user, callback) => { asked.push(pkg.packageVersion); callback(null, pkg.packageVersion === undefined) },
        allow_publish: () => undefined,
        webUIJWTmiddleware: () => () => undefined,
      })
      assert.deepEqual([await isWarm(TARBALL), await isWarm('/widget/1.0.0')], [false, false])
      assert.deepEqual([...new Set(asked)], ['1.1.0', '1.0.0'])
    })
    it('not what may be published here at any time', async () => {
      await start({ section: { local: ['widget'] } })
      await heat('/widget')
      assert.equal(await isWarm('/widget'), false)
    })
    it('not under a Host that is not this mirror\u2019s', async () => {
      await start()
      await heat('/widget')
      const before = warm()
      const answer = await raw(mirror.url, '/widget', { headers: { ...NPM, host: 'evil.test' } })
      assert.deepEqual([answer.status, warm()], [400, before])
    })
    it('not under two Hosts', async () => {
      await start()
      await heat('/widget')
      const before = warm()
      const answer = await onTheWire(mirror.url, `GET /widget HTTP/1.1\r\nHost: ${new URL(mirror.url).host}\r\nHost: evil.test\r\nAccept: ${NPM.accept}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`)
      assert.deepEqual([answer.slice(0, 12), warm()], ['HTTP/1.1 400', before])
    })
    it('not after something was published here, before it was asked for again', async () => {
      await start()
      await heat('/widget')
      const token = await register(mirror.url, 'alice')
      assert.equal(await isWarm('/widget'), false)
      await heat('/widget')
      assert.equal(await isWarm('/widget'), true)
      assert.equal((await publishTo(mirror.url, token, 'home-made', '1.0.0')).status, 201)
      assert.equal(await isWarm('/widget'), false)
    })
    it('each address of the mirror has its own', async () => {
      await start({ section: { publicUrl: ['https://npm.acme.example'] } })
      await heat('/widget')
      const headers = { ...NPM, 'accept-encoding': 'identity', host: 'npm.acme.example' }
      for (let round = 0; round < 3; round++) assert.match((await raw(mirror.url, '/widget', { headers })).body.toString(), /https:\/\/npm\.acme\.example\/widget\/-\//)
    })
    it('a package of which nothing is verified yet is never one', async () => {
      registry.status(/^\/-\/npm\/v1\/attestations\//, 500)
      await start({ policy: { version: 1, extends: 'recommended', listing: 'verified', defaults: { minimumReleaseAge: '0', provenance: 'required' } } })
      for (let round = 0; round < 4; round++) assert.equal((await mirror.get('/widget', { ...NPM, 'accept-encoding': 'identity' })).status, 503)
      assert.equal(warm(), 0)
    })
    it('a refusal is never one', async () => {
      await start({ policy: { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' }, rules: [{ name: 'no', packages: ['widget@1.1.0'], verdict: 'deny', reason: 'no' }] } })
      await heat(TARBALL)
      await heat('/widget/1.1.0')
      assert.deepEqual([await isWarm(TARBALL), await isWarm('/widget/1.1.0'), (await mirror.get(TARBALL)).status], [false, false, 403])
      assert.equal(mirror.decisions.filter(({ kind }) => kind === 'refused').length >= 4, true)
    })
  })
})
