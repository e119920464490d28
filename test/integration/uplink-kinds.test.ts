/** Registries of other kinds than npm's as uplinks, each through a whole mirror. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { uplinkText } from '../../plugin/cli/start-up-text.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { asGitHubPackages, asJsr, editVersions, startCodeArtifact, without, type CodeArtifact } from '../support/registry/kinds.ts'
import { startStock, stockConfig, type Stock } from '../support/stored.ts'
import { startTls, type TlsServer } from '../support/tls-server.ts'

const AUTH = { auth: { type: 'bearer', token: 'of-the-mirror' } }
const ATTESTED = { ...NO_AGE, defaults: { ...NO_AGE.defaults, provenance: 'required', registrySignature: 'required' } }
const provenance = (version: string): ReturnType<typeof githubIdentity> => githubIdentity({ ref: `refs/tags/v${version}` })

interface Told {
  readonly status: number
  readonly code: string | undefined
  readonly message: string
  readonly missing: string | undefined
}

describe('kinds of uplink', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let dir: string
  let mirrors: TestMirror[]
  let others: FakeRegistry[]

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    dir = mkdtempSync(path.join(tmpdir(), 'kinds-'))
  })
  after(async () => {
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })
  beforeEach(() => {
    registry.reset()
    mirrors = []
    others = []
  })
  afterEach(async () => {
    for (const mirror of mirrors.reverse()) await mirror.close()
    for (const other of others) await other.close()
  })

  const start = async (options: Partial<TestMirrorOptions> = {}): Promise<TestMirror> => {
    const mirror = await startTestMirror({ registry, ...options })
    mirrors.push(mirror)
    return mirror
  }
  const another = async (name: string): Promise<FakeRegistry> => {
    const other = await FakeRegistry.start({ sigstore: PrivateSigstore.create(), name })
    others.push(other)
    return other
  }
  async function told(mirror: TestMirror, where: string): Promise<Told> {
    const response = await mirror.get(where)
    if (response.status === 200) return { status: 200, code: undefined, message: '', missing: undefined }
    const { reasons } = (await response.json()) as { reasons?: { code: string; message: string; detail?: { missing?: string } }[] }
    return { status: response.status, code: reasons?.[0]?.code, message: reasons?.[0]?.message ?? '', missing: reasons?.[0]?.detail?.missing }
  }
  /** What a person reads when the mirror has started, of its only uplink. */
  const said = async (mirror: TestMirror): Promise<string> => uplinkText(mirror.engine, await mirror.engine.probeUplinks()).join('\n')

  describe('npm\'s registry', () => {
    it('is said to publish everything', async () => {
      registry.publish({ name: 'semver', version: '1.0.0', provenance: provenance('1.0.0') })
      assert.match(await said(await start()), /publishes registry signatures, attestations, keys$/)
    })
  })

  describe('what a registry leaves out is named', () => {
    const one = (name: string, field: string): string => {
      registry.publish({ name, version: '1.0.0' })
      if (field === 'time') registry.edit(name, (packument) => without(packument, 'time'))
      else editVersions(registry, name, (manifest, dist) => ({ ...manifest, dist: without(dist, field) }))
      return `/${name}/-/${name}-1.0.0.tgz`
    }
    for (const [name, field, code, missing] of [
      ['no-time', 'time', 'release-too-young', 'time'],
      ['no-signatures', 'signatures', 'signature-absent', 'dist.signatures'],
      ['no-integrity', 'integrity', 'integrity-missing', 'dist.integrity'],
      ['no-tarball', 'tarball', 'tarball-host-refused', 'dist.tarball'],
    ] as const)
      it(`no ${missing}: ${code}`, async () => {
        const mirror = await start({ policy: { version: 1, extends: 'strict', defaults: { minimumReleaseAge: field === 'time' ? '3d' : '0', anyOf: [{ publishAttestation: 'ifPresent' }] } } })
        const answer = await told(mirror, one(name, field))
        assert.deepEqual([answer.status, answer.code, answer.missing], [403, code, missing])
        assert.ok(answer.message.includes(`(${missing})`), answer.message)
      })
    it('no dist.attestations where provenance is required: provenance-absent', async () => {
      const mirror = await start({ policy: ATTESTED })
      const answer = await told(mirror, one('no-attestations', 'attestations'))
      assert.deepEqual([answer.status, answer.code, answer.missing], [403, 'provenance-absent', 'dist.attestations'])
    })
    it('and said at the start', async () => {
      registry.publish({ name: 'semver', version: '1.0.0', provenance: provenance('1.0.0') })
      registry.edit('semver', (packument) => without(packument, 'time'))
      registry.serveAttestations('semver', '1.0.0', undefined)
      const text = await said(await start())
      assert.match(text, /no publish times \(time\)/)
      assert.match(text, /attestation-missing/)
      registry.unpublish('semver')
    })
  })

  describe('GitHub Packages (skipped where there is no openssl to make a certificate)', () => {
    const NAME = '@acme/tool'
    const TARBALL = '/@acme/tool/-/tool-1.0.0.tgz'
    const asked: IncomingMessage[] = []
    let bytes: Buffer
    let storage: TlsServer | undefined
    before(async function () {
      storage = await startTls(dir, (request, response) => {
        asked.push(request)
        response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes)
      })
      if (storage === undefined) this.skip()
    })
    after(() => { storage?.close() })

    it('[14f] a tarball behind a signed address on another host, which gets no credentials', async () => {
      bytes = registry.publish({ name: NAME, version: '1.0.0', signed: false }).tarball
      const { asked: first, signed } = asGitHubPackages(registry, NAME, '1.0.0', storage?.url ?? '')
      const mirror = await start({ uplink: { ...AUTH, ca: storage?.certificate ?? '', tarballHosts: [new URL(storage?.url ?? '').host] } })
      const response = await mirror.get(TARBALL)
      assert.equal(response.status, 200)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes)
      assert.equal(registry.requests.find(({ path: where }) => where === first)?.headers.authorization, 'Bearer of-the-mirror')
      assert.deepEqual([asked[0]?.url, asked[0]?.headers.authorization], [signed.slice(storage?.url.length), undefined])
      // Neither the signed address nor that of the other host is anything a client learns.
      const { versions, time } = (await mirror.json('/@acme%2ftool')) as { versions: Record<string, { dist: { tarball: string } }>; time?: object }
      assert.deepEqual([versions['1.0.0']?.dist.tarball, time], [`${mirror.url}${TARBALL}`, undefined])
    })
    it('without tarballHosts it is refused, and says so', async () => {
      registry.publish({ name: NAME, version: '1.0.0', signed: false })
      asGitHubPackages(registry, NAME, '1.0.0', storage?.url ?? '')
      const { status, code } = await told(await start(), TARBALL)
      assert.deepEqual([status, code], [403, 'tarball-host-refused'])
    })
    it('at the start nothing is claimed of it that was not seen', async () => {
      const text = await said(await start())
      assert.match(text, /has none of the packages/)
      assert.doesNotMatch(text, /no evidence/)
    })
  })

  describe('JSR', () => {
    it('its packages under @jsr install, from tarball addresses of another kind', async () => {
      const jsr = await another('jsr')
      const packageJson = { type: 'module', dependencies: { '@jsr/std__internal': '^1.0.0' }, exports: { '.': { default: './mod.js' } }, _jsr_revision: 11 }
      const { tarball } = jsr.publish({ name: '@jsr/std__path', version: '1.0.0', signed: false, packageJson })
      const address = asJsr(jsr, '@jsr/std__path', '1.0.0', tarball)
      const mirror = await start({ registries: { jsr }, packages: { '@jsr/*': ['jsr'], '**': ['fake'] } })
      const { versions } = (await mirror.json('/@jsr%2fstd__path')) as { versions: Record<string, { dist: { tarball: string }; dependencies: object }> }
      assert.deepEqual(versions['1.0.0']?.dependencies, packageJson.dependencies)
      assert.equal(versions['1.0.0'].dist.tarball, `${mirror.url}/@jsr/std__path/-/std__path-1.0.0.tgz`)
      assert.equal((await mirror.get('/@jsr/std__path/-/std__path-1.0.0.tgz')).status, 200)
      assert.deepEqual([jsr.hits(address), registry.requests.length], [1, 0])
      // And by the last part of the address that JSR gives, as lockfiles made without the mirror have it.
      assert.equal((await mirror.get('/@jsr/std__path/-/1.0.0.tgz')).status, 200)
    })
  })

  describe('CodeArtifact', () => {
    let store: CodeArtifact
    beforeEach(async () => { store = await startCodeArtifact(registry, 'monday') })
    afterEach(() => { store.close() })
    const publish = (name: string, files = {}): string => {
      registry.publish({ name, version: '1.0.0', signed: false, files })
      return `/${name}/-/${name}-1.0.0.tgz`
    }

    it('a token in a file is replaced while the mirror runs', async () => {
      const file = path.join(dir, 'token')
      writeFileSync(file, 'monday\n')
      const mirror = await start({ uplink: { url: `${store.url}/`, auth: { type: 'bearer', token_file: file }, maxStale: '0s' } })
      const tarball = publish('rotated')
      assert.equal((await mirror.get('/rotated')).status, 200)
      store.token = 'tuesday'
      const old = await told(mirror, '/rotated')
      assert.deepEqual([old.status, old.code], [503, 'evidence-unavailable'])
      assert.match(old.message, /401: it does not accept the credentials/)
      writeFileSync(file, 'tuesday')
      assert.equal((await mirror.get(tarball)).status, 200)
    })
    it('and a token in a variable of the environment', async () => {
      process.env.TEST_STORE_TOKEN = 'monday'
      const mirror = await start({ uplink: { url: store.url, auth: { type: 'bearer', token_env: 'TEST_STORE_TOKEN' }, maxStale: '0s' } })
      publish('rotated-too')
      assert.equal((await mirror.get('/rotated-too')).status, 200)
      store.token = process.env.TEST_STORE_TOKEN = 'tuesday'
      assert.equal((await mirror.get('/rotated-too')).status, 200)
      delete process.env.TEST_STORE_TOKEN
      assert.equal((await mirror.get('/never-asked')).status, 503)
    })
    for (const [what, content] of [['empty', ''], ['gone', undefined], ['two words', 'a b'], ['two lines', 'a\nx-evil: b']] as const)
      it(`[21a] with a token file that is ${what}, the uplink is not asked, and nobody else in its place`, async () => {
        const file = path.join(dir, `token-${what.replace(' ', '-')}`)
        writeFileSync(file, 'monday')
        const other = await another('other')
        other.publish({ name: 'wanted', version: '1.0.0' })
        publish('wanted')
        const mirror = await start({ registries: { other }, uplinks: { fake: { url: store.url, auth: { type: 'bearer', token_file: file } } } })
        if (content === undefined) rmSync(file)
        else writeFileSync(file, content)
        const { status, code } = await told(mirror, '/wanted')
        assert.deepEqual([status, code, store.statuses, other.requests], [503, 'evidence-unavailable', [], []])
      })
    it('an old token leaves what is known in service', async () => {
      const mirror = await start({ uplink: { url: store.url, auth: { type: 'bearer', token: 'monday' } } })
      const tarball = publish('known')
      assert.equal((await mirror.get(tarball)).status, 200)
      store.token = 'tuesday'
      for (const where of ['/known', tarball]) assert.equal((await mirror.get(where)).status, 200, where)
    })
    it('a packument of megabytes that tells no length', async () => {
      const mirror = await start({ uplink: { url: store.url, ...AUTH, auth: { type: 'bearer', token: 'monday' } } })
      const tarball = publish('large')
      registry.edit('large', (packument) => ({ ...packument, readme: 'x'.repeat(5_000_000) }))
      assert.equal((await mirror.get('/large')).status, 200)
      assert.equal((await mirror.get(tarball)).status, 200)
    })
  })

  describe('a second Verdaccio', () => {
    let stock: Stock
    before(async () => {
      const packages = { '**': { access: '$all', publish: '$authenticated', proxy: 'origin' } }
      stock = await startStock(stockConfig(mkdtempSync(path.join(dir, 'stock-')), { packages, uplinks: { origin: { url: registry.url } } }))
    })
    after(() => stock.close())

    it('what it passes on is verified, and what it names of itself is not passed on', async () => {
      const { tarball } = registry.publish({ name: '@acme/second', version: '1.0.0' })
      const mirror = await start({ uplink: { url: stock.url }, policy: { ...NO_AGE, defaults: { ...NO_AGE.defaults, registrySignature: 'required' } } })
      const response = await mirror.get('/@acme/second/-/second-1.0.0.tgz')
      assert.equal(response.status, 200)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), tarball)
      const document = await mirror.json('/@acme%2fsecond')
      assert.deepEqual(['_attachments', '_distfiles', '_uplinks'].filter((field) => Object.hasOwn(document, field)), [])
      assert.equal(JSON.stringify(document).includes(stock.url), false)
    })
    it('attestations that it announces and does not have are missing, until another address is asked', async () => {
      registry.publish({ name: 'attested', version: '1.0.0', provenance: provenance('1.0.0') })
      const [where, trust] = ['/attested/-/attested-1.0.0.tgz', { registry: 'https://registry.example', registryKeys: './keys.json' }]
      assert.equal((await told(await start({ uplink: { url: stock.url } }), where)).code, 'attestation-missing')
      // Its announcement names the first registry's address, which nobody follows.
      assert.equal(registry.hits(/attestations/), 0)
      assert.equal((await told(await start({ uplink: { url: stock.url, trust: { ...trust, attestations: 'none' } } }), where)).status, 200)
      const elsewhere = await start({ uplink: { url: stock.url, trust: { ...trust, attestations: registry.url } }, policy: ATTESTED })
      assert.equal((await told(elsewhere, where)).status, 200)
    })
  })

  describe('a second mirror of this kind', () => {
    it('keeps the evidence, which the first verifies again', async () => {
      registry.publish({ name: 'chained', version: '1.0.0', provenance: provenance('1.0.0') })
      const second = await start({ policy: { ...NO_AGE, extends: 'observe' } })
      const first = await start({ uplink: { url: second.url }, policy: ATTESTED })
      assert.equal((await told(first, '/chained/-/chained-1.0.0.tgz')).status, 200)
      const { attestations } = (await first.json('/-/npm/v1/attestations/chained@1.0.0')) as { attestations: unknown[] }
      assert.equal(attestations.length, 2)
    })
    it('[1a] and what the second lets through, the first does not', async () => {
      registry.publish({ name: 'forged', version: '1.0.0', fault: '1a' })
      const second = await start({ policy: { ...NO_AGE, extends: 'observe' } })
      const first = await start({ uplink: { url: second.url } })
      assert.equal((await told(second, '/forged/-/forged-1.0.0.tgz')).status, 200)
      const { status, code } = await told(first, '/forged/-/forged-1.0.0.tgz')
      assert.equal(status, 403)
      assert.match(code ?? '', /invalid|mismatch/)
    })
    it('what the second refuses is a question the first cannot decide, and no 404', async () => {
      registry.publish({ name: 'refused', version: '1.0.0' })
      const second = await start({ policy: { ...NO_AGE, rules: [{ packages: ['refused'], verdict: 'deny', reason: 'no' }] } })
      const first = await start({ uplink: { url: second.url } })
      assert.equal((await told(first, '/refused')).status, 503)
    })
  })
})
