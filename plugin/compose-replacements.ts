/** What a test, or a command, has in the place of the real thing. */
import type { NotifierOptions } from './compose-notify.ts'
import type { Clock, DecisionLog, Upstreams } from './domain/ports.ts'
import type { TarballLimits } from './enforce/tarball.ts'
import type { RolloutReplacements } from './rollout/rollout.ts'
import type { RegistryClient } from './upstream/registry-client.ts'
import type { TrustKeeperOptions, VerifierOptions } from './verify/index.ts'

/** What a test replaces; the rest is real. */
export interface Replacements {
  readonly clock?: Clock
  /** First wait before an upstream is asked again, in milliseconds. */
  readonly retryWait?: number
  /** How long a first answer waits for provenance, in milliseconds. */
  readonly deadline?: number
  readonly decisions?: DecisionLog
  /** How notifications wait; default: a timer. */
  readonly notificationSchedule?: NotifierOptions['schedule']
  /** A command: what is asked here is no decision of the mirror, and its log is read only. */
  readonly asksOnly?: boolean
  readonly limits?: Limits
  /** How the refresh of trust material waits. */
  readonly schedule?: TrustKeeperOptions['schedule']
  /** How the policy's files are read and watched. */
  readonly rollout?: RolloutReplacements
  /** An archive in the place of the uplinks, while it is imported. Nothing is then asked of anybody, for trust material neither. */
  readonly archive?: (clients: ReadonlyMap<string, RegistryClient>) => Upstreams
}

/** Bounds of what upstreams send, where a test needs smaller ones; see docs/limits.md. Sizes in bytes, times in milliseconds. */
export interface Limits {
  readonly packument?: number
  readonly document?: number
  readonly tarball?: number
  readonly tarballDeadline?: number
  readonly inspection?: Partial<TarballLimits>
  readonly verification?: VerifierOptions
  readonly questions?: number
  readonly inFlight?: number
}
