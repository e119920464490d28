import type { Candidate } from '../domain/evidence.ts'
import type { Stage } from '../domain/ports.ts'
import type { Reason } from '../domain/reason.ts'
import type { AppliedWaiver } from '../domain/verdict.ts'

/** Worst first. `forgery` and `deny` refuse, `unavailable` leaves it undecided, `warn` is only said. */
export const SEVERITIES = ['forgery', 'deny', 'unavailable', 'warn'] as const
export type Severity = (typeof SEVERITIES)[number]

/** One thing found wrong with a version under a policy. */
export interface Finding {
  readonly severity: Severity
  readonly reason: Reason
  /** When the clock alone takes the finding away, or what excuses it. */
  readonly until?: Date
  /** What turned it from a refusal into a warning. */
  readonly waiver?: AppliedWaiver & { readonly id: string }
}

/** What decides beside candidate and rule. */
export interface Situation {
  readonly stage: Stage
  readonly now: Date
  readonly listing: 'claimed' | 'verified'
  readonly onUnavailable: 'deny' | 'allow'
}

/** One requirement, compiled. Finds nothing when it is met. */
export type Check = (candidate: Candidate, situation: Situation) => readonly Finding[]

export const deny = (reason: Reason): Finding => ({ severity: 'deny', reason })
export const undecided = (reason: Reason): Finding => ({ severity: 'unavailable', reason })
export const warn = (reason: Reason): Finding => ({ severity: 'warn', reason })

/** Whether nothing was found that keeps a version from being served. */
export const isMet = (findings: readonly Finding[]): boolean => findings.every(({ severity }) => severity === 'warn')
export const isRefusal = ({ severity }: Finding): boolean => severity === 'forgery' || severity === 'deny'

/** The earliest moment at which one of the findings goes by itself. */
export function earliest(findings: readonly Finding[]): Date | undefined {
  const times = findings.flatMap(({ until }) => (until === undefined ? [] : [until.getTime()]))
  return times.length === 0 ? undefined : new Date(Math.min(...times))
}
