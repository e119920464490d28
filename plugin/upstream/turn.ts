import type { Urgency } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'

/** A question's place among others. It can only become more urgent: when a client comes to wait for what nobody waited for. */
export class Turn {
  #urgency: Urgency
  #startedAt: Date | undefined
  #onHurry: (() => void) | undefined

  constructor(urgency: Urgency = 'foreground') {
    this.#urgency = urgency
  }

  get urgency(): Urgency {
    return this.#urgency
  }

  /** When the turn came; undefined before. */
  get startedAt(): Date | undefined {
    return this.#startedAt
  }

  start(at: Date): void {
    this.#startedAt = at
  }

  hurry(): void {
    if (this.#urgency === 'foreground') return
    this.#urgency = 'foreground'
    this.#onHurry?.()
  }

  onHurry(told: () => void): void {
    this.#onHurry = told
  }
}

/** Single flight whose run becomes urgent as soon as one of those who share it is. */
export class UrgentFlight<Value> {
  readonly #flight = new SingleFlight<string, Value>()
  readonly #turns = new Map<string, Turn>()

  run(key: string, urgency: Urgency, start: (turn: Turn) => Promise<Value>): Promise<Value> {
    if (urgency === 'foreground') this.#turns.get(key)?.hurry()
    return this.#flight.run(key, async () => {
      const turn = new Turn(urgency)
      this.#turns.set(key, turn)
      try {
        return await start(turn)
      } finally {
        this.#turns.delete(key)
      }
    })
  }

  isRunning(key: string): boolean {
    return this.#turns.has(key)
  }

  /** Resolves when everything that runs now has ended, however it ended. */
  settled(): Promise<void> {
    return this.#flight.settled()
  }
}
