import { setTimeout as wait } from 'node:timers/promises'
import type { DecisionPage, DecisionQuery, DecisionReader, DecisionRecord, DecisionSummary, DecisionWriter, LogEntry } from '../domain/decision.ts'
import { messageOf } from '../domain/errors.ts'
import { Counts } from '../domain/measures.ts'
import type { Clock } from '../domain/ports.ts'
import type { LogState } from '../domain/state.ts'
import { finishAtExit } from './at-exit.ts'
import { cursorOf, filterOf, type Filter } from './filter.ts'
import { LogThread } from './log-thread.ts'
import type { LogPlace, Calls, CallName } from './messages.ts'
import { RecordQueue } from './queue.ts'

export interface DecisionLogOptions extends LogPlace {
  readonly environment: Readonly<Record<string, string>>
  /** Milliseconds that entries stay. */
  readonly keep: number
  /** And at most so many. */
  readonly maxRows: number | undefined
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** Of those who only ask: nothing is written, whatever is given. */
  readonly readOnly?: boolean
}

/** Milliseconds and entries that are given to the thread together. A process that is killed loses no more than what was not given yet, or not kept. */
const GATHER_MS = 50
const BATCH = 500
const AGAIN_MS = [250, 500, 1000, 2000, 5000] as const
const CLOSE_MS = 5000
const PAGE = 500
const CUT_EVERY = 60 * 60_000
/** Milliseconds between lines that say the same. */
const SAY_AGAIN = 60_000

/** Of which a busy mirror has many; all else is written at once. */
const FREQUENT: ReadonlySet<string> = new Set(['served', 'warned', 'withheld', 'unavailable'])

/**
 * The decision log: gathers what is given to it and hands it to a thread, which chains, signs and keeps it; asks another thread, so
 * that a long question keeps no entry waiting. Neither starts before it is needed.
 */
export class DecisionLogStore implements DecisionReader, DecisionWriter {
  readonly #options: DecisionLogOptions
  readonly #queue = new RecordQueue()
  readonly #kept = new Counts<DecisionRecord['kind']>()
  readonly #listeners = new Map<(entries: readonly LogEntry[]) => void, readonly string[] | undefined>()
  #writer: LogThread | undefined
  #reader: LogThread | undefined
  #timer: NodeJS.Timeout | undefined
  #cutTimer: NodeJS.Timeout | undefined
  #urgent = false
  #sending: Promise<void> | undefined
  #failures = 0
  #following = Promise.resolve()
  #isFollowing = false
  #closing = false
  #saidAt = -Infinity
  #forgetExit: (() => void) | undefined
  #heldBack: () => void = () => undefined
  #holdNothing: () => void = () => undefined

  constructor(options: DecisionLogOptions) {
    this.#options = options
  }

  /**
   * Opens the store now, so that a database of a later version is found out at start. A server that does not answer is not waited
   * for: entries are, for a while.
   * @throws LogUnavailable where the store cannot be used as it is
   */
  async open(): Promise<void> {
    const opened = this.#write().call('open', {})
    if (/^postgres(ql)?:/.test(this.#options.store)) void opened.catch(() => undefined)
    else await opened
    this.#cutTimer = setInterval(() => void this.cut(), CUT_EVERY)
    this.#cutTimer.unref()
    void this.cut()
  }

  /** Has what somebody counts and did not give yet given: before a question is answered, and, with `end`, for the last time. */
  giveBefore(give: () => void, end: () => void = give): void {
    this.#heldBack = give
    this.#holdNothing = end
  }

  add(record: DecisionRecord): void {
    if (this.#options.readOnly === true || this.#closing) return
    const { dropped } = this.#queue
    if (!this.#queue.add(record)) {
      if (dropped === 0) this.#options.warn('the decision log cannot keep up, entries are dropped; an entry will say how many')
      return
    }
    if (!FREQUENT.has(record.kind)) this.#soon(true)
    else if (this.#timer === undefined && this.#sending === undefined) this.#soon(false)
    else if (this.#queue.size === BATCH) this.#soon(true)
  }

  /** Since the start of this process. */
  get state(): LogState {
    return { entries: Object.fromEntries(this.#kept.entries), waiting: this.#queue.size, dropped: this.#queue.droppedEver }
  }

  async find(query: DecisionQuery): Promise<DecisionPage> {
    const filter = filterOf(query)
    await this.flush()
    return this.#find(filter)
  }

  async #find(filter: Filter): Promise<DecisionPage> {
    const found = await this.#ask('find', { filter })
    const last = found.length === filter.limit ? found.at(-1) : undefined
    return { entries: found.map(({ entry }) => entry), cursor: last && cursorOf(last.place) }
  }

  async *each(query: DecisionQuery): AsyncGenerator<LogEntry> {
    let { cursor } = query
    const filter = filterOf({ ...query, limit: PAGE })
    // Once: what is counted while pages are read would make more of them.
    await this.flush()
    do {
      const page = await this.#find(cursor === undefined ? filter : filterOf({ ...query, cursor, limit: PAGE }))
      yield* page.entries
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  async summary(range: { readonly from: string; readonly to: string; readonly bucket: number }): Promise<DecisionSummary> {
    await this.flush()
    return this.#ask('summary', { range })
  }

  follow(listener: (entries: readonly LogEntry[]) => void, kinds?: readonly string[]): () => void {
    // The same function may follow twice.
    const own = (entries: readonly LogEntry[]): void => { listener(entries) }
    this.#listeners.set(own, kinds)
    this.#following = this.#followed()
    return () => {
      this.#listeners.delete(own)
      this.#following = this.#followed()
    }
  }

  /** The log as it is kept, for those who verify it. */
  ask<Name extends 'chains' | 'entries' | 'checkpoints'>(call: Name, parameters: Calls[Name]['with']): Promise<Calls[Name]['gives']> {
    return this.#ask(call, parameters)
  }

  /** Resolves when all that was given so far is kept, or could not be: it is tried again then. */
  async flush(): Promise<void> {
    this.#heldBack()
    await this.#flushed()
  }

  async #flushed(): Promise<void> {
    if (this.#queue.size === 0 && this.#sending === undefined) return
    this.#send()
    await this.#sending
    if (this.#queue.size > 0 && this.#failures === 0) await this.#flushed()
  }

  /** Removes what is older than entries may become. Never rejects. */
  async cut(): Promise<void> {
    const { clock, keep, maxRows, warn } = this.#options
    const now = clock.now().getTime()
    try {
      while (!this.#closing && (await this.#write().call('cut', { before: now - keep, maxRows, now })) > 0);
    } catch (error) {
      warn(`old entries of the decision log could not be removed: ${messageOf(error)}`)
    }
  }

  /** Everything given before is kept, or a line says how much is not. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#holdNothing()
    this.#closing = true
    clearInterval(this.#cutTimer)
    const until = performance.now() + CLOSE_MS
    for (;;) {
      await this.flush()
      if (this.#queue.size === 0 || performance.now() >= until) break
      await wait(100)
    }
    clearTimeout(this.#timer)
    if (this.#queue.size > 0) this.#options.warn(`${String(this.#queue.size)} entries of the decision log are lost: it could not be written before the end`)
    this.#forgetExit?.()
    await Promise.all([this.#writer?.close(), this.#reader?.close()])
  }

  #soon(urgent: boolean): void {
    if (this.#sending !== undefined) {
      this.#urgent ||= urgent
      return
    }
    if (urgent && !this.#urgent) {
      this.#urgent = true
      clearTimeout(this.#timer)
      this.#timer = undefined
      setImmediate(() => { this.#send() })
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => { this.#send() }, this.#failures === 0 ? GATHER_MS : (AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length) - 1] ?? 0))
      this.#timer.unref()
    }
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#urgent = false
    if (this.#sending !== undefined || this.#queue.size === 0) return
    this.#sending = this.#append().finally(() => {
      this.#sending = undefined
      if (this.#queue.size > 0) this.#soon((this.#urgent || this.#queue.size >= BATCH) && this.#failures === 0)
    })
  }

  async #append(): Promise<void> {
    const now = this.#options.clock.now()
    // Else whoever follows from now on would not see what he was before.
    await this.#following
    const batch = this.#queue.take(2 * BATCH, now.toISOString())
    try {
      await this.#write().call('append', { records: batch, now: now.getTime() })
      this.#failures = 0
      for (const { kind, times } of batch) this.#kept.add(kind, times)
      if (this.#listeners.size > 0) this.#tellSoon()
    } catch (error) {
      this.#failures++
      this.#queue.putBack(batch)
      if (performance.now() - this.#saidAt < SAY_AGAIN) return
      this.#saidAt = performance.now()
      this.#options.warn(`the decision log cannot be written, entries wait: ${messageOf(error)}`)
    }
  }

  #ask<Name extends CallName>(call: Name, parameters: Calls[Name]['with']): Promise<Calls[Name]['gives']> {
    if (this.#reader === undefined || this.#reader.isGone) {
      this.#reader = this.#start({ ...this.#place, jsonl: undefined })
      this.#isFollowing = false
    }
    return this.#reader.call(call, parameters)
  }

  /** Those who follow are told at once; also after the thread they followed by had ended, or the database was down when they began. */
  #tellSoon(): void {
    if (this.#isFollowing && this.#reader?.isGone === false) void this.#ask('look', {}).catch(() => undefined)
    else this.#following = this.#followed()
  }

  async #followed(): Promise<void> {
    const asked = [...this.#listeners.values()]
    const kinds = asked.includes(undefined) ? 'all' : [...new Set(asked.flatMap((one) => one ?? []))]
    if (this.#closing || (this.#reader === undefined && asked.length === 0)) return
    try {
      await this.#ask('follow', { kinds })
      this.#isFollowing = true
    } catch (error) {
      this.#isFollowing = false
      this.#options.warn(`new entries of the decision log cannot be followed: ${messageOf(error)}`)
    }
  }

  #write(): LogThread {
    if (this.#writer === undefined || this.#writer.isGone) {
      const writer = this.#start(this.#place)
      this.#writer = writer
      this.#forgetExit?.()
      this.#forgetExit = finishAtExit(() => {
        this.#heldBack()
        const left = this.#queue.take(Infinity, this.#options.clock.now().toISOString())
        if (left.length > 0) void writer.call('append', { records: left, now: this.#options.clock.now().getTime() }).catch(() => undefined)
        writer.finishNow(CLOSE_MS)
      })
    }
    return this.#writer
  }

  get #place(): LogPlace {
    const { store, log, keysDir, jsonl } = this.#options
    return { store, log, keysDir, jsonl }
  }

  #start(place: LogPlace): LogThread {
    const { environment, warn } = this.#options
    return new LogThread({ ...place, environment, onProblem: warn, onEntries: (entries) => { this.#tell(entries) } })
  }

  #tell(entries: readonly LogEntry[]): void {
    for (const [listener, kinds] of this.#listeners) {
      const asked = kinds === undefined ? entries : entries.filter(({ kind }) => kinds.includes(kind))
      if (asked.length > 0) listener(asked)
    }
  }
}
