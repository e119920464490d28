import pg from 'pg'
import type { DecisionRecord, DecisionSummary, LogEntry } from '../domain/decision.ts'
import { COLUMNS, columnsOf, onceKey, type Columns } from './columns.ts'
import { chained, entryOf, GENESIS, type Head } from './entry.ts'
import type { Filter } from './filter.ts'
import { isToBeKept } from './kept-checkpoints.ts'
import { LogSchemaError, POSTGRES_STEPS } from './schema.ts'
import { selectOf, type Dialect, type Value } from './sql.ts'
import type { Found, LogStore, SignHead, StoredChain, StoredCheckpoint, StoredEntry, SummaryRange } from './store.ts'
import { checkedRange, countsOf, refusedPackages, summaryOf, type Count } from './summary.ts'

type Row = Readonly<Record<string, string | number | null>>
type Query = (sql: string, values?: readonly (Value | readonly Value[])[]) => Promise<readonly Row[]>

/** Milliseconds. A question over years may take long; nobody waits for it in a request that installs something. */
const CONNECT = 5000
const STATEMENT = 60_000
/** Any number, the same in every mirror: one at a time creates the tables. */
const SCHEMA_LOCK = 7_306_115

const DIALECT: Dialect = {
  parameter: (n) => `$${String(n)}`,
  contains: (column, parameter) => `strpos(${column}, ${parameter}) > 0`,
  matches: (column, parameter) => `${column} LIKE ${parameter}`,
  pattern: (glob) => glob.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%'),
}

/** Types of the columns, in the order of COLUMNS: what `unnest` is told. */
const TYPES: Readonly<Record<(typeof COLUMNS)[number], string>> = {
  at: 'bigint', kind: 'text', package: 'text', version: 'text', outcome: 'text', rule: 'text', codes: 'text', user_name: 'text',
  address: 'text', revision: 'text', evidence: 'integer', words: 'text', once: 'text', times: 'integer',
}

/** The logs of many mirrors in one database: each its own chain, of which one process at a time takes the next number. */
export class PostgresLogStore implements LogStore {
  readonly #pool: pg.Pool
  readonly #title: string
  #migrated: Promise<void> | undefined

  /** Connects with the first question. `url` is `postgres://…`; what it leaves out comes from the environment (PGPASSWORD and so on). */
  constructor(url: string) {
    this.#title = titleOf(url)
    this.#pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: CONNECT, statement_timeout: STATEMENT, idleTimeoutMillis: 30_000, allowExitOnIdle: true, application_name: 'verdaccio-provenance' })
    // A connection that is lost while nobody uses it: the next question opens another.
    this.#pool.on('error', () => undefined)
  }

  append(log: string, records: readonly DecisionRecord[], sign: SignHead, now: number): Promise<readonly LogEntry[]> {
    return this.#transaction(async (query) => {
      const { chain, ...head } = await chainOf(query, log)
      const added = chained(await notSaidYet(query, chain, records), log, head)
      const last = added.at(-1)?.entry
      if (last === undefined) return []
      await insert(query, chain, added)
      await query('UPDATE decision_chain SET sequence = $1, hash = $2 WHERE chain = $3', [last.sequence, last.hash, chain])
      const envelope = sign(log, last)
      if (envelope !== undefined) await addCheckpoint(query, chain, last.sequence, envelope, now)
      return added.map(({ entry }) => entry)
    })
  }

  async find(filter: Filter): Promise<readonly Found[]> {
    const { sql, values } = selectOf(filter, DIALECT)
    return (await this.#query(sql, values)).map((row) => ({
      entry: entryOf(String(row.body), String(row.hash)),
      place: { at: Number(row.at), chain: Number(row.chain), sequence: Number(row.sequence) },
    }))
  }

  async summary(range: SummaryRange): Promise<DecisionSummary> {
    const checked = checkedRange(range)
    const [counts, packages] = [countsOf(checked, DIALECT), refusedPackages(checked, DIALECT)]
    const found = (await this.#query(packages.sql, packages.values)).map((row) => ({ package: String(row.package), count: Number(row.n) }))
    const counted = (await this.#query(counts.sql, counts.values)).map((row) => ({ ...row, slot: Number(row.slot), evidence: Number(row.evidence), n: Number(row.n) }) as unknown as Count)
    return summaryOf(checked, counted, found)
  }

  async chains(): Promise<readonly StoredChain[]> {
    const rows = await this.#query('SELECT log, sequence, hash FROM decision_chain ORDER BY chain')
    return rows.map((row) => ({ log: String(row.log), sequence: Number(row.sequence), hash: String(row.hash) }))
  }

  async entries(log: string, after: number, limit: number): Promise<readonly StoredEntry[]> {
    const sql = 'SELECT e.* FROM decision_entry e JOIN decision_chain c USING (chain) WHERE c.log = $1 AND e.sequence > $2 ORDER BY e.sequence LIMIT $3'
    return (await this.#query(sql, [log, after, limit])).map((row) => ({
      body: String(row.body),
      hash: String(row.hash),
      sequence: Number(row.sequence),
      columns: Object.fromEntries(COLUMNS.map((name) => [name, name === 'at' ? Number(row.at) : row[name]])) as unknown as Columns,
    }))
  }

  async checkpoints(log: string): Promise<readonly StoredCheckpoint[]> {
    const sql = 'SELECT p.sequence, p.kind, p.envelope FROM decision_checkpoint p JOIN decision_chain c USING (chain) WHERE c.log = $1 ORDER BY p.sequence, p.id'
    return (await this.#query(sql, [log])).map((row) => ({ sequence: Number(row.sequence), kind: String(row.kind) as StoredCheckpoint['kind'], envelope: String(row.envelope) }))
  }

  cut(log: string, { before, maxRows, limit }: Parameters<LogStore['cut']>[1], sign: SignHead): Promise<number> {
    return this.#transaction(async (query) => {
      const { chain, sequence: head } = await chainOf(query, log)
      const [first] = await query('SELECT sequence FROM decision_entry WHERE chain = $1 ORDER BY sequence LIMIT 1', [chain])
      if (first === undefined) return 0
      const [firstYoung] = await query('SELECT sequence FROM decision_entry WHERE chain = $1 AND at >= $2 ORDER BY sequence LIMIT 1', [chain, before])
      const old = firstYoung === undefined ? head : Number(firstYoung.sequence) - 1
      const surplus = maxRows === undefined ? 0 : head - maxRows
      const most = Math.min(Math.max(old, surplus), Number(first.sequence) + limit - 1)
      const [last] = await query('SELECT sequence, hash FROM decision_entry WHERE chain = $1 AND sequence <= $2 ORDER BY sequence DESC LIMIT 1', [chain, most])
      if (last === undefined) return 0
      const end = { sequence: Number(last.sequence), hash: String(last.hash) }
      const envelope = sign(log, end)
      // Unsigned, it would look as if somebody had removed them.
      if (envelope === undefined) return 0
      await query('DELETE FROM decision_entry WHERE chain = $1 AND sequence <= $2', [chain, end.sequence])
      await query('DELETE FROM decision_checkpoint WHERE chain = $1 AND sequence <= $2 AND sequence < $3', [chain, end.sequence, head])
      await query("INSERT INTO decision_checkpoint (chain, sequence, kind, kept, at, envelope) VALUES ($1, $2, 'cut', 1, $3, $4)", [chain, end.sequence, before, envelope])
      return end.sequence - Number(first.sequence) + 1
    })
  }

  close(): Promise<void> {
    return this.#pool.end()
  }

  async #query(sql: string, values: readonly Value[] = []): Promise<readonly Row[]> {
    await this.#migrate()
    return (await this.#pool.query<Row>(sql, [...values])).rows
  }

  async #transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    await this.#migrate()
    return this.#within(work)
  }

  async #within<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    try {
      await client.query('BEGIN')
      const result = await work(async (sql, values = []) => (await client.query<Row>(sql, [...values])).rows)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: unknown) => { broken = cause instanceof Error ? cause : new Error(String(cause)) })
      throw error
    } finally {
      client.release(broken)
    }
  }

  /** Once it succeeded; else again with the next question. */
  #migrate(): Promise<void> {
    this.#migrated ??= this.#within((query) => migrate(query, this.#title)).catch((error: unknown) => {
      this.#migrated = undefined
      throw error
    })
    return this.#migrated
  }
}

async function migrate(query: Query, title: string): Promise<void> {
  await query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
  await query('CREATE TABLE IF NOT EXISTS decision_schema (version INTEGER NOT NULL)')
  const [row] = await query('SELECT max(version) AS version FROM decision_schema')
  const version = Number(row?.version ?? 0)
  if (version > POSTGRES_STEPS.length) throw new LogSchemaError(title, version, POSTGRES_STEPS.length)
  for (const step of POSTGRES_STEPS.slice(version)) await query(step)
  if (version < POSTGRES_STEPS.length) await query('INSERT INTO decision_schema (version) VALUES ($1)', [POSTGRES_STEPS.length])
}

/** Others that write to this log wait until the transaction ends. */
async function chainOf(query: Query, log: string): Promise<Head & { readonly chain: number }> {
  await query('INSERT INTO decision_chain (log, sequence, hash) VALUES ($1, 0, $2) ON CONFLICT (log) DO NOTHING', [log, GENESIS])
  const [row] = await query('SELECT chain, sequence, hash FROM decision_chain WHERE log = $1 FOR UPDATE', [log])
  return { chain: Number(row?.chain), sequence: Number(row?.sequence), hash: String(row?.hash) }
}

async function notSaidYet(query: Query, chain: number, records: readonly DecisionRecord[]): Promise<readonly DecisionRecord[]> {
  const keys = new Map(records.flatMap((record) => onceKey(record) ?? []).map((key) => [key, false]))
  if (keys.size === 0) return records
  for (const { once } of await query('SELECT once FROM decision_entry WHERE chain = $1 AND once = ANY($2::text[])', [chain, [...keys.keys()]])) keys.set(String(once), true)
  return records.filter((record) => {
    const key = onceKey(record)
    if (key === undefined) return true
    if (keys.get(key) !== false) return false
    keys.set(key, true)
    return true
  })
}

async function insert(query: Query, chain: number, added: ReturnType<typeof chained>): Promise<void> {
  const rows = added.map(({ entry, body }) => ({ entry, body, columns: columnsOf(entry) }))
  const arrays = [
    ['sequence', 'bigint', rows.map(({ entry }) => entry.sequence)] as const,
    ...COLUMNS.map((name) => [name, TYPES[name], rows.map(({ columns }) => columns[name])] as const),
    ['body', 'text', rows.map(({ body }) => body)] as const,
    ['hash', 'text', rows.map(({ entry }) => entry.hash)] as const,
  ]
  const names = arrays.map(([name]) => name).join(', ')
  const unnested = arrays.map(([, type], index) => `$${String(index + 2)}::${type}[]`).join(', ')
  await query(`INSERT INTO decision_entry (chain, ${names}) SELECT $1::integer, * FROM unnest(${unnested})`, [chain, ...arrays.map(([, , values]) => values)])
}

async function addCheckpoint(query: Query, chain: number, sequence: number, envelope: string, now: number): Promise<void> {
  const [last] = await query("SELECT sequence, at FROM decision_checkpoint WHERE chain = $1 AND kept = 1 AND kind = 'checkpoint' ORDER BY sequence DESC LIMIT 1", [chain])
  const kept = isToBeKept(last && { sequence: Number(last.sequence), at: Number(last.at) }, sequence, now)
  await query("DELETE FROM decision_checkpoint WHERE chain = $1 AND kept = 0 AND kind = 'checkpoint'", [chain])
  await query("INSERT INTO decision_checkpoint (chain, sequence, kind, kept, at, envelope) VALUES ($1, $2, 'checkpoint', $3, $4, $5)", [chain, sequence, kept ? 1 : 0, now, envelope])
}

/** Without who logs in, and how. */
export function titleOf(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? 'the database' : `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
