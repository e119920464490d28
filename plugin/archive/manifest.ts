/**
 * An archive for a mirror behind an air gap: a tar of one signed manifest and the blobs that it names. Each blob is a file
 * `blobs/sha256/<digest>`, as in an OCI image layout, so that a path says what must be in it and can say nothing else.
 */
import { z } from 'zod'
import { parseStrictJson } from '../domain/strict-json.ts'

/** Of the envelope (DSSE) that the manifest comes in: what is signed as anything else is no manifest. */
export const ARCHIVE_TYPE = 'application/vnd.verdaccio-provenance.archive.v1+json'
/** The first entry. */
export const MANIFEST_NAME = 'manifest.dsse.json'

/** Bounds of what an archive may hold, told from its manifest before a blob is read; sizes in bytes. */
export const ARCHIVE_LIMITS = {
  manifest: 64 * 1024 ** 2,
  entries: 200_000,
  blob: 2 * 1024 ** 3,
  total: 1024 ** 4,
} as const

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const sha512 = z.string().regex(/^[0-9a-f]{128}$/)
const time = z.iso.datetime({ precision: 3 })
const text = z.string().min(1).max(512)

const version = z.strictObject({
  version: z.string().min(1).max(256),
  /** The tarball, by the digest that its registry promises… */
  sha512,
  /** …and as a blob. */
  tarball: sha256,
})

const packageEntry = z.strictObject({
  name: text,
  /** Whose package it is. */
  registry: text,
  /** When the registry last confirmed the packument. */
  confirmedAt: time,
  packument: sha256,
  versions: z.array(version).min(1),
  /** Attestations documents, of these versions and of others that tell who built the package. */
  attestations: z.array(z.strictObject({ version: z.string().min(1).max(256), document: sha256 })),
})

const manifestSchema = z.strictObject({
  format: z.literal(1),
  tool: z.string().max(100),
  created: time,
  /** Later archives of one mirror have higher ones. */
  serial: z.int().min(0),
  packages: z.array(packageEntry),
  /** What the exporting mirror trusted: to compare with, never to trust. */
  trust: z.array(z.strictObject({ registry: text, trustedRoot: sha256, registryKeys: sha256 })),
  /** Likewise, of its named Sigstore instances. */
  instances: z.array(z.strictObject({ name: text, trustedRoot: sha256 })).optional(),
  /** Its last good answer of TUF, if it has one; likewise. */
  tuf: sha256.nullable(),
  blobs: z.array(z.strictObject({ sha256, size: z.int().min(0).max(ARCHIVE_LIMITS.blob) })).max(ARCHIVE_LIMITS.entries),
})

export type ArchiveManifest = z.output<typeof manifestSchema>
export type ArchivedPackage = ArchiveManifest['packages'][number]

/** An archive that is not imported: it is not what its signer made, or older than what is here, or not to be verified. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}

export const blobPath = (digest: string): string => `blobs/sha256/${digest}`

/** The digest in the path of a blob; undefined for any other path. */
export const digestOfPath = (path: string): string | undefined => /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path)?.[1]

/**
 * Reads a manifest whose signature was verified.
 * @throws ArchiveError when it is none, contradicts itself, or names more than the limits
 */
export function parseManifest(payload: Uint8Array): ArchiveManifest {
  const manifest = parsed(payload)
  const sizes = new Map(manifest.blobs.map(({ sha256, size }) => [sha256, size]))
  if (sizes.size !== manifest.blobs.length) throw new ArchiveError('its manifest names a file twice')
  const total = manifest.blobs.reduce((sum, { size }) => sum + size, 0)
  if (total > ARCHIVE_LIMITS.total) throw new ArchiveError(`it unpacks to ${String(total)} bytes, more than ${String(ARCHIVE_LIMITS.total)}`)
  const named = new Set(referencesOf(manifest))
  const missing = [...named].find((digest) => !sizes.has(digest))
  if (missing !== undefined) throw new ArchiveError(`its manifest speaks of a file that it does not list (sha256 ${missing})`)
  const unused = [...sizes.keys()].find((digest) => !named.has(digest))
  if (unused !== undefined) throw new ArchiveError(`its manifest lists a file that nothing in it speaks of (sha256 ${unused})`)
  // A name has one owner, at the mirror that exports and at the one that imports.
  assertOnce(manifest.packages.map(({ name }) => name))
  for (const { name, versions, attestations } of manifest.packages) {
    assertOnce(versions.map((one) => `${name}@${one.version}`))
    assertOnce(attestations.map((one) => `the attestations of ${name}@${one.version}`))
  }
  return manifest
}

function parsed(payload: Uint8Array): ArchiveManifest {
  let document: unknown
  try {
    document = parseStrictJson(payload)
  } catch (cause) {
    throw new ArchiveError('its manifest is not JSON that has one reading', { cause })
  }
  const result = manifestSchema.safeParse(document)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new ArchiveError(`its manifest is not one that this version reads: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`)
}

export const referencesOf = ({ packages, trust, instances = [], tuf }: Pick<ArchiveManifest, 'packages' | 'trust' | 'instances' | 'tuf'>): readonly string[] => [
  ...packages.flatMap(({ packument, versions, attestations }) => [
    packument,
    ...attestations.map(({ document }) => document),
    ...versions.map(({ tarball }) => tarball),
  ]),
  ...trust.flatMap(({ trustedRoot, registryKeys }) => [trustedRoot, registryKeys]),
  ...instances.map(({ trustedRoot }) => trustedRoot),
  ...(tuf === null ? [] : [tuf]),
]

function assertOnce(names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw new ArchiveError(`its manifest names ${name} twice`)
    seen.add(name)
  }
}
