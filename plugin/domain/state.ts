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
  /** The next end of a registry key that is still good; undefined while none ends. */
  readonly keyExpires: Date | undefined
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

/** Something that keeps the mirror from doing its job. */
export interface Problem {
  readonly check: CheckName
  /** One sentence for an operator; names no package. */
  readonly message: string
}

export const CHECKS = ['running', 'policy', 'trust', 'stores'] as const
export type CheckName = (typeof CHECKS)[number]
