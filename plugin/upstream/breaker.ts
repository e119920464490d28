import type { Clock } from '../domain/ports.ts'

/**
 * Verdaccio's rule (`max_fails`, `fail_timeout`): after so many failures in a row an uplink is not asked until so much time has
 * passed since the last one; then one failure more closes the door again.
 */
export class Breaker {
  readonly #maxFails: number
  readonly #failTimeout: number
  readonly #clock: Clock
  #fails = 0
  #lastFailure = 0

  constructor(maxFails: number, failTimeout: number, clock: Clock) {
    this.#maxFails = maxFails
    this.#failTimeout = failTimeout
    this.#clock = clock
  }

  get isOpen(): boolean {
    if (this.#maxFails === 0 || this.#fails < this.#maxFails) return false
    // Absolute, so that a clock set back does not keep an uplink away for longer than the time-out.
    return Math.abs(this.#clock.now().getTime() - this.#lastFailure) < this.#failTimeout
  }

  answered(): void {
    this.#fails = 0
  }

  failed(): void {
    this.#fails++
    this.#lastFailure = this.#clock.now().getTime()
  }
}
