import type { Json } from '../domain/json.ts'
import type { PinnedKeys } from '../domain/ports.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { integer, text } from './sqlite.ts'

/** Keys that registries named themselves, pinned on first use: whoever answered first is whom later answers are held against. */
export class StoredKeyPins {
  readonly #database: LedgerDatabase

  constructor(database: LedgerDatabase) {
    this.#database = database
  }

  get(registry: string): PinnedKeys | undefined {
    const row = this.#database.get('SELECT document, at FROM pinned_keys WHERE registry = ?', registry)
    return row === undefined ? undefined : { document: JSON.parse(text(row, 'document')) as Json, at: new Date(integer(row, 'at')) }
  }

  set(registry: string, { document, at }: PinnedKeys): void {
    this.#database.transaction(() => {
      // Another process may have been first: its pins stay.
      this.#database.run(
        'INSERT OR IGNORE INTO pinned_keys (registry, document, at) VALUES (?, ?, ?)',
        registry,
        JSON.stringify(document),
        at.getTime(),
      )
    })
  }
}
