import semver from 'semver'
import type { Candidate, Evidence, SignatureFacts, VersionClaims } from '../domain/evidence.ts'
import { parseIntegrity, type Integrity } from '../domain/integrity.ts'
import { own, ownObject } from '../domain/json.ts'
import { specOf } from '../domain/package-ref.ts'
import type { VersionManifest } from '../domain/packument.ts'
import type { AttestationResult, InstallManifest, Ledger, TarballInspector } from '../domain/ports.ts'
import { reason, type Reason } from '../domain/reason.ts'
import type { PackageContext } from './context.ts'

export interface CandidateParts {
  readonly signature: Evidence<SignatureFacts>
  readonly attestations: AttestationResult
  /** Faults of the tarball's bytes, where they were looked at. */
  readonly byteFaults: readonly Reason[]
}

export interface CandidateDeps {
  readonly ledger: Ledger
  readonly inspector: TarballInspector
  /** Whether the uplink is configured to sign every version; else what the ledger saw decides. */
  readonly signsAlways: (uplink: string) => boolean
}

/** Everything policy may look at of one version, put together from the packument, the evidence and the three memories. */
export function candidateOf(context: PackageContext, manifest: VersionManifest, parts: CandidateParts, deps: CandidateDeps): Candidate {
  const { upstream, document } = context
  const ref = { name: document.packument.name, version: manifest.version }
  const integrity = parseIntegrity(manifest.dist.integrity)
  const claims = claimsOf(context, manifest)
  const { publishAttestation, provenance } = parts.attestations
  const faults = [
    ...manifestFaults(context, manifest),
    ...integrityFaults(context, manifest, integrity),
    ...addressFaults(context, manifest),
    ...(integrity.state === 'ok' ? knownTarballFaults(context, manifest, integrity.sha512, deps.inspector) : []),
    ...parts.byteFaults,
  ]
  return {
    ref,
    uplink: upstream.name,
    origin: 'upstream',
    uplinkSigns: deps.signsAlways(upstream.name) || deps.ledger.signs(upstream.registry),
    integrity,
    faults: unique(faults),
    warnings: [],
    signature: parts.signature,
    publishAttestation,
    provenance,
    claims,
    notBefore: notBefore(context, manifest, claims, parts.attestations, deps.ledger),
  }
}

/** npm takes `versions[key]` for the version it asked for, whatever the entry calls itself. */
function manifestFaults({ document: { packument } }: PackageContext, { version, raw }: VersionManifest): readonly Reason[] {
  const spec = specOf({ name: packument.name, version })
  if (own(raw, 'name') !== packument.name || own(raw, 'version') !== version)
    return [reason('manifest-mismatch', `the registry's entry for ${spec} is of another package or version`)]
  // Loosely, as npm's clients read versions: old ones such as 3.0.0rc3 are still installed.
  if (semver.parse(version, { loose: true }) === null) return [reason('manifest-mismatch', `${spec} is not a valid version`)]
  return []
}

function integrityFaults(context: PackageContext, { version, dist }: VersionManifest, integrity: Integrity): readonly Reason[] {
  const spec = specOf({ name: context.document.packument.name, version })
  const known = context.records.get(version)?.integrity
  if (integrity.state === 'missing') return [reason('integrity-missing', `the registry gives no sha512 for ${spec}`)]
  if (integrity.state === 'malformed')
    return [reason('integrity-malformed', `the integrity of ${spec} is not one sha512`, { actual: String(dist.integrity).slice(0, 200) })]
  if (known !== undefined && known !== integrity.sri)
    return [reason('integrity-changed', `${spec} is not what it was when it was first verified`, { expected: known, actual: integrity.sri })]
  return []
}

function addressFaults({ upstream, document }: PackageContext, { version, dist }: VersionManifest): readonly Reason[] {
  if (dist.tarball !== undefined && upstream.allowsTarball(dist.tarball)) return []
  const spec = specOf({ name: document.packument.name, version })
  return [reason('tarball-host-refused', `the registry names an address for the tarball of ${spec} that is not its own`)]
}

export const tarballFactKey = (sha512: string): string => `tarball:${sha512}`

/** What was read in a tarball: the manifest inside, or why no installer should be given it. Permanent for its digest. */
export type TarballFact = { readonly manifest: InstallManifest } | { readonly refused: string }

function knownTarballFaults(
  context: PackageContext,
  manifest: VersionManifest,
  sha512: string,
  inspector: TarballInspector,
): readonly Reason[] {
  const fact = context.facts.get(tarballFactKey(sha512)) as TarballFact | undefined
  return fact === undefined ? [] : tarballFaults(context, manifest, fact, inspector)
}

export function tarballFaults(
  context: PackageContext,
  manifest: VersionManifest,
  fact: TarballFact,
  inspector: TarballInspector,
): readonly Reason[] {
  if ('manifest' in fact) return inspector.compare(manifest, fact.manifest)
  const spec = specOf({ name: context.document.packument.name, version: manifest.version })
  return [reason('manifest-mismatch', `the tarball of ${spec} is not one an installer should read: ${fact.refused}`)]
}

function claimsOf({ document: { packument } }: PackageContext, { version, raw }: VersionManifest): VersionClaims {
  const time = packument.time.get(version)
  const published = time === undefined ? undefined : new Date(time)
  const npmUser = ownObject(raw, '_npmUser') ?? {}
  return {
    published: published === undefined || Number.isNaN(published.getTime()) ? undefined : published,
    trustedPublisher: own(npmUser, 'trustedPublisher') !== undefined,
    stagedPublish: own(npmUser, 'approver') !== undefined,
  }
}

/**
 * The latest of what cannot be backdated. Without a claimed time a version is as old as this mirror has known it; a time in
 * the future stands, and makes the version too young.
 */
function notBefore(
  { document, upstream }: PackageContext,
  { version }: VersionManifest,
  { published }: VersionClaims,
  { provenance }: AttestationResult,
  ledger: Ledger,
): Date {
  const sighting = ledger.sighting(upstream.registry, document.packument.name, version)
  const moments = [
    published ?? sighting?.firstSeen ?? document.confirmedAt,
    ...(provenance.state === 'verified' ? [new Date(provenance.facts.loggedAt)] : []),
    ...(sighting?.lastAbsent === undefined ? [] : [sighting.lastAbsent]),
  ]
  return new Date(Math.max(...moments.map((moment) => moment.getTime())))
}

const unique = (reasons: readonly Reason[]): readonly Reason[] => [
  ...new Map(reasons.map((item) => [`${item.code} ${item.message}`, item])).values(),
]
