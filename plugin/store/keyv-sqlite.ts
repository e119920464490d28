import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { keyvStorageCapability, type KeyvStorageCapability, type KeyvStorageEntry, type KeyvStorageGetResult } from 'keyv'
import type { FactStorage } from './fact-storage.ts'
import { openDatabase, text } from './sqlite.ts'

/**
 * A storage adapter for keyv 6 on Node's own SQLite. Its methods are asynchronous because keyv's are; each is one statement or
 * one transaction.
 */
export class KeyvSqlite implements FactStorage {
  readonly #database: DatabaseSync
  readonly #get: StatementSync
  readonly #set: StatementSync
  readonly #delete: StatementSync
  readonly #all: StatementSync

  /** Opens the file, or `:memory:`, and drops what has expired. */
  constructor(file: string) {
    this.#database = openDatabase(file, 'NORMAL')
    this.#database.exec('CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER) STRICT')
    this.#database.exec('CREATE INDEX IF NOT EXISTS entry_expires ON entry (expires) WHERE expires IS NOT NULL')
    this.#database.prepare('DELETE FROM entry WHERE expires <= ?').run(Date.now())
    this.#get = this.#database.prepare('SELECT value FROM entry WHERE key = ? AND (expires IS NULL OR expires > ?)')
    this.#set = this.#database.prepare('INSERT OR REPLACE INTO entry (key, value, expires) VALUES (?, ?, ?)')
    this.#delete = this.#database.prepare('DELETE FROM entry WHERE key = ?')
    this.#all = this.#database.prepare('SELECT key, value FROM entry WHERE expires IS NULL OR expires > ?')
  }

  /** Tells keyv that `set` takes an absolute time. */
  get capabilities(): KeyvStorageCapability {
    return keyvStorageCapability(this)
  }

  get<Value>(key: string): Promise<KeyvStorageGetResult<Value>> {
    return settled(() => this.#read(key))
  }

  getMany<Value>(keys: string[]): Promise<KeyvStorageGetResult<Value | undefined>[]> {
    return settled(() => keys.map((key) => this.#read(key)))
  }

  async set(key: string, value: unknown, expires?: number): Promise<boolean> {
    const [stored] = await this.setMany([{ key, value, ...(expires !== undefined && { expires }) }])
    return stored === true
  }

  setMany<Value>(entries: KeyvStorageEntry<Value>[]): Promise<boolean[]> {
    return settled(() =>
      this.#transaction(() =>
        entries.map(({ key, value, expires }) => {
          if (typeof value !== 'string') throw new TypeError('keyv is to serialize values')
          return this.#set.run(key, value, expires ?? null).changes === 1
        }),
      ),
    )
  }

  async delete(key: string): Promise<boolean> {
    const [deleted] = await this.deleteMany([key])
    return deleted === true
  }

  deleteMany(keys: string[]): Promise<boolean[]> {
    return settled(() => this.#transaction(() => keys.map((key) => this.#delete.run(key).changes === 1)))
  }

  async has(key: string): Promise<boolean> {
    const [found] = await this.hasMany([key])
    return found === true
  }

  hasMany(keys: string[]): Promise<boolean[]> {
    return settled(() => keys.map((key) => this.#read(key) !== undefined))
  }

  clear(): Promise<void> {
    return settled(() => {
      this.#database.exec('DELETE FROM entry')
    })
  }

  async *iterator(): AsyncGenerator<string[], void> {
    for (const row of await settled(() => this.#all.all(Date.now()))) yield [text(row, 'key'), text(row, 'value')]
  }

  disconnect(): Promise<void> {
    return settled(() => {
      if (this.#database.isOpen) this.#database.close()
    })
  }

  #read(key: string): string | undefined {
    const row = this.#get.get(key, Date.now())
    return row === undefined ? undefined : text(row, 'value')
  }

  #transaction<Result>(work: () => Result): Result {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

/** What a synchronous call returns or throws, as a promise. */
const settled = <Result>(work: () => Result): Promise<Result> =>
  new Promise((resolve) => {
    resolve(work())
  })
