import { hash } from 'node:crypto'
import { sriOf } from '../domain/integrity.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { specOf, tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { isPublishable } from '../enforce/published-version.ts'
import { printable } from '../enforce/text.ts'

/** A request to publish one version, read. Nothing of it is judged. */
export interface PublishRequest {
  readonly ref: PackageRef
  /** The version's manifest; what its `dist` says of bytes, address and evidence is this mirror's word. */
  readonly manifest: JsonObject
  readonly tarball: JsonObject
  readonly bytes: Uint8Array
  /** lower-case hex */
  readonly sha512: string
  readonly integrity: string
  /** `data` of the `.sigstore` attachment. */
  readonly bundle: string | undefined
  /** Where the request contradicts its own bytes. */
  readonly faults: readonly Reason[]
}

/** As deep as a tarball's package.json may be. What is written once is read with every answer, and deeper ones end the reader's stack. */
const MAX_DEPTH = 200

function isDeeper(value: Json, limit: number): boolean {
  let level: readonly unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? (Object.values(one) as readonly unknown[]) : []))
  }
  return false
}

/** Whether a PUT brings files, as a publish does; deprecations, stars and unpublishing bring none. */
export const bringsFiles = (body: unknown): boolean => isObject(body) && Object.keys(ownObject(body, '_attachments') ?? {}).length > 0

/**
 * Reads a publish as npm, pnpm and yarn send it (libnpmpublish): one version, its tarball in base64, and perhaps a bundle as it
 * is. More than that is two publishes in one, of which only one could be judged.
 */
export function readPublication(body: JsonObject, name: string, base: string, publisher: string | undefined): PublishRequest | { readonly error: string } {
  if (own(body, 'name') !== name) return { error: 'the document is of another package' }
  const versions = Object.entries(ownObject(body, 'versions') ?? {})
  const [entry] = versions
  if (entry === undefined || versions.length > 1 || !isObject(entry[1])) return { error: 'a publish is of exactly one version' }
  const ref = { name, version: entry[0] }
  // The core's storage throws, where nobody catches, at names of files that it does not take.
  if (!isPublishable(ref.version)) return { error: `"${printable(ref.version, 60)}" is not a version as it is published: 1.2.3 or 1.2.3-beta.4, without "v", spaces and build metadata` }
  if (isDeeper(entry[1], MAX_DEPTH)) return { error: `the manifest is nested deeper than ${MAX_DEPTH} levels` }
  const attachments = Object.entries(ownObject(body, '_attachments') ?? {})
  const bundles = attachments.filter(([file]) => file.endsWith('.sigstore'))
  const tarballs = attachments.filter(([file]) => !file.endsWith('.sigstore'))
  const [tarball] = tarballs.map(([, attachment]) => attachment)
  if (tarballs.length !== 1 || !isObject(tarball)) return { error: 'a publish brings exactly one tarball' }
  const bundle = bundles.map(([, attachment]) => (isObject(attachment) ? ownString(attachment, 'data') : undefined))
  if (bundles.length > 1 || (bundles.length === 1 && bundles[0]?.[0] !== `${specFile(ref)}.sigstore`))
    return { error: `provenance comes as one attachment, ${specFile(ref)}.sigstore` }
  const bytes = Buffer.from(ownString(tarball, 'data') ?? '', 'base64')
  if (bytes.length === 0) return { error: 'the tarball is empty' }

  const sha512 = hash('sha512', bytes)
  const shasum = hash('sha1', bytes)
  const integrity = sriOf(sha512)
  const claimed = ownObject(entry[1], 'dist') ?? {}
  const { signatures: _signatures, attestations: _attestations, ...dist } = claimed
  const { _npmUser: _user, ...manifest } = entry[1]
  return {
    ref,
    manifest: {
      ...manifest,
      // In a packument this is the registry's word, and policy may read it.
      ...(publisher === undefined ? {} : { _npmUser: { name: publisher } }),
      dist: { ...dist, integrity, shasum, tarball: `${base}/${name}/-/${tarballFileName(ref)}` },
    },
    tarball,
    bytes,
    sha512,
    integrity,
    bundle: bundle[0],
    faults: byteFaults(ref, claimed, integrity, shasum),
  }
}

/** The document as the core is to have it: this version, this file and nothing else that could be one. */
export const acceptedDocument = (body: JsonObject, { ref, manifest, tarball }: PublishRequest): JsonObject => ({
  ...body,
  versions: { [ref.version]: manifest },
  _attachments: { [tarballFileName(ref)]: tarball },
})

const specFile = ({ name, version }: PackageRef): string => `${name}-${version}`

const SHA512 = /sha512-[A-Za-z0-9+/=]+/g

/** Bytes that were damaged on the way, or a client that publishes something else than it says. */
function byteFaults(ref: PackageRef, dist: JsonObject, integrity: string, shasum: string): readonly Reason[] {
  const promised: readonly (readonly [Json | undefined, string])[] = [
    ...[...(ownString(dist, 'integrity') ?? '').matchAll(SHA512)].map(([one]) => [one, integrity] as const),
    [own(dist, 'shasum'), shasum],
  ]
  const wrong = promised.find(([claim, actual]) => claim !== undefined && claim !== actual)
  if (wrong === undefined) return []
  const [claim, actual] = wrong
  const detail = { expected: typeof claim === 'string' ? claim.slice(0, 200) : 'no text', actual }
  return [reason('integrity-mismatch', `the tarball of ${specOf(ref)} that was sent is not the one its dist names`, detail)]
}
