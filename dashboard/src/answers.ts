/** Shapes of the API's answers. The mirror that serves these pages is the one that answers: they are of one version. */
import type { DecisionSummary, LogEntry } from '../../plugin/domain/decision.ts'
import type { BuildersDocument, ChangeDocument, DecisionDocument, IdentityDocument, PinDocument } from '../../plugin/domain/identity-document.ts'
import type { Json, JsonObject } from '../../plugin/domain/json.ts'

export type { BuildersDocument, ChangeDocument, DecisionDocument, DecisionSummary, IdentityDocument, LogEntry, PinDocument }

export interface TrustStatus {
  readonly uplink: string
  readonly source: Json
  /** ISO 8601 */
  readonly fetchedAt: string | null
  readonly expires?: string | null
  /** The next end of a registry key. */
  readonly keyExpires?: string | null
  readonly problems: readonly string[]
}

export interface UplinkStatus {
  readonly name: string
  readonly state: string
  /** Questions. */
  readonly running: number
  readonly waiting: number
  readonly lastError?: string | null
}

export interface Reload {
  readonly at: string
  readonly cause: string
  readonly outcome: string
  readonly problems: number | readonly PolicyProblem[]
}

export interface BriefPolicy {
  readonly revision: string
  readonly loadedAt: string
  readonly lastReload: Reload | null
}

/** Of mirrors that share a ledger. */
export interface ReplicaStatus {
  readonly state: string
  readonly problem: string | null
  readonly pending: number
  readonly sequence: number
  readonly mirrors: readonly { readonly name: string; readonly version: string; readonly policy: string; readonly sequence: number }[]
}

export interface OverviewAnswer extends DecisionSummary {
  readonly policy: BriefPolicy
  readonly trust: readonly TrustStatus[]
  /** What of it ends soon, or has; the soonest first. */
  readonly trustAlarms?: readonly { readonly of: string; readonly kind: string; readonly stage: number; readonly text: string }[]
  readonly uplinks: readonly UplinkStatus[]
  /** Null where the ledger is this mirror's own. */
  readonly replicas?: ReplicaStatus | null
  readonly mode: string
  readonly version: string
}

export interface DecisionsAnswer {
  readonly entries: readonly LogEntry[]
  readonly cursor?: string | null
}

export interface PolicyProblem {
  readonly file: string | null
  readonly line: number | null
  readonly path: string
  readonly message: string
  readonly remedy: string
}

export interface RuleAnswer {
  readonly name: string
  readonly packages: readonly string[]
  readonly origin: string
  readonly mayOnlySpeakOf?: readonly string[]
  readonly verdict?: string
  readonly reason?: string
  readonly require?: JsonObject
  readonly where?: string
  readonly onFailure?: string
  /** Entries of the log by kind that this rule decided. */
  readonly hits?: Readonly<Record<string, number>> | null
}

export interface WaiverAnswer {
  readonly id: string
  readonly package: string
  readonly integrity?: string
  readonly waives: readonly string[]
  readonly reason: string
  readonly approvedBy: string
  readonly expires: string
  readonly secondsLeft: number
  readonly uses: number
  readonly lastUsed: string | null
}

export interface PolicyAnswer extends BriefPolicy {
  readonly place: string | null
  readonly preset: string
  readonly mode: string
  readonly listing: string
  readonly withheld: string
  readonly onUnavailable: string
  readonly rules: readonly RuleAnswer[]
  readonly waivers: readonly WaiverAnswer[]
  readonly warnings: readonly PolicyProblem[]
  /** From when on the hits were counted. */
  readonly hitsSince?: string | null
}

export interface PinsAnswer {
  readonly packages: readonly BuildersDocument[]
  readonly cursor: string | null
}

export interface SaidVerdict {
  readonly outcome: string
  readonly rule?: string | null
  readonly reasons: readonly { readonly code: string; readonly message: string }[]
}

export interface CheckResult {
  readonly package: string
  readonly version: string
  /** Undefined where there is none to give: then `status` says why. */
  readonly verdict?: SaidVerdict
  /** Under the policy in force, where another was tried out. */
  readonly before?: SaidVerdict
  /** 404: nobody has it; 401 and 403: whoever asks may not know of it. */
  readonly status?: number
  readonly nearestAllowed?: string
}

export interface CheckAnswer {
  readonly policyRevision: string
  readonly before?: { readonly policyRevision: string }
  readonly format: string | null
  readonly results: readonly CheckResult[]
  readonly notCovered: readonly { readonly name?: string; readonly version?: string | null; readonly code?: string; readonly reason?: string; readonly message?: string }[]
}

export interface RecallAnswer {
  readonly id: number
  readonly package: string
  readonly range: string
  readonly reason: string
  readonly by: string | null
  readonly at: string
  readonly lifted: { readonly reason: string; readonly by: string | null; readonly at: string } | null
}
