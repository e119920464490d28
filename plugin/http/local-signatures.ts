import { isObject, type JsonObject } from '../domain/json.ts'
import type { RegistrySignature } from '../domain/packument.ts'
import type { StoredManifest } from './second-line.ts'

/** Signs versions that were published here. Never throws. */
export interface Signer {
  signatures(
    name: string,
    versions: readonly { readonly version: string; readonly integrity: string | undefined; readonly time: Date | undefined }[],
  ): ReadonlyMap<string, RegistrySignature>
  /** Changes when the keys do: what was signed by one that is gone is signed anew. */
  revision(): string
}

/**
 * The stored manifest of a package published here, each version with the mirror's signature as its only one: what a publisher
 * wrote into `dist.signatures` was verified by nobody. A version without one canonical sha512 gets none.
 *
 * `npm audit signatures` calls a version without a signature missing as soon as the registry lists keys (npm/cli#8559).
 */
export function withSignatures(manifest: StoredManifest, signer: Signer): StoredManifest {
  const { name, versions = {}, time = {} } = manifest
  const entries = Object.entries(versions).filter((entry): entry is [string, Published] => isObject(entry[1]) && isObject(entry[1].dist))
  const signatures = signer.signatures(name, entries.map(([version, { dist }]) => ({ version, integrity: textOf(dist.integrity), time: dateOf(time, version) })))
  const signed = new Map(entries.map(([version, published]) => [version, signedVersion(published, signatures.get(version))]))
  return { ...manifest, versions: Object.fromEntries(Object.entries(versions).map(([version, published]) => [version, signed.get(version) ?? published])) }
}

interface Published {
  readonly dist: JsonObject
}

function signedVersion({ dist: { signatures: _unverified, ...dist }, ...version }: Published, signature: RegistrySignature | undefined): Published {
  return { ...version, dist: { ...dist, ...(signature === undefined ? {} : { signatures: [{ keyid: signature.keyid, sig: signature.sig }] }) } }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function dateOf(times: Readonly<Record<string, string>>, version: string): Date | undefined {
  const time = new Date(textOf(Object.hasOwn(times, version) ? times[version] : undefined) ?? NaN)
  return Number.isNaN(time.getTime()) ? undefined : time
}
