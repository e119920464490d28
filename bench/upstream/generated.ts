/**
 * Packages that exist for the benchmark only. Their names say what they are: `bench-600` has 600 versions of about 1.7 KB each;
 * `bench-tar-100k` and `bench-tar-5m` have real tarballs of that size; `bench-claimed-600` has 600 versions with provenance;
 * `bench-lock-17` is one of the packages of a lockfile. All are signed by a registry key of a private Sigstore, the versions
 * of `bench-600` and its like over a digest that belongs to no bytes, except the newest `WITH_TARBALL`.
 */
import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../plugin/domain/json.ts'
import { githubIdentity, provenanceStatement, publishStatement, NPM_PUBLISH, type PrivateSigstore } from '../../test/support/private-sigstore.ts'
import { integrityOf, shasumOf, tarballOf } from '../../test/support/tarball.ts'
import { hexOf, noise } from './seed.ts'

/** As many versions of a plain package have a tarball of 100 KB. */
export const WITH_TARBALL = 100
export const TARBALLS = { 'bench-tar-100k': { versions: 200, bytes: 100_000 }, 'bench-tar-5m': { versions: 12, bytes: 5_000_000 } } as const

const DAY = 86_400_000
/** Long before any age a policy asks for. */
const NEWEST = Date.UTC(2026, 0, 1)

export interface GeneratedPackage {
  readonly packument: JsonObject
  /** By file name. */
  readonly tarballs: ReadonlyMap<string, Buffer>
  /** By version. */
  readonly attestations: ReadonlyMap<string, Json>
}

interface Plan {
  readonly name: string
  readonly count: number
  /** Bytes of the tarball of the version at `index`; undefined has none. */
  readonly bytes: (index: number) => number | undefined
  readonly provenance: boolean
}

/** What a name stands for, or undefined when it is not one of the benchmark's. */
function planOf(name: string): Plan | undefined {
  const tarballs = Object.hasOwn(TARBALLS, name) ? TARBALLS[name as keyof typeof TARBALLS] : undefined
  if (tarballs !== undefined) return { name, count: tarballs.versions, bytes: () => tarballs.bytes, provenance: false }
  const [, kind, number] = /^bench-(claimed-|lock-)?(\d{1,5})$/.exec(name) ?? []
  if (number === undefined) return undefined
  if (kind === 'lock-') return { name, count: 1, bytes: () => 1000, provenance: false }
  const count = Number(number)
  if (kind === 'claimed-') return { name, count, bytes: () => undefined, provenance: true }
  return { name, count, bytes: (index) => (index >= count - WITH_TARBALL ? 100_000 : undefined), provenance: false }
}

/** Ten release lines, oldest first. */
export const versionAt = (index: number, count: number): string => {
  const line = Math.max(1, Math.ceil(count / 10))
  return `${1 + Math.floor(index / line)}.${index % line}.0`
}

export function generate(name: string, base: string, sigstore: PrivateSigstore): GeneratedPackage | undefined {
  const plan = planOf(name)
  if (plan === undefined) return undefined
  const { count } = plan
  const versions: [string, JsonObject][] = []
  const times: [string, string][] = []
  const tarballs = new Map<string, Buffer>()
  const attestations = new Map<string, Json>()
  for (let index = 0; index < count; index++) {
    const version = versionAt(index, count)
    const at = new Date(NEWEST - ((count - index) * DAY) / 4)
    const manifest = packageJsonOf(name, version)
    const size = plan.bytes(index)
    const tarball = size === undefined ? undefined : tarballOf({ 'package/package.json': manifest, 'package/index.js': noise(`${name}@${version}`, size) })
    const sha512 = createHash('sha512').update(tarball ?? `${name}@${version}`).digest()
    const integrity = tarball === undefined ? `sha512-${sha512.toString('base64')}` : integrityOf(tarball)
    const artifact = { name, version, sha512: sha512.toString('hex') }
    if (tarball !== undefined) tarballs.set(`${name}-${version}.tgz`, tarball)
    if (plan.provenance) attestations.set(version, evidenceOf(artifact, at, sigstore))
    versions.push([
      version,
      {
        ...manifest,
        ...published(name, version),
        dist: {
          integrity,
          shasum: tarball === undefined ? hexOf(`${name}@${version}`, 40) : shasumOf(tarball),
          tarball: `${base}/${name}/-/${name}-${version}.tgz`,
          fileCount: 42,
          unpackedSize: 123_456,
          signatures: [{ ...sigstore.signRegistry(name, version, integrity) }],
          ...(plan.provenance
            ? { attestations: { url: `${base}/-/npm/v1/attestations/${name}@${version}`, provenance: { predicateType: 'https://slsa.dev/provenance/v1' } } }
            : {}),
        },
      },
    ])
    times.push([version, at.toISOString()])
  }
  const packument: JsonObject = {
    _id: name,
    name,
    description: `${name}, made for the benchmark`,
    license: 'MIT',
    'dist-tags': { latest: versionAt(count - 1, count) },
    versions: Object.fromEntries(versions),
    time: { created: times[0]?.[1] ?? '', modified: times.at(-1)?.[1] ?? '', ...Object.fromEntries(times) },
    maintainers: PEOPLE,
    readme: `# ${name}\n`,
  }
  return { packument, tarballs, attestations }
}

function evidenceOf(artifact: { readonly name: string; readonly version: string; readonly sha512: string }, at: Date, sigstore: PrivateSigstore): Json {
  const identity = githubIdentity({ ref: `refs/tags/v${artifact.version}` })
  const statement = provenanceStatement(artifact, identity)
  return {
    attestations: [
      { predicateType: NPM_PUBLISH, bundle: sigstore.keyed(publishStatement(artifact), { at }) },
      { predicateType: statement.predicateType, bundle: sigstore.keyless(statement, identity, { at }) },
    ],
  } as unknown as Json
}

const PEOPLE = ['ada', 'grace'].map((name) => ({ name, email: `${name}@acme.example` }))
const TOOLS = ['assert-plus', 'bundler', 'chalk-like', 'docs-maker', 'format-all', 'test-runner', 'types-checker', 'watcher']

/** What the tarball says too. */
const packageJsonOf = (name: string, version: string): JsonObject => ({
  name,
  version,
  description: 'A package of ordinary size, whose manifest is like that of any other',
  keywords: ['bench', 'registry', 'manifest', 'ordinary', 'package', 'mirror'],
  author: { name: 'Acme', email: 'oss@acme.example', url: 'https://acme.example' },
  license: 'MIT',
  homepage: `https://acme.example/${name}#readme`,
  repository: { type: 'git', url: `git+https://github.com/acme/${name}.git` },
  bugs: { url: `https://github.com/acme/${name}/issues` },
  main: './dist/index.js',
  types: './dist/index.d.ts',
  engines: { node: '>=18' },
  scripts: { build: 'tsc -p . && bundler dist', lint: 'eslint .', test: 'test-runner --coverage', format: 'format-all --write .' },
  dependencies: Object.fromEntries(TOOLS.slice(0, 4).map((tool, index) => [`@acme/${tool}`, `^${index + 1}.${version.length}.0`])),
  devDependencies: Object.fromEntries(TOOLS.slice(4).map((tool, index) => [`@acme/${tool}-dev`, `~${index + 1}.2.3`])),
})

/** What the registry adds. */
const published = (name: string, version: string): JsonObject => ({
  _id: `${name}@${version}`,
  gitHead: hexOf(`${name}@${version} head`, 40),
  _nodeVersion: '24.1.0',
  _npmVersion: '11.3.0',
  _npmUser: PEOPLE[0],
  maintainers: PEOPLE,
  _npmOperationalInternal: { host: 's3://npm-registry-packages', tmp: `tmp/${name}_${version}_${hexOf(`${name}@${version} tmp`, 24)}` },
  _hasShrinkwrap: false,
  directories: {},
})
