import type { Reason } from './reason.ts'

/** What versions of a package showed before, as a later one is compared with. */

/** How well a version is vouched for, from worst to best. */
export const RANKS = ['none', 'signature', 'provenance'] as const
export type Rank = (typeof RANKS)[number]

/** A version published earlier. What it claims counts like what was verified of it: a claim can only make the bar higher. */
export interface Predecessor {
  readonly version: string
  readonly rank: Rank
  readonly basis: 'verified' | 'claimed'
  readonly notBefore: Date
}

/** Unsigned words of the registry that an earlier version had; a later one without them is worth a warning and nothing more. */
export type Hint = 'trustedPublisher' | 'stagedPublish'

/** Evidence that counts for a rank: what a rule ignores is not compared. */
export interface Counts {
  readonly signature: boolean
  readonly provenance: boolean
}

export interface Before {
  /** The best of the same release line; undefined when nothing vouched for any of it. */
  readonly inLine: Predecessor | undefined
  /** The best of all other lines. */
  readonly offLine: Predecessor | undefined
  /** Hints that an earlier version of the same line had. */
  readonly hints: ReadonlySet<Hint>
}

/** The versions of one package in the order of their `notBefore`. */
export interface History {
  /** What came before a version. Prereleases do not count for stable versions. */
  before(version: string, counts: Counts): Before
}

const NOTHING: Before = { inLine: undefined, offLine: undefined, hints: new Set() }
/** Of a package with one version, or of which nothing else is known. */
export const NO_HISTORY: History = { before: () => NOTHING }

/** An identity a package was built by, as certified; what is not in the certificate is undefined. */
export interface IdentityPin {
  readonly issuer: string
  readonly sourceRepository: string | undefined
  readonly sourceRepositoryId: string | undefined
  readonly sourceOwnerId: string | undefined
  /** Path of the workflow the run started from, without its ref. */
  readonly workflow: string | undefined
  /** The version that showed it first. */
  readonly version: string
  /** Its `notBefore`. */
  readonly since: Date
  /** `notBefore` of the latest version that is known to show it. */
  readonly latest: Date
  /**
   * `found`: the package was built by it when this mirror first saw it; `settled`: shown since, and undisputed for a week;
   * `approved`, `dropped`: an operator said so.
   */
  readonly because: 'found' | 'settled' | 'approved' | 'dropped'
  /** From when on it counts no longer; undefined while it does. */
  readonly until: Date | undefined
}

/** Who built a package so far. */
export interface Pins {
  readonly pins: readonly IdentityPin[]
  /**
   * The version was older than the time a pin takes to settle when this mirror first saw the package: what it shows is what the
   * package was found with.
   */
  readonly isEstablished: boolean
  /** Why nothing can be compared now: what the pins have to be made of is not to be had. */
  readonly undecided?: readonly Reason[]
}

export const NO_PINS: Pins = { pins: [], isEstablished: true }

/** What a verified tarball says of itself. */
export interface Contents {
  /** The `repository` of its package.json as an address without user, suffix and fragment; as it stands where it is none. */
  readonly repository: string | undefined
  /** What a lockfile in it has clients fetch past the registry they are configured with; `field` is the name of that file. */
  readonly lockedElsewhere?: readonly ForeignDependency[]
}

/** A dependency that no registry serves. */
export interface ForeignDependency {
  /** `dependencies`, `optionalDependencies`, `peerDependencies`; or the name of a lockfile in the tarball */
  readonly field: string
  readonly name: string
  readonly spec: string
  /** `unknown`: of a kind that npm does not install, and another client may */
  readonly kind: 'git' | 'url' | 'file' | 'unknown'
}
