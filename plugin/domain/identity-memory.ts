import type { IdentityPin } from './history.ts'
import type { BuiltBy } from './pins.ts'

/** An identity that is none of the pins of its package, and the versions that show it. Waits for an operator. */
export interface PendingChange {
  readonly registry: string
  readonly name: string
  readonly to: BuiltBy
  /** The pin that stood last when it was first seen. */
  readonly from: BuiltBy
  readonly firstSeen: Date
  readonly versions: readonly string[]
}

/** A change seen in one version. */
export type SeenChange = Pick<PendingChange, 'to' | 'from' | 'firstSeen'> & { readonly version: string }

/** What an operator decided about an identity, and why. Kept for good, also when the package is reset. */
export interface PinDecision {
  readonly registry: string
  readonly name: string
  readonly decision: 'approve' | 'drop'
  readonly identity: BuiltBy
  readonly reason: string
  /** Undefined where nobody was named. */
  readonly by: string | undefined
  readonly at: Date
}

/** Who built packages, by registry and name. As durable as the ledger that it is a part of. */
export interface IdentityMemory {
  /** As they were written, the earliest first; `inForce` says which of them count. */
  pins(registry: string, name: string): readonly IdentityPin[]
  /** Adds what versions show; in which order does not matter, and what an operator decided stays. */
  add(registry: string, name: string, pins: readonly IdentityPin[]): void
  /** Keeps changes that wait; idempotent. Returns those that were not known before. */
  noteChanges(registry: string, name: string, changes: readonly SeenChange[]): readonly SeenChange[]
  changes(name?: string): readonly PendingChange[]
  /**
   * Makes the identity of a pending change a pin, or has a pin count no longer; what was pending of it no longer is.
   * With `drop`, versions that show it are refused or warned about unless they were there before this mirror.
   */
  decide(decision: PinDecision): void
  /** Oldest first. */
  decisions(name: string): readonly PinDecision[]
  /** Packages of which there is a pin or a change: `[registry, name]`. */
  packages(): readonly (readonly [registry: string, name: string])[]
  /** Another number once anything but a pending change is another: what was computed before rests on other pins. */
  revision(name: string): number
}
