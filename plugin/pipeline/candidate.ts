import semver from 'semver'
import type { Candidate, Evidence, SignatureFacts, VersionClaims } from '../domain/evidence.ts'
import { NO_HISTORY, NO_PINS, type Contents, type Hint } from '../domain/history.ts'
import type { Integrity } from '../domain/integrity.ts'
import { own, ownObject } from '../domain/json.ts'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import { briefOf, type VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import type { AttestationResult, InstallManifest, Ledger, TarballInspector, VersionRecord } from '../domain/ports.ts'
import { reason, type Reason } from '../domain/reason.ts'
import type { Recall } from '../domain/recall.ts'
import type { PackageContext } from './context.ts'
import { integrityOf } from './pinned.ts'
import { recallOf } from './recalls.ts'

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
  const integrity = integrityOf(manifest)
  const tarball = integrity.state === 'ok' ? knownTarball(context, integrity.sha512) : undefined
  const claims = claimsOf(context, manifest)
  const { publishAttestation, provenance } = parts.attestations
  const faults = [
    ...recallFaults(context.recalls, ref),
    ...originFaults(context, context.owner),
    ...manifestFaults(context, manifest),
    ...integrityFaults(context, manifest, integrity),
    ...addressFaults(context, manifest),
    ...(tarball === undefined ? [] : tarballFaults(context, manifest, tarball, deps.inspector)),
    ...parts.byteFaults,
  ]
  const earliest = notBefore(context, manifest, claims, parts.attestations, deps.ledger)
  return {
    ref,
    uplink: upstream.name,
    origin: upstream.registry === PUBLISHED_HERE ? 'local' : 'upstream',
    uplinkSigns: deps.signsAlways(upstream.name) || deps.ledger.signs(upstream.registry),
    integrity,
    faults: unique(faults),
    warnings: [],
    signature: parts.signature,
    publishAttestation,
    provenance,
    claims,
    notBefore: earliest,
    history: NO_HISTORY,
    pins: NO_PINS,
    contents: contentsOf(tarball, deps.inspector),
    foreignDependencies: deps.inspector.foreignDependencies(manifest),
  }
}

/**
 * A name that comes from another registry than before: somebody took it there (dependency confusion), or an operator moved it.
 * Only he knows.
 */
function originFaults({ upstream, document }: PackageContext, owner: string | undefined): readonly Reason[] {
  // What is published here is this mirror's own, whoever else has the name.
  if (owner === undefined || owner === upstream.registry || upstream.registry === PUBLISHED_HERE) return []
  const { name } = document.packument
  const [expected, actual] = [addressOf(owner), addressOf(upstream.registry)]
  const accept = `an operator who wants that runs "verdaccio-provenance ledger reset ${name}"`
  return [reason('origin-changed', `${name} came from ${expected} and comes from ${actual} now; ${accept}`, { expected, actual })]
}

/**
 * What the ledger learned since the version was judged: a download may take minutes. Another registry may own the name now, or
 * other bytes have been served under the version; an operator may have recalled it.
 */
export function lateFaults(
  context: PackageContext,
  manifest: VersionManifest,
  owner: string | undefined,
  recorded: VersionRecord | undefined,
  recalls: readonly Recall[],
): readonly Reason[] {
  const others = owner === context.owner ? [] : originFaults(context, owner)
  const ref = { name: context.document.packument.name, version: manifest.version }
  const recalled = recalls === context.recalls ? [] : recallFaults(recalls, ref)
  return [...recalled, ...others, ...changedFaults(context, manifest, recorded)]
}

const recallFaults = (recalls: readonly Recall[], ref: PackageRef): readonly Reason[] => {
  const recalled = recalls.length === 0 ? undefined : recallOf(recalls, ref)
  return recalled === undefined ? [] : [recalled]
}

/** Its registry stands for it, by a key that is known of old: a mere answer makes nobody the owner of a name. */
export const isVouchedFor = ({ signature, publishAttestation }: Candidate): boolean =>
  signature.state === 'verified' || publishAttestation.state === 'verified'

/** Without scheme and credentials, for people. */
const addressOf = (registry: string): string => {
  if (registry === PUBLISHED_HERE) return 'this mirror itself'
  const url = URL.parse(registry)
  return url === null ? 'an unknown registry' : `${url.host}${url.pathname}`.replace(/\/$/, '')
}

/** npm takes `versions[key]` for the version it asked for, whatever the entry calls itself. */
function manifestFaults({ document: { packument } }: PackageContext, manifest: VersionManifest): readonly Reason[] {
  const { version } = manifest
  const spec = specOf({ name: packument.name, version })
  const entry = briefOf(manifest)
  if (own(entry, 'name') !== packument.name || own(entry, 'version') !== version)
    return [reason('manifest-mismatch', `the registry's entry for ${spec} is of another package or version`)]
  // Loosely, as npm's clients read versions: old ones such as 3.0.0rc3 are still installed.
  if (semver.parse(version, { loose: true }) === null) return [reason('manifest-mismatch', `${spec} is not a valid version`)]
  return []
}

function integrityFaults(context: PackageContext, { version, dist }: VersionManifest, integrity: Integrity): readonly Reason[] {
  const spec = specOf({ name: context.document.packument.name, version })
  if (integrity.state === 'missing') return [reason('integrity-missing', `the registry gives no sha512 (dist.integrity) for ${spec}`, { missing: 'dist.integrity' })]
  if (integrity.state === 'malformed')
    return [reason('integrity-malformed', `the integrity of ${spec} is not one sha512`, { actual: String(dist.integrity).slice(0, 200) })]
  return changedFaults(context, { version, dist }, context.records.get(version))
}

function changedFaults(
  { document: { packument } }: PackageContext,
  { version, dist }: Pick<VersionManifest, 'version' | 'dist'>,
  recorded: VersionRecord | undefined,
): readonly Reason[] {
  if (recorded === undefined || recorded.integrity === dist.integrity) return []
  const spec = specOf({ name: packument.name, version })
  const detail = { expected: recorded.integrity, actual: String(dist.integrity) }
  return [reason('integrity-changed', `${spec} is not what it was when it was first verified`, detail)]
}

function addressFaults({ upstream, document }: PackageContext, { version, dist }: VersionManifest): readonly Reason[] {
  if (dist.tarball !== undefined && upstream.allowsTarball(dist.tarball)) return []
  const spec = specOf({ name: document.packument.name, version })
  if (dist.tarball === undefined)
    return [reason('tarball-host-refused', `the registry names no address (dist.tarball) for the tarball of ${spec}`, { missing: 'dist.tarball' })]
  return [reason('tarball-host-refused', `the registry names an address for the tarball of ${spec} that is not its own`)]
}

/** The number is that of what is read in a tarball: facts of less are not known. */
export const tarballFactKey = (sha512: string): string => `tarball2:${sha512}`

/** What was read in a tarball: the manifest inside, or why no installer should be given it. Permanent for its digest. */
export type TarballFact = { readonly manifest: InstallManifest } | { readonly refused: string }

const knownTarball = (context: PackageContext, sha512: string): TarballFact | undefined =>
  context.facts.get(tarballFactKey(sha512)) as TarballFact | undefined

export const contentsOf = (fact: TarballFact | undefined, inspector: TarballInspector): Contents | undefined =>
  fact === undefined || !('manifest' in fact) ? undefined : inspector.contents(fact.manifest)

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

export function claimsOf({ document: { packument } }: PackageContext, manifest: VersionManifest): VersionClaims {
  const time = packument.time.get(manifest.version)
  const published = time === undefined ? undefined : new Date(time)
  return { published: published === undefined || Number.isNaN(published.getTime()) ? undefined : published, ...hintsOf(manifest) }
}

export function hintsOf(manifest: VersionManifest): Pick<VersionClaims, Hint> {
  const npmUser = ownObject(briefOf(manifest), '_npmUser') ?? {}
  return { trustedPublisher: own(npmUser, 'trustedPublisher') !== undefined, stagedPublish: own(npmUser, 'approver') !== undefined }
}

/**
 * The latest of what cannot be backdated. Without a claimed time a version is as old as this mirror has known it; a time in
 * the future stands, and makes the version too young.
 */
export function notBefore(
  { document, upstream }: PackageContext,
  { version }: VersionManifest,
  { published }: VersionClaims,
  { publishAttestation, provenance }: AttestationResult,
  ledger: Ledger,
): Date {
  const sighting = ledger.sighting(upstream.registry, document.packument.name, version)
  const moments = [
    published ?? sighting?.firstSeen ?? document.confirmedAt,
    ...[publishAttestation, provenance].flatMap((item) => (item.state === 'verified' ? [new Date(item.facts.loggedAt)] : [])),
    ...(sighting?.lastAbsent === undefined ? [] : [sighting.lastAbsent]),
  ]
  return new Date(Math.max(...moments.map((moment) => moment.getTime())))
}

const unique = (reasons: readonly Reason[]): readonly Reason[] => [
  ...new Map(reasons.map((item) => [`${item.code} ${item.message}`, item])).values(),
]
