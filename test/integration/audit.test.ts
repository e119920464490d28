/** `npm audit` through the mirror: who is told what, and what comes back. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { register } from '../support/raw.ts'
import { advisory, ADVISORIES_PATH } from '../support/registry/advisories.ts'
import { fillStorage, publishTo } from '../support/stored.ts'

const QUICK = '/-/npm/v1/security/audits/quick'
const PACKAGES = { 'secret-*': { access: 'alice', publish: 'alice' }, '**': { access: '$all', publish: '$authenticated' } }

describe('npm audit', function () {
  this.timeout(20_000)
  let main: FakeRegistry
  let company: FakeRegistry
  let mirror: TestMirror
  let alice: string

  before(async () => {
    main = await FakeRegistry.start({ sigstore: PrivateSigstore.create(), name: 'main' })
    company = await FakeRegistry.start({ sigstore: PrivateSigstore.create(), name: 'company' })
    // Published before this mirror was here, and not asked for since: its ledger knows nothing of it.
    const dir = mkdtempSync(path.join(tmpdir(), 'audit-'))
    await fillStorage(dir, main.url, { published: ['home-older'], asked: [] })
    mirror = await startTestMirror({
      dir,
      registry: main,
      registries: { company },
      packages: { '@acme/*': ['company'], '@own/*': ['company', 'fake'], 'both-*': ['company', 'fake'], '**': ['fake'] },
      section: { local: ['@own/*'] },
      uplinks: { fake: { auth: { type: 'bearer', token: 'of-the-mirror' }, max_fails: 2 }, company: { timeout: '500ms' } },
      core: { packages: PACKAGES },
    })
    main.publish({ name: 'widget', version: '1.0.0' })
    main.publish({ name: 'both-of-main', version: '1.0.0' })
    company.publish({ name: '@acme/tool', version: '1.0.0' })
    company.publish({ name: 'both-of-company', version: '1.0.0' })
    alice = await register(mirror.url, 'alice')
    for (const name of ['home-made', '@own/here']) assert.equal((await publishTo(mirror.url, alice, name, '1.0.0')).status, 201)
  })
  after(async () => {
    await mirror.close()
    await Promise.all([main.close(), company.close()])
  })
  beforeEach(() => {
    for (const registry of [main, company]) {
      registry.reset()
      registry.advisories = {}
    }
    main.advisories = { widget: [advisory(1, '<1.2.0')], 'both-of-main': [advisory(2, '*')] }
  })

  const post = (where: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(mirror.url + where, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } })
  const asked = (registry: FakeRegistry): readonly unknown[] => registry.askedAdvisories.map(({ body }) => JSON.parse(body) as unknown)

  describe('what leaves the mirror', () => {
    it('each uplink learns of its own packages, and of no others', async () => {
      const response = await post(ADVISORIES_PATH, { widget: ['1.0.0', '1.1.0'], '@acme/tool': ['1.0.0'], 'home-made': ['1.0.0'], 'home-older': ['1.0.0'], '@own/here': ['1.0.0'] })
      assert.equal(response.status, 200)
      assert.deepEqual(asked(main), [{ widget: ['1.0.0', '1.1.0'] }])
      assert.deepEqual(asked(company), [{ '@acme/tool': ['1.0.0'] }])
    })
    it('the owner of a name of several uplinks is found as for an install', async () => {
      assert.equal((await post(ADVISORIES_PATH, { 'both-of-main': ['1.0.0'], 'both-of-company': ['1.0.0'] })).status, 200)
      assert.deepEqual(asked(main), [{ 'both-of-main': ['1.0.0'] }])
      assert.deepEqual(asked(company), [{ 'both-of-company': ['1.0.0'] }])
    })
    it('a name that is the organisation\'s own to publish is told to nobody while nobody is known to own it', async () => {
      assert.equal((await post(ADVISORIES_PATH, { '@own/planned': ['1.0.0'] })).status, 200)
      assert.deepEqual([asked(main), asked(company), main.requests, company.requests], [[], [], [], []])
    })
    it('a name published here is told to nobody once it is unpublished, either', async () => {
      await publishTo(mirror.url, alice, 'was-here', '1.0.0')
      await mirror.get('/was-here')
      await fetch(`${mirror.url}/was-here/-rev/1-a`, { method: 'DELETE', headers: { authorization: `Bearer ${alice}` } })
      main.reset()
      assert.equal((await post(ADVISORIES_PATH, { 'was-here': ['1.0.0'] })).status, 200)
      assert.deepEqual([asked(main), main.requests.length], [[], 0])
    })
    it('[14f] the client\'s credentials stay here; the mirror\'s go to their own uplink', async () => {
      await post(ADVISORIES_PATH, { widget: ['1.0.0'], '@acme/tool': ['1.0.0'] }, { authorization: `Bearer ${alice}`, cookie: 'a=b', 'npm-session': 's' })
      const [sent] = main.askedAdvisories
      assert.equal(sent?.headers.authorization, 'Bearer of-the-mirror')
      assert.equal(company.askedAdvisories[0]?.headers.authorization, undefined)
      for (const name of ['cookie', 'npm-session', 'npm-command', 'referer']) assert.equal(sent.headers[name], undefined, name)
    })
    it('[15h] of what somebody may not see nobody is asked for him', async () => {
      assert.equal((await post(ADVISORIES_PATH, { 'secret-sauce': ['1.0.0'] })).status, 401)
      assert.equal((await post(ADVISORIES_PATH, { 'secret-sauce': ['1.0.0'], widget: ['1.0.0'] })).status, 200)
      assert.deepEqual(asked(main), [{ widget: ['1.0.0'] }])
      await post(ADVISORIES_PATH, { 'secret-sauce': ['1.0.0'] }, { authorization: `Bearer ${alice}` })
      assert.deepEqual(asked(main)[1], { 'secret-sauce': ['1.0.0'] })
    })
    it('what is no name or no version is not passed on', async () => {
      await post(ADVISORIES_PATH, { widget: ['1.0.0', 'git+ssh://user:pw@host/x', 'file:../secret'], '../x': ['1.0.0'], '.': ['1.0.0'] })
      assert.deepEqual(asked(main), [{ widget: ['1.0.0'] }])
    })
    it('[14e] a posted question is not redirected', async () => {
      main.redirect(ADVISORIES_PATH, `${company.url}${ADVISORIES_PATH}`)
      assert.equal((await post(ADVISORIES_PATH, { widget: ['1.0.0'] })).status, 503)
      assert.deepEqual(company.requests, [])
    })
  })

  describe('what comes back', () => {
    it('the advisories of all uplinks, each about its own packages', async () => {
      company.advisories = { '@acme/tool': [advisory(3, '1.x')], widget: [advisory(4, '*')] }
      company.behave(ADVISORIES_PATH, (response) => { response.end(JSON.stringify(company.advisories)) })
      const found = (await (await post(ADVISORIES_PATH, { widget: ['1.0.0'], '@acme/tool': ['1.0.0'] })).json()) as Record<string, { id: number }[]>
      assert.deepEqual(Object.entries(found).map(([name, of]) => [name, of.map(({ id }) => id)]).sort(), [['@acme/tool', [3]], ['widget', [1]]])
    })
    it('no control characters, and no address that is none', async () => {
      main.advisories = { widget: [advisory(1, '<2', { title: 'a\u001b[31mb\nc', url: 'javascript:x', severity: 'nothing', more: 'x' })] }
      const { widget } = (await (await post(ADVISORIES_PATH, { widget: ['1.0.0'] })).json()) as { widget: JsonObject[] }
      assert.deepEqual(widget, [{ id: 1, url: '', title: 'a?[31mb?c', severity: 'high', vulnerable_versions: '<2', cwe: ['CWE-79'], cvss: { score: 7.5, vectorString: null } }])
    })
    it('an uplink without advisories has none, and the notice says what was not audited', async () => {
      company.advisories = undefined
      const response = await post(ADVISORIES_PATH, { widget: ['1.0.0'], '@acme/tool': ['1.0.0'] })
      assert.deepEqual([response.status, Object.keys((await response.json()) as object)], [200, ['widget']])
      assert.match(response.headers.get('npm-notice') ?? '', /1 from company/)
    })
    for (const [what, misbehave] of [
      ['answers 500', () => company.status(ADVISORIES_PATH, 500)],
      ['answers 403', () => company.status(ADVISORIES_PATH, 403)],
      ['answers 400', () => company.status(ADVISORIES_PATH, 400)],
      ['answers something else', () => company.garbage(ADVISORIES_PATH, '[]')],
      ['answers HTML', () => company.garbage(ADVISORIES_PATH, '<html>')],
      ['breaks off', () => company.cut(ADVISORIES_PATH)],
      ['never answers', () => company.hang(ADVISORIES_PATH)],
    ] as const)
      it(`an uplink that ${what} leaves the question open`, async () => {
        misbehave()
        const response = await post(ADVISORIES_PATH, { widget: ['1.0.0'], '@acme/tool': ['1.0.0'] })
        const { reasons } = (await response.json()) as { reasons: { code: string }[] }
        assert.deepEqual([response.status, reasons[0]?.code], [503, 'evidence-unavailable'])
      })
    it('503 where no uplink publishes any', async () => {
      main.advisories = undefined
      const response = await post(ADVISORIES_PATH, { widget: ['1.0.0'] })
      const { reasons } = (await response.json()) as { reasons: { code: string; message: string }[] }
      assert.deepEqual([response.status, reasons[0]?.code], [503, 'evidence-unavailable'])
    })
    it('a failing advisories endpoint does not close the uplink', async () => {
      main.status(ADVISORIES_PATH, 500)
      for (let i = 0; i < 4; i++) await post(ADVISORIES_PATH, { widget: ['1.0.0'] })
      assert.equal((await mirror.get('/widget')).status, 200)
    })
  })

  describe('the older questions', () => {
    const TREE = {
      name: 'secret-project',
      version: '1.0.0',
      requires: { widget: '^1.0.0' },
      dependencies: {
        'packages__inner': { version: '0.0.0', dependencies: { widget: { version: '1.1.0', integrity: 'sha512-x', dev: true } } },
        'home-made': { version: '1.0.0', integrity: 'sha512-x', dependencies: { widget: { version: '1.0.0', integrity: 'sha512-x' } } },
        widget: { version: '2.0.0', integrity: 'sha512-x' },
      },
      metadata: { node_version: 'v24', platform: 'linux' },
    }
    it('only names and versions of registries\' packages leave', async () => {
      assert.equal((await post(QUICK, TREE)).status, 200)
      assert.deepEqual(asked(main).map((body) => Object.fromEntries(Object.entries(body as Record<string, string[]>).map(([name, of]) => [name, of.toSorted()]))), [{ widget: ['1.0.0', '1.1.0', '2.0.0'] }])
    })
    for (const where of [QUICK, '/-/npm/v1/security/audits'])
      it(`${where}: findings with their places`, async () => {
        const { advisories, actions, metadata } = (await (await post(where, TREE)).json()) as { advisories: Record<string, JsonObject>; actions: JsonObject[]; metadata: JsonObject }
        assert.deepEqual([advisories['1']?.module_name, advisories['1']?.patched_versions, advisories['1']?.vulnerable_versions], ['widget', '>=1.2.0', '<1.2.0'])
        const findings = advisories['1']?.findings as { version: string; paths: string[] }[]
        assert.deepEqual(findings.toSorted((a, b) => (a.version < b.version ? -1 : 1)), [{ version: '1.0.0', paths: ['home-made>widget'] }, { version: '1.1.0', paths: ['packages__inner>widget'] }])
        assert.equal(actions[0]?.module, 'widget')
        assert.deepEqual(metadata.vulnerabilities, { info: 0, low: 0, moderate: 0, high: 2, critical: 0 })
      })
    it('nothing known is nothing found', async () => {
      main.advisories = {}
      const { advisories, metadata } = (await (await post(QUICK, TREE)).json()) as { advisories: object; metadata: { vulnerabilities: { high: number }; totalDependencies: number } }
      assert.deepEqual([advisories, metadata.vulnerabilities.high, metadata.totalDependencies], [{}, 0, 5])
    })
  })

  describe('bounds', () => {
    it('a gzipped body, as npm sends it', async () => {
      const body = gzipSync(JSON.stringify({ widget: ['1.0.0'] }))
      const response = await fetch(mirror.url + ADVISORIES_PATH, { method: 'POST', body, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } })
      assert.deepEqual([response.status, Object.keys((await response.json()) as object)], [200, ['widget']])
    })
    it('[17c] a gzip bomb is 413', async () => {
      const body = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '))
      const response = await fetch(mirror.url + ADVISORIES_PATH, { method: 'POST', body, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } })
      assert.equal(response.status, 413)
    })
    for (const [what, where, body, status] of [
      ['a list', ADVISORIES_PATH, [], 400],
      ['versions that are no list', ADVISORIES_PATH, { widget: '1.0.0' }, 400],
      ['a tree without dependencies', QUICK, { name: 'x' }, 400],
      ['a dependency that is none', QUICK, { dependencies: { widget: 'x' } }, 400],
      ['more packages than anybody installs', ADVISORIES_PATH, Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`p${String(i)}`, ['1.0.0']])), 413],
      ['more versions than anybody installs', ADVISORIES_PATH, { widget: Array.from({ length: 1001 }, (_, i) => `1.0.${String(i)}`) }, 413],
      ['more names nobody knows than are looked up', ADVISORIES_PATH, Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`both-${String(i)}`, ['1.0.0']])), 503],
    ] as const)
      it(`${what} is ${String(status)}`, async () => {
        assert.equal((await post(where, body)).status, status)
        assert.deepEqual([asked(main), main.requests, company.requests], [[], [], []])
      })
    it('[17b] a tree deeper than any is 413', async () => {
      const deep = '{"dependencies":{"widget":{"version":"1.0.0"' + ',"dependencies":{"widget":{"version":"1.0.0"'.repeat(201) + '}}'.repeat(202) + '}'
      const response = await fetch(mirror.url + QUICK, { method: 'POST', body: deep, headers: { 'content-type': 'application/json' } })
      assert.equal(response.status, 413)
    })
  })
})
