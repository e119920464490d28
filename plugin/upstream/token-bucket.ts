import type { Clock } from '../domain/ports.ts'

/** So many at once, and then so many a second. */
export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  readonly #clock: Clock
  #tokens: number
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
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#rate) * 1000)
    this.#tokens--
    return 0
  }

  #refill(): void {
    const now = this.#clock.now().getTime()
    // A clock set back adds nothing, and does not stop the bucket until it has caught up.
    const elapsed = Math.max(0, now - this.#countedAt)
    this.#countedAt = now
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed / 1000) * this.#rate)
  }
}
