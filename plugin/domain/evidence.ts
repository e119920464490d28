import type { Contents, ForeignDependency, History, Pins } from './history.ts'
import type { Integrity } from './integrity.ts'
import type { PackageRef } from './package-ref.ts'
import type { RegistrySignature } from './packument.ts'
import type { Reason } from './reason.ts'
import type { SignerIdentity } from './signer-identity.ts'

/**
 * What is known of one kind of evidence for one version. The states are the security of this mirror:
 * - `verified`: checked against trust material; `facts` come from nowhere else;
 * - `claimed`: announced by the upstream and not looked at yet; may only lead to a listing that the gate verifies;
 * - `absent`: the upstream answered, and there is none;
 * - `invalid`: it is there and does not verify, for good;
 * - `unknown-key`: it may be genuine, but no key known here can tell;
 * - `unavailable`: the upstream did not answer, or not in time: nothing is known, and nothing is stored.
 */
export type Evidence<Facts> =
  | { readonly state: 'verified'; readonly facts: Facts; /** gone upstream since it was verified */ readonly withdrawn?: true }
  | { readonly state: 'claimed' }
  | { readonly state: 'absent' }
  | {
      readonly state: 'invalid' | 'unknown-key' | 'unavailable'
      readonly reasons: readonly [Reason, ...Reason[]]
      /** it rests on a log or CA that the trust material does not name: newer material may know it */
      readonly unknownAnchor?: true
    }

declare const verified: unique symbol
/** Only `verify/` makes these (and `store/` brings back what it made), so nothing unverified reaches policy by mistake. */
interface Verified {
  readonly [verified]?: true
}

/** A registry signature over `name@version:integrity` that verified. */
export interface SignatureFacts extends Verified {
  readonly keyid: string
  /** When the key that signed stops being valid (ISO 8601), or null: compared with `notBefore`, never with an unsigned time. */
  readonly keyExpires: string | null
}

/** npm's publish attestation, signed with the registry's key. */
export interface PublishFacts extends Verified {
  readonly keyid: string
  readonly registry: string
  /** ISO 8601, from the transparency log */
  readonly loggedAt: string
}

/** SLSA provenance, signed with a certificate of a trusted Fulcio. */
export interface ProvenanceFacts extends Verified {
  readonly predicateType: string
  readonly buildType: string
  readonly identity: SignerIdentity
  /** The latest verified log or timestamp time, ISO 8601. */
  readonly loggedAt: string
  /** Index in the transparency log, for a link; undefined where the bundle has none. */
  readonly logIndex: string | undefined
  /** The Sigstore instance that vouches, as configured; absent of the default one. */
  readonly instance?: string
}

/** What the packument claims of a version, unsigned. Policy may use it only to be stricter. */
export interface VersionClaims {
  /** Publish time, or undefined when the upstream gives none that parses. */
  readonly published: Date | undefined
  readonly trustedPublisher: boolean
  readonly stagedPublish: boolean
}

/** Everything policy may look at of one version: verified facts, and claims named as such. */
export interface Candidate {
  readonly ref: PackageRef
  /** Name of the uplink that owns the package. */
  readonly uplink: string
  readonly origin: 'upstream' | 'local'
  /** Whether this uplink signs every version it serves, as configured or as seen. */
  readonly uplinkSigns: boolean
  readonly integrity: Integrity
  /** What is wrong with the version whatever its evidence: each is a reason to refuse. */
  readonly faults: readonly Reason[]
  /** What is worth a warning and nothing more. */
  readonly warnings: readonly Reason[]
  readonly signature: Evidence<SignatureFacts>
  readonly publishAttestation: Evidence<PublishFacts>
  readonly provenance: Evidence<ProvenanceFacts>
  readonly claims: VersionClaims
  /**
   * The earliest moment this version can have been published, by what cannot be backdated: the latest of the claimed
   * time, the verified log time, and the last upstream answer without it.
   */
  readonly notBefore: Date
  /** What was published before it, as far as it is known. */
  readonly history: History
  /** Who built the package so far. */
  readonly pins: Pins
  /** What the tarball says; undefined while its bytes were not looked at. */
  readonly contents: Contents | undefined
  /** What the packument entry depends on beside registries; the gate holds its dependencies against the tarball. */
  readonly foreignDependencies: readonly ForeignDependency[]
}

/** Evidence of one version that the upstream no longer shows and the mirror goes on serving. */
export interface KeptEvidence {
  readonly signatures?: readonly RegistrySignature[]
  /** `provenance` is its predicate type; absent when the kept document holds a publish attestation only. */
  readonly attestations?: { readonly provenance?: string }
}
