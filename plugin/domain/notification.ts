/** What people are told of, and how it is kept until they were. */
import type { JsonObject } from './json.ts'

/** What a webhook can be told of. */
export const EVENTS = [
  /** Somebody asked for a version and was refused. */
  'refused',
  /** Policy refuses a version, `monitor` served it. */
  'monitored',
  /** A version is left out of listings. */
  'withheld',
  'publish-refused',
  'pin-pending',
  /** Approved or dropped. */
  'pin-changed',
  'trust-stale',
  /** Keys, CAs, logs or TUF metadata: within 30 days, 7 and 1, and when they have ended. */
  'trust-expiring',
  /** Within 14 days, within 3, and when it has ended. */
  'waiver-expiring',
  'policy-loaded',
  'policy-refused',
  'ledger-reset',
  'recalled',
  'recall-lifted',
  /** The decision log lacks entries. */
  'log-incomplete',
] as const
export type NotificationEvent = (typeof EVENTS)[number]

/** What a hook is told of that names no events: what somebody has to look at. */
export const DEFAULT_EVENTS: readonly NotificationEvent[] = [
  'refused',
  'monitored',
  'publish-refused',
  'pin-pending',
  'pin-changed',
  'trust-stale',
  'trust-expiring',
  'waiver-expiring',
  'policy-refused',
  'ledger-reset',
  'recalled',
  'recall-lifted',
  'log-incomplete',
]

/** One thing to tell. Plain JSON, bounded, free of controls and e-mail addresses. */
export interface Notice {
  /** What has this key was told already. */
  readonly key: string
  readonly event: NotificationEvent
  /** ISO 8601 */
  readonly at: string
  readonly package: string | null
  readonly version: string | null
  readonly reasons: readonly { readonly code: string; readonly message: string }[]
  /** In a sentence, without a full stop; a part of it may be an upstream's words. */
  readonly text: string
  /** The rest of what is known, for programs. */
  readonly more: JsonObject
}

/** Notices of one hook that wait to be told together. */
export interface Gathered {
  /** By event. */
  readonly counts: Readonly<Record<string, number>>
  /** So many were not kept: there were too many. */
  readonly dropped: number
  /** The oldest ones. */
  readonly notices: readonly Notice[]
}

/** On its way to one hook. */
export interface Message {
  /** The same at every attempt, so that a receiver knows what it has. */
  readonly id: string
  readonly body: string
  /** How many notices it tells of. */
  readonly count: number
  readonly created: Date
  /** That failed so far. */
  readonly attempts: number
}

/** Of one hook, since the mirror started. */
export interface HookState {
  readonly hook: string
  /** Messages. */
  readonly delivered: number
  readonly failedAttempts: number
  readonly givenUp: number
  /** Notices. */
  readonly waiting: number
}

/** Durable and bounded; several processes may share it. */
export interface NotificationStore {
  /** Keeps what a hook was not told before. Returns how many that were. */
  take(hook: string, notices: readonly Notice[], now: Date): number
  /**
   * Makes one message of what waits since `window` ago or longer, unless one is on its way or was made less than `interval` ago
   * (both in milliseconds). Nothing is lost between: the notices are gone when the message is kept.
   */
  compose(hook: string, pace: { readonly window: number; readonly interval: number; readonly shown: number }, now: Date, write: (gathered: Gathered, id: string) => string): void
  /** The message that is due, for whoever asks first: nobody else is given it for `lease` milliseconds. */
  claim(hook: string, lease: number, now: Date): Message | undefined
  /** Delivered, or given up. */
  done(hook: string, id: string): void
  retry(hook: string, id: string, at: Date): void
  /** So many notices wait, those of a message on its way included. */
  waiting(hook: string): number
  /** To where the decision log was read; undefined before the first time. */
  readonly readUntil: Date | undefined
  setReadUntil(at: Date): void
  close(): void
}
