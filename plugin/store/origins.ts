import { LRUCache } from 'lru-cache'
import type { LedgerDatabase } from './ledger-database.ts'
import { text } from './sqlite.ts'

const CACHED_PACKAGES = 20_000

/** Which registry owns a name: the first of which anything was verified or served, until an operator says otherwise. */
export class Origins {
  readonly #database: LedgerDatabase
  readonly #known = new LRUCache<string, string>({ max: CACHED_PACKAGES })

  constructor(database: LedgerDatabase) {
    this.#database = database
    database.onForeignWrite(() => {
      this.forget()
    })
  }

  get(name: string): string | undefined {
    this.#database.noticeForeignWrites()
    // Without making it the newest, which costs a warm answer more than the look itself; what goes is read again.
    const known = this.#known.peek(name)
    if (known !== undefined) return known
    const row = this.#database.get('SELECT registry FROM origin WHERE name = ?', name)
    if (row === undefined) return undefined
    const registry = text(row, 'registry')
    this.#known.set(name, registry)
    return registry
  }

  set(name: string, registry: string): string {
    const owner = this.get(name)
    if (owner !== undefined) return owner
    this.#database.transaction(() => { this.insert(name, registry) }, 'soon')
    return this.get(name) ?? registry
  }

  /** Within a transaction. Another process may have been first: whoever was stays. */
  insert(name: string, registry: string): void {
    this.#database.run('INSERT OR IGNORE INTO origin (name, registry) VALUES (?, ?)', name, registry)
  }

  /** What was read before is no longer what the file says. */
  forget(): void {
    this.#known.clear()
  }

  forgetOne(name: string): void {
    this.#known.delete(name)
  }
}
