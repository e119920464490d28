import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LaterSync, type SyncFile } from './later-sync.ts'
import { migrate } from './ledger-schema.ts'
import { BUSY_TIMEOUT, openDatabase, type Row } from './sqlite.ts'

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

  /** Runs `work` whole or not at all; others cannot write meanwhile. */
  transaction(work: () => void, wanted: Durability = 'now'): void {
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

  /**
   * @throws Error when the file cannot be written: no room, a disk mounted read-only. Another process that writes just now proves
   * that it can be.
   */
  assertWritable(): void {
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
