import type { ByteStore, Clock, DecisionLog, FactStore, Ledger, Policy, TarballInspector, TrustMaterial, TrustRenewal, Upstreams, Verifier } from '../domain/ports.ts'
import type { DecisionWriter } from '../domain/decision.ts'
import type { CacheMeasures } from '../domain/measures.ts'
import type { Tracing } from '../domain/tracing.ts'
import type { Behind } from './behind.ts'

/** What is behind the ports of a pipeline; `compose.ts` says it. */
export interface PipelineDeps {
  readonly upstreams: Upstreams
  readonly verifier: Verifier
  readonly facts: FactStore
  readonly ledger: Ledger
  readonly bytes: ByteStore
  readonly inspector: TarballInspector
  /** The policy in force. Each question to the pipeline is answered by one policy, from its first word to its last. */
  readonly policy: () => Policy
  /** What may vouch for a package. @throws Unavailable (`trust-material-stale`) */
  readonly trustOf: (uplink: string, name: string) => TrustMaterial
  /** Asked when evidence rests on what the trust material does not name; without it, that is the last word. */
  readonly renewal?: TrustRenewal | undefined
  readonly signsAlways: (uplink: string) => boolean
  readonly decisions: DecisionLog
  /** Told of changes that wait for an operator. */
  readonly events?: DecisionWriter | undefined
  readonly clock: Clock
  /** Where what was asked for was: packages' listings, and verdicts on tarballs. */
  readonly measures?: { readonly listings: CacheMeasures; readonly verdicts: CacheMeasures } | undefined
  readonly tracing?: Tracing | undefined
  /** Runs tasks of an uplink a few at a time, in the order given. */
  readonly limit: <Result>(task: () => Promise<Result>, uplink: string) => Promise<Result>
  /** Bytes that listings may take in memory; a default when not given. */
  readonly listingMemory?: number | undefined
  /** Settles when a first answer should not wait any longer for provenance. */
  readonly deadline: () => Promise<void>
  /** Verifies the rest behind an answer; without it, what a listing names on a claim is left to the gate. */
  readonly behind?: Behind | undefined
  /** Told of failures in work that no request waits for. */
  readonly onBackgroundError: (error: unknown) => void
}
