/** How the mirror is just now, for those who look after it. Plain data; nothing in it names a package. */

export interface UplinkState {
  readonly name: string
  /** `asked`; `left-alone` after too many failures in a row; `offline`: the configuration says never to ask. */
  readonly state: 'asked' | 'left-alone' | 'offline'
  /** Questions that wait for their turn. */
  readonly waiting: { readonly foreground: number; readonly background: number }
  /** Questions on their way. */
  readonly running: number
}

/** Work that is done a few at a time. */
export interface QueueState {
  readonly waiting: number
  readonly running: number
}

export interface TrustState {
  readonly uplink: string
  /** Undefined while there is no trust material. */
  readonly asOf: Date | undefined
  /** When the metadata it came with ends (TUF); undefined of files. */
  readonly expires: Date | undefined
  /** Where the registry's keys are from. */
  readonly keySource: 'file' | 'tuf' | 'pinned' | 'none'
  readonly keys: number
  /** When the registry's good keys run out: a key whose successor is known is no news. Undefined while they do not. */
  readonly keyExpires: Date | undefined
}

/** Something of a Sigstore instance that ends: the last CA or log of its kind, or the metadata of a role of TUF. */
export interface TrustEnd {
  readonly kind: 'ca' | 'ctlog' | 'tlog' | 'tsa' | 'tuf-root' | 'tuf-targets' | 'tuf-snapshot' | 'tuf-timestamp'
  readonly at: Date
  /** The organisation's to see to; of the public-good instance others do. */
  readonly isOwn: boolean
}

export interface InstanceState {
  /** As configured; `default` for the one beside the list. */
  readonly instance: string
  /** Where its root is from; undefined while there is none. */
  readonly source: string | undefined
  readonly asOf: Date | undefined
  readonly ends: readonly TrustEnd[]
  /** Runs of its refresh that ended. */
  readonly refreshes: Readonly<Record<'succeeded' | 'failed', number>>
}

/** What a cache takes, and may take, in bytes; undefined where it keeps nothing there. */
export interface CacheUsage {
  readonly memory?: number
  readonly memoryLimit?: number
  readonly disk?: number
  readonly diskLimit?: number
}

/** The decision log of this process. */
export interface LogState {
  /** Kept, by kind. */
  readonly entries: Readonly<Record<string, number>>
  /** Given to it and not kept yet. */
  readonly waiting: number
  /** That found no room. */
  readonly dropped: number
}

/**
 * Why an entry of a store is not believed. `expired` was put back after its time, `ahead` ends later than any can, `replayed` is older than
 * what this mirror has seen in its place.
 */
export const REJECTIONS = ['altered', 'unknown-key', 'unreadable', 'expired', 'ahead', 'replayed'] as const
export type Rejection = (typeof REJECTIONS)[number]

/** A store on a server that several mirrors share. */
export interface StoreState {
  readonly store: 'ledger' | 'facts' | 'packages'
  /** False while it is left alone. */
  readonly isUp: boolean
  /** Questions that failed or took too long. */
  readonly failures: number
  readonly rejected: Readonly<Partial<Record<Rejection, number>>>
}

/** A mirror among those it shares a ledger with. */
export interface ReplicaState {
  /**
   * `current`: it knows what all know. `alone`: it did, and cannot reach the shared ledger now; what it knows is served, nothing new is let
   * in. `behind`: it does not know yet what it missed. `halted`: the shared ledger is not what it was, or not understood. In the last
   * two nothing is served.
   */
  readonly state: 'current' | 'alone' | 'behind' | 'halted'
  /** A sentence; undefined where it is current. */
  readonly problem: string | undefined
  /** Done here and not known to the others yet. */
  readonly pending: number
  /** Operations of the shared ledger that its copy has. */
  readonly sequence: number
  /** Seconds since the shared ledger was last reached; undefined where it never was. */
  readonly contact: number | undefined
  /** Operations of others since the start of this process, and its own. */
  readonly applied: number
  readonly written: number
  /** Those that were there in the last minute, this one among them. */
  readonly mirrors: readonly { readonly name: string; readonly version: string; readonly policy: string; readonly sequence: number }[]
}

/** Something that keeps the mirror from doing its job. */
export interface Problem {
  readonly check: CheckName
  /** One sentence for an operator; names no package. */
  readonly message: string
}

export const CHECKS = ['running', 'policy', 'trust', 'stores'] as const
export type CheckName = (typeof CHECKS)[number]
