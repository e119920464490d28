/** Packages of the soak's upstream: packuments, tarballs and evidence, made when they are asked for. */
import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../../plugin/domain/json.ts'
import { githubIdentity, NPM_PUBLISH, provenanceStatement, publishStatement, type PrivateSigstore } from '../../test/support/private-sigstore.ts'
import { integrityOf, shasumOf, tarballOf } from '../../test/support/tarball.ts'
import { hexOf, noise } from '../upstream/seed.ts'
import { changed, changesLeft, fileOf, planOf, WITH_TARBALL, type PackagePlan } from './plan.ts'

const HOUR = 3_600_000
/** Long before any age a policy asks for. */
const NEWEST = Date.UTC(2026, 0, 1)

export class SoakPackages {
  readonly #base: string
  readonly #sigstore: PrivateSigstore
  /** When each change of a package was made. */
  readonly #changes = new Map<number, string[]>()

  constructor(base: string, sigstore: PrivateSigstore) {
    this.#base = base
    this.#sigstore = sigstore
  }

  /** A version more, or one less, at `at`. */
  change(index: number, at: string): void {
    const changes = this.#changes.get(index) ?? []
    changes.push(at)
    this.#changes.set(index, changes)
  }

  revision(index: number): number {
    return this.#changes.get(index)?.length ?? 0
  }

  packument(index: number): JsonObject {
    const plan = planOf(index)
    const { name, versions } = plan
    const changes = this.#changes.get(index) ?? []
    const listed = [
      ...versions.map((version, at) => [version, new Date(NEWEST - (versions.length - at) * 9 * HOUR).toISOString()] as const),
      ...changesLeft(changes.length).map((change) => [changed(change), changes[change - 1] ?? ''] as const),
    ]
    const newest = versions.at(-1) ?? ''
    return {
      _id: name,
      _rev: `${changes.length}-0`,
      name,
      description: `${name}, made for the soak`,
      license: 'MIT',
      'dist-tags': { latest: newest, next: listed.at(-1)?.[0] ?? newest },
      versions: Object.fromEntries(listed.map(([version]) => [version, this.#manifest(plan, version)])),
      time: { created: listed[0]?.[1] ?? '', modified: changes.at(-1) ?? listed.at(-1)?.[1] ?? '', ...Object.fromEntries(listed) },
      maintainers: PEOPLE,
      readme: `# ${name}\n${'It does one thing. '.repeat(20)}\n`,
    }
  }

  tarball(index: number, file: string): Buffer | undefined {
    const plan = planOf(index)
    const version = [...plan.versions, ...changesLeft(this.revision(index)).map(changed)].find((one) => fileOf(plan.name, one) === file)
    return version !== undefined && hasTarball(plan, version) ? bytesOf(plan, version) : undefined
  }

  attestations(index: number, version: string): Json | undefined {
    const plan = planOf(index)
    if (!plan.provenance || !plan.versions.includes(version)) return undefined
    const { name } = plan
    const artifact = { name, version, sha512: digestOf(plan, version).toString('hex') }
    const identity = githubIdentity({ ref: `refs/tags/v${version}` })
    const statement = provenanceStatement(artifact, identity)
    const at = new Date(NEWEST - 9 * HOUR)
    return {
      attestations: [
        { predicateType: NPM_PUBLISH, bundle: this.#sigstore.keyed(publishStatement(artifact), { at }) },
        { predicateType: statement.predicateType, bundle: this.#sigstore.keyless(statement, identity, { at }) },
      ],
    } as unknown as Json
  }

  #manifest(plan: PackagePlan, version: string): JsonObject {
    const { name, provenance, isSpoiled } = plan
    const bytes = hasTarball(plan, version) ? bytesOf(plan, version) : undefined
    const integrity = bytes === undefined ? `sha512-${digestOf(plan, version).toString('base64')}` : integrityOf(bytes)
    const spoiled = isSpoiled && version === plan.versions.at(-1)
    return {
      ...packageJsonOf(name, version),
      _id: `${name}@${version}`,
      _npmUser: PEOPLE[0],
      maintainers: PEOPLE,
      gitHead: hexOf(`${name}@${version}`, 40),
      dist: {
        integrity,
        shasum: bytes === undefined ? hexOf(`${name}@${version} sha1`, 40) : shasumOf(bytes),
        tarball: `${this.#base}/${name}/-/${fileOf(name, version)}`,
        signatures: [{ ...this.#sigstore.signRegistry(name, spoiled ? `${version}-other` : version, integrity) }],
        ...(provenance && plan.versions.includes(version)
          ? { attestations: { url: `${this.#base}/-/npm/v1/attestations/${name}@${version}`, provenance: { predicateType: 'https://slsa.dev/provenance/v1' } } }
          : {}),
      },
    }
  }
}

/** What was published while the soak runs has one too. */
const hasTarball = ({ versions }: PackagePlan, version: string): boolean => {
  const at = versions.indexOf(version)
  return at === -1 || at >= versions.length - WITH_TARBALL
}

const bytesOf = ({ name, versions, tarball }: PackagePlan, version: string): Buffer => {
  const size = versions.includes(version) ? tarball : 2000
  return tarballOf({ 'package/package.json': packageJsonOf(name, version), 'package/index.js': noise(`${name}@${version}`, size) })
}
const digestOf = (plan: PackagePlan, version: string): Buffer => createHash('sha512').update(hasTarball(plan, version) ? bytesOf(plan, version) : `${plan.name}@${version}`).digest()

const PEOPLE = ['ada', 'grace'].map((name) => ({ name, email: `${name}@acme.example` }))

/** What the tarball says too. */
const packageJsonOf = (name: string, version: string): JsonObject => ({
  name,
  version,
  description: 'A package of ordinary size, whose manifest is like that of any other',
  keywords: ['soak', 'registry', 'manifest'],
  license: 'MIT',
  repository: { type: 'git', url: `git+https://github.com/acme/${name.replace(/^@/, '')}.git` },
  main: './index.js',
  engines: { node: '>=18' },
  scripts: { build: 'tsc -p .', test: 'test-runner --coverage' },
  dependencies: { 'soak-1': '^1.0.0', 'soak-2': `^${version.length}.0.0` },
  devDependencies: { 'soak-3': '^1.0.0', 'soak-4': '>=1' },
})
