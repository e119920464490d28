/**
 * The main job: evidence, verified, judged. Read `listing` for a packument and `tarball` for the gate.
 * It knows ports only; `compose.ts` says what is behind them.
 */
import { parseIntegrity } from '../domain/integrity.ts'
import { Unavailable } from '../domain/errors.ts'
import type { Candidate } from '../domain/evidence.ts'
import { specOf, tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import type { VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import type { Reason } from '../domain/reason.ts'
import type { AttestationResult, FoundHead, FoundPackument, Policy, Upstream, UpstreamPackument } from '../domain/ports.ts'
import { inTurns, mapInTurns, nextTurn } from '../domain/turns.ts'
import { NO_TRACING } from '../domain/tracing.ts'
import { isServed } from '../domain/verdict.ts'
import { assertAvailable, fetchedAgain, verifiedAttestations } from './attestations.ts'
import { candidateOf, isVouchedFor, lateFaults } from './candidate.ts'
import { candidatesOf, KnownCandidates, type Candidates } from './candidates.ts'
import { openPackage, type PackageContext } from './context.ts'
import { basisOf } from './basis.ts'
import { DeliveredTarballs } from './delivered.ts'
import type { PipelineDeps } from './deps.ts'
import type { Judgement, Requested, ServedTarball, TarballAnswer } from './judgement.ts'
import { withKnownHistory } from './history.ts'
import { leaveForLater } from './later-signatures.ts'
import { ListingCache } from './listing-cache.ts'
import { findPinned, findWithFile } from './pinned.ts'
import { noteChanges, notePins, settleTimes, withKnownPins, withPins } from './pins.ts'
import { RecentEvidence } from './recent-evidence.ts'
import { renewalEnds } from './renewal.ts'
import { Listing, askedAgain, keptEvidence } from './listing.ts'
import { recallOf } from './recalls.ts'
import { leftOver, needsAttestations } from './selection.ts'
import { shownEvidence } from './shown-evidence.ts'
import { signaturesOf } from './signatures.ts'
import { evaluation } from './spans.ts'
import { Suspects } from './suspects.ts'
import { Telling } from './telling.ts'
import { servedRecord, verifiedTarball, type VerifiedTarball } from './tarball.ts'

export type { PipelineDeps } from './deps.ts'
export type { Judgement, Requested, TarballAnswer } from './judgement.ts'

/** When evidence of versions stops counting, or is compared with something else. */
const endsOf = (context: PackageContext, candidates: readonly Candidate[], now: Date): readonly Date[] =>
  [...askedAgain(context, candidates, now), ...renewalEnds(candidates, context, now), ...settleTimes(candidates, now)]

const ABSENT = { state: 'absent' } as const
/** What another process writes counts for warm answers so much later. */
const GLANCE_MS = 1
const NO_ATTESTATIONS: AttestationResult = { publishAttestation: ABSENT, provenance: ABSENT }

export class Pipeline {
  readonly #deps: PipelineDeps
  readonly #known: KnownCandidates
  readonly #telling: Telling
  readonly #listings: ListingCache
  readonly #tarballs = new DeliveredTarballs()
  readonly #suspects = new Suspects()
  readonly #recent = new RecentEvidence()

  constructor(deps: PipelineDeps) {
    this.#deps = deps
    this.#telling = new Telling(deps)
    this.#known = new KnownCandidates(deps.listingMemory === undefined ? undefined : deps.listingMemory / 4)
    this.#listings = new ListingCache(deps.listingMemory, deps.measures?.listings)
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
    const ready = this.#peeked(name, (found) => this.#listings.peek(name, this.#basis(name, found, policy), this.#deps.clock.now()))
    if (ready !== undefined) return ready
    this.#deps.behind?.signatures.busy()
    const found = await findPinned(this.#deps, name, policy)
    if (found === 'absent') return 'absent'
    return this.#listings.get(name, this.#basis(name, found, policy), this.#deps.clock.now(), () => this.#list(found, policy))
  }

  /** What `listing` would answer with now, if nothing had to be asked, read or judged for it. */
  readyListing(name: string, policy = this.#deps.policy()): Listing | undefined {
    return this.#peeked(name, (found) => this.#listings.peek(name, this.#basis(name, found, policy, GLANCE_MS), this.#deps.clock.now()))
  }

  /** What `tarball` would answer with now, if nothing had to be asked, read or judged for it, and the bytes are at hand. */
  readyTarball(name: string, fileName: string, policy = this.#deps.policy(), requested: Requested = {}): ServedTarball | undefined {
    return this.#peeked(name, (found) => this.#delivered(name, fileName, this.#basis(name, found, policy, GLANCE_MS), requested, 'again'))
  }

  /** What `readyTarball` found in this turn of the event loop is delivered once more. */
  delivered({ judgement, tarball }: ServedTarball, requested: Requested): void {
    this.#telling.served(judgement, tarball.sha512, requested)
  }

  /**
   * The tarball of a file name, when its evidence, its bytes and the manifest inside are what policy asks for: all of it is
   * verified before this resolves. What came of it is told to the decision log.
   * @throws Unavailable
   */
  async tarball(name: string, fileName: string, policy = this.#deps.policy(), requested: Requested = {}): Promise<TarballAnswer> {
    try {
      return await this.#tarball(name, fileName, policy, requested)
    } catch (error) {
      if (error instanceof Unavailable) this.#telling.unavailable(name, error.reason, policy, requested)
      throw error
    }
  }

  async #tarball(name: string, fileName: string, policy: Policy, requested: Requested): Promise<TarballAnswer> {
    const ready = this.#peeked(name, (found) => this.#delivered(name, fileName, this.#basis(name, found, policy), requested))
    if (ready !== undefined) return ready
    this.#deps.behind?.signatures.busy()
    const { found, version } = await findWithFile(this.#deps, name, fileName, policy)
    const manifest = version === undefined || found === 'absent' ? undefined : found.document.packument.versions.get(version)
    if (found === 'absent' || manifest === undefined) return this.#gone(name, fileName, policy, requested, found !== 'absent' && found.document.stale)

    const basis = this.#basis(name, found, policy)
    const again = this.#delivered(name, fileName, basis, requested)
    if (this.#deps.measures !== undefined) this.#deps.measures.verdicts[again === undefined ? 'miss' : 'memory']++
    if (again !== undefined) return again
    const { learned } = this.#tarballs
    const context = await this.#open(found.upstream, found.document)
    try {
      const judgement = await this.#judge(context, manifest, policy)
      if (!isServed(judgement.verdict)) return this.#refuse(judgement, requested)
      const answer = await this.#deliver(context, manifest, judgement, policy, requested)
      if (answer.kind === 'served') this.#keep(context, fileName, answer, { basis, learned })
      return answer
    } finally {
      await this.#save(context)
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

  /** Why an operator recalled a version; undefined when nobody did. */
  recalled(ref: PackageRef): Reason | undefined {
    return recallOf(this.#deps.ledger.recalls.of(ref.name), ref)
  }

  /**
   * What is known of every version, as a listing is judged from it; `absent` when no uplink has the package.
   * @throws Unavailable
   */
  async evidence(name: string, policy = this.#deps.policy()): Promise<readonly Candidate[] | 'absent'> {
    const found = await findPinned(this.#deps, name, policy)
    if (found === 'absent') return 'absent'
    const context = await this.#open(found.upstream, found.document)
    return (await this.#candidates(found, context, policy, this.#deps.clock.now())).all
  }

  /** The verdict on one version with all its evidence, its bytes apart. */
  async judge(ref: PackageRef, policy = this.#deps.policy()): Promise<Judgement | 'absent'> {
    const found = await this.#openVersion(ref, policy)
    if (found === 'absent') return 'absent'
    const { context, manifest } = found
    try {
      return await this.#judge(context, manifest, policy)
    } finally {
      await this.#save(context)
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
    await this.#save(context)
    const record = this.#deps.ledger.records(context.upstream.registry, ref.name).get(ref.version)
    const integrity = parseIntegrity(manifest.dist.integrity)
    const isOfTheseBytes = integrity.state === 'ok' && record?.integrity === integrity.sri
    const digest = isOfTheseBytes ? record.attestations : undefined
    const kept = digest === undefined ? undefined : ((await this.#deps.bytes.get(digest)) ?? (await fetchedAgain(context, ref, digest, this.#deps)))
    if (kept === undefined) assertAvailable(result)
    return kept ?? 'absent'
  }

  /** By which answer of its uplink it was: the packument itself may have left the memory, and would be read for nothing. */
  #peeked<Known>(name: string, look: (found: FoundHead) => Known | undefined): Known | undefined {
    const found = this.#deps.upstreams.peek?.(name)
    return found && look(found)
  }

  #basis(name: string, found: FoundHead, policy: Pick<Policy, 'revision'>, age = 0): string {
    return basisOf(name, found, policy, this.#deps.trustOf(found.upstream.name, name), { ledger: this.#deps.ledger, age })
  }

  /** Delivered a moment ago, by the same policy, on the same evidence. */
  #delivered(name: string, fileName: string, basis: string, requested: Requested, otherwise: 'refuse' | 'again' = 'refuse'): ServedTarball | undefined {
    const known = this.#tarballs.get(name, fileName, basis, this.#deps.clock.now())
    const tarball = known && this.#deps.bytes.ready(known.sha512)
    if (known === undefined || tarball === undefined) return undefined
    const { judgement } = known
    // The long way says why.
    if (otherwise === 'again' && requested.refuses?.(known.sha512) !== undefined) return undefined
    this.#telling.served(judgement, known.sha512, requested)
    return { kind: 'served', judgement, tarball }
  }

  #keep(context: PackageContext, fileName: string, { judgement, tarball: { sha512 } }: ServedTarball, begun: { readonly basis: string; readonly learned: number }): void {
    const now = this.#deps.clock.now()
    const { candidate, verdict: { validUntil }, ref } = judgement
    const ends = [...(validUntil === undefined ? [] : [validUntil]), ...endsOf(context, [candidate], now)]
    this.#tarballs.keep(ref.name, fileName, { judgement, sha512 }, { ...begun, now, ends })
  }

  #forget(name: string): void {
    this.#known.forget(name)
    this.#listings.forget(name)
    this.#tarballs.forget(name)
  }

  /** What policy may look at of a version is more now than when its package was last listed. */
  async #save({ facts, document: { packument } }: PackageContext): Promise<void> {
    await facts.save()
    if (facts.added > 0) this.#known.forget(packument.name)
  }

  #open(upstream: Upstream, document: UpstreamPackument): Promise<PackageContext> {
    return openPackage(upstream, document, this.#deps.trustOf(upstream.name, document.packument.name), this.#deps)
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

  async #list(found: FoundPackument, policy: Policy): Promise<Listing> {
    const { upstream, document } = found
    const trust = this.#deps.trustOf(upstream.name, document.packument.name)
    const context = await openPackage(upstream, document, trust, this.#deps)
    await nextTurn()
    const now = this.#deps.clock.now()
    const { all: candidates, ends } = await this.#candidates(found, context, policy, now)
    if (trust.keysArePinned !== true && candidates.some(isVouchedFor)) this.#deps.ledger.setOrigin(document.packument.name, upstream.registry)
    if (this.#deps.behind !== undefined) this.#deps.behind.add(context, await leftOver(context, candidates, policy))
    await nextTurn()
    const pinned = withPins(context, candidates, policy, now, this.#deps.ledger)
    const judged = await (this.#deps.tracing ?? NO_TRACING).traced(evaluation(context, policy), () =>
      inTurns(pinned, (candidate) => ({ candidate, verdict: policy.evaluate(candidate, 'listing', now) })))
    await nextTurn()
    if (this.#deps.behind !== undefined) await leaveForLater(this.#deps.behind.signatures, context, judged, policy, now)
    this.#noteChanges(context, judged, policy, now)
    await inTurns(judged, ({ candidate, verdict }) => {
      if (verdict.outcome === 'deny') this.#telling.withheld({ ref: candidate.ref, candidate, verdict, policyRevision: policy.revision, evidence: shownEvidence(candidate, policy) }, now)
    })
    await nextTurn()
    const kept = keptEvidence(context, candidates)
    const settles = settleTimes(candidates, now)
    const verdicts = await mapInTurns(await inTurns(judged, ({ candidate, verdict }) => [candidate.ref.version, verdict] as const))
    await nextTurn()
    return new Listing(document, upstream.name, policy, verdicts, kept, now, [...ends, ...settles])
  }

  /** Those that another policy judged a moment ago, where nothing else has changed. */
  async #candidates(found: FoundPackument, context: PackageContext, policy: Policy, now: Date): Promise<Candidates> {
    // Where nothing may be listed on a claim, more is asked for.
    const basis = this.#basis(found.document.packument.name, found, { revision: policy.listing })
    const known = await this.#known.get(context, basis, policy, now)
    if (known !== undefined) return known
    const { learned } = this.#known
    const { name } = found.document.packument
    const candidates = await candidatesOf(context, policy, this.#deps, { suspects: this.#suspects, recent: this.#recent, onLate: () => { this.#forget(name) } })
    this.#known.keep(context, candidates, { basis, since: now, learned, records: this.#deps.ledger.records(context.upstream.registry, name) })
    return candidates
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
    await nextTurn()
    const compared = await withKnownPins(context, alone, policy, now, this.#deps)
    const candidate = await withKnownHistory(context, compared, this.#deps.ledger, (other) => this.#recent.of(context, other, this.#deps.clock.now())?.result)
    const judgement = { ref: candidate.ref, candidate, verdict: policy.evaluate(candidate, 'gate', now), policyRevision: policy.revision, evidence: shownEvidence(candidate, policy) }
    this.#noteChanges(context, [judgement], policy, now)
    return judgement
  }

  async #deliver(context: PackageContext, manifest: VersionManifest, judgement: Judgement, policy: Policy, requested: Requested): Promise<TarballAnswer> {
    const { candidate } = judgement
    // A version without a usable digest has nothing its bytes could be held against: it is never delivered.
    if (candidate.integrity.state !== 'ok') return this.#refuse(judgement, requested)
    const { registry } = context.upstream
    const { tarball, contents, faults } = await verifiedTarball(context, manifest, candidate.integrity.sha512, this.#deps)
    const now = this.#deps.clock.now()
    if (this.#suspects.note(registry, candidate.ref.name, manifest, faults, now)) this.#forget(candidate.ref.name)
    const judged = this.#judgeBytes(context, manifest, judgement, { faults, contents }, policy)
    const { verdict } = judged
    if (tarball === undefined || !isServed(verdict)) return this.#refuse(judged, requested)
    // What `monitor` lets through although policy refuses it vouches for nothing: it would condemn the genuine version for good.
    const counts = verdict.monitored !== true
    // A name that stands in for an uplink's (`local`) gives way to it again: the router says whose it is.
    if (counts && registry !== PUBLISHED_HERE) this.#deps.ledger.setOrigin(candidate.ref.name, registry)
    const isRecorded = this.#deps.ledger.records(registry, candidate.ref.name).has(manifest.version)
    if (counts && !isRecorded) this.#deps.ledger.record(registry, candidate.ref.name, [servedRecord(candidate.ref.version, candidate.integrity.sri, now)])
    notePins(context, judged, policy, now, this.#deps.ledger)
    if (counts && this.#deps.ledger.agreed !== undefined) {
      await this.#deps.ledger.agreed(registry, candidate.ref.name, manifest.version)
      // Another mirror may have been first, with other bytes or another registry.
      const agreed = this.#judgeBytes(context, manifest, judgement, { faults, contents }, policy)
      if (!isServed(agreed.verdict)) return this.#refuse(agreed, requested)
    }
    this.#telling.served(judged, tarball.sha512, requested)
    return { kind: 'served', judgement: judged, tarball }
  }

  /** With what is known once the bytes are here, and what the ledger says by then. */
  #judgeBytes(context: PackageContext, manifest: VersionManifest, judgement: Judgement, { faults, contents }: Pick<VerifiedTarball, 'faults' | 'contents'>, policy: Policy): Judgement {
    const { candidate } = judgement
    const { ledger, clock } = this.#deps
    const { name } = candidate.ref
    const late = lateFaults(context, manifest, ledger.origin(name), ledger.records(context.upstream.registry, name).get(manifest.version), ledger.recalls.of(name))
    const final = { ...candidate, faults: [...candidate.faults, ...faults, ...late], contents }
    return { ...judgement, candidate: final, verdict: policy.evaluate(final, 'delivery', clock.now()) }
  }

  #refuse(judgement: Judgement, requested: Requested): TarballAnswer {
    this.#telling.refused(judgement, requested)
    return { kind: 'refused', judgement }
  }

  /** What was here once is refused by name, so that nobody takes a takedown for a typing error. */
  #gone(name: string, fileName: string, policy: Policy, requested: Requested, isStale: boolean): TarballAnswer {
    for (const { registry, name: uplink } of this.#deps.upstreams.all) {
      const version = this.#deps.ledger.versions(registry, name).find((known) => tarballFileName({ name, version: known }) === fileName)
      if (version === undefined) continue
      if (isStale) throw new Unavailable('evidence-unavailable', `the registry cannot be asked whether it still has ${specOf({ name, version })}`)
      const integrity = this.#deps.ledger.records(registry, name).get(version)?.integrity
      this.#telling.withdrawn({ name, version }, { uplink, integrity }, policy, requested)
      return { kind: 'withdrawn', ref: { name, version } }
    }
    return { kind: 'absent' }
  }

  #noteChanges(context: PackageContext, judged: Parameters<typeof noteChanges>[1], policy: Policy, now: Date): void {
    const { document: { packument: { name } }, upstream: { registry } } = context
    this.#telling.pending({ registry, name }, noteChanges(context, judged, policy, now, this.#deps.ledger), policy, now)
  }
}
