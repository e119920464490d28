/** What the pins of a package are made of: which versions show who built it, and what each of them adds. */
import type { Candidate } from '../domain/evidence.ts'
import type { IdentityPin } from '../domain/history.ts'
import { builtBy, inForce, isDropped, isOfRepository, isOpen, keyOf, relationOf, SETTLES_MS, type BuiltBy, type Relation } from '../domain/pins.ts'
import type { VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE, type Ledger, type Policy } from '../domain/ports.ts'
import type { ReasonCode } from '../domain/reason.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import { isServed, type Verdict } from '../domain/verdict.ts'
import { claimsOf, notBefore } from './candidate.ts'
import type { PackageContext } from './context.ts'

/** Versions that are asked who built them; a package says so in each, so a few are enough. */
const ASKED = 3
const NOTHING = { publishAttestation: { state: 'absent' }, provenance: { state: 'absent' } } as const

interface Moment {
  readonly manifest: VersionManifest
  readonly at: Date
}

/**
 * The versions of a package that say who built it, told from the packument and the ledger alone: what happens to be verified
 * already must not decide which are asked.
 */
export class PinBasis {
  readonly #foundAt: Date
  readonly #read: () => readonly Moment[]
  #moments: readonly Moment[] | undefined
  #last: readonly Moment[] | undefined

  constructor(context: PackageContext, policy: Policy, ledger: Ledger) {
    const { upstream, document } = context
    const { name, versions } = document.packument
    const origin = upstream.registry === PUBLISHED_HERE ? 'local' : 'upstream'
    this.#foundAt = ledger.firstSeen(upstream.registry, name) ?? document.confirmedAt
    this.#read = () =>
      [...versions.values()]
        .filter((manifest) => announcesProvenance(context, manifest) && policy.pinLevel({ name, version: manifest.version }, origin) !== 'off')
        .map((manifest) => ({ manifest, at: notBefore(context, manifest, claimsOf(context, manifest), NOTHING, ledger) }))
        .sort((a, b) => a.at.getTime() - b.at.getTime())
  }

  /** The latest of those the package was found with. */
  get found(): readonly VersionManifest[] {
    return this.#found().map(({ manifest }) => manifest)
  }

  /** From when on an identity must have been seen to be one the package was found with; undefined while any is. */
  get recently(): Date | undefined {
    return this.#found()[0]?.at
  }

  /** Old enough when this mirror first saw the package: what it shows is what the package was found with. */
  isEstablished(at: Date): boolean {
    return at.getTime() <= this.#foundAt.getTime() - SETTLES_MS
  }

  /** The first ones since that have settled, older than `at`: with nothing to be found, whoever built them built the package. */
  first(at: Date, now: Date): readonly VersionManifest[] {
    return this.settled(at, now).slice(0, ASKED)
  }

  /** The latest ones since that have settled, older than `at`. */
  latest(at: Date, now: Date): readonly VersionManifest[] {
    return this.settled(at, now).slice(-ASKED)
  }

  settled(before: Date, now: Date): readonly VersionManifest[] {
    return this.#all.filter(({ at }) => !this.isEstablished(at) && at < before && isSettledBy(at, now)).map(({ manifest }) => manifest)
  }

  #found(): readonly Moment[] {
    this.#last ??= this.#all.filter(({ at }) => this.isEstablished(at)).slice(-ASKED)
    return this.#last
  }

  /** The oldest first; most versions are judged without. */
  get #all(): readonly Moment[] {
    this.#moments ??= this.#read()
    return this.#moments
  }
}

export const isSettledBy = (at: Date, now: Date): boolean => now.getTime() - at.getTime() >= SETTLES_MS

function announcesProvenance({ upstream, records }: PackageContext, { version, dist }: VersionManifest): boolean {
  // Where nothing is announced and the endpoint is asked all the same, any version may have some.
  return dist.attestations?.provenance !== undefined || records.get(version)?.had.provenance === true || upstream.attestationsMode === 'probe'
}

/** Who built a version, as certified: undefined without verified provenance, `nobody` where the certificate names no repository. */
export function shownBy({ provenance }: Candidate): BuiltBy | 'nobody' | undefined {
  if (provenance.state !== 'verified') return undefined
  const { identity } = provenance.facts
  const known = shown.get(identity) ?? builtBy(identity) ?? 'nobody'
  shown.set(identity, known)
  return known
}
/** A listing asks several times of each of thousands of versions. */
const shown = new WeakMap<SignerIdentity, BuiltBy | 'nobody'>()

/** What a version's identity is to the pins in force; undefined where nothing is compared. */
export function relationTo(pins: readonly IdentityPin[], candidate: Candidate, policy: Policy): Relation | undefined {
  const shown = shownBy(candidate)
  const level = policy.pinLevel(candidate.ref, candidate.origin)
  if (shown === undefined || level === 'off') return undefined
  return relationOf(shown === 'nobody' ? undefined : shown, pins, level, candidate.notBefore)
}

const OF_THE_VERSION_ALONE: ReadonlySet<ReasonCode> = new Set(['dependency-source', 'publish-attestation-absent', 'staged-publish-absent', 'trusted-publisher-absent'])

/**
 * Refused for what says nothing against who built it. That a package was found with nothing but such versions must not leave it
 * without a builder: the first stranger to come would pass.
 */
const isRefusedForItself = ({ reasons }: Verdict): boolean => reasons.every(({ code }) => OF_THE_VERSION_ALONE.has(code))

export interface Learning {
  readonly basis: PinBasis
  readonly policy: Policy
  readonly now: Date
  /** Whether all that an identity which is not pinned has to be compared with is known. */
  readonly mayBegin: (candidate: Candidate) => boolean
  readonly judge: (candidate: Candidate) => Verdict
}

/** Whether the pins say already what a version shows. */
function isCovered(known: IdentityPin | undefined, at: Date, isEstablished: boolean): boolean {
  if (known === undefined) return false
  return known.since <= at && (isEstablished ? known.latest >= at : isOpen(known))
}

/** The pin that a version makes of what it shows, with `pins` as they stand; undefined when it makes none. */
export function learned(pins: readonly IdentityPin[], candidate: Candidate, { basis, policy, now, mayBegin, judge }: Learning): IdentityPin | undefined {
  const shown = shownBy(candidate)
  if (shown === undefined || shown === 'nobody' || policy.pinLevel(candidate.ref, candidate.origin) === 'off') return undefined
  const { notBefore: at, ref } = candidate
  const isEstablished = basis.isEstablished(at)
  // An operator said that it is not to be, whatever else of it there is.
  if (pins.some((pin) => isDropped(pin) && isOfRepository(pin, shown))) return undefined
  const current = inForce(pins, basis.recently)
  const key = keyOf(shown)
  // One that it was found with and had left may come back, as any other may come.
  if (isCovered((isEstablished ? pins : current).find((pin) => keyOf(pin) === key), at, isEstablished)) return undefined
  if (!isEstablished) {
    if (!isSettledBy(at, now)) return undefined
    const relation = relationTo(current, candidate, policy)
    if (relation === 'other' || (relation !== 'same' && !mayBegin(candidate))) return undefined
  }
  const verdict = judge({ ...candidate, pins: { pins: current, isEstablished } })
  // What `monitor` lets through although policy refuses it vouches for nothing.
  if ((!isServed(verdict) || verdict.monitored === true) && !(isEstablished && isRefusedForItself(verdict))) return undefined
  return { ...shown, version: ref.version, since: at, latest: at, because: isEstablished ? 'found' : 'settled', until: undefined }
}
