/** What this project brings along, by its own rules. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { sriOf } from '../../plugin/domain/integrity.ts'
import { dependencyProblems, type OwnLockfile, type OwnManifest } from '../../scripts/release/dependencies.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror, type TestMirrorOptions } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { temporaryDirectory } from '../support/process.ts'
import { register } from '../support/raw.ts'
import { isNegative, publicTrust, realData, replayRegistry } from '../support/real-data.ts'
import { tarballPath } from '../support/registry/draft.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const LOCKFILE = read('package-lock.json')
const lockfile = JSON.parse(LOCKFILE) as OwnLockfile
const manifest = JSON.parse(read('package.json')) as OwnManifest

const NOW = new Date('2026-11-01T00:00:00Z')
const LONG_AGO = new Date('2026-01-01T00:00:00Z')
const RECOMMENDED = { version: 1, extends: 'recommended' } as const

interface Locked {
  readonly name: string
  readonly version: string
  readonly integrity: string
}
const nameAt = (place: string): string => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
/** Each version once, however many places it is at. */
const production: readonly Locked[] = [
  ...new Map(
    Object.entries(lockfile.packages)
      .filter(([place, { dev }]) => place !== '' && dev !== true)
      .map(([place, { name = nameAt(place), version = '', integrity = '' }]) => [`${name}@${version}`, { name, version, integrity }]),
  ).values(),
]

describe('own dependencies: the lockfile alone', () => {
  it('all come from the registry, with their sha512, and run no script that is not allowed', () => {
    assert.deepEqual(dependencyProblems(manifest, lockfile), [])
  })

  const spoiled = (change: (packages: Record<string, Record<string, unknown>>) => void): readonly string[] => {
    const packages = structuredClone(lockfile.packages) as Record<string, Record<string, unknown>>
    change(packages)
    return dependencyProblems(manifest, { ...lockfile, packages })
  }
  const YAML = 'node_modules/yaml'
  for (const [fault, change, expected] of [
    ['from Git', { resolved: 'git+ssh://git@forge.example/a/b.git#0123456789012345678901234567890123456789' }, /comes from git/],
    ['from an address', { resolved: 'https://elsewhere.example/yaml-2.9.1.tgz' }, /comes from https:\/\/elsewhere/],
    ['over http', { resolved: 'http://registry.example/yaml.tgz' }, /comes from http:/],
    ['a folder', { link: true }, /is a link/],
    ['without an integrity', { integrity: undefined }, /no sha512/],
    ['with a sha1', { integrity: 'sha1-qqqqqqqqqqqqqqqqqqqqqqqqqqo=' }, /no sha512/],
    ['with a second integrity', { integrity: `sha1-qqqqqqqqqqqqqqqqqqqqqqqqqqo= ${lockfile.packages[YAML]?.integrity ?? ''}` }, /no sha512/],
    ['with an install script', { hasInstallScript: true }, /install script/],
  ] as const)
    it(`one ${fault} is told`, () => {
      const problems = spoiled((packages) => { packages[YAML] = { ...packages[YAML], ...change } })
      assert.equal(problems.length, 1)
      assert.match(problems[0]!, /yaml/)
      assert.match(problems[0]!, expected)
    })
  for (const spec of ['github:acme/yaml', 'https://elsewhere.example/yaml.tgz', 'file:../yaml', 'npm:other@1.0.0', 'git+https://forge.example/a/b.git'])
    it(`package.json that asks for ${spec} is told`, () => {
      const problems = dependencyProblems({ ...manifest, dependencies: { ...manifest.dependencies, yaml: spec } }, lockfile)
      assert.equal(problems.length, 1)
      assert.match(problems[0]!, /yaml/)
    })
})

describe('own dependencies: through a mirror, under `recommended`', function () {
  this.timeout(60_000)
  let registry: FakeRegistry
  let mirror: TestMirror
  let dir: string | undefined
  afterEach(async () => {
    await mirror.close()
    await registry.close()
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
  })

  interface Result {
    readonly package: string
    readonly version: string
    readonly verdict: { readonly outcome: string }
  }
  const start = async (options: Partial<TestMirrorOptions> = {}): Promise<void> => {
    mirror = await startTestMirror({ registry, policy: RECOMMENDED, clock: settableClock(NOW), uplink: { maxage: '1h' }, ...options })
  }
  const check = async (question: JsonObject): Promise<{ readonly results: readonly Result[]; readonly notCovered: readonly unknown[] }> => {
    const authorization = `Bearer ${await register(mirror.url, 'release')}`
    const response = await fetch(`${mirror.url}/-/provenance/v1/check`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(question) })
    assert.equal(response.status, 200)
    return (await response.json()) as never
  }

  it('every version that the lockfile brings along is judged by the bytes it locks, and none goes past the mirror', async () => {
    const sigstore = PrivateSigstore.create()
    registry = await FakeRegistry.start({ sigstore })
    const spoiled = 'semver'
    for (const { name, version, integrity } of production) {
      // The one that nobody signed shows that each is looked at.
      const signatures = name === spoiled ? [] : [{ ...sigstore.signRegistry(name, version, integrity) }]
      list(registry, { name, version, integrity, at: LONG_AGO, dist: { signatures } })
    }
    await start({ uplink: { maxage: '1h', trust: { registry: 'https://registry.example', registryKeys: './keys.json', signs: true } } })
    const { results, notCovered } = await check({ lockfile: LOCKFILE, fileName: 'package-lock.json' })
    const judged = new Map(results.map((result) => [`${result.package}@${result.version}`, result]))
    const refused = production.filter(({ name, version }) => judged.get(`${name}@${version}`)?.verdict.outcome !== 'allow')
    assert.deepEqual(notCovered, [])
    assert.deepEqual([...new Set(refused.map(({ name }) => name))], [spoiled])
  })

  it('real evidence of what is brought along, as far as there is any', async function () {
    const data = realData()
    if (data === undefined) {
      process.stderr.write('skipped: shared/data is not beside the repository\n')
      registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
      await start()
      this.skip()
    }
    const names = new Set(production.map(({ name }) => name))
    const locked = new Set(production.map(({ name, version }) => `${name}@${version}`))
    registry = await replayRegistry(data)
    const replayed = data.evidence.filter((row) => names.has(row.package) && row.strict.startsWith('accept')).map((row) => `${row.package}@${row.version}`)
    const signed = data.signatures.filter((row) => names.has(row.name) && !isNegative(row))
    for (const { name, version, integrity, keyid, sig } of signed)
      if (!replayed.includes(`${name}@${version}`)) list(registry, { name, version, integrity, at: LONG_AGO, dist: { signatures: [{ keyid, sig }] } })
    const specs = [...new Set([...replayed, ...signed.map(({ name, version }) => `${name}@${version}`)])]

    dir = temporaryDirectory('own-')
    const { trustedRoot, registryKeys, registry: name } = publicTrust()
    writeFileSync(path.join(dir, 'public-root.json'), JSON.stringify(trustedRoot))
    writeFileSync(path.join(dir, 'public-keys.json'), JSON.stringify(registryKeys))
    await start({ dir, section: { trust: { trustedRoot: './public-root.json' } }, uplink: { maxage: '1h', trust: { registry: name, registryKeys: './public-keys.json' } } })
    const { results } = await check({ specs })
    assert.deepEqual(results.map((result) => [`${result.package}@${result.version}`, result.verdict.outcome]).toSorted(), specs.map((spec) => [spec, 'allow']).toSorted())
    const same = specs.filter((spec) => locked.has(spec))
    process.stderr.write(`      real evidence of ${same.length} of ${locked.size} locked versions; of another version of ${specs.length - same.length} more packages: ${specs.filter((spec) => !locked.has(spec)).join(', ')}\n`)
    assert.ok(specs.length > 0)
  })
})

/** A version whose bytes nobody asks for. */
function list(registry: FakeRegistry, { name, version, integrity, at, dist }: Locked & { readonly at: Date; readonly dist: JsonObject }): void {
  const sha512 = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex')
  assert.equal(sriOf(sha512), integrity)
  const ref = { name, version }
  registry.add({ ...ref, at, integrity, artifact: { ...ref, sha512 }, manifest: { ...ref, dist: { integrity, tarball: `${registry.url}${tarballPath(ref)}`, ...dist } }, tarball: undefined, document: undefined, rules: [], edits: [] })
}
