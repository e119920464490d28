import { isObject, own, ownObject, ownString, type Json, type JsonObject } from './json.ts'

/**
 * A package's metadata as a registry serves it. Everything in it is a claim of that registry until verified.
 * The collections are maps, because `constructor` and `__proto__` are names somebody can give to a version or a tag.
 */
export interface Packument {
  readonly name: string
  readonly versions: ReadonlyMap<string, VersionManifest>
  readonly distTags: ReadonlyMap<string, string>
  /** Publish times by version, and `created` and `modified`; ISO 8601, unsigned. */
  readonly time: ReadonlyMap<string, string>
  /** The document as it came, for the fields this mirror passes on unread. Where it is `stored`, each reading costs a parse. */
  readonly raw: JsonObject
  /** `raw` without its versions, where those would have to be parsed for it. */
  readonly rest?: JsonObject
  /** The whole of it as bytes that threads share; undefined for one that was made here. */
  readonly stored?: StoredPackument | undefined
  /** Integrities that stand in for what `stored` lacks, by version. */
  readonly pinned?: ReadonlyMap<string, string> | undefined
}

/** A packument as bytes, laid out so that one version costs no parse of the others; see threads/stored.ts. */
export interface StoredPackument {
  readonly bytes: SharedArrayBuffer
  /** Uint32: where each part ends. */
  readonly ends: SharedArrayBuffer
}

/** One entry of `versions`, under its key there. */
export interface VersionManifest {
  readonly version: string
  readonly dist: Dist
  /** The entry as it came. Where the packument is `stored`, each reading costs a parse. */
  readonly raw: JsonObject
  /** What a listing looks at of `raw`, where that would have to be parsed for it. */
  readonly brief?: JsonObject | undefined
  /** Whether it names dependencies that no registry may be asked for, where that was found out before. */
  readonly namesOthers?: boolean | undefined
}

/** What a packument says beside its versions. */
export const restOf = (packument: Pick<Packument, 'rest' | 'raw'>): JsonObject => packument.rest ?? packument.raw

/** Fields that say whose entry it is, and how it was published. */
export const briefOf = (manifest: VersionManifest): JsonObject => manifest.brief ?? manifest.raw

export interface Dist {
  /** Subresource integrity, unparsed. */
  readonly integrity: string | undefined
  /** `integrity` is not the registry's, which gives none, but the one that a waiver of this mirror's policy pins. */
  readonly pinned?: true
  readonly shasum: string | undefined
  readonly tarball: string | undefined
  /** `malformed` is not `undefined`: what is there and not understood does not count as absent. */
  readonly signatures: readonly RegistrySignature[] | 'malformed' | undefined
  /** What the registry announces about attestations, or undefined when it announces none. */
  readonly attestations: AnnouncedAttestations | undefined
}

/** An entry of `dist.signatures`: ECDSA over `name@version:integrity`. */
export interface RegistrySignature {
  readonly keyid: string
  /** base64, DER */
  readonly sig: string
}

export interface AnnouncedAttestations {
  readonly url: string | undefined
  /** Predicate type of the provenance that is announced, or undefined when only a publish attestation is. */
  readonly provenance: string | undefined
}

/**
 * Reads a packument.
 * @throws TypeError naming the field, when the document as a whole is not a packument of this package. One broken
 * version does not condemn the others: it is read as an empty manifest, which no check accepts.
 */
export function parsePackument(json: unknown, name: string): Packument {
  if (!isObject(json)) throw new TypeError('packument is not an object')
  if (own(json, 'name') !== name) throw new TypeError('packument is of another package')
  const versions = own(json, 'versions') ?? (isUnpublished(json) ? {} : undefined)
  if (!isObject(versions)) throw new TypeError('packument has no versions')
  return {
    name,
    versions: new Map(Object.entries(versions).map(([key, value]) => [key, parseVersion(key, value)])),
    distTags: strings(own(json, 'dist-tags')),
    time: strings(own(json, 'time')),
    raw: json,
  }
}

/** A packument in which versions without an integrity have the one that is given here. */
export function withIntegrities(packument: Packument, integrities: ReadonlyMap<string, string>): Packument {
  const { name, distTags, time, stored } = packument
  const versions = new Map(packument.versions)
  for (const [version, integrity] of integrities) {
    const manifest = versions.get(version)
    if (manifest !== undefined) versions.set(version, withIntegrity(manifest, integrity))
  }
  // Field by field: `raw` of a stored packument would be parsed to be copied.
  return { name, versions, distTags, time, stored, pinned: integrities, get raw() { return packument.raw }, get rest() { return restOf(packument) } }
}

function withIntegrity({ version, dist, raw }: VersionManifest, integrity: string): VersionManifest {
  return { version, dist: { ...dist, integrity, pinned: true }, raw: { ...raw, dist: { ...ownObject(raw, 'dist'), integrity } } }
}

/** What npm's registry leaves of a package that was taken down whole: 200, and no `versions`. It is an answer, and none is left. */
const isUnpublished = (json: JsonObject): boolean => ownObject(ownObject(json, 'time') ?? {}, 'unpublished') !== undefined

function parseVersion(version: string, value: Json | undefined): VersionManifest {
  const raw = isObject(value) ? value : {}
  const dist = ownObject(raw, 'dist') ?? {}
  return {
    version,
    raw,
    dist: {
      integrity: ownString(dist, 'integrity'),
      shasum: ownString(dist, 'shasum'),
      tarball: ownString(dist, 'tarball'),
      signatures: parseSignatures(own(dist, 'signatures')),
      attestations: parseAnnounced(own(dist, 'attestations')),
    },
  }
}

function parseSignatures(value: Json | undefined): Dist['signatures'] {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) return 'malformed'
  const signatures: RegistrySignature[] = []
  for (const item of value as readonly Json[]) {
    if (!isObject(item)) return 'malformed'
    const keyid = ownString(item, 'keyid')
    const sig = ownString(item, 'sig')
    if (keyid === undefined || sig === undefined) return 'malformed'
    signatures.push({ keyid, sig })
  }
  return signatures.length === 0 ? undefined : signatures
}

/** Anything at all under `dist.attestations` is an announcement: a malformed one must then be made good by the endpoint. */
function parseAnnounced(value: Json | undefined): AnnouncedAttestations | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) return { url: undefined, provenance: 'malformed' }
  const provenance = own(value, 'provenance')
  return {
    url: ownString(value, 'url'),
    provenance:
      provenance === undefined || provenance === null
        ? undefined
        : ((isObject(provenance) ? ownString(provenance, 'predicateType') : undefined) ?? 'malformed'),
  }
}

/** The entries of an object that are text. */
export const strings = (value: Json | undefined): ReadonlyMap<string, string> =>
  new Map(isObject(value) ? Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string') : [])
