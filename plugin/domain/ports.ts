/**
 * What the pipeline needs of the world. Each port has one contract suite under `test/` that every adapter passes.
 */
import type { Asker, EntryEvidence, VersionKind } from './decision.ts'
import type { Candidate, Evidence, ProvenanceFacts, PublishFacts, SignatureFacts } from './evidence.ts'
import type { Contents, ForeignDependency } from './history.ts'
import type { IdentityMemory } from './identity-memory.ts'
import type { Json, JsonObject } from './json.ts'
import type { PackageRef } from './package-ref.ts'
import type { Packument, RegistrySignature, VersionManifest } from './packument.ts'
import type { PinLevel } from './pins.ts'
import type { Reason } from './reason.ts'
import type { RecallMemory } from './recall.ts'
import type { Verdict } from './verdict.ts'

/** Milliseconds and dates come from here, so that a test can set the time. */
export interface Clock {
  now(): Date
}

// ---------------------------------------------------------------- upstream

/** A packument as an uplink gave it, fresh or from the last good answer. */
export interface UpstreamPackument extends PackumentHead {
  readonly packument: Packument
}

/** Which answer it was, without what it said. */
export interface PackumentHead {
  readonly uplink: string
  /** sha256 of the body, hex: the same digest is the same document. */
  readonly digest: string
  /** Bytes of the body, decompressed: what it weighs in a cache. */
  readonly size: number
  /** When an upstream last confirmed this document (200 or 304). */
  readonly confirmedAt: Date
  /** True when the upstream could not be asked just now. */
  readonly stale: boolean
}

/** Reads packuments off the event loop. */
export interface PackumentReader {
  /**
   * Reads the body of an answer, of at most `limit` bytes when it is unfolded.
   * @throws UnreadableDocument; Unavailable when nobody could read it just now
   */
  read(name: string, body: { readonly wire: Uint8Array; readonly encoding: 'gzip' | 'identity' }, limit: number): Promise<ReadDocument>
}

export type ReadDocument = Pick<UpstreamPackument, 'packument' | 'digest' | 'size'>

/** What an uplink sent as a packument is none. */
export class UnreadableDocument extends Error {
  override readonly name = 'UnreadableDocument'
  /** `undecodable`: not what its Content-Encoding says. `unreadable`: no JSON, or no packument of this package. */
  readonly fault: 'too-large' | 'undecodable' | 'unreadable'
  constructor(fault: UnreadableDocument['fault'], message: string) {
    super(message)
    this.fault = fault
  }
}

/** Whether a client waits for the answer (the default), or nobody does: then it waits its turn behind all that somebody waits for. */
export type Urgency = 'foreground' | 'background'

export interface Upstream {
  readonly name: string
  /** Whose evidence this uplink serves: the registry named in publish attestations and in the keys target of TUF. */
  readonly registry: string
  /**
   * When the attestations endpoint is asked: for versions whose packument announces attestations (unannounced is absent,
   * without asking), for every version, or never (all are absent).
   */
  readonly attestationsMode: 'announced' | 'probe' | 'none'
  /**
   * The package's metadata, or `absent` when the uplink answered 404. The uplink is asked unless it answered after `confirmedAfter`;
   * its last good answer, which stands in when it cannot be asked, is `stale`.
   * @throws Unavailable (`evidence-unavailable`) on anything else
   */
  packument(name: string, confirmedAfter?: Date): Promise<UpstreamPackument | 'absent'>
  /** Of what `packument` would answer without asking anybody now or behind it; undefined where it would ask. Nothing is read for it. */
  peek?(name: string): PackumentHead | 'absent' | undefined
  /**
   * The body of `/-/npm/v1/attestations/name@version`, unparsed, or `absent` on 404.
   * @throws Unavailable (`evidence-unavailable`)
   */
  attestations(ref: PackageRef, urgency?: Urgency): Promise<Uint8Array | 'absent'>
  /**
   * Opens a tarball. `url` is what the packument says; hosts that are not this uplink's or in `tarballHosts` are refused.
   * @throws TarballRefused when the address is not allowed; Unavailable on 5xx, time-out, network error
   */
  tarball(url: string): Promise<AsyncIterable<Uint8Array> | 'absent'>
  /** Whether `tarball` would accept the address: https (or this uplink's own origin), allowed host, no credentials. */
  allowsTarball(url: string): boolean
  close(): Promise<void>
}

export interface FoundPackument {
  readonly upstream: Upstream
  readonly document: UpstreamPackument
}

export interface FoundHead {
  readonly upstream: Upstream
  readonly document: PackumentHead
}

/** Finds the uplink that owns a package: the first in order that does not answer 404. */
export interface Upstreams {
  readonly all: readonly Upstream[]
  find(name: string, confirmedAfter?: Date): Promise<FoundPackument | 'absent'>
  /** Of what `find` would answer; undefined where it has to ask. */
  peek?(name: string): FoundHead | undefined
}

// ---------------------------------------------------------------- verify

/** A public key of a registry, as `/-/npm/v1/keys` and the TUF target give it. */
export interface RegistryKey {
  readonly keyid: string
  /** base64, DER, SubjectPublicKeyInfo */
  readonly spki: string
  readonly keytype: string
  readonly scheme: string
  /** ISO 8601, or null while the key has no end. */
  readonly expires: string | null
  /** ISO 8601, or null from the beginning. */
  readonly starts: string | null
  /** What the key may verify. */
  readonly usages: readonly ('signatures' | 'attestations')[]
}

/** A Sigstore instance: its CAs and logs vouch together, never beside those of another one. */
export interface TrustedInstance {
  /** As configured; undefined of the default one. */
  readonly instance?: string | undefined
  /** A Sigstore trusted root in its JSON form (sigstore protobuf-specs, TrustedRoot). */
  readonly trustedRoot: Json
}

/** What is trusted for a package of one uplink. Plain data, so that it travels to worker threads. */
export interface TrustMaterial extends TrustedInstance {
  /** Further instances that may vouch for the package, each by itself. */
  readonly others?: readonly TrustedInstance[]
  /** Instances that are known and may not: told apart from what nobody knows, and used for nothing else. */
  readonly elsewhere?: readonly TrustedInstance[]
  readonly registryKeys: readonly RegistryKey[]
  /** Where both came from, for people. */
  readonly source: { readonly trustedRoot: string; readonly registryKeys: string }
  /** When the material was known to be current; undefined when its files do not say. */
  readonly asOf: Date | undefined
  /** sha256 over all of the above that decides a verification. */
  readonly revision: string
  /**
   * Digests of every CA, log, TSA and key in it; those of a named instance with its name, so that none counts as another's. A stored
   * fact is valid while all its anchors are among them.
   */
  readonly anchors: ReadonlySet<string>
  /** The registry's keys are the registry's own word, pinned on first use: they prove nothing about the registry itself. */
  readonly keysArePinned?: true
}

/** Whether newer trust material might know what the material at hand does not. */
export interface TrustRenewal {
  /**
   * Evidence rests on a key of the registry, or on an anchor of the Sigstore instance, that the material of `revision` does not
   * name. True while newer material is on its way, or is here already and has not judged: nothing can be decided by this one.
   * False when this material's word is final, for now.
   */
  isRenewing(uplink: string, anchor: 'registry-key' | 'sigstore', revision: string): boolean
  /** From when on `isRenewing` would ask again; undefined when nothing would ever come of it. */
  nextRenewal(uplink: string, revision: string): Date | undefined
}

/** Keys a registry gave of itself, where nothing better vouches for any: the first ones stay. */
export interface KeyPins {
  /** As `/-/npm/v1/keys` answered; undefined when nothing is pinned. */
  pinnedKeys(registry: string): PinnedKeys | undefined
  /** Pins the first; any later call changes nothing. Returns what is pinned. */
  pinKeys(registry: string, pins: PinnedKeys): PinnedKeys
  /** Where several mirrors share them: they are the same for all when this resolves (`Ledger`). */
  decided?<Value>(work: () => Value): Promise<Value>
}

export interface PinnedKeys {
  readonly document: Json
  readonly at: Date
}

export interface SignatureTask {
  readonly version: string
  readonly integrity: string
  readonly signatures: readonly RegistrySignature[] | 'malformed'
}

export interface AttestationTask {
  readonly ref: PackageRef
  /** hex; what every subject must be */
  readonly sha512: string
  /** Body of the attestations endpoint, as it came. */
  readonly document: Uint8Array
  /** The registry that publish attestations must name. */
  readonly registry: string
}

/** A result and the trust anchors that it rests on. */
export interface Anchored<Result> {
  readonly result: Result
  readonly anchors: readonly string[]
}

export interface AttestationResult {
  readonly publishAttestation: Evidence<PublishFacts>
  readonly provenance: Evidence<ProvenanceFacts>
}

/**
 * The cryptography. No I/O and no clock: a result depends on the task and the trust material alone, so it can be kept for
 * good. Never throws for bad evidence: whatever goes wrong with it is `invalid`. Rejects with Unavailable when the
 * verification itself could not be finished (a worker that died or took too long, a full queue).
 */
export interface Verifier {
  signatures(name: string, tasks: readonly SignatureTask[], trust: TrustMaterial): Promise<readonly Anchored<Evidence<SignatureFacts>>[]>
  attestations(task: AttestationTask, trust: TrustMaterial): Promise<Anchored<AttestationResult>>
  close(): Promise<void>
}

// ---------------------------------------------------------------- store

/** Verified or invalid evidence, kept under the digest of what it was computed from. May be lost at any time. */
export interface StoredFact {
  readonly anchors: readonly string[]
  readonly value: Json
}

/** The cache of facts: one entry per package (`scope`), so that a listing costs one load. */
export interface FactStore {
  load(scope: string): Promise<ReadonlyMap<string, StoredFact>>
  /** What there is now, also of what other mirrors added since; undefined where nobody else adds, or where it was looked up a moment ago. */
  look?(scope: string): Promise<ReadonlyMap<string, StoredFact> | undefined>
  /** Adds to the entry; what is there already stays, unless it rests on other anchors: those of the day are asked for. */
  add(scope: string, facts: ReadonlyMap<string, StoredFact>): Promise<void>
  close(): Promise<void>
}

/** What the mirror remembers of one version, for good. */
export interface VersionRecord {
  readonly version: string
  /** SRI, first verified or served; never replaced by another. */
  readonly integrity: string
  readonly recordedAt: Date
  /** What vouched for the integrity. */
  readonly because: 'signature' | 'attestation' | 'bytes'
  /** The registry signatures that verified. */
  readonly signatures: readonly RegistrySignature[]
  /** sha256, hex, of the attestation document that verified, in the byte store. */
  readonly attestations: string | undefined
  /** The document was complete when it verified: it had this evidence. */
  readonly had: { readonly publishAttestation: boolean; readonly provenance: boolean }
}

/** When versions of a package were first seen, by upstream answers this mirror saw. */
export interface Sighting {
  readonly firstSeen: Date
  /** The last answer that lacked the version; undefined when no answer ever did. */
  readonly lastAbsent: Date | undefined
}

/** What an operator made the ledger forget, and why. */
export interface LedgerReset {
  readonly name: string
  /** Undefined for the whole package. */
  readonly version: string | undefined
  readonly reason: string
  readonly at: Date
}

/** The owner of names that were published at this mirror: no registry, so that none takes them over when they are unpublished. */
export const PUBLISHED_HERE = 'local:'

/** Durable, never evicted. Synchronous, since a fact that did not outlive the process would not count as remembered. */
export interface Ledger {
  /** Records that an upstream answer with exactly these versions came at `at`. Idempotent. */
  sight(registry: string, name: string, versions: readonly string[], at: Date): void
  sighting(registry: string, name: string, version: string): Sighting | undefined
  /** When the first answer with the package came. */
  firstSeen(registry: string, name: string): Date | undefined
  /** Every version of a package that any answer ever had. */
  versions(registry: string, name: string): readonly string[]
  records(registry: string, name: string): ReadonlyMap<string, VersionRecord>
  /**
   * Writes records; evidence is added to what is known. A record with another integrity than the known one is not
   * written: the caller has compared before (`integrity-changed`), and the first one stays. With `owns`, the registry also becomes the
   * owner of a name that has none: one write to disk, where `setOrigin` would be another.
   */
  record(registry: string, name: string, records: readonly VersionRecord[], owns?: boolean): void
  /** Whether a signature of this registry has ever verified by a key that did not come from the registry itself. */
  signs(registry: string): boolean
  setSigns(registry: string): void
  /** Several looks at one moment, at most `age` milliseconds ago; nothing is written meanwhile. */
  glance?<Seen>(look: () => Seen, age: number): Seen
  /** The registry that owns a name, or undefined while nothing of it was verified or served. */
  origin(name: string): string | undefined
  /** Makes a registry the owner of a name that has none, and returns the owner: the first one stays until `reset`. */
  setOrigin(name: string, registry: string): string
  /** The registries of which anything is remembered about a package, or one version of it. */
  registriesOf(name: string, version?: string): readonly string[]
  /**
   * Forgets what is remembered of one version (integrity, evidence, when it appeared), or of the whole package, whatever
   * registry it came from; keeps that it did. Returns the registries that had anything; with none, nothing is written.
   */
  reset(what: LedgerReset): readonly string[]
  /** Past resets of a package and its versions, oldest first. */
  resets(name: string): readonly LedgerReset[]
  /** Number of the last of them, 0 for none: what was computed before another number came rests on what is forgotten. */
  lastReset(name: string): number
  /** Who built packages. */
  readonly identities: IdentityMemory
  /** What operators recalled. */
  readonly recalls: RecallMemory
  /**
   * Where several mirrors share the ledger: resolves when what is recorded of a version, and whose package it is, is the same for all. It
   * may be another mirror's word then.
   * @throws Unavailable when that cannot be known now
   */
  agreed?(registry: string, name: string, version: string): Promise<void>
  /**
   * Likewise: does what a person decided when nobody else can write, and resolves when all mirrors know it, or will before they serve.
   * @throws Unavailable when it cannot be known whether it was kept; what `work` throws
   */
  decided?<Value>(work: () => Value): Promise<Value>
  close(): void
}

/** What somebody decided, written where all who are to know it find it. @throws Unavailable; what `work` throws */
export async function decide<Value>(ledger: Pick<Ledger, 'decided'>, work: () => Value): Promise<Value> {
  return ledger.decided === undefined ? work() : ledger.decided(work)
}

/** A version published here, by its bytes. */
export interface PublishedVersion {
  readonly name: string
  readonly version: string
  /** SRI */
  readonly integrity: string
}

/** An attestations document that verified when its version was published here. */
export interface KeptDocument {
  /** Of its provenance. */
  readonly predicateType: string
  /** It rests on the public-good Sigstore, which every client trusts; else on one of the organisation's own. */
  readonly publicGood: boolean
  readonly document: Uint8Array
}

/** Attestations of packages published here: durable, since nobody could be asked for them again. */
export interface PublishedEvidence {
  /** What was kept for the same bytes before gives way. */
  keepEvidence(version: PublishedVersion, evidence: KeptDocument): void
  evidenceOf(version: PublishedVersion): KeptDocument | undefined
}

/** Whom packages published here name as their maintainers; durable. */
export interface Maintainers {
  /** Names of users; undefined while nobody said. */
  maintainersOf(name: string): readonly string[] | undefined
  setMaintainers(name: string, names: readonly string[] | undefined): void
}

/** Content-addressed bytes: what is read back has the digest it was asked by, or is not there. */
export interface ByteStore {
  /** Keeps a small document under its sha256 and returns that, hex. */
  put(bytes: Uint8Array): Promise<string>
  get(sha256: string): Promise<Uint8Array | undefined>
  /** A verified tarball on disk, or undefined. */
  tarball(sha512: string): Promise<StoredTarball | undefined>
  /** A tarball that can be read at once, by what this process knows of it: nothing on disk is asked, `read` does. */
  ready(sha512: string): StoredTarball | undefined
  /**
   * Writes a tarball, hashing while it streams; it becomes visible only when its digest is `sha512` (hex). Calls for one
   * digest at one time share one download, where they are `from` one place: another place may have other bytes, or be slow.
   * @throws IntegrityMismatch when the bytes are others; TarballRefused when the source is; Unavailable when the source breaks off or the limit is passed
   */
  ingest(source: AsyncIterable<Uint8Array>, sha512: string, from?: string): Promise<StoredTarball>
  close(): Promise<void>
}

export interface StoredTarball {
  readonly sha512: string
  readonly path: string
  readonly size: number
  /**
   * The bytes from `start` up to `end`, which it does not include. None are given out whole that are not the verified ones: where
   * the file was touched, this throws, or the slices do before their last one.
   * @throws Unavailable
   */
  read(start: number, end: number): TarballPart
}

/** Bytes at hand, or slices read one after the other, each good until the next is asked for. */
export type TarballPart = PartAtHand | AsyncIterable<Uint8Array>

export interface PartAtHand {
  readonly bytes: Uint8Array
  /** To be called once, where there is one, when the answer has ended: the place of the bytes is lent. `isSent`: nothing reads them any more. */
  readonly release?: ((isSent: boolean) => void) | undefined
}

/**
 * Looks into tarballs. `inspect` reads what of the package.json inside decides an install; `compare` holds what a packument
 * says of the version against it.
 */
export interface TarballInspector {
  /** @throws NotATarball when the file is none, or holds no package.json that an installer would read, or several */
  inspect(path: string): Promise<InstallManifest>
  /** Lower-case hex, of the whole file: what a registry without an integrity promises. */
  sha1(path: string): Promise<string>
  /** Every disagreement as `manifest-mismatch`; empty when they agree. */
  compare(claimed: VersionManifest, actual: InstallManifest): readonly Reason[]
  /** What policy looks at of a tarball, beside what an install needs. */
  contents(actual: InstallManifest): Contents
  /** What an entry of a packument depends on that no registry serves. */
  foreignDependencies(claimed: VersionManifest): readonly ForeignDependency[]
}

/** The install-deciding fields of a package.json after npm's own normalisation; plain JSON, so that it can be stored. */
export type InstallManifest = JsonObject

/** A tarball that no installer should be given. */
export class NotATarball extends Error {
  override readonly name = 'NotATarball'
}

/** The bytes that came are not the bytes that were promised. */
export class IntegrityMismatch extends Error {
  override readonly name = 'IntegrityMismatch'
  readonly expected: string
  readonly actual: string
  constructor(expected: string, actual: string) {
    super(`tarball has sha512 ${actual.slice(0, 16)}…, not ${expected.slice(0, 16)}…`)
    this.expected = expected
    this.actual = actual
  }
}

/** An upstream named an address for a tarball that this uplink's configuration does not allow. */
export class TarballRefused extends Error {
  override readonly name = 'TarballRefused'
}

// ---------------------------------------------------------------- policy

/**
 * What the verdict is for: a packument; one version with all its evidence, before its bytes are here (`gate`); or the bytes,
 * looked at, about to be sent (`delivery`). What a later stage knows decides.
 */
export type Stage = 'listing' | 'gate' | 'delivery'

/** A policy, validated and compiled. Pure: the same candidate and time give the same verdict. */
export interface Policy {
  /** sha256 over the policy's meaning, first 12 hex digits: in every decision, header and log line. */
  readonly revision: string
  readonly preset: string
  readonly mode: 'enforce' | 'monitor'
  readonly listing: 'claimed' | 'verified'
  /** What becomes of refused versions in a packument. */
  readonly withheld: 'hidden' | 'marked'
  evaluate(candidate: Candidate, stage: Stage, now: Date): Verdict
  /** Which evidence the rule for this version looks at: what it ignores is not fetched. */
  needs(ref: PackageRef, origin?: Candidate['origin']): EvidenceNeeds
  /** What the rule for this version compares of who built it; off where it does not look at provenance. */
  pinLevel(ref: PackageRef, origin?: Candidate['origin']): PinLevel
  /** Whether the rule for this version holds its provenance to an identity. */
  holdsIdentity?(ref: PackageRef, origin?: Candidate['origin']): boolean
  /** Integrities by version, pinned by waivers in force for versions of a package of which its registry gives none. */
  pinnedIntegrities(name: string, now: Date): ReadonlyMap<string, string>
}

export interface EvidenceNeeds {
  readonly signature: boolean
  readonly publishAttestation: boolean
  readonly provenance: boolean
}

// ---------------------------------------------------------------- audit

/** A verdict that mattered to somebody. */
export interface Decision {
  readonly kind: VersionKind
  /** Of a package that could not be asked for: without a version. */
  readonly ref: PackageRef
  readonly uplink: string
  readonly integrity: string | undefined
  readonly verdict: Verdict
  readonly policyRevision: string
  readonly at: Date
  /** Undefined where nobody in particular asked: a listing is made for whoever comes. */
  readonly asker?: Asker | undefined
  readonly evidence?: EntryEvidence | undefined
  /** The named Sigstore instance that vouched for its provenance. */
  readonly sigstore?: string | undefined
  /** Somebody wanted to publish it, and nobody to have it. */
  readonly isPublication?: true
}

export interface DecisionLog {
  record(decision: Decision): void
}
