/**
 * The main job: evidence, verified, judged. Read `listing` for a packument and `tarball` for the gate.
 * It knows ports only; `compose.ts` says what is behind them.
 */
import { parseIntegrity } from '../domain/integrity.ts'
import type { Candidate } from '../domain/evidence.ts'
import { tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import type { VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import type { AttestationResult, FoundPackument, Policy, TrustMaterial, Upstream, UpstreamPackument } from '../domain/ports.ts'
import { inTurns, mapInTurns } from '../domain/turns.ts'
import { isServed } from '../domain/verdict.ts'
import { assertAvailable, knownAttestations, verifiedAttestations } from './attestations.ts'
import { attestationsBeforeDeadline } from './before-deadline.ts'
import { candidateOf, isVouchedFor, lateFaults } from './candidate.ts'
import { openPackage, type PackageContext } from './context.ts'
import { basisOf } from './basis.ts'
import { DeliveredTarballs } from './delivered.ts'
import type { PipelineDeps } from './deps.ts'
import type { Judgement, ServedTarball, TarballAnswer } from './judgement.ts'
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

export type { PipelineDeps } from './deps.ts'
export type { Judgement, TarballAnswer } from './judgement.ts'

/** When evidence of versions stops counting, or is compared with something else. */
const endsOf = (context: PackageContext, candidates: readonly Candidate[], now: Date): readonly Date[] =>
  [...askedAgain(context, candidates, now), ...renewalEnds(candidates, context, now), ...settleTimes(candidates, now)]

const ABSENT = { state: 'absent' } as const
/** What another process writes counts for warm answers so much later. */
const GLANCE_MS = 1
const NO_ATTESTATIONS: AttestationResult = { publishAttestation: ABSENT, provenance: ABSENT }

export class Pipeline {
  readonly #deps: PipelineDeps
  readonly #listings: ListingCache
  readonly #tarballs = new DeliveredTarballs()
  readonly #suspects = new Suspects()
  readonly #recent = new RecentEvidence()

  constructor(deps: PipelineDeps) {
    this.#deps = deps
    this.#listings = new ListingCache(deps.listingMemory)
    deps.behind?.listen({
      found: (context, manifest, result) => this.#recent.note(context, manifest, result, deps.clock.now()),
      learned: (name) => { this.#forget(name) },
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
    return this.#listings.get(name, this.#basis(found, policy), this.#deps.clock.now(), () => this.#list(upstream, document, trust, policy))
  }

  /** What `listing` would answer with now, if nothing had to be asked, read or judged for it. */
  readyListing(name: string, policy = this.#deps.policy()): Listing | undefined {
    const found = this.#deps.upstreams.peek?.(name)
    return found && this.#listings.peek(name, this.#basis(found, policy, GLANCE_MS), this.#deps.clock.now())
  }

  /** What `tarball` would answer with now, if nothing had to be asked, read or judged for it, and the bytes are at hand. */
  readyTarball(name: string, fileName: string, policy = this.#deps.policy()): ServedTarball | undefined {
    const found = this.#deps.upstreams.peek?.(name)
    return found && this.#delivered(name, fileName, this.#basis(found, policy, GLANCE_MS))
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

    const basis = this.#basis(found, policy)
    const again = this.#delivered(name, fileName, basis)
    if (again !== undefined) return again
    const { learned } = this.#tarballs
    const context = await this.#open(found.upstream, found.document)
    try {
      const judgement = await this.#judge(context, manifest, policy)
      if (!isServed(judgement.verdict)) return this.#refuse(judgement)
      const answer = await this.#deliver(context, manifest, judgement, policy)
      if (answer.kind === 'served') this.#keep(context, fileName, answer, { basis, learned })
      return answer
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

  #basis(found: FoundPackument, policy: Policy, age = 0): string {
    return basisOf(found, policy, this.#deps.trustOf(found.upstream.name), { ledger: this.#deps.ledger, age })
  }

  /** Delivered a moment ago, by the same policy, on the same evidence. */
  #delivered(name: string, fileName: string, basis: string): ServedTarball | undefined {
    const known = this.#tarballs.get(name, fileName, basis, this.#deps.clock.now())
    const tarball = known && this.#deps.bytes.ready(known.sha512)
    if (known === undefined || tarball === undefined) return undefined
    const { judgement } = known
    this.#record(judgement.verdict.outcome === 'warn' ? 'warned' : 'served', judgement)
    return { kind: 'served', judgement, tarball }
  }

  #keep(context: PackageContext, fileName: string, { judgement, tarball: { sha512 } }: ServedTarball, begun: { readonly basis: string; readonly learned: number }): void {
    const now = this.#deps.clock.now()
    const { candidate, verdict: { validUntil }, ref } = judgement
    const ends = [...(validUntil === undefined ? [] : [validUntil]), ...endsOf(context, [candidate], now)]
    this.#tarballs.keep(ref.name, fileName, { judgement, sha512 }, { ...begun, now, ends })
  }

  #forget(name: string): void {
    this.#listings.forget(name)
    this.#tarballs.forget(name)
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
      onLate: () => { this.#forget(packument.name) },
    })
    // The gate compares with what came before, and asks nobody about others: what was found wrong here is known there.
    this.#recent.noteAll(context, attestations, now)
    const suspicions = await mapInTurns(await inTurns(manifests, (manifest) => [manifest, this.#suspects.of(upstream.registry, packument.name, manifest, now)] as const))
    const alone = await inTurns(manifests, (manifest) => {
      const known = attestations.get(manifest.version) ?? knownAttestations(context, manifest)
      const parts = {
        signature: signatures.get(manifest.version) ?? ABSENT,
        attestations: isSettled(known) ? known : (this.#recent.of(context, manifest, now)?.result ?? known),
        byteFaults: suspicions.get(manifest)?.reasons ?? [],
      }
      return candidateOf(context, manifest, parts, this.#deps)
    })
    const candidates = await withHistory(alone, { context, ledger: this.#deps.ledger })
    await context.facts.save()
    if (trust.keysArePinned !== true && candidates.some(isVouchedFor)) this.#deps.ledger.setOrigin(packument.name, upstream.registry)
    this.#deps.behind?.add(context, leftOver(context, candidates, policy))
    const pinned = withPins(context, candidates, policy, now, this.#deps.ledger)
    const judged = await inTurns(pinned, (candidate) => ({ candidate, verdict: policy.evaluate(candidate, 'listing', now) }))
    noteChanges(context, judged, policy, now, this.#deps.ledger)
    const ends = [...[...suspicions.values()].flatMap((suspicion) => suspicion?.until ?? []), ...endsOf(context, candidates, now)]
    await inTurns(judged, ({ candidate, verdict }) => {
      if (verdict.outcome === 'deny') this.#record('withheld', { ref: candidate.ref, candidate, verdict, policyRevision: policy.revision }, now)
    })
    return new Listing(document, upstream.name, policy, judged, keptEvidence(context, candidates), now, ends)
  }

  async #judge(context: PackageContext, manifest: VersionManifest, policy: Policy): Promise<Judgement> {
    const { packument } = context.document
    const [signatures, attestations] = await Promise.all([
      signaturesOf(context, [manifest], this.#deps.verifier, this.#deps.ledger),
      needsAttestations(policy, context, manifest) ? verifiedAttestations(context, manifest, this.#deps) : NO_ATTESTATIONS,
    ])
    if (this.#recent.note(context, manifest, attestations, this.#deps.clock.now())) this.#forget(packument.name)
    const signature = signatures.get(manifest.version) ?? ABSENT
    const alone = candidateOf(context, manifest, { signature, attestations, byteFaults: [] }, this.#deps)
    const now = this.#deps.clock.now()
    const compared = await withKnownPins(context, alone, policy, now, this.#deps)
    const candidate = await withKnownHistory(context, compared, this.#deps.ledger, (other) => this.#recent.of(context, other, this.#deps.clock.now())?.result)
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
    if (this.#suspects.note(registry, candidate.ref.name, manifest, faults, now)) this.#forget(candidate.ref.name)
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
