/**
 * The main job: evidence, verified, judged. Read `listing` for a packument and `tarball` for the gate.
 * It knows ports only; `compose.ts` says what is behind them.
 */
import { parseIntegrity } from '../domain/integrity.ts'
import type { Candidate } from '../domain/evidence.ts'
import { tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import type { VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import type {
  AttestationResult,
  ByteStore,
  Clock,
  DecisionLog,
  FactStore,
  Ledger,
  Policy,
  StoredTarball,
  TarballInspector,
  TrustMaterial,
  TrustRenewal,
  Upstream,
  UpstreamPackument,
  Upstreams,
  Verifier,
} from '../domain/ports.ts'
import { isServed, type Verdict } from '../domain/verdict.ts'
import { assertAvailable, knownAttestations, verifiedAttestations } from './attestations.ts'
import { attestationsBeforeDeadline } from './before-deadline.ts'
import type { Behind } from './behind.ts'
import { candidateOf, isVouchedFor, lateFaults } from './candidate.ts'
import { openPackage, type PackageContext } from './context.ts'
import { withHistory, withKnownHistory } from './history.ts'
import { ListingCache } from './listing-cache.ts'
import { findPinned } from './pinned.ts'
import { noteChanges, notePins, settleTimes, withKnownPins, withPins } from './pins.ts'
import { RecentEvidence } from './recent-evidence.ts'
import { renewalEnds } from './renewal.ts'
import { Listing, askedAgain, keptEvidence } from './listing.ts'
import { isSettled, leftOver, needsAttestations } from './selection.ts'
import { signaturesOf } from './signatures.ts'
import { Suspects } from './suspects.ts'
import { versionOfFile } from './tarball-name.ts'
import { servedRecord, verifiedTarball } from './tarball.ts'

export interface PipelineDeps {
  readonly upstreams: Upstreams
  readonly verifier: Verifier
  readonly facts: FactStore
  readonly ledger: Ledger
  readonly bytes: ByteStore
  readonly inspector: TarballInspector
  /** The policy in force. Each question to the pipeline is answered by one policy, from its first word to its last. */
  readonly policy: () => Policy
  readonly trustOf: (uplink: string) => TrustMaterial
  /** Asked when evidence rests on what the trust material does not name; without it, that is the last word. */
  readonly renewal?: TrustRenewal | undefined
  readonly signsAlways: (uplink: string) => boolean
  readonly decisions: DecisionLog
  readonly clock: Clock
  /** Runs tasks of an uplink a few at a time, in the order given. */
  readonly limit: <Result>(task: () => Promise<Result>, uplink: string) => Promise<Result>
  /** Bytes that listings may take in memory; a default when not given. */
  readonly listingMemory?: number | undefined
  /** Settles when a first answer should not wait any longer for provenance. */
  readonly deadline: () => Promise<void>
  /** Verifies the rest behind an answer; without it, what a listing names on a claim is left to the gate. */
  readonly behind?: Behind | undefined
  /** Told of failures in work that no request waits for. */
  readonly onBackgroundError: (error: unknown) => void
}

/** One version, judged in full. */
export interface Judgement {
  readonly ref: PackageRef
  readonly candidate: Candidate
  readonly verdict: Verdict
  /** Of the policy that judged. */
  readonly policyRevision: string
}

export type TarballAnswer =
  | { readonly kind: 'served'; readonly judgement: Judgement; readonly tarball: StoredTarball }
  | { readonly kind: 'refused'; readonly judgement: Judgement }
  /** Known before, and gone upstream. */
  | { readonly kind: 'withdrawn'; readonly ref: PackageRef }
  | { readonly kind: 'absent' }

const ABSENT = { state: 'absent' } as const
const NO_ATTESTATIONS: AttestationResult = { publishAttestation: ABSENT, provenance: ABSENT }

export class Pipeline {
  readonly #deps: PipelineDeps
  readonly #listings: ListingCache
  readonly #suspects = new Suspects()
  readonly #recent = new RecentEvidence()

  constructor(deps: PipelineDeps) {
    this.#deps = deps
    this.#listings = new ListingCache(deps.listingMemory)
    deps.behind?.listen({
      found: (context, manifest, result) => this.#recent.note(context, manifest, result, deps.clock.now()),
      learned: (name) => { this.#listings.forget(name) },
    })
  }

  /**
   * Every version of a package with its verdict, or `absent` when no uplink has the package.
   * @throws Unavailable when the owner of the package cannot be asked and nothing usable is kept
   */
  async listing(name: string, policy = this.#deps.policy()): Promise<Listing | 'absent'> {
    const found = await findPinned(this.#deps, name, policy)
    if (found === 'absent') return 'absent'
    const { upstream, document } = found
    const trust = this.#deps.trustOf(upstream.name)
    const { ledger } = this.#deps
    const isOwner = (ledger.origin(name) ?? upstream.registry) === upstream.registry
    const memory = [upstream.name, ledger.signs(upstream.registry), ledger.lastReset(name), ledger.identities.revision(name), isOwner]
    const basis = [document.digest, policy.revision, trust.revision, ...memory].join(' ')
    return this.#listings.get(name, basis, this.#deps.clock.now(), () => this.#list(upstream, document, trust, policy))
  }

  /**
   * The tarball of a file name, when its evidence, its bytes and the manifest inside are what policy asks for: all of it is
   * verified before this resolves.
   * @throws Unavailable
   */
  async tarball(name: string, fileName: string, policy = this.#deps.policy()): Promise<TarballAnswer> {
    const found = await findPinned(this.#deps, name, policy)
    const version = found === 'absent' ? undefined : versionOfFile(found.document.packument, fileName)
    const manifest = version === undefined || found === 'absent' ? undefined : found.document.packument.versions.get(version)
    if (found === 'absent' || manifest === undefined) return this.#gone(name, fileName)

    const context = await this.#open(found.upstream, found.document)
    try {
      const judgement = await this.#judge(context, manifest, policy)
      if (!isServed(judgement.verdict)) return this.#refuse(judgement)
      return await this.#deliver(context, manifest, judgement, policy)
    } finally {
      await context.facts.save()
    }
  }

  /** Whether any uplink has a package of this name. @throws Unavailable */
  async exists(name: string): Promise<boolean> {
    return (await this.#deps.upstreams.find(name)) !== 'absent'
  }

  /** Whether a package, or one version of it, was seen at any uplink before: what is absent now was taken down. */
  knew({ name, version }: { readonly name: string; readonly version?: string | undefined }): boolean {
    const known = this.#deps.upstreams.all.flatMap(({ registry }) => this.#deps.ledger.versions(registry, name))
    return version === undefined ? known.length > 0 : known.includes(version)
  }

  /** The verdict on one version with all its evidence, its bytes apart. */
  async judge(ref: PackageRef, policy = this.#deps.policy()): Promise<Judgement | 'absent'> {
    const found = await this.#openVersion(ref, policy)
    if (found === 'absent') return 'absent'
    const { context, manifest } = found
    try {
      return await this.#judge(context, manifest, policy)
    } finally {
      await context.facts.save()
    }
  }

  /**
   * The attestations document of a version as it was verified, whatever the policy needs of it; `absent` when there is none
   * that verifies.
   * @throws Unavailable when nothing is kept and it cannot be found out whether there is any
   */
  async attestations(ref: PackageRef): Promise<Uint8Array | 'absent'> {
    const found = await this.#openVersion(ref, this.#deps.policy())
    if (found === 'absent') return 'absent'
    const { context, manifest } = found
    const result = await verifiedAttestations(context, manifest, this.#deps)
    await context.facts.save()
    const record = this.#deps.ledger.records(context.upstream.registry, ref.name).get(ref.version)
    const integrity = parseIntegrity(manifest.dist.integrity)
    const isOfTheseBytes = integrity.state === 'ok' && record?.integrity === integrity.sri
    const kept = isOfTheseBytes && record.attestations !== undefined ? await this.#deps.bytes.get(record.attestations) : undefined
    if (kept === undefined) assertAvailable(result)
    return kept ?? 'absent'
  }

  #open(upstream: Upstream, document: UpstreamPackument): Promise<PackageContext> {
    return openPackage(upstream, document, this.#deps.trustOf(upstream.name), this.#deps)
  }

  /** As its packument names it now; for the verdict or the evidence of one version. */
  async #openVersion(
    { name, version }: PackageRef,
    policy: Policy,
  ): Promise<{ readonly context: PackageContext; readonly manifest: VersionManifest } | 'absent'> {
    const found = await findPinned(this.#deps, name, policy)
    const manifest = found === 'absent' ? undefined : found.document.packument.versions.get(version)
    if (found === 'absent' || manifest === undefined) return 'absent'
    return { context: await this.#open(found.upstream, found.document), manifest }
  }

  async #list(upstream: Upstream, document: UpstreamPackument, trust: TrustMaterial, policy: Policy): Promise<Listing> {
    const context = await openPackage(upstream, document, trust, this.#deps)
    const { packument } = document
    const now = this.#deps.clock.now()
    const manifests = [...packument.versions.values()]
    const signatures = await signaturesOf(context, manifests, this.#deps.verifier, this.#deps.ledger)
    const attestations = await attestationsBeforeDeadline(context, policy, this.#deps, {
      othersFollow: this.#deps.behind !== undefined,
      onLate: () => { this.#listings.forget(packument.name) },
    })
    // The gate compares with what came before, and asks nobody about others: what was found wrong here is known there.
    this.#recent.noteAll(context, attestations, now)
    const suspicions = new Map(manifests.map((manifest) => [manifest, this.#suspects.of(upstream.registry, packument.name, manifest, now)]))
    const candidates = withHistory(manifests.map((manifest) => {
      const known = attestations.get(manifest.version) ?? knownAttestations(context, manifest)
      const parts = {
        signature: signatures.get(manifest.version) ?? ABSENT,
        attestations: isSettled(known) ? known : (this.#recent.of(context, manifest, now)?.result ?? known),
        byteFaults: suspicions.get(manifest)?.reasons ?? [],
      }
      return candidateOf(context, manifest, parts, this.#deps)
    }), { context, ledger: this.#deps.ledger })
    await context.facts.save()
    if (trust.keysArePinned !== true && candidates.some(isVouchedFor)) this.#deps.ledger.setOrigin(packument.name, upstream.registry)
    this.#deps.behind?.add(context, leftOver(context, candidates, policy))
    const judged = withPins(context, candidates, policy, now, this.#deps.ledger).map((candidate) => ({ candidate, verdict: policy.evaluate(candidate, 'listing', now) }))
    noteChanges(context, judged, policy, now, this.#deps.ledger)
    const ends = [...[...suspicions.values()].flatMap((suspicion) => suspicion?.until ?? []), ...askedAgain(context, candidates, now), ...renewalEnds(candidates, context, now), ...settleTimes(candidates, now)]
    for (const { candidate, verdict } of judged)
      if (verdict.outcome === 'deny') this.#record('withheld', { ref: candidate.ref, candidate, verdict, policyRevision: policy.revision }, now)
    return new Listing(document, upstream.name, policy, judged, keptEvidence(context, candidates), now, ends)
  }

  async #judge(context: PackageContext, manifest: VersionManifest, policy: Policy): Promise<Judgement> {
    const { packument } = context.document
    const [signatures, attestations] = await Promise.all([
      signaturesOf(context, [manifest], this.#deps.verifier, this.#deps.ledger),
      needsAttestations(policy, context, manifest) ? verifiedAttestations(context, manifest, this.#deps) : NO_ATTESTATIONS,
    ])
    if (this.#recent.note(context, manifest, attestations, this.#deps.clock.now())) this.#listings.forget(packument.name)
    const signature = signatures.get(manifest.version) ?? ABSENT
    const alone = candidateOf(context, manifest, { signature, attestations, byteFaults: [] }, this.#deps)
    const now = this.#deps.clock.now()
    const compared = await withKnownPins(context, alone, policy, now, this.#deps)
    const candidate = withKnownHistory(context, compared, this.#deps.ledger, (other) => this.#recent.of(context, other, this.#deps.clock.now())?.result)
    const judgement = { ref: candidate.ref, candidate, verdict: policy.evaluate(candidate, 'gate', now), policyRevision: policy.revision }
    noteChanges(context, [judgement], policy, now, this.#deps.ledger)
    return judgement
  }

  async #deliver(context: PackageContext, manifest: VersionManifest, judgement: Judgement, policy: Policy): Promise<TarballAnswer> {
    const { candidate } = judgement
    // A version without a usable digest has nothing its bytes could be held against: it is never delivered.
    if (candidate.integrity.state !== 'ok') return this.#refuse(judgement)
    const { registry } = context.upstream
    const { tarball, contents, faults } = await verifiedTarball(context, manifest, candidate.integrity.sha512, this.#deps)
    const now = this.#deps.clock.now()
    if (this.#suspects.note(registry, candidate.ref.name, manifest, faults, now)) this.#listings.forget(candidate.ref.name)
    const recorded = this.#deps.ledger.records(registry, candidate.ref.name).get(manifest.version)
    const late = [...faults, ...lateFaults(context, manifest, this.#deps.ledger.origin(candidate.ref.name), recorded)]
    const final = { ...candidate, faults: [...candidate.faults, ...late], contents }
    const verdict = policy.evaluate(final, 'delivery', now)
    const judged = { ...judgement, candidate: final, verdict }
    if (tarball === undefined || !isServed(verdict)) return this.#refuse(judged)
    // What `monitor` lets through although policy refuses it vouches for nothing: it would condemn the genuine version for good.
    const counts = verdict.monitored !== true
    // A name that stands in for an uplink's (`local`) gives way to it again: the router says whose it is.
    if (counts && registry !== PUBLISHED_HERE) this.#deps.ledger.setOrigin(candidate.ref.name, registry)
    if (counts && recorded === undefined) this.#deps.ledger.record(registry, candidate.ref.name, [servedRecord(candidate.ref.version, candidate.integrity.sri, now)])
    notePins(context, judged, policy, now, this.#deps.ledger)
    this.#record(verdict.outcome === 'warn' ? 'warned' : 'served', judged)
    return { kind: 'served', judgement: judged, tarball }
  }

  #refuse(judgement: Judgement): TarballAnswer {
    this.#record(judgement.verdict.outcome === 'unavailable' ? 'unavailable' : 'refused', judgement)
    return { kind: 'refused', judgement }
  }

  /** What was here once is refused by name, so that nobody takes a takedown for a typing error. */
  #gone(name: string, fileName: string): TarballAnswer {
    for (const { registry } of this.#deps.upstreams.all) {
      const version = this.#deps.ledger.versions(registry, name).find((known) => tarballFileName({ name, version: known }) === fileName)
      if (version !== undefined) return { kind: 'withdrawn', ref: { name, version } }
    }
    return { kind: 'absent' }
  }

  #record(
    kind: 'refused' | 'withheld' | 'warned' | 'served' | 'unavailable',
    { ref, candidate, verdict, policyRevision }: Judgement,
    at = this.#deps.clock.now(),
  ): void {
    const integrity = candidate.integrity.state === 'ok' ? candidate.integrity.sri : undefined
    this.#deps.decisions.record({ kind, ref, uplink: candidate.uplink, integrity, verdict, policyRevision, at })
  }
}
