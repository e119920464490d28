import { setImmediate as turn } from 'node:timers/promises'
import type { DecisionReader, LogEntry } from '../domain/decision.ts'
import { messageOf } from '../domain/errors.ts'
import type { HookState, Message, Notice, NotificationEvent, NotificationStore } from '../domain/notification.ts'
import type { Clock } from '../domain/ports.ts'
import { judgeAttempt } from './attempt.ts'
import { genericBody, SHOWN } from './message.ts'
import { kindsOf, noticeOf } from './notice.ts'
import type { Poster } from './post.ts'
import { webhookHeaders } from './sign.ts'
import { slackBody } from './slack.ts'

/** One receiver. */
export interface Hook {
  /** For people and for what is remembered; never its address, which may be a secret. */
  readonly name: string
  readonly type: 'generic' | 'slack'
  readonly events: ReadonlySet<NotificationEvent>
  /** Whose packages it is told of; what is about no package, everybody is. */
  readonly wants: (name: string) => boolean
  /** Milliseconds. */
  readonly window: number
  readonly interval: number
  readonly key: Buffer | undefined
  readonly poster: Poster
}

export interface NotifierOptions {
  readonly hooks: readonly Hook[]
  readonly store: NotificationStore
  readonly log: Pick<DecisionReader, 'each' | 'follow'>
  /** What time brings: looked at once a minute. */
  readonly concerns: (now: Date) => readonly Notice[]
  /** This mirror's public address. */
  readonly base: string | undefined
  /** Whether this mirror is the one that tells, of those that follow one log; always, where not given. */
  readonly leads?: (() => Promise<boolean>) | undefined
  readonly clock: Clock
  /** Calls back after so many milliseconds, once; returns how to call it off. Must keep no process alive. */
  readonly schedule: (run: () => void, milliseconds: number) => () => void
  readonly warn: (message: string) => void
}

interface Taken {
  readonly notice: Notice
  /** When it came. */
  readonly at: Date
}

const TICK = 5_000
const LOOK_AROUND = 60_000
/** Of another process' clock and its way to the log. */
const OVERLAP = 5 * 60_000
/** A mirror that stood still for long has no news for anybody. */
const LONGEST_GAP = 24 * 3_600_000
/** Longer than an attempt can take. */
const LEASE = 60_000
const BATCH = 500
const KEPT_AT_ONCE = 50
const MOST_TAKEN = 20_000
const MOST_CAUGHT_UP = 20_000

/**
 * Tells receivers what is new: entries of the decision log and what time brings, each once, grouped. Whatever goes wrong here is
 * logged, and is nobody's request: notices are kept on disk until a receiver took them, or a day has passed.
 */
export class Notifier {
  readonly #options: NotifierOptions
  /** Not kept yet. */
  readonly #taken: Taken[] = []
  readonly #counts = new Map<string, { delivered: number; failedAttempts: number; givenUp: number }>()
  #unfollow: () => void = () => undefined
  #unschedule: () => void = () => undefined
  #lookedAround = -Infinity
  #running: Promise<void> | undefined
  #startedAt = 0
  #isCaughtUp = false
  #leads: boolean
  #closed = false

  constructor(options: NotifierOptions) {
    this.#options = options
    this.#leads = options.leads === undefined
  }

  get state(): readonly HookState[] {
    const { hooks, store } = this.#options
    return hooks.map(({ name }) => ({ hook: name, ...this.#countsOf(name), waiting: this.#closed ? 0 : waitingIn(store, name) }))
  }

  start(): void {
    if (this.#options.hooks.length === 0) return
    const { clock, hooks, log } = this.#options
    this.#startedAt = clock.now().getTime()
    this.#unfollow = log.follow((entries) => { this.#take(noticesOf(entries)) }, kindsOf(hooks.flatMap(({ events }) => [...events])))
    this.#next()
  }

  /** Everything that is due now. Never rejects; one run at a time. */
  tick(): Promise<void> {
    this.#running ??= this.#tick().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#keep(this.#taken.splice(0))
    this.#closed = true
    this.#unfollow()
    this.#unschedule()
    const { hooks, store } = this.#options
    // What was on its way is broken off, and sent again after the next start.
    await Promise.all(hooks.map(({ poster }) => poster.close().catch(() => undefined)))
    await this.#running
    store.close()
  }

  #next(): void {
    if (this.#closed) return
    this.#unschedule = this.#options.schedule(() => { void this.tick().then(() => { this.#next() }) }, TICK)
  }

  async #tick(): Promise<void> {
    if (this.#options.leads !== undefined) this.#leads = await this.#options.leads()
    if (!this.#leads) {
      this.#leaveToAnother()
      return
    }
    await this.#guarded(() => this.#lookAround())
    while (this.#taken.length > 0) {
      this.#keep(this.#taken.splice(0, KEPT_AT_ONCE))
      await turn()
    }
    await Promise.all(this.#options.hooks.map((hook) => this.#guarded(() => this.#serve(hook))))
  }

  /** Who takes its place begins with what came a little before. */
  #leaveToAnother(): void {
    const { clock, store } = this.#options
    this.#taken.length = 0
    this.#isCaughtUp = false
    this.#lookedAround = -Infinity
    if (!this.#closed) store.setReadUntil(clock.now())
  }

  async #lookAround(): Promise<void> {
    const { clock, concerns, store } = this.#options
    const now = clock.now()
    if (now.getTime() < this.#lookedAround + LOOK_AROUND) return
    this.#lookedAround = now.getTime()
    this.#take(concerns(now))
    if (!this.#isCaughtUp) await this.#catchUp(now)
    this.#isCaughtUp = true
    if (!this.#closed) store.setReadUntil(now)
  }

  /** What was written while nobody followed, or while following began. Of before the very first start nobody wants to hear. */
  async #catchUp(now: Date): Promise<void> {
    const { hooks, log, store } = this.#options
    const { readUntil } = store
    const begin = readUntil === undefined ? this.#startedAt : Math.max(readUntil.getTime() - OVERLAP, now.getTime() - LONGEST_GAP)
    const from = new Date(begin).toISOString()
    let batch: LogEntry[] = []
    let read = 0
    for await (const entry of log.each({ kinds: kindsOf(hooks.flatMap(({ events }) => [...events])), from, order: 'oldest' })) {
      batch.push(entry)
      if (batch.length === BATCH) {
        this.#take(noticesOf(batch))
        batch = []
      }
      if (this.#closed || ++read === MOST_CAUGHT_UP) break
    }
    this.#take(noticesOf(batch))
  }

  /** To be kept in the next turns of the event loop, a few in each: a flood of refusals keeps no request waiting. */
  #take(notices: readonly Notice[]): void {
    if (this.#closed || !this.#leads || notices.length === 0) return
    if (this.#taken.length === 0) setImmediate(() => { this.#keepSome() })
    const { clock, warn } = this.#options
    const [at, room] = [clock.now(), MOST_TAKEN - this.#taken.length]
    for (const notice of notices.slice(0, room)) this.#taken.push({ notice, at })
    if (notices.length > room && room > 0) warn('there is more to tell than can be kept: what does not fit is in the decision log only')
  }

  #keepSome(): void {
    this.#keep(this.#taken.splice(0, KEPT_AT_ONCE))
    if (this.#taken.length > 0) setImmediate(() => { this.#keepSome() })
  }

  #keep(taken: readonly Taken[]): void {
    const { hooks, store, warn } = this.#options
    const [first] = taken
    if (this.#closed || first === undefined) return
    const notices = taken.map(({ notice }) => notice)
    for (const { name, events, wants } of hooks) {
      const wanted = notices.filter((notice) => events.has(notice.event) && (notice.package === null || wants(notice.package)))
      try {
        if (wanted.length > 0) store.take(name, wanted, first.at)
      } catch (error) {
        warn(`what "${name}" is to be told could not be kept: ${messageOf(error)}`)
      }
    }
  }

  async #serve(hook: Hook): Promise<void> {
    const { store, clock, base } = this.#options
    if (this.#closed) return
    const now = clock.now()
    store.compose(hook.name, { window: hook.window, interval: hook.interval, shown: SHOWN[hook.type] }, now, (gathered, id) =>
      hook.type === 'slack' ? slackBody(gathered, { at: now, base }) : genericBody(gathered, { id, at: now, base }),
    )
    const message = store.claim(hook.name, LEASE, now)
    if (message !== undefined) await this.#deliver(hook, message)
  }

  async #deliver(hook: Hook, message: Message): Promise<void> {
    const { store, clock, warn } = this.#options
    const { name, poster, key } = hook
    const result = await poster.post(message.body, webhookHeaders(message, clock.now(), key)).catch((error: unknown) => ({ fault: messageOf(error) }))
    if (this.#closed && 'fault' in result) return
    const attempt = judgeAttempt(result, message, clock.now())
    const counts = this.#countsOf(name)
    this.#counts.set(name, counts)
    if (attempt.kind === 'again') {
      counts.failedAttempts++
      if (!this.#closed) store.retry(name, message.id, attempt.at)
      // Once is told, and when it is given up: a receiver that is down for a day fills no log.
      if (message.attempts === 0) warn(`the notification "${name}" was not taken and is sent again until it is, for a day: ${attempt.why}`)
      return
    }
    if (!this.#closed) store.done(name, message.id)
    if (attempt.kind === 'delivered') counts.delivered++
    else {
      counts.failedAttempts++
      counts.givenUp++
      warn(`THE NOTIFICATION "${name}" IS GIVEN UP (${String(message.count)} ${message.count === 1 ? 'notice' : 'notices'}): ${attempt.why}`)
    }
  }

  #countsOf(name: string): { delivered: number; failedAttempts: number; givenUp: number } {
    return this.#counts.get(name) ?? { delivered: 0, failedAttempts: 0, givenUp: 0 }
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#closed) this.#options.warn(`notifications: ${messageOf(error)}`)
    }
  }
}

/** A store that cannot be asked is no reason for no other metric to be told. */
function waitingIn(store: NotificationStore, hook: string): number {
  try {
    return store.waiting(hook)
  } catch {
    return Number.NaN
  }
}

const noticesOf = (entries: readonly LogEntry[]): readonly Notice[] => entries.flatMap((entry) => noticeOf(entry) ?? [])
