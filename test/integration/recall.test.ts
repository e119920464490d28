/** A recalled version: refused from the moment it is written down, by whatever process, on every way to it. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { send } from '../support/registry/behaviour.ts'
import { publishTo } from '../support/stored.ts'

const OLD = new Date('2026-01-01T00:00:00Z')
const START = new Date('2026-03-01T00:00:00Z')
const NPM = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'accept-encoding': 'identity' }
const OPEN = { ...NO_AGE, defaults: { ...NO_AGE.defaults, manifestRepository: 'ignore' } }
const tarball = (version: string, name = 'widget'): string => `/${name}/-/${name}-${version}.tgz`

describe('recall through a mirror', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  /** As another process has it: the command, or a second mirror on the same store. */
  let other: SqliteLedger
  const clock = settableClock(START)

  beforeEach(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const version of ['1.0.0', '1.1.0', '1.2.0', '2.0.0-rc.1']) registry.publish({ name: 'widget', version, time: OLD, provenance: githubIdentity({ ref: `refs/tags/v${version}` }) })
    registry.retag('widget', 'latest', '1.2.0')
  })
  afterEach(async () => {
    other.close()
    await mirror.close()
    await registry.close()
  })
  const start = async (more: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, policy: OPEN, uplink: { maxage: '1h', staleFor: '0s' }, ...more })
    other = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
  }
  const recall = (range: string, name = 'widget'): number => noticed(() => other.recalls.add({ name, range, reason: 'stolen token', by: 'ann', at: START }).id)
  const lift = (id: number): void => { noticed(() => other.recalls.lift(id, { reason: 'cleared', by: 'ann', at: START })) }
  /** Warm answers may overlook for a millisecond what another process writes (pipeline.ts). */
  const noticed = <Result>(write: () => Result): Result => {
    const result = write()
    const written = performance.now()
    while (performance.now() - written <= 1);
    return result
  }
  const answered = async (where: string): Promise<string> => {
    const response = await mirror.get(where, NPM)
    const text = await response.text()
    if (response.status === 200) return '200'
    const body: unknown = JSON.parse(text)
    const reasons = isObject(body) ? (body.reasons as unknown as readonly { readonly code: string }[] | undefined) : undefined
    return [response.status, ...(reasons ?? []).map(({ code }) => code)].join(' ')
  }
  const listed = async (name = 'widget'): Promise<readonly string[]> => Object.keys((await mirror.json(`/${name}`, NPM)).versions as object)
  /** Asks until it is answered warm. */
  const heat = async (where: string): Promise<void> => {
    for (let round = 0; round < 3; round++) assert.equal(await answered(where), '200')
    const before = mirror.engine.work.warm
    assert.equal(await answered(where), '200')
    assert.ok(mirror.engine.work.warm > before, `${where} is not warm`)
  }

  it('a tarball that is answered warm is refused at once, and served again when the recall is lifted', async () => {
    await start()
    await heat(tarball('1.2.0'))
    const id = recall('1.2.0')
    assert.equal(await answered(tarball('1.2.0')), '403 recalled')
    assert.equal(await answered(tarball('1.1.0')), '200')
    lift(id)
    assert.equal(await answered(tarball('1.2.0')), '200')
  })
  it('a packument that is answered warm changes at once, its dist-tags too', async () => {
    await start()
    await heat('/widget')
    const before = await (await mirror.get('/widget', NPM)).text()
    const id = recall('1.2.0')
    assert.deepEqual((await mirror.json('/widget', NPM))['dist-tags'], { latest: '1.1.0' })
    assert.deepEqual(await listed(), ['1.0.0', '1.1.0', '2.0.0-rc.1'])
    lift(id)
    assert.equal(await (await mirror.get('/widget', NPM)).text(), before)
  })
  it('every address of a version is refused', async () => {
    const addresses = ['/widget/1.2.0', '/-/npm/v1/attestations/widget@1.2.0', '/-/provenance/v1/attestations/widget@1.2.0', '/-/provenance/v1/vsa/widget/1.2.0', tarball('1.2.0')]
    await start()
    for (const where of [...addresses, ...addresses, ...addresses]) assert.equal(await answered(where), '200', where)
    recall('>=1.2.0 <2')
    for (const where of addresses) assert.equal(await answered(where), '403 recalled', where)
  })
  it('the same process need not write to be told of its own recall', async () => {
    await start()
    await heat(tarball('1.2.0'))
    mirror.engine.ledger.recalls.add({ name: 'widget', range: '1.2.0', reason: 'x', by: undefined, at: START })
    assert.equal(await answered(tarball('1.2.0')), '403 recalled')
  })
  it('a range holds prereleases, and other packages have nothing to do with it', async () => {
    await start()
    registry.publish({ name: 'gadget', version: '1.2.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.2.0' }) })
    recall('*')
    assert.equal(await answered('/widget'), '403 recalled')
    assert.equal(await answered(tarball('2.0.0-rc.1')), '403 recalled')
    assert.deepEqual(await listed('gadget'), ['1.2.0'])
  })
  it('a refusal names the nearest version that is not recalled', async () => {
    await start()
    recall('>=1.1.0')
    const body = (await (await mirror.get(tarball('1.2.0'))).json()) as { readonly nearestAllowed: string; readonly message: string }
    assert.equal(body.nearestAllowed, '1.0.0')
    assert.match(body.message, /recalled by ann: stolen token/)
  })
  for (const [title, policy] of [
    ['monitor', { ...OPEN, extends: 'observe' }],
    ['a rule that allows', { ...OPEN, rules: [{ packages: ['widget'], verdict: 'allow', reason: 'ours' }, { packages: ['**'] }] }],
    ['onFailure: warn', { ...OPEN, rules: [{ packages: ['**'], onFailure: 'warn' }] }],
    ['onUnavailable: allow', { ...OPEN, onUnavailable: 'allow' }],
  ] as const)
    it(`${title} does not serve it`, async () => {
      await start({ policy })
      recall('1.2.0')
      assert.equal(await answered(tarball('1.2.0')), '403 recalled')
      assert.deepEqual(await listed(), ['1.0.0', '1.1.0', '2.0.0-rc.1'])
    })
  it('`withheld: marked` lists it as refused, and refuses its tarball', async () => {
    await start({ policy: { ...OPEN, withheld: 'marked' } })
    recall('1.2.0')
    const { versions } = (await mirror.json('/widget', NPM)) as unknown as { readonly versions: Readonly<Record<string, { readonly deprecated?: string }>> }
    assert.match(versions['1.2.0']?.deprecated ?? '', /recalled/)
    assert.equal(await answered(tarball('1.2.0')), '403 recalled')
  })
  it('a restart forgets no recall', async () => {
    await start()
    recall('1.2.0')
    other.close()
    await mirror.close({ keep: true })
    await start({ dir: mirror.dir })
    assert.equal(await answered(tarball('1.2.0')), '403 recalled')
  })
  it('a reset of the ledger lifts no recall', async () => {
    await start()
    await heat(tarball('1.2.0'))
    recall('1.2.0')
    other.reset({ name: 'widget', version: undefined, reason: 'x', at: START })
    assert.equal(await answered(tarball('1.2.0')), '403 recalled')
  })
  it('a download that began before is refused before its first byte', async () => {
    await start()
    // What is written while bytes are on their way counts: here, when the tarball is asked for.
    registry.behave(/\.tgz$/, (response, answer) => {
      recall('1.2.0')
      send(response, answer())
    })
    assert.equal(await answered(tarball('1.2.0')), '403 recalled')
  })

  describe('over HTTP', () => {
    const RECALLS = '/-/provenance/v1/recalls'
    const PACKAGES = { 'secret-*': { access: 'bob', publish: 'bob' }, '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } }
    const tokens = new Map<string, string>()
    const serve = async (): Promise<void> => {
      await start({ section: { dashboard: { write: ['ann'] } }, core: { packages: PACKAGES, auth: { htpasswd: { file: './htpasswd', algorithm: 'bcrypt', rounds: 4 } } } })
      for (const name of ['ann', 'bob']) tokens.set(name, await register(mirror.url, name))
    }
    const ask = async (who: string | undefined, method: string, where: string, body?: object, type = 'application/json'): Promise<readonly [number, JsonObject]> => {
      const authorization = tokens.get(who ?? '')
      const headers = { ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }), ...(body === undefined ? {} : { 'content-type': type }) }
      const response = await fetch(`${mirror.url}${where}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      return [response.status, (await response.json()) as JsonObject]
    }
    const ONE = { package: 'widget@1.2.0', reason: 'stolen token' }
    const status = async (...parameters: Parameters<typeof ask>): Promise<number> => (await ask(...parameters))[0]

    it('who may write recalls, sees who fetched it, and lifts it; all of it is in the decision log', async () => {
      await serve()
      await heat(tarball('1.2.0'))
      const [made, { recall: said }] = await ask('ann', 'POST', RECALLS, ONE)
      assert.equal(made, 201)
      assert.ok(isObject(said))
      assert.deepEqual({ ...said, at: undefined }, { id: 1, package: 'widget', range: '1.2.0', reason: 'stolen token', by: 'ann', at: undefined, lifted: null })
      assert.equal(await answered(tarball('1.2.0')), '403 recalled')
      const [, { fetched }] = await ask('ann', 'GET', `${RECALLS}/1/fetched`)
      const [first] = fetched as unknown as readonly { readonly versions: readonly { readonly count: number }[] }[]
      assert.equal(first?.versions[0]?.count, 4)
      assert.deepEqual((await ask('bob', 'GET', RECALLS))[1], { recalls: [said] })
      assert.equal(await status('ann', 'DELETE', `${RECALLS}/1`, { reason: 'cleared' }), 200)
      assert.equal(await answered(tarball('1.2.0')), '200')
      assert.deepEqual((await ask('bob', 'GET', RECALLS))[1], { recalls: [] })
      assert.equal(((await ask('bob', 'GET', `${RECALLS}?all=true`))[1].recalls as unknown as readonly unknown[]).length, 1)
      const { entries } = await mirror.engine.log.find({ kinds: ['recalled', 'recall-lifted'], order: 'oldest' })
      assert.deepEqual(entries.map(({ kind, package: name, asker }) => [kind, name, asker.user]), [['recalled', 'widget', 'ann'], ['recall-lifted', 'widget', 'ann']])
    })
    it('nobody else recalls, lifts, or sees who fetched', async () => {
      await serve()
      const id = recall('1.1.0')
      for (const [who, expected] of [[undefined, 401], ['bob', 403]] as const) {
        assert.equal(await status(who, 'POST', RECALLS, ONE), expected)
        assert.equal(await status(who, 'DELETE', `${RECALLS}/${String(id)}`, { reason: 'x' }), expected)
        assert.equal(await status(who, 'GET', `${RECALLS}/${String(id)}/fetched`), expected)
      }
      assert.equal(await status(undefined, 'GET', RECALLS), 401)
      assert.deepEqual(other.recalls.all().map(({ range, lifted }) => [range, lifted]), [['1.1.0', undefined]])
    })
    it('[15i] nobody recalls or sees what he may not know of, whatever he may write', async () => {
      await serve()
      const id = String(recall('*', 'secret-sauce'))
      assert.equal(await status('ann', 'POST', RECALLS, { package: 'secret-smoke@1.0.0', reason: 'x' }), 403)
      assert.deepEqual((await ask('ann', 'GET', RECALLS))[1], { recalls: [] })
      assert.equal(await status('ann', 'GET', `${RECALLS}/${id}/fetched`), 404)
      assert.equal(await status('ann', 'DELETE', `${RECALLS}/${id}`, { reason: 'x' }), 404)
      assert.equal(other.recalls.of('secret-sauce').length, 1)
      assert.equal(((await ask('bob', 'GET', RECALLS))[1].recalls as unknown as readonly unknown[]).length, 1)
    })
    it('what makes no sense is 400 and changes nothing; a form is 415', async () => {
      await serve()
      for (const body of [{}, { ...ONE, package: 'widget' }, { ...ONE, package: 'widget@latest' }, { ...ONE, package: 7 }, { package: 'widget@1.0.0' }, { ...ONE, reason: ' ' }, { ...ONE, reason: 'x'.repeat(501) }])
        assert.equal(await status('ann', 'POST', RECALLS, body), 400, JSON.stringify(body).slice(0, 60))
      assert.equal(await status('ann', 'POST', RECALLS, ONE, 'text/plain'), 415)
      assert.equal(await status('ann', 'DELETE', `${RECALLS}/9`, { reason: 'x' }), 404)
      assert.equal(await status('ann', 'DELETE', `${RECALLS}/__proto__`, { reason: 'x' }), 404)
      assert.deepEqual(other.recalls.all(), [])
    })
  })

  it('a version published here is refused too, also where no rule speaks of it', async () => {
    await start()
    const token = await register(mirror.url, 'alice')
    for (const version of ['1.0.0', '1.1.0']) assert.equal((await publishTo(mirror.url, token, 'ours', version)).status, 201)
    assert.deepEqual(await listed('ours'), ['1.0.0', '1.1.0'])
    assert.equal(await answered(tarball('1.1.0', 'ours')), '200')
    const id = recall('>=1.1.0', 'ours')
    assert.equal(await answered(tarball('1.1.0', 'ours')), '403 recalled')
    assert.deepEqual(await listed('ours'), ['1.0.0'])
    assert.equal((await publishTo(mirror.url, token, 'ours', '1.2.0')).status, 403)
    lift(id)
    assert.equal(await answered(tarball('1.1.0', 'ours')), '200')
  })
})
