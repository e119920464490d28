/** Who built a package so far: what an identity is, when two are one, and what counts of those that are remembered. */
import type { IdentityPin } from './history.ts'
import type { SignerIdentity } from './signer-identity.ts'
import { workflowPath } from './workflow-path.ts'

/**
 * How long what a version shows is on trial: a takeover is found within days or not at all. In milliseconds.
 */
export const SETTLES_MS = 7 * 86_400_000

/** What is compared; the workflow is its path in the repository, without a ref. */
export type PinLevel = 'repository' | 'workflow' | 'off'

/** The part of a certificate that is pinned. */
export type BuiltBy = Pick<IdentityPin, 'issuer' | 'sourceRepository' | 'sourceRepositoryId' | 'sourceOwnerId' | 'workflow'>

/** Undefined where the certificate names no repository: a person's signature pins nothing. */
export function builtBy(identity: SignerIdentity): BuiltBy | undefined {
  const { issuer, sourceRepository, sourceRepositoryId, sourceOwnerId } = identity
  if (given(sourceRepository) === undefined && given(sourceRepositoryId) === undefined) return undefined
  return {
    issuer,
    sourceRepository: given(sourceRepository),
    sourceRepositoryId: given(sourceRepositoryId),
    sourceOwnerId: given(sourceOwnerId),
    workflow: workflowPath(identity),
  }
}

const given = (claim: string | undefined): string | undefined => (claim === '' ? undefined : claim)

/**
 * What an identity is to the pins of its package:
 * - `unpinned`: there are none to compare with;
 * - `same`: one of them, a rename under the same owner included;
 * - `new-owner`: the same certified repository, which belongs to somebody else now;
 * - `learned`: the same address, whose id no certificate named before (early 2023);
 * - `other`: none of them.
 */
export type Relation = 'unpinned' | 'same' | 'new-owner' | 'learned' | 'other'

/**
 * `pins` as `inForce` gives them; `at` is the `notBefore` of the version. An identity that names no repository is none of them.
 */
export function relationOf(by: BuiltBy | undefined, pins: readonly IdentityPin[], level: Exclude<PinLevel, 'off'>, at: Date): Relation {
  const open = pins.filter((pin) => countsAt(pin, at))
  // Where an operator dropped the only one, nobody may take its place unasked.
  if (open.length === 0 && !pins.some(isDropped)) return 'unpinned'
  if (by === undefined) return 'other'
  const alike = open.filter((pin) => level === 'repository' || pin.workflow === by.workflow)
  const own = alike.filter((pin) => isOfRepository(pin, by))
  if (own.some(({ sourceOwnerId }) => sourceOwnerId === by.sourceOwnerId)) return 'same'
  if (own.length > 0) return 'new-owner'
  return by.sourceRepositoryId !== undefined && alike.some((pin) => pin.sourceRepositoryId === undefined && hasSameAddress(pin, by)) ? 'learned' : 'other'
}

/** Issuer and certified id; the address only where neither has an id, since addresses are renamed and taken by others. */
export const isOfRepository = (pin: BuiltBy, by: BuiltBy): boolean =>
  by.sourceRepositoryId === undefined
    ? pin.sourceRepositoryId === undefined && hasSameAddress(pin, by)
    : pin.issuer === by.issuer && pin.sourceRepositoryId === by.sourceRepositoryId

const hasSameAddress = (a: BuiltBy, b: BuiltBy): boolean =>
  a.issuer === b.issuer && a.sourceRepository !== undefined && a.sourceRepository === b.sourceRepository

export const isOpen = ({ until }: IdentityPin): boolean => until === undefined
/** What others showed later says nothing of a version; what operators say, they say of all. */
export const countsAt = ({ because, since, until }: IdentityPin, at: Date): boolean => {
  if (because === 'dropped') return false
  return (because !== 'settled' || since <= at) && (until === undefined || until > at)
}
export const isDropped = ({ because }: IdentityPin): boolean => because === 'dropped'

/**
 * The pins as they count now. Which versions of a package happen to have been verified must not decide, so what counts follows
 * from the set of pins alone, and from when its most recent established versions were published (`recently`):
 * - an address without an id counts until an id of it is known, else whoever re-registers the name would pass;
 * - an identity the package was found with and had left by `recently` counts no longer.
 */
export function inForce(pins: readonly IdentityPin[], recently: Date | undefined): readonly IdentityPin[] {
  const recent = pins.map((pin) => (isOpen(pin) && isLeft(pin, recently) ? { ...pin, until: recently } : pin))
  return recent.map((pin) => {
    const until = isOpen(pin) ? idKnownSince(pin, recent) : undefined
    return until === undefined ? pin : { ...pin, until }
  })
}

const isLeft = ({ because, latest }: IdentityPin, recently: Date | undefined): boolean => because === 'found' && recently !== undefined && latest < recently

function idKnownSince(pin: IdentityPin, pins: readonly IdentityPin[]): Date | undefined {
  if (pin.sourceRepositoryId !== undefined) return undefined
  const moments = pins
    .filter((other) => other.sourceRepositoryId !== undefined && isOpen(other) && hasSameAddress(other, pin))
    .map(({ since }) => since.getTime())
  return moments.length === 0 ? undefined : new Date(Math.min(...moments))
}

/** One text for one identity. */
export const keyOf = ({ issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow }: BuiltBy): string =>
  JSON.stringify([issuer, sourceRepository ?? null, sourceRepositoryId ?? null, sourceOwnerId ?? null, workflow ?? null])

/** The same set whatever order its parts came in. What an operator decided stays: approved before found, dropped before all. */
export function mergedPin(known: IdentityPin | undefined, added: IdentityPin): IdentityPin {
  if (known === undefined) return added
  const first = added.since < known.since ? added : known
  const because = STRENGTH.find((why) => why === known.because || why === added.because) ?? known.because
  return {
    ...known,
    version: first.version,
    since: first.since,
    latest: added.latest > known.latest ? added.latest : known.latest,
    because,
    until: known.until,
  }
}
const STRENGTH = ['dropped', 'approved', 'settled', 'found'] as const

/** Where an identity is to be found, for people. */
export const describeBuilder = ({ issuer, sourceRepository, sourceRepositoryId, sourceOwnerId }: BuiltBy): string => {
  const ids = [
    ...(sourceRepositoryId === undefined ? [] : [`id ${sourceRepositoryId}`]),
    ...(sourceOwnerId === undefined ? [] : [`owner ${sourceOwnerId}`]),
  ]
  const repository = sourceRepository ?? `a repository of ${issuer}`
  return ids.length === 0 ? repository : `${repository} (${ids.join(', ')})`
}
