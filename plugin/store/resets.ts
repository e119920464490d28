import type { LedgerReset } from '../domain/ports.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { date, integer, optionalText, text, type Row } from './sqlite.ts'

/** What operators made the ledger forget: kept, so that a hole in its memory has a date and a reason. */
export class Resets {
  readonly #database: LedgerDatabase
  /** Number of the last reset by package; read again when another process wrote. */
  #last: ReadonlyMap<string, number> | undefined

  constructor(database: LedgerDatabase) {
    this.#database = database
    database.onForeignWrite(() => {
      this.#last = undefined
    })
  }

  /** Number of the last reset of a package or one of its versions; 0 when there was none. */
  last(name: string): number {
    this.#database.noticeForeignWrites()
    this.#last ??= new Map(
      this.#database.all('SELECT name, max(id) AS id FROM resets GROUP BY name').map((row) => [text(row, 'name'), integer(row, 'id')]),
    )
    return this.#last.get(name) ?? 0
  }

  /** What was read before is no longer what the file says. */
  forget(): void {
    this.#last = undefined
  }

  of(name: string): readonly LedgerReset[] {
    return this.#database.all('SELECT * FROM resets WHERE name = ? ORDER BY id', name).map(resetOf)
  }

  add({ name, version, reason, at }: LedgerReset): void {
    const insert = 'INSERT INTO resets (at, name, version, reason) VALUES (?, ?, ?, ?)'
    this.#database.run(insert, at.getTime(), name, version ?? null, reason)
    this.#last = undefined
  }
}

const resetOf = (row: Row): LedgerReset => ({
  name: text(row, 'name'),
  version: optionalText(row, 'version'),
  reason: text(row, 'reason'),
  at: date(row, 'at'),
})
