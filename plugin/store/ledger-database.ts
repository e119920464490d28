import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { migrate } from './ledger-schema.ts'
import { openDatabase, type Row } from './sqlite.ts'

type Value = string | number | null

/** The ledger's file: prepared statements, transactions, and whether another process wrote to it. */
export class LedgerDatabase {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #onForeignWrite: (() => void)[] = []
  #dataVersion: unknown
  #noticedAt = -Infinity
  #isGlancing = false

  constructor(file: string) {
    this.#database = openDatabase(file, 'FULL')
    migrate(this.#database)
    this.#dataVersion = this.#readDataVersion()
  }

  get isOpen(): boolean {
    return this.#database.isOpen
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#statement(sql).get(...values)
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#statement(sql).all(...values)
  }

  run(sql: string, ...values: Value[]): void {
    this.#statement(sql).run(...values)
  }

  /** What was read before is then of an older file. */
  onForeignWrite(forget: () => void): void {
    this.#onForeignWrite.push(forget)
  }

  /**
   * Several looks at the file of one moment, at most `age` milliseconds ago: whether another process wrote is asked once for all of
   * them. A look costs less than the question.
   */
  glance<Seen>(look: () => Seen, age: number): Seen {
    if (performance.now() - this.#noticedAt > age) this.noticeForeignWrites()
    this.#isGlancing = true
    try {
      return look()
    } finally {
      this.#isGlancing = false
    }
  }

  noticeForeignWrites(): void {
    if (this.#isGlancing) return
    this.#noticedAt = performance.now()
    const version = this.#readDataVersion()
    if (version === this.#dataVersion) return
    this.#dataVersion = version
    for (const forget of this.#onForeignWrite) forget()
  }

  /** Runs `work` whole or not at all, and on disk when this returns; others cannot write meanwhile. */
  transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      this.noticeForeignWrites()
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #readDataVersion(): unknown {
    return this.get('PRAGMA data_version')?.data_version
  }

  #statement(sql: string): StatementSync {
    const prepared = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, prepared)
    return prepared
  }
}
