import type { Clock } from '../domain/ports.ts'

/** In which a rate that was halved comes back to what it was. */
const RECOVERY_MS = 5 * 60_000
/** Halved no further than to this part of it. */
const LEAST = 1 / 64

/** So many at once, and then so many a second. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  readonly #clock: Clock
  #tokens: number
  /** The part of the rate, and of the burst, that is given out now. */
  #part = 1
  #countedAt: number

  /** `rate` in tokens per second. */
  constructor(rate: number, burst: number, clock: Clock) {
    this.#rate = rate
    this.#burst = burst
    this.#clock = clock
    this.#tokens = burst
    this.#countedAt = clock.now().getTime()
  }

  /** Takes a token, and returns 0; or returns the milliseconds until there will be one. */
  take(): number {
    this.#refill()
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / (this.#rate * this.#part)) * 1000)
    this.#tokens--
    return 0
  }

  /** Gives out half as many from now on, and what was saved up is gone; within minutes it is all again. */
  slow(): void {
    this.#refill()
    this.#part = Math.max(LEAST, this.#part / 2)
    this.#tokens = Math.min(1, this.#tokens)
  }

  #refill(): void {
    const now = this.#clock.now().getTime()
    // A clock set back adds nothing, and does not stop the bucket until it has caught up.
    const elapsed = Math.max(0, now - this.#countedAt)
    this.#countedAt = now
    this.#tokens = Math.min(Math.max(1, this.#burst * this.#part), this.#tokens + (elapsed / 1000) * this.#rate * this.#part)
    this.#part = Math.min(1, this.#part + elapsed / RECOVERY_MS)
  }
}
