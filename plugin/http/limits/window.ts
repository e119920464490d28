import { LRUCache } from 'lru-cache'
import type { Clock } from '../../domain/ports.ts'

/** So many requests in so many milliseconds. */
export interface Rate {
  readonly requests: number
  readonly milliseconds: number
}

interface Count {
  used: number
  readonly ends: number
}

/** Of each window; who has more addresses than that is no client any more, and others' counts go first where they are the oldest. */
const MAX_KEYS = 20_000

/** Requests by key, in windows that begin with a key's first request. Takes what it may in memory, however many keys there are. */
export class Window {
  readonly rate: Rate
  readonly #clock: Clock
  readonly #counts: LRUCache<string, Count>

  constructor(rate: Rate, clock: Clock, maxKeys: number = MAX_KEYS) {
    this.rate = rate
    this.#clock = clock
    this.#counts = new LRUCache({ max: maxKeys })
  }

  /** How many keys are counted. */
  get size(): number {
    return this.#counts.size
  }

  /** Counts one more. */
  add(key: string): void {
    const now = this.#now()
    const count = this.#counts.get(key)
    // A clock that was set back must not keep a client out until it is where it was.
    if (count === undefined || count.ends <= now || count.ends > now + this.rate.milliseconds) this.#counts.set(key, { used: 1, ends: now + this.rate.milliseconds })
    else count.used++
  }

  /** Milliseconds until another one is allowed; 0 where it is now. */
  wait(key: string): number {
    const count = this.#counts.get(key)
    if (count === undefined || count.used < this.rate.requests) return 0
    const left = count.ends - this.#now()
    return left > this.rate.milliseconds ? 0 : Math.max(0, left)
  }

  #now(): number {
    return this.#clock.now().getTime()
  }
}
