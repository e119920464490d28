import { Unavailable } from '../domain/errors.ts'
import type { Clock, Urgency } from '../domain/ports.ts'
import type { UplinkState } from '../domain/state.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Turn } from './turn.ts'

export interface SchedulerOptions {
  readonly uplink: string
  readonly clock: Clock
  /** Questions on their way at one time. */
  readonly concurrency: number
  /** Questions a second that nobody waits for. */
  readonly rate: number
  /** Questions of each urgency that may wait. */
  readonly capacity?: number | undefined
  /** Calls `wake` after so many milliseconds; a test decides when. Returns what undoes it. */
  readonly timer?: ((wake: () => void, milliseconds: number) => () => void) | undefined
}

interface Job {
  readonly turn: Turn
  readonly start: (urgency: Urgency) => void
  readonly refuse: (why: Unavailable) => void
}

const CAPACITY = 2000
/** Beyond the bucket's rate: what nobody waits for shall not make bursts of connections. */
const BACKGROUND_AT_ONCE = 8
const BURST_SECONDS = 2.5
/** Clients give up or are told 503: waiting longer than that for an uplink that asked for peace helps nobody. */
const LONGEST_WAIT = 5000
/** An uplink (or who speaks for it) that asks for peace does not get it for a year. */
const LONGEST_PAUSE = 5 * 60_000
/** After a 429 that names no time. */
const SHORT_PAUSE = 5000

/**
 * The questions to one uplink: what a client waits for goes first; what nobody waits for goes at a limited rate, and only
 * while nobody waits. An uplink that answers 429 is left in peace as long as it asks, within bounds, and afterwards gets half of the
 * background's rate, which comes back within minutes. Queues are bounded: what does not fit is Unavailable.
 */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #bucket: TokenBucket
  readonly #queues: Readonly<Record<Urgency, Job[]>> = { foreground: [], background: [] }
  readonly #pausedUntil = { foreground: 0, background: 0 }
  readonly #running = { foreground: 0, background: 0 }
  #cancelTimer: (() => void) | undefined
  #closed = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#bucket = new TokenBucket(options.rate, Math.max(1, options.rate * BURST_SECONDS), options.clock)
  }

  /** Runs a task when its turn has come. @throws Unavailable (`evidence-unavailable`) when it does not come */
  async run<Value>(turn: Turn, task: () => Promise<Value>): Promise<Value> {
    const urgency = await this.#admitted(turn)
    try {
      return await task()
    } finally {
      this.#running[urgency]--
      this.#pump()
    }
  }

  get load(): Pick<UplinkState, 'waiting' | 'running'> {
    const { foreground, background } = this.#queues
    return { waiting: { foreground: foreground.length, background: background.length }, running: this.#running.foreground + this.#running.background }
  }

  /** The uplink answered 429. `milliseconds` is what it asked for, 0 when it named no time. */
  pause(milliseconds: number): void {
    const now = this.#options.clock.now().getTime()
    const until = (urgency: Urgency, asked: number): number => now + Math.max(Math.min(asked, LONGEST_PAUSE), this.#pause(urgency))
    this.#pausedUntil.foreground = until('foreground', milliseconds)
    this.#pausedUntil.background = until('background', Math.max(milliseconds, SHORT_PAUSE))
    // What it was asked before was too much for it: a pause alone would only have the same again.
    this.#bucket.slow()
    this.#pump()
  }

  /** What waits is refused, and what comes later. */
  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#refuseAll('foreground', 'is no longer asked')
    this.#refuseAll('background', 'is no longer asked')
  }

  #admitted(turn: Turn): Promise<Urgency> {
    return new Promise((resolve, reject) => {
      const job: Job = { turn, start: resolve, refuse: reject }
      turn.onHurry(() => {
        const { background } = this.#queues
        const place = background.indexOf(job)
        if (place === -1) return
        background.splice(place, 1)
        this.#enqueue(job)
      })
      this.#enqueue(job)
    })
  }

  #enqueue(job: Job): void {
    const queue = this.#queues[job.turn.urgency]
    if (this.#closed) job.refuse(this.#unavailable('is no longer asked'))
    else if (queue.length >= (this.#options.capacity ?? CAPACITY)) job.refuse(this.#unavailable('has too many questions waiting'))
    else {
      queue.push(job)
      this.#pump()
    }
  }

  /** Starts what may start, and comes back when time alone will change the answer. */
  #pump(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#closed) return
    const waits = [this.#startForeground(), this.#startBackground()].filter((wait) => wait > 0)
    const { timer = later } = this.#options
    if (waits.length > 0) this.#cancelTimer = timer(() => { this.#pump() }, Math.min(...waits))
  }

  /** Returns the milliseconds until it is worth trying again; 0 when a question that ends will tell. */
  #startForeground(): number {
    const pause = this.#pause('foreground')
    if (pause > LONGEST_WAIT) this.#refuseAll('foreground', 'asked to be left in peace')
    if (pause > 0) return this.#queues.foreground.length === 0 ? 0 : pause
    while (this.#hasRoom()) if (!this.#startNext('foreground')) break
    return 0
  }

  #startBackground(): number {
    const { background } = this.#queues
    const pause = this.#pause('background')
    if (background.length === 0 || pause > 0) return background.length === 0 ? 0 : pause
    while (background.length > 0 && this.#hasRoom() && this.#running.background < BACKGROUND_AT_ONCE) {
      const wait = this.#bucket.take()
      if (wait > 0) return wait
      this.#startNext('background')
    }
    return 0
  }

  #startNext(urgency: Urgency): boolean {
    const job = this.#queues[urgency].shift()
    if (job === undefined) return false
    this.#running[urgency]++
    job.turn.start(this.#options.clock.now())
    job.start(urgency)
    return true
  }

  #hasRoom(): boolean {
    return this.#running.foreground + this.#running.background < this.#options.concurrency
  }

  #pause(urgency: Urgency): number {
    const left = this.#pausedUntil[urgency] - this.#options.clock.now().getTime()
    // More than was ever granted: the clock was set back.
    return left > LONGEST_PAUSE ? 0 : Math.max(0, left)
  }

  #refuseAll(urgency: Urgency, why: string): void {
    for (const job of this.#queues[urgency].splice(0)) job.refuse(this.#unavailable(why))
  }

  #unavailable(why: string): Unavailable {
    const { uplink } = this.#options
    return new Unavailable('evidence-unavailable', `uplink ${uplink} ${why}`, { detail: { uplink } })
  }
}

const later = (wake: () => void, milliseconds: number): (() => void) => {
  const timer = setTimeout(wake, milliseconds).unref()
  return () => { clearTimeout(timer) }
}
