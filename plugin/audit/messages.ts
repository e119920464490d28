/** What the main thread and the log's threads say to each other. Plain data. */
import type { DecisionRecord, DecisionSummary, LogEntry } from '../domain/decision.ts'
import type { Filter } from './filter.ts'
import type { Found, StoredChain, StoredCheckpoint, StoredEntry, SummaryRange } from './store.ts'

export interface LogPlace {
  /** A file, or `postgres://…`. */
  readonly store: string
  /** Name of the chain that is written here. */
  readonly log: string
  /** Where the key is that signs it. */
  readonly keysDir: string
  readonly jsonl: JsonlPlace | undefined
}

export interface JsonlPlace {
  readonly file: string
  /** Bytes after which another file is begun. */
  readonly maxSize: number
  /** How many of the former ones stay. */
  readonly files: number
}

/** What a thread is started with. `done` is set to 1 when it has done all it was told before `end`. */
export interface ThreadStart extends LogPlace {
  readonly done: SharedArrayBuffer
}

export type Nothing = Readonly<Record<string, never>>

/** Calls by name: parameters and answer. */
export interface Calls {
  append: { readonly with: { readonly records: readonly DecisionRecord[]; readonly now: number }; readonly gives: number }
  cut: { readonly with: { readonly before: number; readonly maxRows: number | undefined; readonly now: number }; readonly gives: number }
  /** Says whether the store can be used at all. */
  open: { readonly with: Nothing; readonly gives: undefined }
  find: { readonly with: { readonly filter: Filter }; readonly gives: readonly Found[] }
  summary: { readonly with: { readonly range: SummaryRange }; readonly gives: DecisionSummary }
  chains: { readonly with: Nothing; readonly gives: readonly StoredChain[] }
  entries: { readonly with: { readonly log: string; readonly after: number; readonly limit: number }; readonly gives: readonly StoredEntry[] }
  checkpoints: { readonly with: { readonly log: string }; readonly gives: readonly StoredCheckpoint[] }
  /** `entries` messages come from now on; of no kind: none any more. */
  follow: { readonly with: { readonly kinds: readonly string[] | 'all' }; readonly gives: undefined }
  /** Something was written a moment ago. */
  look: { readonly with: Nothing; readonly gives: undefined }
  close: { readonly with: Nothing; readonly gives: undefined }
}

export type CallName = keyof Calls
export type Call = { [Name in CallName]: { readonly id: number; readonly call: Name; readonly with: Calls[Name]['with'] } }[CallName]

export type Reply =
  | { readonly id: number; readonly gives: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }
  /** Of those who follow. */
  | { readonly entries: readonly LogEntry[] }
  /** For the mirror's own log. */
  | { readonly problem: string }
