import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import type { DecisionRecord, DecisionSummary, LogEntry } from '../domain/decision.ts'
import { messageOf } from '../domain/errors.ts'
import { COLUMNS, columnsOf, onceKey, type Columns } from './columns.ts'
import { chained, entryOf, GENESIS, type Head } from './entry.ts'
import type { Filter } from './filter.ts'
import { isToBeKept } from './kept-checkpoints.ts'
import { LogSchemaError, SQLITE_STEPS } from './schema.ts'
import { selectOf, type Dialect, type Value } from './sql.ts'
import type { Found, LogStore, SignHead, StoredChain, StoredCheckpoint, StoredEntry, SummaryRange } from './store.ts'
import { checkedRange, countsOf, refusedPackages, summaryOf, type Count } from './summary.ts'

type Row = Record<string, SQLOutputValue>

/** Milliseconds to wait for another process on the same file. */
const BUSY_TIMEOUT = 5000

const DIALECT: Dialect = {
  parameter: (n) => `?${String(n)}`,
  contains: (column, parameter) => `instr(${column}, ${parameter}) > 0`,
  matches: (column, parameter) => `${column} GLOB ${parameter}`,
  pattern: (glob) => glob.replace(/[?[]/g, '[$&]'),
}

/** The log in a file of its own. Several processes may write to it: each takes the next number while the others wait. */
export class SqliteLogStore implements LogStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** @throws LogSchemaError; Error naming the file when it cannot be opened, or is no database */
  constructor(file: string) {
    try {
      if (file !== ':memory:') mkdirSync(path.dirname(file), { recursive: true })
      this.#database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT })
      this.#database.exec('PRAGMA journal_mode = WAL')
      // What was committed survives a power cut: a lost entry would be a hole in the chain that a signed checkpoint shows.
      this.#database.exec('PRAGMA synchronous = FULL')
    } catch (cause) {
      throw new Error(`${file}: ${messageOf(cause)}`, { cause })
    }
    this.#migrate(file)
  }

  append(log: string, records: readonly DecisionRecord[], sign: SignHead, now: number): Promise<readonly LogEntry[]> {
    return this.#transaction(() => {
      const { chain, ...head } = this.#chain(log)
      const fresh = this.#notSaidYet(chain, records)
      const added = chained(fresh, log, head)
      const last = added.at(-1)?.entry
      if (last === undefined) return []
      const columns = ['chain', 'sequence', ...COLUMNS, 'body', 'hash']
      const insert = `INSERT INTO decision_entry (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
      for (const { entry, body } of added) this.#run(insert, chain, entry.sequence, ...valuesOf(columnsOf(entry)), body, entry.hash)
      this.#run('UPDATE decision_chain SET sequence = ?, hash = ? WHERE chain = ?', last.sequence, last.hash, chain)
      const envelope = sign(log, last)
      if (envelope !== undefined) this.#addCheckpoint(chain, last.sequence, envelope, now)
      return added.map(({ entry }) => entry)
    })
  }

  find(filter: Filter): Promise<readonly Found[]> {
    return answered(() => {
      const { sql, values } = selectOf(filter, DIALECT)
      return this.#all(sql, ...values).map((row) => ({
        entry: entryOf(String(row.body), String(row.hash)),
        place: { at: Number(row.at), chain: Number(row.chain), sequence: Number(row.sequence) },
      }))
    })
  }

  summary(range: SummaryRange): Promise<DecisionSummary> {
    return answered(() => {
      const checked = checkedRange(range)
      const [counts, packages] = [countsOf(checked, DIALECT), refusedPackages(checked, DIALECT)]
      const found = this.#all(packages.sql, ...packages.values).map((row) => ({ package: String(row.package), count: Number(row.n) }))
      return summaryOf(checked, this.#all(counts.sql, ...counts.values) as unknown as readonly Count[], found)
    })
  }

  chains(): Promise<readonly StoredChain[]> {
    return answered(() => this.#all('SELECT log, sequence, hash FROM decision_chain ORDER BY chain').map((row) => ({ log: String(row.log), sequence: Number(row.sequence), hash: String(row.hash) })))
  }

  entries(log: string, after: number, limit: number): Promise<readonly StoredEntry[]> {
    const sql = `SELECT e.* FROM decision_entry e JOIN decision_chain c USING (chain) WHERE c.log = ? AND e.sequence > ? ORDER BY e.sequence LIMIT ?`
    return answered(() => this.#all(sql, log, after, limit).map(storedOf))
  }

  checkpoints(log: string): Promise<readonly StoredCheckpoint[]> {
    const sql = 'SELECT p.sequence, p.kind, p.envelope FROM decision_checkpoint p JOIN decision_chain c USING (chain) WHERE c.log = ? ORDER BY p.sequence, p.id'
    return answered(() => this.#all(sql, log).map((row) => ({ sequence: Number(row.sequence), kind: String(row.kind) as StoredCheckpoint['kind'], envelope: String(row.envelope) })))
  }

  cut(log: string, { before, maxRows, limit }: Parameters<LogStore['cut']>[1], sign: SignHead): Promise<number> {
    return this.#transaction(() => {
      const { chain, sequence: head } = this.#chain(log)
      const first = this.#get('SELECT sequence FROM decision_entry WHERE chain = ? ORDER BY sequence LIMIT 1', chain)
      if (first === undefined) return 0
      const firstYoung = this.#get('SELECT sequence FROM decision_entry WHERE chain = ? AND at >= ? ORDER BY sequence LIMIT 1', chain, before)
      const old = firstYoung === undefined ? head : Number(firstYoung.sequence) - 1
      const surplus = maxRows === undefined ? 0 : head - maxRows
      const last = this.#get('SELECT sequence, hash FROM decision_entry WHERE chain = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1', chain, Math.min(Math.max(old, surplus), Number(first.sequence) + limit - 1))
      if (last === undefined) return 0
      const end = { sequence: Number(last.sequence), hash: String(last.hash) }
      const envelope = sign(log, end)
      // Unsigned, it would look as if somebody had removed them.
      if (envelope === undefined) return 0
      this.#run('DELETE FROM decision_entry WHERE chain = ? AND sequence <= ?', chain, end.sequence)
      this.#run('DELETE FROM decision_checkpoint WHERE chain = ? AND sequence <= ? AND sequence < ?', chain, end.sequence, head)
      this.#run("INSERT INTO decision_checkpoint (chain, sequence, kind, kept, at, envelope) VALUES (?, ?, 'cut', 1, ?, ?)", chain, end.sequence, before, envelope)
      return end.sequence - Number(first.sequence) + 1
    })
  }

  close(): Promise<void> {
    return answered(() => {
      this.#statements.clear()
      this.#database.close()
    })
  }

  #chain(log: string): Head & { readonly chain: number } {
    this.#run('INSERT OR IGNORE INTO decision_chain (log, sequence, hash) VALUES (?, 0, ?)', log, GENESIS)
    const row = this.#get('SELECT chain, sequence, hash FROM decision_chain WHERE log = ?', log)
    return { chain: Number(row?.chain), sequence: Number(row?.sequence), hash: String(row?.hash) }
  }

  #notSaidYet(chain: number, records: readonly DecisionRecord[]): readonly DecisionRecord[] {
    const said = new Set<string>()
    return records.filter((record) => {
      const key = onceKey(record)
      if (key === undefined) return true
      if (said.has(key) || this.#get('SELECT 1 FROM decision_entry WHERE chain = ? AND once = ?', chain, key) !== undefined) return false
      said.add(key)
      return true
    })
  }

  #addCheckpoint(chain: number, sequence: number, envelope: string, now: number): void {
    const last = this.#get("SELECT sequence, at FROM decision_checkpoint WHERE chain = ? AND kept = 1 AND kind = 'checkpoint' ORDER BY sequence DESC LIMIT 1", chain)
    const kept = isToBeKept(last && { sequence: Number(last.sequence), at: Number(last.at) }, sequence, now)
    this.#run("DELETE FROM decision_checkpoint WHERE chain = ? AND kept = 0 AND kind = 'checkpoint'", chain)
    this.#run("INSERT INTO decision_checkpoint (chain, sequence, kind, kept, at, envelope) VALUES (?, ?, 'checkpoint', ?, ?, ?)", chain, sequence, kept ? 1 : 0, now, envelope)
  }

  #migrate(file: string): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      const version = Number(this.#get('PRAGMA user_version')?.user_version)
      if (version > SQLITE_STEPS.length) throw new LogSchemaError(file, version, SQLITE_STEPS.length)
      for (const step of SQLITE_STEPS.slice(version)) this.#database.exec(step)
      this.#database.exec(`PRAGMA user_version = ${String(SQLITE_STEPS.length)}`)
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.close()
      throw error instanceof LogSchemaError ? error : new Error(`${file}: ${messageOf(error)}`, { cause: error })
    }
  }

  #transaction<Result>(work: () => Result): Promise<Result> {
    return answered(() => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        this.#database.exec('COMMIT')
        return result
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  #get = (sql: string, ...values: readonly Value[]): Row | undefined => this.#statement(sql).get(...values)
  #all = (sql: string, ...values: readonly Value[]): Row[] => this.#statement(sql).all(...values)
  #run = (sql: string, ...values: readonly Value[]): void => void this.#statement(sql).run(...values)

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const prepared = this.#database.prepare(sql)
    // Questions are of many shapes; the few that are asked all the time come back by themselves.
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear()
    this.#statements.set(sql, prepared)
    return prepared
  }
}

const MAX_STATEMENTS = 100

const valuesOf = (columns: Columns): readonly Value[] => COLUMNS.map((name) => columns[name])

const storedOf = (row: Row): StoredEntry => ({
  body: String(row.body),
  hash: String(row.hash),
  sequence: Number(row.sequence),
  columns: Object.fromEntries(COLUMNS.map((name) => [name, row[name]])) as unknown as Columns,
})

/** What is done at once, as a promise: a throw of it is a rejection. */
const answered = <Result>(work: () => Result): Promise<Result> => new Promise((resolve) => { resolve(work()) })
