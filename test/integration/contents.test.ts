/** What a tarball says of itself, bytes that a waiver names, and marked listings: through a running mirror. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { DEFAULT_REGISTRY } from '@verdaccio/config'
import { isObject, ownObject, ownString, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../support/private-sigstore.ts'
import { mapValues } from '../support/registry/packument.ts'
import { integrityOf, tarballOf } from '../support/tarball.ts'

const DAY = 86_400_000
/** Later than any day on which this runs, since a waiver that is over is refused by the real clock. */
const NOW = new Date('2090-01-10T00:00:00.000Z')
const OLD = new Date('2026-01-01T00:00:00.000Z')

describe('contents through a mirror', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  const clock = settableClock(NOW)

  beforeEach(async () => {
    clock.set(NOW)
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
  })
  afterEach(async () => {
    await mirror.close()
    await registry.close()
  })
  const start = async (policy: JsonObject, dir?: string): Promise<void> => {
    mirror = await startTestMirror({
      registry,
      clock,
      ...(dir === undefined ? {} : { dir }),
      policy: { version: 1, extends: 'recommended', ...policy, defaults: { minimumReleaseAge: 0, ...(policy.defaults as JsonObject | undefined) } },
    })
  }
  const entries = async (name: string, accept?: string): Promise<JsonObject> =>
    ownObject(await mirror.json(`/${name}`, accept === undefined ? {} : { accept }), 'versions') ?? {}
  const versions = async (name: string): Promise<readonly string[]> => Object.keys(await entries(name))
  const codesOf = async (response: Response): Promise<readonly string[]> =>
    ((await response.json()) as { reasons: { code: string }[] }).reasons.map(({ code }) => code)
  const ask = async (path: string, headers?: Readonly<Record<string, string>>): Promise<readonly [number, readonly string[]]> => {
    const response = await mirror.get(path, headers)
    if (response.status !== 403 && response.status !== 503) return [response.status, []]
    return [response.status, await codesOf(response)]
  }

  describe('manifestRepository', () => {
    const build = (version: string, repository: JsonObject[string]): void => {
      registry.publish({ name: 'ui', version, time: OLD, provenance: githubIdentity({ ref: `refs/tags/v${version}` }), packageJson: { repository } })
    }
    it('the tarball names the repository it was built from, however it spells it', async () => {
      build('1.0.0', { type: 'git', url: 'git+ssh://git@github.com/Acme/Widget.git', directory: 'packages/ui' })
      await start({ defaults: { manifestRepository: 'match' } })
      assert.deepEqual(await ask('/ui/-/ui-1.0.0.tgz'), [200, []])
    })
    for (const [id, repository] of [['8c', 'acme/widget.evil'], ['8a', 'github:acme-evil/widget'], ['8d', 'https://github.com.evil.test/acme/widget']] as const)
      it(`[${id}] ${repository} is refused at the tarball, and leaves the next packument`, async () => {
        build('1.0.0', 'acme/widget')
        build('1.0.1', repository)
        await start({ defaults: { manifestRepository: 'match' } })
        assert.deepEqual(await versions('ui'), ['1.0.0', '1.0.1'])
        assert.deepEqual(await ask('/ui/-/ui-1.0.1.tgz'), [403, ['manifest-repository-mismatch']])
        registry.deprecate('ui', '1.0.0', 'changed')
        assert.deepEqual(await versions('ui'), ['1.0.0'])
      })
    it('a packument that names another than the tarball does not help', async () => {
      registry.publish({ name: 'ui', version: '1.0.0', time: OLD, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }), manifest: { repository: 'acme/widget' } })
      await start({ defaults: { manifestRepository: 'match' } })
      assert.deepEqual(await ask('/ui/-/ui-1.0.0.tgz'), [403, ['manifest-repository-mismatch']])
    })
    it('as a warning it serves, and says so', async () => {
      build('1.0.0', 'acme/other')
      await start({})
      assert.equal((await mirror.get('/ui/-/ui-1.0.0.tgz')).headers.get('npm-policy-warning'), 'manifest-repository-mismatch')
    })
  })

  describe('dependencySources', () => {
    it('a version that depends on something else than a registry is neither listed nor served', async () => {
      registry.publish({ name: 'ui', version: '1.0.0', time: OLD, packageJson: { dependencies: { left: '^1.0.0', alias: 'npm:left@1' } } })
      registry.publish({ name: 'ui', version: '1.0.1', time: OLD, packageJson: { dependencies: { left: 'git+https://evil.test/left.git' } } })
      registry.publish({ name: 'ui', version: '1.0.2', time: OLD, packageJson: { optionalDependencies: { left: 'https://evil.test/left.tgz' } } })
      registry.publish({ name: 'ui', version: '1.0.3', time: OLD, packageJson: { devDependencies: { left: 'acme/left' } } })
      await start({})
      assert.deepEqual(await versions('ui'), ['1.0.0', '1.0.3'])
      assert.deepEqual(await ask('/ui/-/ui-1.0.1.tgz'), [403, ['dependency-source']])
      assert.deepEqual(await ask('/ui/-/ui-1.0.2.tgz'), [403, ['dependency-source']])
    })
    it('[20b] one that the packument does not mention is in the tarball', async () => {
      registry.publish({ name: 'ui', version: '1.0.0', time: OLD, packageJson: { dependencies: { left: 'acme/left' } }, manifest: { dependencies: {} } })
      await start({})
      assert.deepEqual(await ask('/ui/-/ui-1.0.0.tgz'), [403, ['manifest-mismatch']])
    })
    it('[20b] a lockfile in the tarball that leads past the mirror is refused with it, and leaves the next packument', async () => {
      const lock = (resolved: string): JsonObject => ({ lockfileVersion: 3, packages: { '': { name: 'ui' }, 'node_modules/left': { version: '1.0.0', resolved } } })
      registry.publish({ name: 'ui', version: '1.0.0', time: OLD, files: { 'package/npm-shrinkwrap.json': lock(`${DEFAULT_REGISTRY.replace(/\/$/, '')}/left/-/left-1.0.0.tgz`) } })
      registry.publish({ name: 'ui', version: '1.0.1', time: OLD, files: { 'package/npm-shrinkwrap.json': lock('https://evil.test/left.tgz') } })
      await start({})
      assert.deepEqual(await ask('/ui/-/ui-1.0.0.tgz'), [200, []])
      assert.deepEqual(await ask('/ui/-/ui-1.0.1.tgz'), [403, ['dependency-source']])
      registry.deprecate('ui', '1.0.0', 'changed')
      assert.deepEqual(await versions('ui'), ['1.0.0'])
    })
    it('[20a] a packument stripped of dependencies hides none', async () => {
      registry.publish({ name: 'ui', version: '1.0.0', time: OLD, packageJson: { dependencies: { left: 'acme/left' } } })
      registry.edit('ui', (packument) => ({ ...packument, versions: mapValues(ownObject(packument, 'versions') ?? {}, (entry) => (isObject(entry) ? { name: entry.name, version: entry.version, dist: entry.dist } : entry)) }))
      await start({})
      assert.deepEqual(await ask('/ui/-/ui-1.0.0.tgz'), [403, ['manifest-mismatch']])
    })
  })

  describe('a version with a shasum only', () => {
    /** As registries served versions before there were integrities. */
    const withDist = (name: string, version: string, change: (dist: JsonObject) => JsonObject): void => {
      registry.edit(name, (packument) => ({
        ...packument,
        versions: mapValues(ownObject(packument, 'versions') ?? {}, (entry, key) => (key === version && isObject(entry) ? { ...entry, dist: change(ownObject(entry, 'dist') ?? {}) } : entry)),
      }))
    }
    const age = (name: string, version: string, more: JsonObject = {}): void => {
      withDist(name, version, ({ integrity: _gone, ...dist }) => ({ ...dist, ...more }))
    }
    const publish = (version: string): Published => registry.publish({ name: 'old', version, time: OLD, signed: false })
    const waiver = (integrity: string, changes: JsonObject = {}): JsonObject => ({
      package: 'old@1.0.0', integrity, waives: ['integrity-missing'], reason: 'looked at', approvedBy: 'security', expires: '2090-01-20', ...changes,
    })
    const FILE = '/old/-/old-1.0.0.tgz'

    it('is refused without a waiver', async () => {
      publish('1.0.0')
      age('old', '1.0.0')
      await start({})
      assert.deepEqual(await ask(FILE), [403, ['integrity-missing']])
    })
    it('is listed and served, in every way, when a waiver names its bytes', async () => {
      const { integrity, tarball } = publish('1.0.0')
      age('old', '1.0.0')
      await start({ waivers: [waiver(integrity)] })
      for (const accept of ['application/json', 'application/vnd.npm.install-v1+json'])
        assert.equal(ownObject(ownObject(await entries('old', accept), '1.0.0') ?? {}, 'dist')?.integrity, integrity)
      assert.equal(ownObject(await mirror.json('/old/1.0.0'), 'dist')?.integrity, integrity)
      const response = await mirror.get(FILE)
      assert.equal(response.headers.get('npm-policy-warning'), 'integrity-missing')
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), tarball)
      const part = await mirror.get(FILE, { range: 'bytes=0-3' })
      assert.deepEqual([part.status, Buffer.from(await part.arrayBuffer())], [206, tarball.subarray(0, 4)])
      assert.equal((await mirror.json('/-/provenance/v1/packages/old/1.0.0')).outcome, 'warn')
    })
    it('[3a] other bytes are not', async () => {
      const { integrity } = publish('1.0.0')
      age('old', '1.0.0')
      registry.serveTarball('old', '1.0.0', tarballOf({ 'package/package.json': { name: 'old', version: '1.0.0', description: 'other' } }))
      await start({ waivers: [waiver(integrity)] })
      assert.deepEqual((await ask(FILE))[1].slice(0, 1), ['integrity-mismatch'])
      assert.equal((await ask(FILE, { range: 'bytes=0-3' }))[0], 403)
    })
    it('[3c] nor are other bytes at a second look', async () => {
      const { integrity } = publish('1.0.0')
      age('old', '1.0.0')
      await start({ waivers: [waiver(integrity)] })
      assert.equal((await ask(FILE))[0], 200)
      registry.serveTarball('old', '1.0.0', Buffer.from('other'))
      const again = await mirror.get(FILE)
      assert.equal(integrityOf(Buffer.from(await again.arrayBuffer())), integrity)
    })
    it('[3a] nor are the right bytes under a shasum of others', async () => {
      const { integrity } = publish('1.0.0')
      age('old', '1.0.0', { shasum: '0'.repeat(40) })
      await start({ waivers: [waiver(integrity)] })
      assert.deepEqual(await ask(FILE), [403, ['integrity-mismatch', 'integrity-missing']])
      assert.equal((await ask('/old'))[0], 403)
    })
    it('needs no shasum', async () => {
      const { integrity } = publish('1.0.0')
      withDist('old', '1.0.0', ({ integrity: _gone, shasum: _too, ...dist }) => dist)
      await start({ waivers: [waiver(integrity)] })
      assert.equal((await ask(FILE))[0], 200)
    })
    for (const [test, given, code] of [
      ['[1j] a malformed integrity', 'sha1-AAAA', 'integrity-malformed'],
      ['[1j] something that is no text', 7, 'integrity-missing'],
      ['[3a] the integrity of other bytes', integrityOf(Buffer.from('other')), 'integrity-mismatch'],
    ] as const)
      it(`${test} is not replaced by the waiver's`, async () => {
        const { integrity } = publish('1.0.0')
        withDist('old', '1.0.0', (dist) => ({ ...dist, integrity: given }))
        await start({ waivers: [waiver(integrity)] })
        assert.deepEqual((await ask(FILE))[1].slice(0, 1), [code])
      })
    it('the waiver of another version is none', async () => {
      const { integrity } = publish('1.0.0')
      publish('1.0.1')
      age('old', '1.0.0')
      await start({ waivers: [waiver(integrity, { package: 'old@1.0.1' })] })
      assert.deepEqual(await versions('old'), ['1.0.1'])
      assert.deepEqual(await ask(FILE), [403, ['integrity-missing']])
    })
    it('[3e] the bytes of another version are not this one\'s, though a waiver names them', async () => {
      publish('1.0.0')
      const other = publish('1.0.1')
      age('old', '1.0.0')
      withDist('old', '1.0.0', ({ shasum: _gone, ...dist }) => dist)
      registry.serveTarball('old', '1.0.0', other.tarball)
      await start({ waivers: [waiver(other.integrity)] })
      assert.deepEqual((await ask(FILE))[1].slice(0, 1), ['manifest-mismatch'])
    })
    it('ends with the waiver, also in what was kept', async () => {
      const { integrity } = publish('1.0.0')
      publish('1.0.1')
      age('old', '1.0.0')
      await start({ waivers: [waiver(integrity)] })
      assert.deepEqual([await versions('old'), (await ask(FILE))[0]], [['1.0.0', '1.0.1'], 200])
      clock.advance(10 * DAY)
      assert.deepEqual(await versions('old'), ['1.0.1'])
      assert.deepEqual(await ask(FILE), [403, ['integrity-missing']])
    })
    it('still has to meet the requirements', async () => {
      const { integrity } = publish('1.0.0')
      age('old', '1.0.0')
      await start({ defaults: { registrySignature: 'required' }, waivers: [waiver(integrity)] })
      assert.deepEqual(await ask(FILE), [403, ['signature-absent', 'integrity-missing']])
    })
    it('[3d] served once, its bytes are what they were, whatever a later waiver says', async () => {
      const { integrity } = publish('1.0.0')
      age('old', '1.0.0')
      await start({ waivers: [waiver(integrity)] })
      const { dir } = mirror
      try {
        assert.equal((await ask(FILE))[0], 200)
        await mirror.close({ keep: true })
        const other = tarballOf({ 'package/package.json': { name: 'old', version: '1.0.0', description: 'other' } })
        registry.serveTarball('old', '1.0.0', other)
        withDist('old', '1.0.0', ({ shasum: _gone, ...dist }) => dist)
        await start({ waivers: [waiver(integrityOf(other))] }, dir)
        assert.deepEqual((await ask(FILE))[1].slice(0, 1), ['integrity-changed'])
      } finally {
        await mirror.close({ keep: true })
        rmSync(dir, { recursive: true, force: true })
      }
    })
  })

  describe('withheld: marked', () => {
    const refusing = { packages: ['ui@1.1.0'], verdict: 'deny', reason: 'see our list' }
    beforeEach(() => {
      registry.publish({ name: 'ui', version: '1.0.0', time: OLD })
      registry.publish({ name: 'ui', version: '1.1.0', time: OLD })
    })
    for (const [form, accept] of [['full', 'application/json'], ['abbreviated', 'application/vnd.npm.install-v1+json']] as const)
      it(`a refused version stays listed, deprecated with the reason, in no tag (${form})`, async () => {
        await start({ withheld: 'marked', rules: [refusing] })
        const packument = await mirror.json('/ui', { accept })
        assert.deepEqual(packument['dist-tags'], { latest: '1.0.0' })
        const refused = ownObject(ownObject(packument, 'versions') ?? {}, '1.1.0') ?? {}
        assert.match(ownString(refused, 'deprecated') ?? '', /refused by this registry mirror: .*see our list.* \(denied-by-rule\)/)
        if (form === 'full') assert.ok(Object.hasOwn(ownObject(packument, 'time') ?? {}, '1.1.0'))
      })
    it('and is refused all the same, by tarball and by version', async () => {
      await start({ withheld: 'marked', rules: [refusing] })
      assert.deepEqual(await ask('/ui/-/ui-1.1.0.tgz'), [403, ['denied-by-rule']])
      assert.deepEqual(await ask('/ui/1.1.0'), [403, ['denied-by-rule']])
      assert.deepEqual(await mirror.json('/-/package/ui/dist-tags'), { latest: '1.0.0' })
    })
    it('the notice says so', async () => {
      await start({ withheld: 'marked', rules: [refusing] })
      const { headers } = await mirror.get('/ui')
      assert.match(headers.get('npm-notice') ?? '', /^ui: 1\.1\.0 marked as refused \(denied-by-rule\); latest is 1\.0\.0/)
      assert.equal(headers.get('cache-control'), 'no-store')
    })
    it('the answer and the policy are others than with hidden', async () => {
      await start({ withheld: 'marked', rules: [refusing] })
      const tell = async (): Promise<readonly (string | null)[]> => {
        const { headers } = await mirror.get('/ui')
        return [headers.get('etag'), headers.get('npm-policy-revision')]
      }
      const marked = await tell()
      await mirror.close()
      await start({ withheld: 'hidden', rules: [refusing] })
      const hidden = await tell()
      assert.notEqual(marked[0], hidden[0])
      assert.notEqual(marked[1], hidden[1])
    })
    it('[20d] an entry that lies is not shown', async () => {
      registry.publish({ name: 'ui', version: '1.2.0', time: OLD, manifest: { version: '1.0.0' } })
      registry.publish({ name: 'ui', version: '1.3.0', time: OLD, fault: '1a' })
      await start({ withheld: 'marked', rules: [refusing] })
      assert.deepEqual(await versions('ui'), ['1.0.0', '1.1.0'])
      assert.match((await mirror.get('/ui')).headers.get('npm-notice') ?? '', /1\.1\.0, 1\.2\.0, 1\.3\.0 marked as refused, or left out, by policy/)
    })
    it('every version refused is a refusal', async () => {
      await start({ withheld: 'marked', rules: [{ ...refusing, packages: ['ui'] }] })
      assert.deepEqual(await ask('/ui'), [403, ['denied-by-rule']])
    })
  })
})
