import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isDamage } from './damage.ts'
import { LaterSync, type SyncFile } from './later-sync.ts'
import { migrate } from './ledger-schema.ts'
import { BUSY_TIMEOUT, openDatabase, text, type Row } from './sqlite.ts'

type Value = string | number | null

/**
 * When a transaction survives a power cut. `now`: before `transaction` returns; for what people decide, and what nobody could be asked for
 * again. `soon`: within a moment; for what the mirror saw and verified by itself. Either is kept when the process is killed, is seen
 * by other processes at once, and is there in the order it was written in: what a power cut takes is the newest.
 */
export type Durability = 'now' | 'soon'

/**
 * What a power cut may take of `soon`, in milliseconds. An install of 500 packages waited one and a half seconds for the disk with the
 * event loop standing still; in a tenth of a second few versions are met for the first time, and of those a mirror that forgot them
 * knows as much as one that never met them.
 */
const SOON_MS = 100

/** The ledger's file: prepared statements, transactions, and whether another process wrote to it. */
export class LedgerDatabase {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #onForeignWrite: (() => void)[] = []
  #dataVersion: unknown
  #noticedAt = -Infinity
  #isGlancing = false
  readonly #later: LaterSync
  #durability: Durability = 'now'
  #isHeld = false
  #damage: unknown

  constructor(file: string, sync?: SyncFile) {
    this.#database = openDatabase(file, 'FULL')
    // sqlite.org/wal.html: with NORMAL a commit is in the log, whole and in order, and the log is synced by whoever wants to be sure.
    this.#later = new LaterSync(`${file}-wal`, SOON_MS, file === ':memory:' ? () => Promise.resolve() : sync)
    migrate(this.#database)
    this.#dataVersion = this.#readDataVersion()
  }

  get isOpen(): boolean {
    return this.#database.isOpen
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#noting(() => this.#statement(sql).get(...values))
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#noting(() => this.#statement(sql).all(...values))
  }

  run(sql: string, ...values: Value[]): void {
    this.#noting(() => this.#statement(sql).run(...values))
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

  /** Runs `work` whole or not at all; others cannot write meanwhile. */
  transaction(work: () => void, wanted: Durability = 'now'): void {
    if (this.#isHeld) {
      this.#part(work)
      return
    }
    const durability = this.#later.hasFailed ? 'now' : wanted
    if (durability !== this.#durability) {
      this.#database.exec(`PRAGMA synchronous = ${durability === 'now' ? 'FULL' : 'NORMAL'}`)
      this.#durability = durability
    }
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      this.noticeForeignWrites()
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
    // A commit that is synced syncs the log with all that is in it.
    if (durability === 'now') this.#later.done()
    else this.#later.soon()
  }

  /** From now on transactions are parts of one that can still be taken back as a whole. */
  hold(): void {
    this.#database.exec('BEGIN IMMEDIATE')
    this.#isHeld = true
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  get isInTransaction(): boolean {
    return this.#database.isTransaction
  }

  /** Ends what `hold` began. What was read before a rollback is for the caller to forget. */
  release(how: 'COMMIT' | 'ROLLBACK'): void {
    try {
      // SQLite itself takes all of it back when the disk is full.
      if (how === 'COMMIT' || this.#database.isTransaction) this.#database.exec(how)
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    } finally {
      this.#isHeld = false
    }
  }

  /** Puts all that another ledger's file holds in the place of what this one does. */
  replaceWith(file: string): void {
    this.#database.prepare('ATTACH ? AS other').run(file)
    try {
      this.transaction(() => {
        const tables = this.#database.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name").all()
        for (const name of tables.map((row) => `"${text(row, 'name')}"`)) {
          this.#database.exec(`DELETE FROM main.${name}`)
          this.#database.exec(`INSERT INTO main.${name} SELECT * FROM other.${name}`)
        }
      })
    } finally {
      this.#database.exec('DETACH other')
    }
    for (const forget of this.#onForeignWrite) forget()
  }

  /**
   * @throws Error when the file cannot be written: no room, a disk mounted read-only, pages that turned out to be damaged. Another
   * process that writes just now proves that it can be.
   */
  assertWritable(): void {
    if (this.#damage !== undefined) throw this.#damage as Error
    // It is being written.
    if (this.#isHeld) return
    this.#database.exec('PRAGMA busy_timeout = 0')
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      this.#database.exec('ROLLBACK')
    } catch (error) {
      if (!isBusy(error)) throw error
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${String(BUSY_TIMEOUT)}`)
    }
  }

  close(): void {
    this.#statements.clear()
    this.#later.close()
    this.#database.close()
  }

  #part(work: () => void): void {
    this.#database.exec('SAVEPOINT part')
    try {
      work()
    } catch (error) {
      // A full disk ends all of it.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK TO part')
      throw error
    } finally {
      if (this.#database.isTransaction) this.#database.exec('RELEASE part')
    }
  }

  /** A file that was damaged once stays so, whatever the next page that is read says. */
  #noting<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      if (isDamage(error)) this.#damage = error
      throw error
    }
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

/** SQLite's result code 5, SQLITE_BUSY. */
const isBusy = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === 5
