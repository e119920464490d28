import { eventRecord } from '../domain/decision-record.ts'
import type { DecisionRecord } from '../domain/decision.ts'

/** Entries that wait for the store; about a kilobyte each. Of what is served less is kept, so that a refusal still finds room. */
const MAX_SERVED = 40_000
const MAX = 50_000

/** What waits for the store, and how much found no room. */
export class RecordQueue {
  #waiting: DecisionRecord[] = []
  #dropped = 0
  #since: string | undefined
  #droppedEver = 0

  get size(): number {
    return this.#waiting.length
  }

  /** That did not find room since this was told last. */
  get dropped(): number {
    return this.#dropped
  }

  get droppedEver(): number {
    return this.#droppedEver
  }

  /** False where there was no room. */
  add(record: DecisionRecord): boolean {
    if (this.#waiting.length >= (record.kind === 'served' ? MAX_SERVED : MAX)) {
      this.#dropped += record.times
      this.#droppedEver += record.times
      this.#since ??= record.at
      return false
    }
    this.#waiting.push(record)
    return true
  }

  /** The oldest, at most so many; with what was dropped since, as an entry of its own. */
  take(limit: number, now: string): readonly DecisionRecord[] {
    const batch = this.#waiting.length <= limit ? this.#waiting : this.#waiting.slice(0, limit)
    this.#waiting = this.#waiting.length <= limit ? [] : this.#waiting.slice(limit)
    if (this.#dropped === 0) return batch
    const said = droppedRecord(this.#dropped, this.#since ?? now, now)
    this.#dropped = 0
    this.#since = undefined
    return [...batch, said]
  }

  /** What could not be kept after all; it comes first again. */
  putBack(batch: readonly DecisionRecord[]): void {
    this.#waiting = [...batch, ...this.#waiting]
  }
}

const droppedRecord = (count: number, since: string, at: string): DecisionRecord =>
  eventRecord({ at: new Date(at), kind: 'entries-dropped', detail: { count, since, until: at } })
