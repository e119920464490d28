/**
 * Who built a package so far, for each of its versions. The outcome must not depend on which versions happen to have been asked
 * for first: what pins are made of is laid down in `PinBasis`, and the gate has it verified before it decides.
 */
import type { Candidate } from '../domain/evidence.ts'
import type { IdentityPin, Pins } from '../domain/history.ts'
import type { SeenChange } from '../domain/identity-memory.ts'
import { countsAt, inForce, keyOf, mergedPin, SETTLES_MS, type PinLevel } from '../domain/pins.ts'
import type { VersionManifest } from '../domain/packument.ts'
import type { Ledger, Policy } from '../domain/ports.ts'
import { isUnavailable, type Reason } from '../domain/reason.ts'
import type { Verdict } from '../domain/verdict.ts'
import { verifiedAttestations, type AttestationDeps } from './attestations.ts'
import { candidateOf, type CandidateDeps } from './candidate.ts'
import type { PackageContext } from './context.ts'
import { learned, PinBasis, relationTo, shownBy, type Learning } from './pin-basis.ts'
import { signaturesOf } from './signatures.ts'

interface Judged {
  readonly candidate: Candidate
  readonly verdict: Verdict
}

const isCompared = (candidate: Candidate, policy: Policy): boolean => shownBy(candidate) !== undefined && levelOf(candidate, policy) !== 'off'
const hasId = (candidate: Candidate): boolean => {
  const shown = shownBy(candidate)
  return shown !== undefined && shown !== 'nobody' && shown.sourceRepositoryId !== undefined
}
const levelOf = ({ ref, origin }: Candidate, policy: Policy): PinLevel => policy.pinLevel(ref, origin)

/**
 * All versions of a listing, each with its pins. What verified of them makes pins, in the order of `notBefore`; where a version
 * that has to be compared first is not verified yet, nothing is compared: the gate will have it verified.
 */
export function withPins(context: PackageContext, candidates: readonly Candidate[], policy: Policy, now: Date, ledger: Ledger): readonly Candidate[] {
  if (!candidates.some((candidate) => isCompared(candidate, policy))) return candidates
  const basis = new PinBasis(context, policy, ledger)
  const known = new Set(candidates.filter(({ provenance: { state } }) => state !== 'claimed' && state !== 'unavailable').map(({ ref }) => ref.version))
  const isKnown = ({ version }: VersionManifest): boolean => known.has(version)
  const foundIsKnown = basis.found.every(isKnown)
  const pins = learn(context, candidates, ledger, {
    basis,
    policy,
    now,
    mayBegin: ({ notBefore }) => foundIsKnown && basis.settled(notBefore, now).every(isKnown),
    judge: (candidate) => policy.evaluate(candidate, 'listing', now),
  })
  return candidates.map((candidate) => {
    if (!isCompared(candidate, policy)) return candidate
    const isTold = foundIsKnown || relationTo(pins, candidate, policy) === 'same'
    return { ...candidate, pins: { pins: isTold ? pins : [], isEstablished: basis.isEstablished(candidate.notBefore) } }
  })
}

/**
 * One version at the gate. Unless it was there before this mirror, or is by who is pinned, the few versions that pins are made of
 * are verified first; evidence of them that cannot be had leaves it undecided.
 */
export async function withKnownPins(
  context: PackageContext,
  candidate: Candidate,
  policy: Policy,
  now: Date,
  deps: AttestationDeps & CandidateDeps,
): Promise<Candidate> {
  if (!isCompared(candidate, policy)) return candidate
  const basis = new PinBasis(context, policy, deps.ledger)
  const isEstablished = basis.isEstablished(candidate.notBefore)
  // What was there before this mirror is compared with nothing: its pins are for whoever wants to know.
  if (isEstablished) return { ...candidate, pins: { pins: inForce(stored(context, deps.ledger), undefined), isEstablished } }
  const current = (): readonly IdentityPin[] => inForce(stored(context, deps.ledger), basis.recently)
  const relation = () => relationTo(current(), candidate, policy)
  const withThem = (more: Partial<Pins> = {}): Candidate => ({ ...candidate, pins: { pins: current(), isEstablished, ...more } })
  // An address without its id is the same only while no version is known that shows the id.
  const isCertain = (): boolean => relation() === 'same' && hasId(candidate)
  if (isCertain()) return withThem()

  const ask = (manifests: readonly VersionManifest[]) => establish(context, manifests, { basis, policy, now }, deps)
  const missing = await ask(basis.found)
  if (missing.length > 0) return isCertain() ? withThem() : withThem({ undecided: missing })
  // Where nobody is pinned, or an address without its id, the versions since say who it is.
  const standing = current().filter((pin) => countsAt(pin, candidate.notBefore))
  if (!isCertain() && (standing.length === 0 || standing.some(({ sourceRepositoryId }) => sourceRepositoryId === undefined))) {
    const later = await ask(basis.first(candidate.notBefore, now))
    if (later.length > 0 && !isCertain()) return withThem({ undecided: later })
  }
  // Only whether it is worth a warning: who took the repository over may have settled since.
  if (relation() === 'new-owner') await ask(basis.latest(candidate.notBefore, now))
  return withThem()
}

/** Verifies versions and takes what they show into the pins; what keeps one of them from being judged ends it. */
async function establish(
  context: PackageContext,
  manifests: readonly VersionManifest[],
  { basis, policy, now }: Pick<Learning, 'basis' | 'policy' | 'now'>,
  deps: AttestationDeps & CandidateDeps,
): Promise<readonly Reason[]> {
  const signatures = await signaturesOf(context, manifests, deps.verifier, deps.ledger)
  const candidates = await Promise.all(
    manifests.map(async (manifest) => {
      const attestations = await verifiedAttestations(context, manifest, deps)
      return candidateOf(context, manifest, { signature: signatures.get(manifest.version) ?? { state: 'absent' }, attestations, byteFaults: [] }, deps)
    }),
  )
  const judge = (candidate: Candidate): Verdict => policy.evaluate(candidate, 'gate', now)
  // What is refused in any case makes no pin, whatever the evidence would say.
  const isOpenQuestion = (candidate: Candidate): boolean => {
    const { outcome } = judge(candidate)
    return outcome === 'unavailable' || (outcome !== 'deny' && candidate.provenance.state === 'unavailable')
  }
  const open = candidates.findIndex(isOpenQuestion)
  // Those it was found with stand each for itself; of those since, one that is open keeps the next from being compared.
  const told = candidates.filter((candidate, index) => (basis.isEstablished(candidate.notBefore) ? !isOpenQuestion(candidate) : open === -1 || index < open))
  learn(context, told, deps.ledger, { basis, policy, now, mayBegin: () => true, judge })
  const missing = candidates[open]
  return missing === undefined ? [] : judge(missing).reasons.filter(({ code }) => isUnavailable(code)).slice(0, 1)
}

/** After a version was delivered, and all it has to be compared with was known. */
export function notePins(context: PackageContext, { candidate, verdict }: Judged, policy: Policy, now: Date, ledger: Ledger): void {
  if (!isCompared(candidate, policy)) return
  learn(context, [candidate], ledger, { basis: new PinBasis(context, policy, ledger), policy, now, mayBegin: () => true, judge: () => verdict })
}

/** Takes what versions show into the ledger, the oldest first. Returns the pins in force. */
function learn(context: PackageContext, candidates: readonly Candidate[], ledger: Ledger, learning: Learning): readonly IdentityPin[] {
  const known = stored(context, ledger)
  const pins = new Map(known.map((pin) => [keyOf(pin), pin]))
  const added = new Set<string>()
  for (const candidate of inOrder(candidates, learning.basis)) {
    const pin = learned([...pins.values()], candidate, learning)
    if (pin === undefined) continue
    const key = keyOf(pin)
    pins.set(key, mergedPin(pins.get(key), pin))
    added.add(key)
  }
  const changed = [...pins].filter(([key]) => added.has(key)).map(([, pin]) => pin)
  ledger.identities.add(context.upstream.registry, context.document.packument.name, changed)
  return inForce([...pins.values()], learning.basis.recently)
}

/**
 * By `notBefore`. Of those a package was found with the order makes no difference, and the last one leads: between it and the first,
 * thousands say nothing new.
 */
function inOrder(candidates: readonly Candidate[], basis: PinBasis): readonly Candidate[] {
  const sorted = candidates.toSorted((a, b) => a.notBefore.getTime() - b.notBefore.getTime())
  const last = sorted.findLast(({ notBefore }) => basis.isEstablished(notBefore))
  return last === undefined ? sorted : [last, ...sorted]
}

const stored = ({ upstream, document }: PackageContext, ledger: Ledger): readonly IdentityPin[] =>
  ledger.identities.pins(upstream.registry, document.packument.name)

/** Keeps for an operator which versions are by somebody else than the package was. Returns those of which he was not told before. */
export function noteChanges(context: PackageContext, judged: readonly Judged[], policy: Policy, now: Date, ledger: Ledger): readonly SeenChange[] {
  const changes = judged.flatMap(({ candidate, verdict }) => {
    const { pins, isEstablished } = candidate.pins
    const shown = shownBy(candidate)
    const from = pins.findLast((pin) => countsAt(pin, candidate.notBefore)) ?? pins.at(-1)
    if (isEstablished || from === undefined || shown === undefined || shown === 'nobody') return []
    if (relationTo(pins, candidate, policy) !== 'other' || !verdict.reasons.some(({ code }) => code === 'identity-changed')) return []
    return [{ version: candidate.ref.version, to: shown, from, firstSeen: now }]
  })
  return changes.length === 0 ? changes : ledger.identities.noteChanges(context.upstream.registry, context.document.packument.name, changes)
}

/** When versions settle: until then a listing compares them with one set of pins, and from then on with another. */
export const settleTimes = (candidates: readonly Candidate[], now: Date): readonly Date[] =>
  candidates
    .filter((candidate) => shownBy(candidate) !== undefined)
    .map(({ notBefore }) => new Date(notBefore.getTime() + SETTLES_MS))
    .filter((settles) => settles > now)
