/** Packages published here: judged before they are stored and whenever they are read, with the evidence they were published with. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { PUBLISHED_HERE } from '../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { bundleFor, publishBody, sendPublish, withBundle, type Publish, type PublishOptions } from '../support/publish.ts'
import { register } from '../support/raw.ts'
import { integrityOf, shasumOf } from '../support/tarball.ts'

const IDENTITY = githubIdentity({ repo: 'acme/ui', ref: 'refs/tags/v1.0.0' })
const MANIFEST = { repository: 'github:acme/ui' } as const
const OURS = { name: 'ours, built by us', packages: ['@acme/*'], origin: 'local', require: { provenance: { sourceRepository: 'https://github.com/acme/ui' } } } as const
const BASE = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' } } as const
const FORMS = ['application/json', 'application/vnd.npm.install-v1+json']

describe('packages published here', function () {
  this.timeout(20_000)
  let sigstore: PrivateSigstore
  let registry: FakeRegistry
  let mirror: TestMirror
  let token: string
  let count = 0
  /** Another name for every test, so that tests can share a mirror. */
  let NAME: string
  let ONE: PublishOptions
  let escaped: string
  const clock = settableClock(new Date())

  before(async () => {
    sigstore = PrivateSigstore.create()
    registry = await FakeRegistry.start({ sigstore })
  })
  after(() => registry.close())
  const rename = (): void => {
    clock.set(new Date())
    NAME = `@acme/ui-${String(++count)}`
    ONE = { name: NAME, version: '1.0.0', manifest: MANIFEST }
    escaped = NAME.replace('/', '%2f')
  }
  beforeEach(rename)
  const forEach = (policy?: JsonObject): void => {
    if (policy !== undefined) beforeEach(() => start(policy))
    afterEach(() => mirror.close())
  }
  const forAll = (policy: JsonObject = {}): void => {
    before(() => start(policy))
    after(() => mirror.close())
  }

  const start = async (policy: JsonObject = {}, dir?: string): Promise<void> => {
    mirror = await startTestMirror({ registry, clock, policy: { ...BASE, ...policy }, core: { web: { enable: true } }, ...(dir === undefined ? {} : { dir }) })
    token = await register(mirror.url, `alice${String(Math.random()).slice(2)}`)
  }
  /** The same mirror under another policy. */
  const restart = async (policy: JsonObject = {}): Promise<void> => {
    const { dir } = mirror
    await mirror.close({ keep: true })
    await start(policy, dir)
  }
  const send = (publish: Pick<Publish, 'body'>, where?: string): Promise<Response> => sendPublish(mirror.url, token, publish, where)
  const publish = async (options: PublishOptions): Promise<Publish> => {
    const made = publishBody(options)
    assert.equal((await send(made)).status, 201)
    return made
  }
  const attested = (options: PublishOptions, identity = IDENTITY): Publish => {
    const made = publishBody(options)
    return withBundle(made, bundleFor(sigstore, options, made.bytes, identity))
  }
  const codes = async (answer: Response | Promise<Response>): Promise<readonly unknown[]> => {
    const response = await answer
    const { reasons = [] } = JSON.parse((await response.text()) || '{}') as { reasons?: { code: string }[] }
    return [response.status, ...new Set(reasons.map(({ code }) => code))]
  }
  const file = ({ name, version }: PublishOptions): string => `/${name}/-/${name.split('/').at(-1) ?? ''}-${version}.tgz`
  const versions = async (name: string, accept = 'application/json', more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
    const document = await mirror.json(`/${name}`, { accept, ...more })
    return Object.keys(isObject(document.versions) ? document.versions : {})
  }
  const stored = (name: string): JsonObject & { versions: Record<string, JsonObject> } =>
    JSON.parse(readFileSync(path.join(mirror.dir, 'storage', name, 'package.json'), 'utf8')) as never
  const isStored = (name: string): boolean => existsSync(path.join(mirror.dir, 'storage', name))
  const change = (method: string, where: string, body: unknown): Promise<Response> =>
    fetch(`${mirror.url}${where}`, { method, headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify(body) })
  const asWriter = async (name: string): Promise<JsonObject & { versions: Record<string, JsonObject>; _rev: string }> =>
    (await mirror.json(`/${name.replace('/', '%2f')}?write=true`, { authorization: `Bearer ${token}` })) as never
  const dist = async (name: string, version: string): Promise<JsonObject> => {
    const manifest = await mirror.json(`/${name.replace('/', '%2f')}/${version}`)
    return manifest.dist as JsonObject
  }

  describe('by which rule', () => {
    forEach()
    it('no rule speaks of them: served, whatever the preset asks of uplinks', async () => {
      for (const preset of ['recommended', 'lockdown']) {
        await start({ extends: preset })
        const { bytes } = await publish(ONE)
        for (const form of FORMS) assert.deepEqual(await versions(escaped, form), ['1.0.0'])
        const answer = await mirror.get(file(ONE))
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes)
        if (preset === 'recommended') await mirror.close()
        rename()
      }
    })
    it('a rule for uplinks leaves them alone, one for any origin does not', async () => {
      const denied = { packages: ['@acme/*'], verdict: 'deny', reason: 'replaced' }
      await start({ rules: [{ ...denied, origin: 'upstream' }] })
      await publish(ONE)
      assert.deepEqual(await versions(escaped), ['1.0.0'])
      await restart({ rules: [{ ...denied, origin: 'any' }] })
      assert.deepEqual(await codes(mirror.get(`/${escaped}`)), [403, 'denied-by-rule'])
    })
    it('a rule for packages published here leaves those of uplinks alone', async () => {
      registry.publish({ name: 'theirs', version: '1.0.0' })
      await start({ rules: [{ packages: ['**'], origin: 'local', verdict: 'deny', reason: 'nothing here' }] })
      assert.deepEqual(await versions('theirs'), ['1.0.0'])
    })
  })

  describe('a version that is refused', () => {
    const DENY_TWO = { packages: ['**@2.0.0'], origin: 'local', verdict: 'deny', reason: 'broken' } as const
    const TESTS = 21
    before(async () => {
      await start()
      const first = count
      for (let one = 0; one < TESTS; one++) {
        rename()
        await publish(ONE)
        await publish({ ...ONE, version: '2.0.0', manifest: { keywords: ['second'] } })
      }
      count = first
      await restart({ rules: [DENY_TWO] })
    })
    after(() => mirror.close())

    it('is in no form of the packument, and latest points below it', async () => {
      for (const form of FORMS) assert.deepEqual(await versions(escaped, form), ['1.0.0'])
      const document = await mirror.json(`/${NAME}`)
      assert.deepEqual(document['dist-tags'], { latest: '1.0.0' })
      assert.equal(Object.hasOwn(document.time as JsonObject, '2.0.0'), false)
      assert.deepEqual(await mirror.json(`/-/package/${escaped}/dist-tags`), { latest: '1.0.0' })
    })
    it('is refused by number, and its tarball by every method', async () => {
      assert.deepEqual(await codes(mirror.get(`/${escaped}/2.0.0`)), [403, 'denied-by-rule'])
      const two = file({ ...ONE, version: '2.0.0' })
      const answer = await mirror.get(two)
      const body = (await answer.json()) as JsonObject
      assert.equal(answer.status, 403)
      assert.match(body.error as string, /@2\.0\.0 is refused: .*broken.*@1\.0\.0 passes; see /)
      assert.equal((await fetch(`${mirror.url}${two}`, { method: 'HEAD' })).status, 403)
      assert.equal((await mirror.get(two, { range: 'bytes=0-1' })).status, 403)
      assert.equal((await mirror.get(file(ONE), { range: 'bytes=0-1' })).status, 206)
    })
    it('is explained', async () => {
      const explained = await mirror.json(`/-/provenance/v1/packages/${escaped}/2.0.0`)
      assert.deepEqual([explained.outcome, explained.uplink], ['deny', 'local'])
      const all = (await mirror.json(`/-/provenance/v1/packages/${escaped}`)) as { versions: Record<string, JsonObject> }
      assert.deepEqual([all.versions['1.0.0']!.outcome, all.versions['2.0.0']!.outcome], ['allow', 'deny'])
    })
    for (const where of ['/-/v1/search?text=', '/-/all', '/-/verdaccio/data/packages', '/-/verdaccio/data/search/acme', '/-/verdaccio/data/sidebar/NAME', '/-/verdaccio/data/sidebar/NAME?v=2.0.0'])
      it(`is not shown at ${where}`, async () => {
        const answer = await mirror.get(where.replace('NAME', NAME))
        assert.doesNotMatch(await answer.text(), /2\.0\.0|second/)
      })
    it('whoever may publish is shown it to change it, and nobody else', async () => {
      assert.deepEqual(Object.keys((await asWriter(NAME)).versions), ['1.0.0', '2.0.0'])
      assert.deepEqual(await versions(`${escaped}?write=true`), ['1.0.0'])
    })
    it('npm deprecate loses no hidden version', async () => {
      const manifest = await asWriter(NAME)
      const deprecated = { ...manifest.versions, '1.0.0': { ...manifest.versions['1.0.0'], deprecated: 'old' } }
      assert.equal((await change('PUT', `/${escaped}`, { ...manifest, versions: deprecated })).status, 201)
      assert.deepEqual(Object.keys(stored(NAME).versions), ['1.0.0', '2.0.0'])
      assert.equal((await mirror.json(`/${escaped}/1.0.0`)).deprecated, 'old')
    })
    it('npm star and dist-tag lose no hidden version', async () => {
      assert.equal((await change('PUT', `/${escaped}`, { _id: NAME, users: { alice: true } })).status, 200)
      assert.equal((await change('PUT', `/-/package/${escaped}/dist-tags/stable`, '1.0.0')).status, 201)
      assert.equal((await change('DELETE', `/-/package/${escaped}/dist-tags/stable`, {})).status, 201)
      assert.deepEqual(Object.keys(stored(NAME).versions), ['1.0.0', '2.0.0'])
    })
    it('npm owner changes the maintainers, and loses no hidden version', async () => {
      const { _rev } = await asWriter(NAME)
      assert.equal((await change('PUT', `/${escaped}/-rev/${_rev}`, { _id: NAME, _rev, maintainers: [{ name: 'bob', email: 'bob@home.example' }] })).status, 201)
      assert.deepEqual((await mirror.json(`/${escaped}`)).maintainers, [{ name: 'bob', email: '' }])
      assert.deepEqual(Object.keys(stored(NAME).versions), ['1.0.0', '2.0.0'])
    })
    for (const [what, maintainers] of [['none', []], ['no list', 'bob'], ['no name', [{}]], ['a name that is none', [{ name: 'a b' }]]] as const)
      it(`npm owner: ${what} is a mistake, and changes nothing`, async () => {
        const before = (await mirror.json(`/${escaped}`)).maintainers
        assert.equal((await change('PUT', `/${escaped}/-rev/1-a`, { _id: NAME, maintainers })).status, 400)
        assert.deepEqual((await mirror.json(`/${escaped}`)).maintainers, before)
        assert.deepEqual(Object.keys(stored(NAME).versions), ['1.0.0', '2.0.0'])
      })
    it('npm unpublish takes the version it names, and no hidden one', async () => {
      const { versions: { '1.0.0': _gone, ...kept }, ...manifest } = await asWriter(NAME)
      assert.equal((await change('PUT', `/${escaped}/-rev/${manifest._rev}`, { ...manifest, 'dist-tags': { latest: '2.0.0' }, versions: kept })).status, 201)
      assert.equal((await change('DELETE', `/${NAME}/-/${NAME.slice(6)}-1.0.0.tgz/-rev/${manifest._rev}`, {})).status, 201)
      assert.deepEqual(Object.keys(stored(NAME).versions), ['2.0.0'])
    })
    it('publishing another version loses no hidden version', async () => {
      await publish({ ...ONE, version: '3.0.0' })
      assert.deepEqual(Object.keys(stored(NAME).versions), ['1.0.0', '2.0.0', '3.0.0'])
    })
  })

  describe('with provenance', () => {
    forEach()
    it('a bundle that the rule asks for: accepted, kept, served and explained', async () => {
      await start({ rules: [OURS] })
      assert.equal((await send(attested(ONE))).status, 201)
      assert.deepEqual(Object.keys(stored(NAME)._attachments as JsonObject), [file(ONE).split('/').at(-1)])
      for (const form of FORMS) assert.deepEqual(await versions(escaped, form), ['1.0.0'])
      assert.equal((await mirror.get(file(ONE))).status, 200)
      const { evidence } = (await mirror.json(`/-/provenance/v1/packages/${escaped}/1.0.0`)) as { evidence: { provenance: { state: string } } }
      assert.equal(evidence.provenance.state, 'verified')
    })
    it('of a private Sigstore, it is at an address of this mirror and not announced to clients, who could not verify it', async () => {
      await start({ rules: [OURS] })
      await send(attested(ONE))
      assert.equal((await dist(NAME, '1.0.0')).attestations, undefined)
      assert.equal((await mirror.get(`/-/npm/v1/attestations/${escaped}@1.0.0`)).status, 404)
      const { attestations } = (await mirror.json(`/-/provenance/v1/attestations/${escaped}@1.0.0`)) as { attestations: { predicateType: string }[] }
      assert.deepEqual(attestations.map(({ predicateType }) => predicateType), ['https://slsa.dev/provenance/v1'])
    })
    it('outlives the caches and the facts', async () => {
      await start({ rules: [OURS] })
      await send(attested(ONE))
      const { dir } = mirror
      await mirror.close({ keep: true })
      rmSync(path.join(dir, 'cache'), { recursive: true, force: true })
      for (const end of ['', '-wal', '-shm']) rmSync(path.join(dir, `provenance-facts.db${end}`), { force: true })
      await start({ rules: [OURS] }, dir)
      assert.deepEqual(await versions(escaped), ['1.0.0'])
      assert.equal((await mirror.get(file(ONE))).status, 200)
      assert.equal((await mirror.get(`/-/provenance/v1/attestations/${escaped}@1.0.0`)).status, 200)
    })
    it('is judged by the policy of the day, with the evidence of the day it was published', async () => {
      await start({ rules: [OURS] })
      await send(attested(ONE))
      await restart({ rules: [{ ...OURS, require: { provenance: { sourceRepository: 'https://github.com/acme/other' } } }] })
      assert.deepEqual(await codes(mirror.get(`/${escaped}`)), [403, 'source-repository-mismatch'])
      assert.deepEqual(await codes(mirror.get(file(ONE))), [403, 'source-repository-mismatch'])
    })

    it('one that does not verify refuses also where no rule asks, and in monitor', async () => {
      await start({ mode: 'monitor' })
      assert.deepEqual(await codes(send(withBundle(publishBody(ONE), '{}'))), [403, 'provenance-invalid'])
    })
    it('monitor accepts what a rule refuses, and says so', async () => {
      await start({ mode: 'monitor', rules: [OURS] })
      assert.equal((await send(publishBody(ONE))).status, 201)
      assert.equal(mirror.decisions.find(({ kind }) => kind === 'warned')?.verdict.monitored, true)
    })
    it('a waiver lets one version in without', async () => {
      const waiver = { package: `${NAME}@1.0.0`, waives: ['provenance-absent'], reason: 'by hand, once', approvedBy: 'security', expires: '2090-01-10' }
      await start({ rules: [OURS], waivers: [waiver] })
      assert.equal((await send(publishBody(ONE))).status, 201)
      assert.deepEqual(await codes(send(publishBody({ ...ONE, version: '1.0.1' }))), [403, 'provenance-absent'])
      assert.equal((await mirror.get(file(ONE))).status, 200)
    })
    it('a minimum age refuses no publish; it holds the version back', async () => {
      await start({ rules: [{ ...OURS, require: { ...OURS.require, minimumReleaseAge: '2d' } }] })
      assert.equal((await send(attested(ONE))).status, 201)
      assert.deepEqual(await codes(mirror.get(file(ONE))), [403, 'release-too-young'])
      clock.advance(3 * 86_400_000)
      assert.equal((await mirror.get(file(ONE))).status, 200)
    })
  })

  describe('with provenance that does not do', () => {
    forAll({ rules: [OURS] })
    const REFUSED: readonly (readonly [string, string, () => Publish])[] = [
      ['without one that the rule requires', 'provenance-absent', () => publishBody(ONE)],
      ['with one of another repository', 'source-repository-mismatch', () => attested(ONE, githubIdentity({ repo: 'evil/ui' }))],
      ['with one of other bytes', 'subject-mismatch', () => withBundle(publishBody(ONE), bundleFor(sigstore, ONE, Buffer.from('other'), IDENTITY))],
      ['with one of another version', 'subject-mismatch', () => {
        const made = publishBody(ONE)
        return withBundle(made, bundleFor(sigstore, { ...ONE, version: '1.0.1' }, made.bytes, IDENTITY))
      }],
      ['with one of another package', 'subject-mismatch', () => {
        const made = publishBody(ONE)
        return withBundle(made, bundleFor(sigstore, { ...ONE, name: '@acme/other' }, made.bytes, IDENTITY))
      }],
      ['with one of a foreign Sigstore', 'provenance-invalid', () => {
        const made = publishBody(ONE)
        return withBundle(made, bundleFor(PrivateSigstore.create({ name: 'foreign' }), ONE, made.bytes, IDENTITY))
      }],
      ['with one that is in no log that is trusted', 'provenance-invalid', () => {
        const made = publishBody(ONE)
        return withBundle(made, bundleFor(sigstore, ONE, made.bytes, IDENTITY, { fault: 'foreign-log' }))
      }],
      ['with something that is no bundle', 'provenance-invalid', () => withBundle(publishBody(ONE), '{"not":"a bundle"}')],
      ['with no JSON', 'provenance-invalid', () => withBundle(publishBody(ONE), 'eA==')],
    ]
    for (const [what, code, made] of REFUSED)
      it(`${what}: refused with ${code}, and nothing is stored`, async () => {
        assert.deepEqual((await codes(send(made()))).slice(0, 2), [403, code])
        assert.equal(isStored(NAME), false)
        assert.equal((await mirror.get(`/${escaped}`)).status, 404)
        const ledger = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
        assert.equal(ledger.records(PUBLISHED_HERE, NAME).size, 0)
        ledger.close()
        // And the name is still free for the genuine one.
        assert.equal((await send(attested(ONE))).status, 201)
      })
  })

  describe('what is computed here', () => {
    forAll()
    it('integrity, shasum, address and time are of the bytes that came, whatever dist says beside them', async () => {
      const { body, bytes } = publishBody(ONE)
      const manifest = (body.versions as Record<string, JsonObject>)['1.0.0']!
      const lies = { tarball: 'https://evil.example/x.tgz', signatures: [{ keyid: 'x', sig: 'y' }], attestations: { url: 'https://evil.example' } }
      const sent = { ...body, time: { '1.0.0': '2001-01-01T00:00:00.000Z' }, versions: { '1.0.0': { ...manifest, _npmUser: { name: 'x', trustedPublisher: {} }, dist: lies } } }
      assert.equal((await send({ body: sent })).status, 201)
      const now = stored(NAME)
      const saved = now.versions['1.0.0']! as { dist: JsonObject; _npmUser: JsonObject }
      assert.deepEqual(saved.dist, { tarball: `${mirror.url}/${NAME}/-/${NAME.slice(6)}-1.0.0.tgz`, integrity: integrityOf(bytes), shasum: shasumOf(bytes) })
      assert.deepEqual(Object.keys(saved._npmUser), ['name'])
      assert.notEqual((now.time as JsonObject)['1.0.0'], '2001-01-01T00:00:00.000Z')
      const served = await dist(NAME, '1.0.0')
      assert.equal(served.attestations, undefined)
      assert.equal((served.signatures as { keyid: string }[]).some(({ keyid }) => keyid === 'x'), false)
    })
    for (const [field, value] of [['integrity', `sha512-${'A'.repeat(86)}==`], ['shasum', 'a'.repeat(40)]] as const)
      it(`a ${field} of other bytes refuses the publish`, async () => {
        const { body } = publishBody(ONE)
        const manifest = (body.versions as Record<string, { dist: JsonObject }>)['1.0.0']!
        const sent = { ...body, versions: { '1.0.0': { ...manifest, dist: { ...manifest.dist, [field]: value } } } }
        assert.deepEqual(await codes(send({ body: sent })), [403, 'integrity-mismatch'])
        assert.equal(isStored(NAME), false)
      })
    for (const [what, inDocument, inTarball] of [
      ['dependencies', { dependencies: { a: '1' } }, {}],
      ['an install script', {}, { scripts: { postinstall: 'evil' } }],
      ['another name', {}, { name: '@acme/other' }],
      ['another version', {}, { version: '9.9.9' }],
    ] as const)
      it(`[9a] ${what} in only one of document and tarball refuses the publish`, async () => {
        const { body } = publishBody({ ...ONE, manifest: inDocument })
        const { body: other, bytes } = publishBody({ ...ONE, files: { 'package/package.json': { name: NAME, version: '1.0.0', ...MANIFEST, ...inTarball } } })
        const manifest = (body.versions as Record<string, { dist: JsonObject }>)['1.0.0']!
        const sent = { ...other, versions: { '1.0.0': { ...manifest, dist: { integrity: integrityOf(bytes) } } } }
        assert.deepEqual(await codes(send({ body: sent })), [403, 'manifest-mismatch'])
        assert.equal(isStored(NAME), false)
      })
    it('what is no tarball refuses the publish', async () => {
      const { body } = publishBody(ONE)
      const sent = { ...body, versions: { '1.0.0': { name: NAME, version: '1.0.0' } }, _attachments: { 'ui-1.0.0.tgz': { data: 'eA==', length: 1 } } }
      assert.deepEqual(await codes(send({ body: sent })), [403, 'manifest-mismatch'])
    })

    const MALFORMED: Readonly<Record<string, (made: Publish) => JsonObject>> = {
      'two versions': ({ body }) => ({ ...body, versions: { ...(body.versions as JsonObject), '2.0.0': { name: NAME, version: '2.0.0' } } }),
      'two tarballs': ({ body }) => ({ ...body, _attachments: { ...(body._attachments as JsonObject), 'x.tgz': { data: 'eA==' } } }),
      'a bundle of another name': (made) => withBundle(made, {}, 'x.sigstore').body,
      'only a bundle': ({ body }) => ({ ...body, _attachments: { [`${NAME}-1.0.0.sigstore`]: { data: '{}' } } }),
      'no bytes': ({ body }) => ({ ...body, _attachments: { 'ui-1.0.0.tgz': { data: '' } } }),
      'a document of another package': ({ body }) => ({ ...body, name: '@acme/other' }),
    }
    for (const [what, spoil] of Object.entries(MALFORMED))
      it(`${what}: 400, and nothing is stored`, async () => {
        assert.equal((await send({ body: spoil(publishBody(ONE)) }, `/${escaped}`)).status, 400)
        assert.equal(isStored(NAME), false)
      })
    it('a version comes to the address of its package and to no other', async () => {
      await publish(ONE)
      const next = publishBody({ ...ONE, version: '1.0.1' })
      for (const where of [`/${escaped}/-rev/1`, `/${escaped}/latest`, `/${escaped}/-/ui-1.0.1.tgz/x`]) assert.equal((await send(next, where)).status, 400, where)
      assert.deepEqual(Object.keys(stored(NAME).versions), ['1.0.0'])
    })
    it('nobody without the right to publish is judged', async () => {
      const before = mirror.decisions.length
      const answer = await sendPublish(mirror.url, undefined, withBundle(publishBody(ONE), '{}'))
      assert.equal(answer.status, 401)
      assert.equal(mirror.decisions.length, before)
    })
  })

  describe('once published', () => {
    const other = (): PublishOptions => ({ ...ONE, files: { 'package/index.js': 'something else' } })
    const unpublish = async (): Promise<void> => {
      const { _rev } = await asWriter(NAME)
      assert.equal((await change('DELETE', `/${escaped}/-rev/${_rev}`, {})).status, 201)
      assert.equal((await mirror.get(`/${escaped}`)).status, 404)
    }
    forEach({ rules: [{ packages: ['@acme/*'], origin: 'local', require: { provenance: 'ifPresent' } }] })

    it('a version is not published again while it is there', async () => {
      await publish(ONE)
      for (const again of [ONE, other()]) assert.equal((await send(publishBody(again))).status, 409)
    })
    it('two at one time: one of them', async () => {
      const answers = await Promise.all([ONE, other()].map((one) => send(publishBody(one))))
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409])
      assert.equal((await mirror.get(file(ONE))).status, 200)
    })
    it('it does not come back with other bytes after it was unpublished, and may with the same', async () => {
      await publish(ONE)
      await unpublish()
      assert.deepEqual(await codes(send(publishBody(other()))), [403, 'integrity-changed'])
      assert.equal(isStored(NAME), false)
      assert.equal((await send(publishBody(ONE))).status, 201)
      assert.equal((await mirror.get(file(ONE))).status, 200)
    })
    it('also where it was only ever published, and the record of that was lost', async () => {
      await publish(ONE)
      const ledger = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
      ledger.reset({ name: NAME, version: undefined, reason: 'as after a crash', at: new Date() })
      ledger.close()
      await unpublish()
      assert.deepEqual(await codes(send(publishBody(other()))), [403, 'integrity-changed'])
    })
    it('nor one version alone, taken out by a change of the package', async () => {
      await publish(ONE)
      await publish({ ...ONE, version: '1.1.0' })
      const ledger = new SqliteLedger({ file: path.join(mirror.dir, 'provenance.db') })
      ledger.reset({ name: NAME, version: undefined, reason: 'as after a crash', at: new Date() })
      ledger.close()
      const { versions: { '1.0.0': _gone, ...kept }, ...manifest } = await asWriter(NAME)
      assert.equal((await change('PUT', `/${escaped}/-rev/${manifest._rev}`, { ...manifest, 'dist-tags': { latest: '1.1.0' }, versions: kept })).status, 201)
      assert.equal((await change('DELETE', `${file(ONE)}/-rev/${manifest._rev}`, {})).status, 201)
      assert.deepEqual(await codes(send(publishBody(other()))), [403, 'integrity-changed'])
    })
    it('bytes that were changed in the storage are not served', async () => {
      await publish(ONE)
      const { bytes } = publishBody(other())
      writeFileSync(path.join(mirror.dir, 'storage', NAME, file(ONE).split('/').at(-1) ?? ''), bytes)
      const { dir } = mirror
      await mirror.close({ keep: true })
      rmSync(path.join(dir, 'cache', 'tarballs'), { recursive: true, force: true })
      await start({}, dir)
      assert.deepEqual(await codes(mirror.get(file(ONE))), [403, 'integrity-mismatch'])
    })
    it('a version that was unpublished is refused by name while the package is there', async () => {
      await publish(ONE)
      await publish({ ...ONE, version: '1.1.0' })
      assert.equal((await mirror.get(`/${escaped}`)).status, 200)
      const { versions: { '1.0.0': _gone, ...kept }, ...manifest } = await asWriter(NAME)
      await change('PUT', `/${escaped}/-rev/${manifest._rev}`, { ...manifest, 'dist-tags': { latest: '1.1.0' }, versions: kept })
      assert.deepEqual(await codes(mirror.get(file(ONE))), [403, 'version-withdrawn'])
    })
    it('no uplink was asked for any of it', async () => {
      await publish(ONE)
      const asked = registry.requests.length
      await versions(escaped)
      await mirror.get(file(ONE))
      assert.equal(registry.requests.length, asked)
    })
  })
})
