import { Counts } from '../domain/measures.ts'
import { REJECTIONS, type Rejection } from '../domain/state.ts'

export interface RejectedOptions {
  /** Milliseconds of a clock that is never set. */
  readonly elapsed?: (() => number) | undefined
  readonly warn: (message: string, counts: Readonly<Partial<Record<Rejection, number>>>) => void
}

/** Milliseconds */
const MINUTE = 60 * 1000
const TOLD_FOR = 10 * MINUTE

const WORDS: Readonly<Record<Rejection, string>> = {
  altered: 'altered or of another key of the store',
  'unknown-key': 'made with a key that is not ours',
  unreadable: 'nothing that a mirror writes',
  expired: 'put back after its time',
  ahead: 'of a clock that is far ahead',
  replayed: 'older than what was there',
}

/** Entries of a store that were not believed: somebody writes to it who should not. */
export class RejectedEntries {
  readonly #elapsed: () => number
  readonly #warn: RejectedOptions['warn']
  readonly #all = new Counts<Rejection>(REJECTIONS)
  #untold = new Counts<Rejection>()
  #toldAt = -Infinity
  #lastAt = -Infinity

  constructor({ elapsed = () => performance.now(), warn }: RejectedOptions) {
    this.#elapsed = elapsed
    this.#warn = warn
  }

  /** One warning a minute at most, however many there are. */
  note(rejection: Rejection): void {
    const now = this.#elapsed()
    this.#all.add(rejection)
    this.#untold.add(rejection)
    this.#lastAt = now
    if (now - this.#toldAt < MINUTE) return
    this.#toldAt = now
    const counts = Object.fromEntries(this.#untold.entries)
    this.#untold = new Counts()
    const words = Object.entries(counts).map(([cause, count]) => `${String(count)} ${WORDS[cause as Rejection]}`).join(', ')
    this.#warn(`entries of a store are not believed, and what they said is verified again: ${words}`, counts)
  }

  get counts(): Readonly<Partial<Record<Rejection, number>>> {
    return Object.fromEntries(this.#all.entries)
  }

  /** Whether there was one in the last ten minutes. */
  get isRecent(): boolean {
    return this.#elapsed() - this.#lastAt < TOLD_FOR
  }
}
