import { parseIntegrity, type Integrity } from '../domain/integrity.ts'
import { own, ownObject, type JsonObject } from '../domain/json.ts'
import { specOf } from '../domain/package-ref.ts'
import { withIntegrities, type VersionManifest } from '../domain/packument.ts'
import type { Clock, Policy, TarballInspector, UpstreamPackument, Upstreams } from '../domain/ports.ts'
import { reason, type Reason } from '../domain/reason.ts'
import type { PackageContext } from './context.ts'
import { versionOfFile } from './tarball-name.ts'

/** A package as its owner names it now, with what waivers add to it. @throws Unavailable */
export async function findPinned(
  { upstreams, clock }: { readonly upstreams: Upstreams; readonly clock: Clock },
  name: string,
  policy: Policy,
  confirmedAfter?: Date,
): ReturnType<Upstreams['find']> {
  const found = await upstreams.find(name, confirmedAfter)
  return found === 'absent' ? found : { ...found, document: withPinnedIntegrities(found.document, policy, clock.now()) }
}

/** Milliseconds: whoever asks for what is not there does not make this mirror ask more often. */
const JUST_ASKED = 250

/**
 * The same, with the version of a tarball's file name where there is one. Another mirror, or whoever wrote a lockfile, may have seen a
 * later answer than the one that is kept here: no version is gone before its registry was asked.
 * @throws Unavailable also where it was here and the registry cannot be asked whether it still is
 */
export async function findWithFile(
  deps: { readonly upstreams: Upstreams; readonly clock: Clock },
  name: string,
  fileName: string,
  policy: Policy,
): Promise<{ readonly found: Awaited<ReturnType<Upstreams['find']>>; readonly version: string | undefined }> {
  const versionIn = (found: Awaited<ReturnType<Upstreams['find']>>): string | undefined => (found === 'absent' ? undefined : versionOfFile(found.document.packument, fileName))
  const kept = await findPinned(deps, name, policy)
  const version = versionIn(kept)
  if (version !== undefined) return { found: kept, version }
  const found = await findPinned(deps, name, policy, new Date(deps.clock.now().getTime() - JUST_ASKED))
  return { found, version: versionIn(found) }
}

/**
 * The upstream's answer with the integrities that waivers pin, for versions older than integrities. From here on they are what bytes
 * are held against, what is remembered, and what clients are told; policy still says of each that it is there by its waiver.
 * An integrity that the registry gives, right or wrong, is never replaced.
 */
export function withPinnedIntegrities(document: UpstreamPackument, policy: Policy, now: Date): UpstreamPackument {
  const { packument } = document
  const pinned = [...policy.pinnedIntegrities(packument.name, now)].flatMap(([version, integrity]) => {
    const manifest = packument.versions.get(version)
    return manifest === undefined || !lacksIntegrity(manifest) ? [] : [[version, integrity] as const]
  })
  return pinned.length === 0 ? document : { ...document, packument: withIntegrities(packument, new Map(pinned)) }
}

/** Something that is there and not understood is no reason to look away. */
const lacksIntegrity = ({ raw }: VersionManifest): boolean => [undefined, null, ''].includes(own(distOf(raw), 'integrity') as string | null | undefined)

const distOf = (raw: JsonObject): JsonObject => ownObject(raw, 'dist') ?? {}

export function integrityOf({ dist }: VersionManifest): Integrity {
  const integrity = parseIntegrity(dist.integrity)
  return integrity.state === 'ok' && dist.pinned === true ? { ...integrity, pinned: true } : integrity
}

/** Where a waiver stands for the registry's integrity, what the registry does say of the bytes has to hold as well. */
export async function shasumFaults(
  context: PackageContext,
  manifest: VersionManifest,
  { path, sha512 }: { readonly path: string; readonly sha512: string },
  inspector: TarballInspector,
): Promise<readonly Reason[]> {
  const expected = manifest.dist.pinned === true ? own(distOf(manifest.raw), 'shasum') : undefined
  if (expected === undefined || expected === null) return []
  const key = `sha1:${sha512}`
  const known = context.facts.get(key)
  const actual = typeof known === 'string' ? known : await inspector.sha1(path)
  if (known === undefined) context.facts.put(key, actual, [])
  if (typeof expected === 'string' && expected.toLowerCase() === actual) return []
  const spec = specOf({ name: context.document.packument.name, version: manifest.version })
  const detail = { expected: `sha1 ${typeof expected === 'string' ? expected.slice(0, 200) : 'that is no text'}`, actual: `sha1 ${actual}` }
  return [reason('integrity-mismatch', `the tarball of ${spec} is not the one its shasum promises`, detail)]
}
