import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Unavailable } from '../domain/errors.ts'
import type { Json } from '../domain/json.ts'
import { tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import type { Packument } from '../domain/packument.ts'
import { PUBLISHED_HERE, type Ledger, type TrustMaterial, type Upstreams } from '../domain/ports.ts'
import type { Reason } from '../domain/reason.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import type { ArchivedPackage, ArchiveManifest } from './manifest.ts'
import type { Blob } from './write.ts'

export interface CollectDeps {
  readonly pipeline: Pick<Pipeline, 'tarball' | 'attestations'>
  readonly upstreams: Upstreams
  readonly ledger: Pick<Ledger, 'origin' | 'records'>
  readonly trust: ReadonlyMap<string, TrustMaterial>
  /** Roots of named Sigstore instances. */
  readonly instances?: readonly { readonly name: string; readonly trustedRoot: Json }[]
  /** A directory for what is no file yet. */
  readonly stage: string
  /** Told of each version that is in. */
  readonly onVersion?: (ref: PackageRef) => void
}

/** A version that is not in the archive. */
export interface LeftOut {
  readonly ref: PackageRef
  readonly state: 'refused' | 'unavailable' | 'absent'
  readonly reasons: readonly Pick<Reason, 'code' | 'message'>[]
}

export interface Collected {
  readonly packages: readonly ArchivedPackage[]
  readonly trust: ArchiveManifest['trust']
  readonly instances: NonNullable<ArchiveManifest['instances']>
  readonly tuf: string | null
  readonly blobs: readonly Blob[]
  readonly leftOut: readonly LeftOut[]
}

/** Documents of other versions that go along, of one package: a policy may ask who built it so far. */
const ALONG = 100
/** The mirror that imports compares with the last few versions a package was found with (docs/policy.md, identity pins). */
const ASKED = 3
const SETTLED_MS = 7 * 24 * 60 * 60 * 1000

/**
 * What a mirror behind an air gap needs of the versions asked for, each of them verified as if a client had asked: what this mirror
 * does not serve is left out.
 */
export async function collect(wanted: readonly PackageRef[], deps: CollectDeps): Promise<Collected> {
  const blobs = new Blobs(deps.stage)
  const leftOut: LeftOut[] = []
  const byName = Map.groupBy(wanted, ({ name }) => name)
  const packages: ArchivedPackage[] = []
  for (const [name, refs] of byName) {
    const versions: ArchivedPackage['versions'] = []
    for (const ref of new Map(refs.map((one) => [one.version, one])).values()) {
      const tarball = await tarballOf(ref, deps)
      if ('state' in tarball) leftOut.push(tarball)
      else {
        versions.push({ version: ref.version, sha512: tarball.sha512, tarball: await blobs.file(tarball.path) })
        deps.onVersion?.(ref)
      }
    }
    if (versions.length > 0) packages.push(await packageOf(name, versions, blobs, deps))
  }
  const registries = new Map(deps.upstreams.all.map(({ name, registry }) => [registry, deps.trust.get(name)]))
  const trust: ArchiveManifest['trust'] = []
  for (const [registry, material] of registries)
    if (material !== undefined) trust.push({ registry, trustedRoot: await blobs.json(material.trustedRoot), registryKeys: await blobs.json(material.registryKeys) })
  const instances: Collected['instances'] = []
  for (const { name, trustedRoot } of deps.instances ?? []) instances.push({ name, trustedRoot: await blobs.json(trustedRoot) })
  return { packages, trust, instances, tuf: null, blobs: blobs.all, leftOut }
}

/** Adds a document that is a file already. */
export async function withTuf(collected: Collected, file: string): Promise<Collected> {
  const hashed = await hashOf(file)
  const blob = { ...hashed, file }
  return { ...collected, tuf: hashed.sha256, blobs: collected.blobs.some(({ sha256 }) => sha256 === hashed.sha256) ? collected.blobs : [...collected.blobs, blob] }
}

async function tarballOf(ref: PackageRef, { pipeline, ledger }: CollectDeps): Promise<{ readonly path: string; readonly sha512: string } | LeftOut> {
  if (ledger.origin(ref.name) === PUBLISHED_HERE)
    return { ref, state: 'absent', reasons: [{ code: 'origin-changed', message: `${ref.name} is published at this mirror, and is nobody's to import` }] }
  try {
    const answer = await pipeline.tarball(ref.name, tarballFileName(ref))
    if (answer.kind === 'absent' || answer.kind === 'withdrawn') return { ref, state: 'absent', reasons: [] }
    const { verdict } = answer.judgement
    if (answer.judgement.ref.version !== ref.version) return { ref, state: 'absent', reasons: [] }
    if (answer.kind === 'served') return answer.tarball
    return { ref, state: verdict.outcome === 'unavailable' ? 'unavailable' : 'refused', reasons: verdict.reasons }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { ref, state: 'unavailable', reasons: [error.reason] }
  }
}

async function packageOf(name: string, versions: ArchivedPackage['versions'], blobs: Blobs, deps: CollectDeps): Promise<ArchivedPackage> {
  const found = await deps.upstreams.find(name)
  if (found === 'absent') throw new Unavailable('evidence-unavailable', `${name} is gone since it was verified`)
  const { upstream, document: { packument, confirmedAt } } = found
  const attestations: ArchivedPackage['attestations'] = []
  for (const version of told(packument, versions.map((one) => one.version), deps.ledger.records(upstream.registry, name), confirmedAt)) {
    const document = await attestationsOf({ name, version }, deps)
    if (document !== undefined) attestations.push({ version, document: await blobs.bytes(document) })
  }
  const raw = await blobs.json(packument.raw)
  return { name, registry: upstream.registry, confirmedAt: confirmedAt.toISOString(), packument: raw, versions, attestations }
}

/** The versions whose attestations go along: those asked for, the last ones a new mirror finds the package with, and what is kept. */
function told(packument: Packument, asked: readonly string[], records: ReturnType<Ledger['records']>, confirmedAt: Date): readonly string[] {
  const at = (version: string): number => Date.parse(packument.time.get(version) ?? '') || 0
  const announced = [...packument.versions.values()].filter(({ dist }) => dist.attestations?.provenance !== undefined).map(({ version }) => version)
  const newestFirst = announced.toSorted((a, b) => at(b) - at(a))
  const found = newestFirst.filter((version) => at(version) <= confirmedAt.getTime() - SETTLED_MS).slice(0, ASKED)
  const kept = [...packument.versions.keys()].filter((version) => records.get(version)?.attestations !== undefined).toSorted((a, b) => at(b) - at(a))
  return [...new Set([...asked, ...found, ...kept.slice(0, ALONG)])]
}

/** Whatever the policy here looks at: the one there may look at more. Without an answer there is none, and the one there says so. */
async function attestationsOf(ref: PackageRef, { pipeline }: CollectDeps): Promise<Uint8Array | undefined> {
  try {
    const document = await pipeline.attestations(ref)
    return document === 'absent' ? undefined : document
  } catch (error) {
    if (error instanceof Unavailable) return undefined
    throw error
  }
}

class Blobs {
  readonly #dir: string
  readonly #found = new Map<string, Blob>()

  constructor(dir: string) {
    this.#dir = dir
  }

  get all(): readonly Blob[] {
    return [...this.#found.values()]
  }

  json(document: unknown): Promise<string> {
    return this.bytes(Buffer.from(JSON.stringify(document)))
  }

  async bytes(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    if (!this.#found.has(sha256)) {
      const file = path.join(this.#dir, sha256)
      await writeFile(file, bytes)
      this.#found.set(sha256, { sha256, size: bytes.byteLength, file })
    }
    return sha256
  }

  /** A file stays where it is. */
  async file(file: string): Promise<string> {
    const hashed = await hashOf(file)
    this.#found.set(hashed.sha256, this.#found.get(hashed.sha256) ?? { ...hashed, file })
    return hashed.sha256
  }
}

async function hashOf(file: string): Promise<Omit<Blob, 'file'>> {
  const hashed = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hashed.update(chunk)
    size += chunk.byteLength
  }
  return { sha256: hashed.digest('hex'), size }
}
