import type { DecisionRecord, DecisionSummary, LogEntry } from '../domain/decision.ts'
import type { Head } from './entry.ts'
import type { Filter, Place } from './filter.ts'
import type { Columns } from './columns.ts'

/** Signs where a chain stands; undefined where there is no key to be had. */
export type SignHead = (log: string, head: Head) => string | undefined

export interface StoredCheckpoint {
  readonly sequence: number
  readonly kind: 'checkpoint' | 'cut'
  /** DSSE, JSON */
  readonly envelope: string
}

/** An entry with the columns that stand for it. */
export interface StoredEntry {
  readonly body: string
  readonly hash: string
  readonly sequence: number
  readonly columns: Columns
}

/** A chain as it is kept. */
export interface StoredChain extends Head {
  readonly log: string
}

export interface SummaryRange {
  readonly from: string
  readonly to: string
  readonly bucket: number
}

/** Where entries are kept. One adapter for each kind of database, one contract suite for all of them; lives in a thread of its own. */
export interface LogStore {
  /**
   * Chains records to a log and keeps them with a signed checkpoint, whole or not at all, and on disk when this resolves. What is said
   * once and was said before is left out. Others that write to the same log wait.
   */
  append(log: string, records: readonly DecisionRecord[], sign: SignHead, now: number): Promise<readonly LogEntry[]>
  find(filter: Filter): Promise<readonly Found[]>
  summary(range: SummaryRange): Promise<DecisionSummary>
  chains(): Promise<readonly StoredChain[]>
  /** In the order of the chain, from `after` on. */
  entries(log: string, after: number, limit: number): Promise<readonly StoredEntry[]>
  /** By sequence. */
  checkpoints(log: string): Promise<readonly StoredCheckpoint[]>
  /**
   * Removes entries from the beginning of a chain, at most `limit`: those that are older than `before` (milliseconds) with nothing
   * younger before them, and those that are more than `maxRows`. What `sign` says of the last one of them stays. Returns how many.
   */
  cut(log: string, bounds: { readonly before: number; readonly maxRows: number | undefined; readonly limit: number }, sign: SignHead): Promise<number>
  close(): Promise<void>
}

export interface Found {
  readonly entry: LogEntry
  /** Where it stands among all, for the next page. */
  readonly place: Place
}
