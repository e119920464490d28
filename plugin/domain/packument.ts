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
  /** The document as it came, for the fields this mirror passes on unread. */
  readonly raw: JsonObject
}

/** One entry of `versions`, under its key there. */
export interface VersionManifest {
  readonly version: string
  readonly dist: Dist
  readonly raw: JsonObject
}

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

const strings = (value: Json | undefined): ReadonlyMap<string, string> =>
  new Map(isObject(value) ? Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string') : [])
