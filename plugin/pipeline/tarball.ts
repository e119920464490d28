import { Unavailable } from '../domain/errors.ts'
import { specOf } from '../domain/package-ref.ts'
import type { Contents } from '../domain/history.ts'
import type { VersionManifest } from '../domain/packument.ts'
import {
  IntegrityMismatch,
  NotATarball,
  TarballRefused,
  type ByteStore,
  type StoredTarball,
  type TarballInspector,
  type Upstream,
  type VersionRecord,
} from '../domain/ports.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { contentsOf, tarballFactKey, tarballFaults, type TarballFact } from './candidate.ts'
import type { PackageContext } from './context.ts'
import { shasumFaults } from './pinned.ts'

export interface VerifiedTarball {
  /** Undefined when the bytes are not the promised ones. */
  readonly tarball: StoredTarball | undefined
  /** What it says of itself; undefined where nothing could be read. */
  readonly contents: Contents | undefined
  readonly faults: readonly Reason[]
}

/**
 * The bytes of a version, on disk and hashed, and what its package.json inside contradicts in the packument. Comes from
 * disk when they were verified before, else from the upstream, which is asked once however many clients wait.
 * @throws Unavailable when the upstream does not deliver
 */
export async function verifiedTarball(
  context: PackageContext,
  manifest: VersionManifest,
  sha512: string,
  deps: { readonly bytes: ByteStore; readonly inspector: TarballInspector },
): Promise<VerifiedTarball> {
  const spec = specOf({ name: context.document.packument.name, version: manifest.version })
  const from = `${context.upstream.name} ${manifest.dist.tarball ?? ''}`
  let tarball: StoredTarball
  try {
    tarball = (await deps.bytes.tarball(sha512)) ?? (await deps.bytes.ingest(download(context.upstream, manifest, spec), sha512, from))
  } catch (error) {
    if (error instanceof IntegrityMismatch) {
      const { expected, actual } = error
      const detail = { expected: `sha512 ${expected}`, actual: `sha512 ${actual}` }
      return { tarball: undefined, contents: undefined, faults: [reason('integrity-mismatch', `the tarball of ${spec} is not the one its integrity promises`, detail)] }
    }
    if (error instanceof TarballRefused)
      return { tarball: undefined, contents: undefined, faults: [reason('tarball-host-refused', `the tarball of ${spec} is at an address that is not allowed`)] }
    throw error
  }
  const fact = await inspected(context, tarball, deps.inspector)
  const faults = [...(await shasumFaults(context, manifest, tarball, deps.inspector)), ...tarballFaults(context, manifest, fact, deps.inspector)]
  return { tarball, contents: contentsOf(fact, deps.inspector), faults }
}

/** Asks the upstream only when somebody reads: a caller that joins a running download never does. */
async function* download(upstream: Upstream, manifest: VersionManifest, spec: string): AsyncGenerator<Uint8Array> {
  const chunks = await upstream.tarball(manifest.dist.tarball ?? '')
  if (chunks === 'absent') throw new Unavailable('evidence-unavailable', `the registry lists ${spec} and does not have its tarball`)
  yield* chunks
}

async function inspected(context: PackageContext, tarball: StoredTarball, inspector: TarballInspector): Promise<TarballFact> {
  const key = tarballFactKey(tarball.sha512)
  const known = (await context.facts.find(key)) as TarballFact | undefined
  if (known !== undefined) return known
  let fact: TarballFact
  try {
    fact = { manifest: await inspector.inspect(tarball.path) }
  } catch (error) {
    if (!(error instanceof NotATarball)) throw error
    fact = { refused: error.message }
  }
  context.facts.put(key, fact, [])
  return fact
}

/** What is remembered of a version that nothing but its bytes vouched for. */
export const servedRecord = (version: string, integrity: string, recordedAt: Date): VersionRecord => ({
  version,
  integrity,
  recordedAt,
  because: 'bytes',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
})
