import type { Position } from './ledger-copy-of-log.ts'
import type { SqliteLedger } from './ledger.ts'
import { apply, decodeOperation, encodeOperation, isRefusedEverywhere, packageOf, type Operation, type OperationName, type Result } from './operations.ts'
import type { LoggedOperation } from './shared-log.ts'

/** Done here, and not yet known to be in the log. */
export interface Pending {
  readonly operation: Operation
  readonly number: number
  readonly body: string
  /** Versions that nothing was recorded of before. */
  readonly versions: ReadonlySet<string> | undefined
}

/** Held back while the database is away; what comes then is not remembered, and what it was about not let in. */
const MAX_PENDING = 5000
const MAX_PENDING_LENGTH = 64 * 1024 ** 2
/** Characters that are written together: a database has some seconds for it. */
const BATCH_LENGTH = 2 * 1024 ** 2
/** Milliseconds of others' operations in one turn of the event loop. */
const TURN_MS = 3
const ALL = [[undefined, '']] as const

/**
 * A copy of a shared ledger, and what was done to it here: at once, in a transaction that is still open. When it is written to the log it
 * stays; when others were first it is taken back, and done again on top of theirs.
 */
export class Speculation {
  readonly #ledger: SqliteLedger
  readonly #writer: string
  #pending: readonly Pending[] = []
  #deciding: Pending[] | undefined
  #number = 0

  /** `writer` names this process in the log. */
  constructor(ledger: SqliteLedger, writer: string) {
    this.#ledger = ledger
    this.#writer = writer
  }

  get pending(): readonly Pending[] {
    return this.#pending
  }

  /** Whether all of it can be written at once. */
  get fitsOneBatch(): boolean {
    return this.#length <= BATCH_LENGTH
  }

  /** Undefined, and nothing was done, where too much waits. */
  do<Name extends OperationName>(operation: Operation<Name>, versions?: ReadonlySet<string>): Result<Name> | undefined {
    const isFull = this.#pending.length >= MAX_PENDING || (this.#pending.length % 100 === 99 && this.#length > MAX_PENDING_LENGTH)
    if (isFull) return undefined
    const result = this.#performHere(operation)
    const pending: Pending = { operation, number: ++this.#number, body: encodeOperation(operation), versions }
    this.#pending = [...this.#pending, pending]
    this.#deciding?.push(pending)
    return result
  }

  /** What `work` does, and which operations that was. */
  collect(work: () => void): readonly Pending[] {
    const collected: Pending[] = []
    this.#deciding = collected
    try {
      work()
    } finally {
      this.#deciding = undefined
    }
    return collected
  }

  /** As many as are written together, the oldest, one at least. */
  batch(): readonly Pending[] {
    let length = 0
    const end = this.#pending.findIndex(({ body }) => (length += body.length) > BATCH_LENGTH)
    return end === -1 ? this.#pending : this.#pending.slice(0, Math.max(1, end))
  }

  /** Does others' operations for good, some milliseconds of them, before all that was done here. @returns those it did */
  take(others: readonly LoggedOperation[]): readonly Operation[] {
    const until = performance.now() + TURN_MS
    const applied: Operation[] = []
    let last: LoggedOperation | undefined
    this.again(() => {
      for (const other of others) {
        const operation = decodeOperation(other.body)
        // Its own, of which it did not hear that they were kept.
        this.#pending = this.#pending.filter(({ number }) => other.writer !== this.#writer || other.number !== number)
        this.#performOrRefuse(operation)
        applied.push(operation)
        last = other
        if (performance.now() > until) break
      }
      if (last !== undefined) this.#ledger.copy.setPosition(last.position)
    })
    return applied
  }

  /** What was written counts, whatever was done after it. */
  confirm(batch: readonly Pending[], position: Position): void {
    const { copy } = this.#ledger
    const later = this.#pending.slice(batch.length)
    this.#pending = later
    if (later.length === 0 && copy.isHeld) {
      copy.setPosition(position)
      copy.commit()
      return
    }
    this.again(() => {
      for (const { operation } of batch) this.#performOrRefuse(operation)
      copy.setPosition(position)
    }, batch)
  }

  /** Those are not to be done. */
  drop(dropped: readonly Pending[]): void {
    this.#pending = this.#pending.filter((one) => !dropped.includes(one))
    this.again(() => undefined, dropped)
  }

  /** Takes back what is not written yet, does `first` for good, and does the rest again on top of it. */
  again(first: () => void, also: readonly Pending[] = []): void {
    const { copy } = this.#ledger
    const touched = [...this.#pending, ...also].map(({ operation }) => packageOf(operation) ?? ALL[0])
    if (copy.isHeld) copy.rollback(touched)
    copy.hold()
    try {
      first()
      copy.commit()
    } catch (error) {
      if (copy.isHeld) copy.rollback(ALL)
      throw error
    } finally {
      this.#pending = this.#pending.filter(({ operation }) => this.#performOrRefuse(operation))
    }
  }

  /** Another ledger's file, in the place of the copy. */
  replaceWith(file: string): void {
    this.takeBack()
    this.#ledger.copy.replaceWith(file)
  }

  /** All that is not written. */
  takeBack(): void {
    const { copy } = this.#ledger
    if (copy.isHeld) copy.rollback(ALL)
  }

  get #length(): number {
    return this.#pending.reduce((sum, { body }) => sum + body.length, 0)
  }

  #performHere<Name extends OperationName>(operation: Operation<Name>): Result<Name> {
    const { copy } = this.#ledger
    try {
      return this.#perform(operation)
    } catch (error) {
      // A disk without room takes back all that was not written.
      if (!copy.isWhole) this.again(() => undefined)
      else if (this.#pending.length === 0) copy.rollback([])
      throw error
    }
  }

  #performOrRefuse(operation: Operation): boolean {
    try {
      this.#perform(operation)
      return true
    } catch (error) {
      if (isRefusedEverywhere(error)) return false
      throw error
    }
  }

  #perform<Name extends OperationName>(operation: Operation<Name>): Result<Name> {
    const { copy } = this.#ledger
    if (!copy.isHeld) copy.hold()
    return copy.part(() => apply(this.#ledger, operation))
  }
}
