import type { LedgerDatabase } from './ledger-database.ts'
import { integer, text } from './sqlite.ts'

/** How far a ledger has come in the log that it is a copy of. */
export interface Position {
  /** Which log. */
  readonly log: string
  /** Of the last operation that was applied; 0 before the first. */
  readonly sequence: number
  /** What authenticates that operation, and all before it. */
  readonly mac: string
}

export interface Forgetting {
  readonly one: (registry: string | undefined, name: string) => void
  readonly all: () => void
}

/** A ledger as the copy of a log that others write too: how far it has come, and what can be taken back. */
export class LedgerCopy {
  readonly #database: LedgerDatabase
  readonly #forget: Forgetting

  constructor(database: LedgerDatabase, forget: Forgetting) {
    this.#database = database
    this.#forget = forget
  }

  get position(): Position | undefined {
    const row = this.#database.get('SELECT log, sequence, mac FROM position')
    return row && { log: text(row, 'log'), sequence: integer(row, 'sequence'), mac: text(row, 'mac') }
  }

  /** In the transaction that is held, so that what was applied and how far it came are one. */
  setPosition({ log, sequence, mac }: Position): void {
    this.#database.run('INSERT OR REPLACE INTO position (one, log, sequence, mac) VALUES (1, ?, ?, ?)', log, sequence, mac)
  }

  get isHeld(): boolean {
    return this.#database.isHeld
  }

  /** False where what was held is lost: SQLite takes a transaction back by itself when the disk is full. */
  get isWhole(): boolean {
    return this.#database.isInTransaction
  }

  hold(): void {
    this.#database.hold()
  }

  commit(): void {
    this.#database.release('COMMIT')
  }

  /** Takes back all since `hold`, which was about these packages. */
  rollback(touched: Iterable<readonly [registry: string | undefined, name: string]>): void {
    this.#database.release('ROLLBACK')
    for (const [registry, name] of touched) this.#forget.one(registry, name)
  }

  /** Part of what is held: undone alone where it throws. */
  part<Value>(work: () => Value): Value {
    const values: Value[] = []
    this.#database.transaction(() => { values.push(work()) })
    // It has run, or thrown.
    return values[0] as Value
  }

  /** All that another ledger's file holds, in the place of what this one does. */
  replaceWith(file: string): void {
    this.#database.replaceWith(file)
    this.#forget.all()
  }
}
