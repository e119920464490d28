import type { LedgerDatabase } from './ledger-database.ts'
import { date, integer, text } from './sqlite.ts'

/** The newest that an archive brought of a package. */
export interface ImportedPackage {
  /** When its registry last confirmed the packument, as the archive says. */
  readonly confirmedAt: Date
  /** Number of the archive, by the mirror that exported it. */
  readonly serial: number
  /** Of the key that signed the archive. */
  readonly keyid: string
}

/** What archives brought, so that an older one does not take its place: the cache that holds the documents may be deleted, this not. */
export class Imports {
  readonly #database: LedgerDatabase

  constructor(database: LedgerDatabase) {
    this.#database = database
  }

  get(registry: string, name: string): ImportedPackage | undefined {
    const row = this.#database.get('SELECT confirmed_at, serial, keyid FROM imported WHERE registry = ? AND name = ?', registry, name)
    return row && { confirmedAt: date(row, 'confirmed_at'), serial: integer(row, 'serial'), keyid: text(row, 'keyid') }
  }

  /** What is newer already stays. */
  note(registry: string, name: string, { confirmedAt, serial, keyid }: ImportedPackage): void {
    this.#database.transaction(() => {
      this.#database.run(
        `INSERT INTO imported (registry, name, confirmed_at, serial, keyid) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (registry, name) DO UPDATE SET confirmed_at = excluded.confirmed_at, serial = excluded.serial, keyid = excluded.keyid
         WHERE excluded.confirmed_at >= confirmed_at`,
        registry,
        name,
        confirmedAt.getTime(),
        serial,
        keyid,
      )
    })
  }
}
