import { createHash, hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import pLimit from 'p-limit'
import { Unavailable, messageOf } from '../domain/errors.ts'
import { isOneSha512, sriOf } from '../domain/integrity.ts'
import { isObject, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import { parsePackument } from '../domain/packument.ts'
import { PUBLISHED_HERE, type Clock, type KeptDocument, type Ledger, type Maintainers, type PublishedEvidence, type Upstream, type UpstreamPackument, type VersionRecord } from '../domain/ports.ts'
import { isRefusal, type VerdaccioStorage } from './access.ts'
import { removeDeadLockFile } from './dead-lock-file.ts'
import { asMaintainers, publishersOf } from './maintainers.ts'
import { answerOf } from './patience.ts'
import { withoutUpstreamVersions, type StoredManifest } from './second-line.ts'

export interface LocalRegistryDeps {
  readonly storage: VerdaccioStorage
  /** Runs something with all in sight that was published here, whatever the policy says of it. */
  readonly unjudged: (run: () => void) => void
  readonly ledger: Ledger
  readonly evidence: PublishedEvidence
  readonly maintainers: Maintainers
  readonly clock: Clock
}

/** Of versions without a sha512, which are read to find it: a package may have thousands, and a process not as many descriptors. */
const FILES_AT_ONCE = 4

/** Its name among uplinks, in logs and in `release.uplink`. */
export const LOCAL = 'local'

/**
 * Verdaccio's storage as the registry it is for packages published here, so that they are judged, listed and delivered as those
 * of any uplink are. What a publisher wrote about evidence does not count: signatures and attestations are this mirror's to say.
 */
export class LocalRegistry implements Upstream {
  readonly name = LOCAL
  readonly registry = PUBLISHED_HERE
  readonly attestationsMode = 'announced'
  readonly #deps: LocalRegistryDeps

  constructor(deps: LocalRegistryDeps) {
    this.#deps = deps
  }

  async packument(name: string): Promise<UpstreamPackument | 'absent'> {
    const manifest = await this.#stored(name)
    if (manifest === 'absent') return 'absent'
    const raw = await this.#completed(name, withoutUpstreamVersions(manifest, true) as unknown as JsonObject)
    const maintainers = asMaintainers(this.#deps.maintainers.maintainersOf(name) ?? publishersOf(raw))
    return documentOf(name, { ...raw, maintainers }, this.#deps.clock.now())
  }

  /** What was kept of the version as it is stored, whatever else is asked. */
  async attestations({ name, version }: PackageRef): Promise<Uint8Array | 'absent'> {
    const document = await this.packument(name)
    const integrity = document === 'absent' ? undefined : document.packument.versions.get(version)?.dist.integrity
    return integrity === undefined ? 'absent' : (this.#deps.evidence.evidenceOf({ name, version, integrity })?.document ?? 'absent')
  }

  tarball(url: string): Promise<AsyncIterable<Uint8Array> | 'absent'> {
    const [name = '', file = ''] = new URL(url).pathname.slice(1).split('/').map(decodeURIComponent)
    return this.#file(name, file)
  }

  /** They are this registry's own, whatever host a publisher wrote. */
  allowsTarball(): boolean {
    return true
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /**
   * Keeps the integrity of every version that is stored: what is about to be unpublished may come back with the same bytes and
   * no others, also where it was published before this mirror was here.
   */
  async remember(name: string): Promise<void> {
    const document = await this.packument(name)
    if (document === 'absent') return
    const { ledger } = this.#deps
    const known = ledger.records(PUBLISHED_HERE, name)
    const records = [...document.packument.versions.values()]
      .filter(({ version, dist }) => !known.has(version) && isOneSha512(dist.integrity))
      .map(({ version, dist }) => recordOf(version, dist.integrity ?? '', document.confirmedAt))
    if (records.length > 0) ledger.record(PUBLISHED_HERE, name, records)
  }

  /**
   * Removes the tarball of a version that `document`, which is what is stored now, does not have: a process that ended between storing
   * the one and writing the other leaves a file over which the core lets nobody publish that version again. And its lock.
   */
  async removeLeftover(ref: PackageRef, document: UpstreamPackument | 'absent'): Promise<void> {
    const file = tarballFileName(ref)
    const versions = document === 'absent' ? [] : [...document.packument.versions.values()]
    if (versions.some(({ version, dist }) => version === ref.version || decodeURIComponent(fileOf(dist.tarball ?? '')) === file)) return
    const files = this.#deps.storage.localStorage.storagePlugin.getPackageStorage?.(ref.name)
    if (typeof files?.path === 'string') await removeDeadLockFile(files.path, this.#deps.clock.now())
    const opened = await this.#file(ref.name, file)
    if (opened === 'absent' || files?.deletePackage === undefined) return
    opened.destroy()
    await answerOf<null>(`what is left of ${file}`, (resolve, reject) => {
      const promise = files.deletePackage?.(file, (error) => {
        if (error) reject(error)
        else resolve(null)
      })
      promise?.then(() => { resolve(null) }, reject)
      // Somebody else may have removed it; of what cannot be removed the core tells with the publication.
    }).catch(() => null)
  }

  #stored(name: string): Promise<StoredManifest | 'absent'> {
    const { storage, unjudged } = this.#deps
    return answerOf(`the stored manifest of ${name}`, (resolve, reject) => {
      unjudged(() => {
        storage.getPackage({
          name,
          uplinksLook: false,
          callback: (error, manifest) => {
            if (error && !isRefusal(error)) reject(new Unavailable('internal-error', `what is stored of ${name} cannot be read: ${messageOf(error)}`, { cause: error }))
            else resolve(error || manifest === undefined ? 'absent' : manifest)
          },
        })
      })
    })
  }

  async #completed(name: string, raw: JsonObject): Promise<JsonObject> {
    const versions = Object.entries(ownObject(raw, 'versions') ?? {})
    const limit = pLimit(FILES_AT_ONCE)
    let records: ReturnType<Ledger['records']> | undefined
    const known = (version: string): string | undefined => (records ??= this.#deps.ledger.records(PUBLISHED_HERE, name)).get(version)?.integrity
    const completed = await Promise.all(versions.map(([version, manifest]) => limit(async () => [version, await this.#version({ name, version }, manifest, known)] as const)))
    return { ...raw, versions: Object.fromEntries(completed) }
  }

  async #version(ref: PackageRef, manifest: Json | undefined, known: (version: string) => string | undefined): Promise<Json> {
    if (!isObject(manifest)) return {}
    const { signatures: _signatures, attestations: _attestations, ...dist } = ownObject(manifest, 'dist') ?? {}
    const file = fileOf(ownString(dist, 'tarball') ?? '')
    const integrity = ownString(dist, 'integrity') ?? known(ref.version) ?? (await this.#digest(ref, file))
    const kept = integrity === undefined ? undefined : this.#deps.evidence.evidenceOf({ ...ref, integrity })
    const tarball = `${PUBLISHED_HERE}///${encodeURIComponent(ref.name)}/${encodeURIComponent(file)}`
    return { ...manifest, dist: { ...dist, tarball, ...(integrity === undefined ? {} : { integrity }), ...announced(kept) } }
  }

  /** Of a version that clients without sha512 published: read once, then the ledger's. */
  async #digest({ name, version }: PackageRef, file: string): Promise<string | undefined> {
    const { ledger, clock } = this.#deps
    const bytes = await this.#file(name, file)
    if (bytes === 'absent') return undefined
    const sha512 = createHash('sha512')
    for await (const chunk of bytes) sha512.update(chunk as Uint8Array)
    const integrity = sriOf(sha512.digest('hex'))
    ledger.record(PUBLISHED_HERE, name, [recordOf(version, integrity, clock.now())])
    return integrity
  }

  async #file(name: string, file: string): Promise<Readable | 'absent'> {
    let stream: (Readable & { readonly abort?: () => void }) | undefined
    try {
      return await answerOf<Readable | 'absent'>(`a tarball of ${name}`, (resolve, reject) => {
        const opened = (stream = this.#deps.storage.localStorage.getTarball(name, file))
        opened.once('open', () => { resolve(opened) })
        opened.on('error', (error: unknown) => {
          if (isRefusal(error)) resolve('absent')
          else reject(new Unavailable('internal-error', `a tarball of ${name} cannot be read: ${messageOf(error)}`, { cause: error }))
        })
      })
    } catch (error) {
      // One that opens when nobody waits any more is read by nobody; `abort` is what closes Verdaccio's file behind it.
      stream?.abort?.()
      stream?.destroy()
      throw error
    }
  }
}

/** The package as it would be with one more version in it. */
export function documentWith(document: UpstreamPackument | 'absent', name: string, version: string, manifest: JsonObject, now: Date): UpstreamPackument {
  const raw = document === 'absent' ? { name } : document.packument.raw
  const versions = Object.fromEntries([...Object.entries(ownObject(raw, 'versions') ?? {}), [version, manifest]])
  const time = Object.fromEntries([...Object.entries(ownObject(raw, 'time') ?? {}), [version, now.toISOString()]])
  return documentOf(name, { ...raw, versions, time }, now)
}

/** What is remembered of a version whose bytes are here. */
export const recordOf = (version: string, integrity: string, recordedAt: Date): VersionRecord => ({
  version,
  integrity,
  recordedAt,
  because: 'bytes',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
})

function documentOf(name: string, raw: JsonObject, now: Date): UpstreamPackument {
  const text = JSON.stringify(raw)
  return { uplink: LOCAL, packument: parsePackument(raw, name), digest: hash('sha256', text), size: text.length, confirmedAt: now, stale: false }
}

const announced = (kept: KeptDocument | undefined): JsonObject => (kept === undefined ? {} : { attestations: { provenance: { predicateType: kept.predicateType } } })

/** The file's name as the core takes it from an address. */
const fileOf = (tarball: string): string => tarball.replace(/.*\//, '').replace(/[?#].*$/, '')
