import type { Maintainers } from '../domain/ports.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { text } from './sqlite.ts'

/** Maintainers of packages published here, which Verdaccio's storage has no place for. */
export class StoredMaintainers implements Maintainers {
  readonly #database: LedgerDatabase

  constructor(database: LedgerDatabase) {
    this.#database = database
  }

  maintainersOf(name: string): readonly string[] | undefined {
    const row = this.#database.get('SELECT names FROM maintainers WHERE name = ?', name)
    return row === undefined ? undefined : (JSON.parse(text(row, 'names')) as readonly string[])
  }

  setMaintainers(name: string, names: readonly string[] | undefined): void {
    this.#database.transaction(() => {
      if (names === undefined) this.#database.run('DELETE FROM maintainers WHERE name = ?', name)
      else this.#database.run('INSERT OR REPLACE INTO maintainers (name, names) VALUES (?, ?)', name, JSON.stringify(names))
    })
  }
}
