import type { Reason } from './reason.ts'

/**
 * - `allow`, `warn`: may be served;
 * - `deny`: refused, 403;
 * - `unavailable`: cannot be decided now, 503.
 */
export type Outcome = 'allow' | 'warn' | 'deny' | 'unavailable'

/** An exception that somebody made, and answers for. */
export interface AppliedWaiver {
  /** `name@version` or `name@range`, as it stands in the policy */
  readonly package: string
  readonly reason: string
  readonly approvedBy: string
  readonly expires: Date
}

/** The decision on one version. Computed from facts, policy and clock each time, so it is never stored. */
export interface Verdict {
  readonly outcome: Outcome
  /** Name of the rule that decided. */
  readonly rule: string
  /** What was found wrong, worst first; for `allow` it is empty. */
  readonly reasons: readonly Reason[]
  /** What policy would have refused, had it not been for `monitor`. */
  readonly monitored?: true
  /** Without it, policy would have refused; the outcome is `warn`, and the reasons are what it excuses. */
  readonly waiver?: AppliedWaiver
  /** Ids of all waivers that excuse something in it, that one among them: without any of them it might be refused. */
  readonly waivers?: readonly string[]
  /** When the clock alone would change this verdict; no cached answer outlives it. */
  readonly validUntil?: Date
}

export const isServed = (verdict: Pick<Verdict, 'outcome'> & Partial<Verdict>): boolean => verdict.outcome === 'allow' || verdict.outcome === 'warn'
