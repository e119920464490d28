/** What the decision log holds, and how it is asked. Plain JSON throughout: it is hashed, kept for years and handed to other programs. */
import type { JsonObject } from './json.ts'

/** Who asked, as far as the mirror knows. Never a token, never an e-mail address. */
export interface Asker {
  /** Network address, as Verdaccio's `trustProxy` has it. */
  readonly address?: string | undefined
  /** The `User-Agent`, cut short. */
  readonly client?: string | undefined
  /** Name of the account. */
  readonly user?: string | undefined
  /** Verdaccio's id of the token, from which it cannot be made. */
  readonly token?: string | undefined
}

/** Of one version, as the pipeline came to it. */
export type VersionKind = 'refused' | 'withheld' | 'warned' | 'served' | 'unavailable'

/** What else is decided here, or about this mirror. */
export type EventKind =
  | 'published'
  | 'publish-refused'
  | 'waiver-used'
  /** Written into a policy by `policy allow`; it counts once the mirror has taken that policy. */
  | 'waiver-added'
  | 'pin-pending'
  | 'pin-approved'
  | 'pin-dropped'
  | 'policy-loaded'
  | 'policy-refused'
  | 'ledger-reset'
  | 'recalled'
  | 'recall-lifted'
  /** So many entries could not be kept: the log says so itself. */
  | 'entries-dropped'

export type DecisionKind = VersionKind | EventKind

export interface EntryReason {
  readonly code: string
  readonly message: string
  readonly detail?: JsonObject
}

/** An entry as it is given to the log. `null` where there is none: every entry has every key. */
export interface DecisionRecord {
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string
  readonly kind: DecisionKind
  readonly package: string | null
  readonly version: string | null
  /** SRI */
  readonly integrity: string | null
  readonly uplink: string | null
  /** `allow`, `warn`, `deny`, `unavailable`; of an event: null. */
  readonly outcome: string | null
  /** Policy refuses it, `monitor` served it. */
  readonly monitored: boolean
  readonly reasons: readonly EntryReason[]
  readonly rule: string | null
  readonly policyRevision: string | null
  /** Ids of waivers without which it might have been refused. */
  readonly waivers: readonly string[]
  /** What was verified of it: for coverage. Null of an event. */
  readonly evidence: EntryEvidence | null
  readonly asker: { readonly address: string | null; readonly client: string | null; readonly user: string | null; readonly token: string | null }
  /** What an event is about beside the package: who approved, why, which problems. */
  readonly detail: JsonObject | null
  /**
   * How often it happened, 1 or more: the same again for the same asker within a minute is one entry more, of the time of the last.
   * The sum over entries is the number of decisions. Entries of before there was such a number lack it: read it with `timesOf`.
   */
  readonly times: number
}

/** Of an entry, however old. */
export const timesOf = ({ times = 1 }: { readonly times?: number }): number => times

/** Of each: whether it verified. */
export interface EntryEvidence {
  readonly signature: boolean
  readonly publishAttestation: boolean
  readonly provenance: boolean
  /** Provenance whose identity a rule or a pin holds it to. */
  readonly pinned: boolean
}

/** An entry as it is kept: chained to the one before by its hash. */
export interface LogEntry extends DecisionRecord {
  /** Which mirror's log; each has a chain of its own. */
  readonly log: string
  /** 1, 2, 3 … within `log`. */
  readonly sequence: number
  /** sha256 of the entry before, hex. */
  readonly previous: string
  /** sha256 of this entry without `hash`, canonical JSON, hex. */
  readonly hash: string
}

export interface DecisionQuery {
  readonly kinds?: readonly string[] | undefined
  readonly outcomes?: readonly string[] | undefined
  /** Exact name, or with `*`: a glob over the whole name. */
  readonly package?: string | undefined
  readonly version?: string | undefined
  /** Any of these reason codes. */
  readonly reasons?: readonly string[] | undefined
  readonly rule?: string | undefined
  readonly user?: string | undefined
  readonly address?: string | undefined
  readonly policyRevision?: string | undefined
  /** Found in package, version, rule, reason code or user, without regard to case. */
  readonly text?: string | undefined
  /** ISO 8601, inclusive. */
  readonly from?: string | undefined
  /** ISO 8601, exclusive. */
  readonly to?: string | undefined
  /** Newest first unless `oldest`. */
  readonly order?: 'newest' | 'oldest' | undefined
  /** From the page before. */
  readonly cursor?: string | undefined
  /** 1 to 1,000; 100 unless said. */
  readonly limit?: number | undefined
}

export interface DecisionPage {
  readonly entries: readonly LogEntry[]
  /** For the next page; undefined at the end. */
  readonly cursor: string | undefined
}

/** Counts over a time, for plots and figures. */
export interface DecisionSummary {
  readonly from: string
  readonly to: string
  /** Seconds a bucket of `series` covers. */
  readonly bucket: number
  /** One per bucket that has any, oldest first: number of decisions by kind. */
  readonly series: readonly { readonly at: string; readonly counts: Readonly<Record<string, number>> }[]
  /** Most frequent reason codes of what was refused, withheld or warned of. */
  readonly reasons: readonly { readonly code: string; readonly count: number }[]
  /** Packages with most refusals. */
  readonly packages: readonly { readonly package: string; readonly count: number }[]
  /** How often each rule decided, and what. */
  readonly rules: readonly { readonly rule: string; readonly counts: Readonly<Record<string, number>> }[]
  /** Of tarballs that were served. */
  readonly coverage: {
    readonly served: number
    readonly signature: number
    readonly publishAttestation: number
    readonly provenance: number
    readonly pinned: number
  }
}

/** The log, read. Waits for what was recorded before the question, so that an answer is never behind what the asker saw. */
export interface DecisionReader {
  /** @throws BadQuery */
  find(query: DecisionQuery): Promise<DecisionPage>
  /** All that match, in pages behind the scenes. @throws BadQuery */
  each(query: DecisionQuery): AsyncIterable<LogEntry>
  summary(range: { readonly from: string; readonly to: string; readonly bucket: number }): Promise<DecisionSummary>
  /** Calls with entries as they are kept, of these kinds where any are given, until the returned function is called. */
  follow(listener: (entries: readonly LogEntry[]) => void, kinds?: readonly string[]): () => void
}

/** A question that makes no sense: `message` says which part, and what would. */
export class BadQuery extends Error {
  override readonly name = 'BadQuery'
}

/** The log, written. Never blocks, never throws: what cannot be kept is counted, and an entry says how many. */
export interface DecisionWriter {
  add(record: DecisionRecord): void
}
