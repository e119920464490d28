/**
 * Packuments as bytes. The parts, one after the other: what is said of the package as a whole (JSON), the rest of the document (JSON),
 * of each version what a listing looks at (JSON), and each version's entry (JSON). So the main thread reads what it needs, when it
 * needs it, and any other thread writes answers of it without a copy.
 */
import { own, ownObject, type Json, type JsonObject } from '../domain/json.ts'
import { strings, type Dist, type Packument, type StoredPackument, type VersionManifest } from '../domain/packument.ts'
import { namesOthers } from '../domain/specifier.ts'
import { inTurns, mapInTurns, nextTurn } from '../domain/turns.ts'

interface Summary {
  readonly name: string
  readonly versions: readonly string[]
  readonly tags: JsonObject
}

/** Integrity, shasum, tarball, signatures, attestations, the brief entry, whether it names others. */
type Row = readonly [Dist['integrity'] | null, Dist['shasum'] | null, Dist['tarball'] | null, Dist['signatures'] | null, Dist['attestations'] | null, JsonObject, boolean]

/** Of each version in turn, and what `time` has beside them: an object of 20,000 keys takes ten times as long to read. */
interface Times {
  readonly versions: readonly Json[]
  readonly others: JsonObject
}

function timesOf(versions: readonly string[], time: JsonObject): Times {
  const ofVersions = new Set(versions)
  return {
    versions: versions.map((version) => own(time, version) ?? null),
    others: Object.fromEntries(Object.entries(time).filter(([key]) => !ofVersions.has(key))),
  }
}

/** What of them is text, by version or other key. */
const timesAt = ({ versions, others }: Times, keys: readonly string[]): readonly (readonly [string, Json | undefined])[] => [
  ...keys.map((key, index) => [key, versions[index]] as const),
  ...Object.entries(others),
]
const isText = (entry: readonly [string, Json | undefined]): entry is readonly [string, string] => typeof entry[1] === 'string'

/** Memory that all threads see. */
export function storePackument({ name, versions, raw }: Packument): StoredPackument {
  const { versions: _versions, ...rest } = raw
  const manifests = [...versions.values()]
  const summary: Summary = { name, versions: [...versions.keys()], tags: ownObject(raw, 'dist-tags') ?? {} }
  const parts = [
    JSON.stringify(summary),
    JSON.stringify(timesOf(summary.versions, ownObject(raw, 'time') ?? {})),
    JSON.stringify(rest),
    ...manifests.map((manifest) => JSON.stringify(rowOf(manifest))),
    ...manifests.map((manifest) => JSON.stringify(manifest.raw)),
  ]
  const ends = new SharedArrayBuffer(parts.length * Uint32Array.BYTES_PER_ELEMENT)
  const view = new Uint32Array(ends)
  let end = 0
  for (const [index, part] of parts.entries()) view[index] = end += Buffer.byteLength(part)
  const bytes = new SharedArrayBuffer(end)
  const target = Buffer.from(bytes)
  for (const [index, part] of parts.entries()) target.write(part, view[index - 1] ?? 0)
  return { bytes, ends }
}

function rowOf(manifest: VersionManifest): Row {
  const { dist, raw } = manifest
  return [
    dist.integrity ?? null, dist.shasum ?? null, dist.tarball ?? null, dist.signatures ?? null, dist.attestations ?? null,
    briefly(raw), namesOthers(raw),
  ]
}

/** Whose entry it is, and the hints on how it was published. */
function briefly(raw: JsonObject): JsonObject {
  const user = ownObject(raw, '_npmUser')
  const hints = user === undefined ? {} : { _npmUser: { trustedPublisher: isThere(user, 'trustedPublisher'), approver: isThere(user, 'approver') } }
  return { name: own(raw, 'name'), version: own(raw, 'version'), ...hints }
}

const isThere = (object: JsonObject, key: string): true | undefined => (own(object, key) === undefined ? undefined : true)

const SUMMARY = 0
const TIME = 1
const REST = 2
const FIRST = 3

/** Reads parts of a stored packument. */
class Parts {
  readonly count: number
  readonly #bytes: Buffer
  readonly #ends: Uint32Array

  constructor({ bytes, ends }: StoredPackument) {
    this.#bytes = Buffer.from(bytes)
    this.#ends = new Uint32Array(ends)
    this.count = (this.#ends.length - FIRST) / 2
  }

  parse(part: number): Json {
    return JSON.parse(this.#bytes.toString('utf8', part === 0 ? 0 : this.#ends[part - 1], this.#ends[part])) as Json
  }
}

/** A version that is read when it is looked at. What a listing needs of it stays; its entry is parsed anew each time. */
class StoredManifest implements VersionManifest {
  readonly version: string
  readonly #parts: Parts
  readonly #index: number
  #row: Row | undefined
  #dist: Dist | undefined

  constructor(version: string, parts: Parts, index: number) {
    this.version = version
    this.#parts = parts
    this.#index = index
  }

  get dist(): Dist {
    this.#dist ??= distOf(this.#read())
    return this.#dist
  }

  get brief(): JsonObject {
    return this.#read()[5]
  }

  get namesOthers(): boolean {
    return this.#read()[6]
  }

  get raw(): JsonObject {
    return this.#parts.parse(FIRST + this.#parts.count + this.#index) as JsonObject
  }

  #read(): Row {
    this.#row ??= this.#parts.parse(FIRST + this.#index) as unknown as Row
    return this.#row
  }
}

const distOf = ([integrity, shasum, tarball, signatures, attestations]: Row): Dist => ({
  integrity: integrity ?? undefined,
  shasum: shasum ?? undefined,
  tarball: tarball ?? undefined,
  signatures: signatures ?? undefined,
  attestations: attestations === null || attestations === undefined ? undefined : { url: attestations.url, provenance: attestations.provenance },
})

/** The packument that `storePackument` was given. */
export function openStored(stored: StoredPackument): Packument {
  const parts = new Parts(stored)
  const { name, versions, tags } = parts.parse(SUMMARY) as unknown as Summary
  const manifests = new Map(versions.map((version, index) => [version, new StoredManifest(version, parts, index)]))
  return packumentOf(stored, parts, { name, distTags: strings(tags), versions: manifests, time: new Map(timesAt(parts.parse(TIME) as unknown as Times, versions).filter(isText)) })
}

/** The same in short turns, for the thread that answers requests. */
export async function openInTurns(stored: StoredPackument): Promise<Packument> {
  const parts = new Parts(stored)
  const { name, versions, tags } = parts.parse(SUMMARY) as unknown as Summary
  await nextTurn()
  const manifests = await inTurns(versions, (version, index) => [version, new StoredManifest(version, parts, index)] as const)
  const byVersion = await mapInTurns(manifests)
  await nextTurn()
  const times = parts.parse(TIME) as unknown as Times
  await nextTurn()
  const time = await mapInTurns(timesAt(times, versions).filter(isText))
  return packumentOf(stored, parts, { name, distTags: strings(tags), versions: byVersion, time })
}

const packumentOf = (stored: StoredPackument, parts: Parts, known: Pick<Packument, 'name' | 'versions' | 'distTags' | 'time'>): Packument => ({
  ...known,
  stored,
  get rest() {
    return parts.parse(REST) as JsonObject
  },
  get raw() {
    const entries = [...known.versions].map(([version, manifest]) => [version, manifest.raw] as const)
    // Not by assignment: a key named `__proto__` would set a prototype.
    return { ...(parts.parse(REST) as JsonObject), versions: Object.fromEntries(entries) }
  },
})
