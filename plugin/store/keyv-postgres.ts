import pg from 'pg'
import { MAX_ENTRY, RemoteStorage, type StoredText } from './fact-storage.ts'

/** Milliseconds */
const CONNECT = 2000
const STATEMENT = 2000
const IDLE = 30_000
const CLEANED_EVERY = 60 * 60 * 1000
const REMOVED_AT_ONCE = 2000
const ROWS_AT_ONCE = 100
/** Any number, the same in every mirror: one at a time creates the table. */
const SCHEMA_LOCK = 7_306_116

/** Facts may be lost: without a log they cost the server half as much, and a server that crashes forgets them. */
const SCHEMA = [
  'CREATE UNLOGGED TABLE IF NOT EXISTS fact_entry (key TEXT COLLATE "C" PRIMARY KEY, value TEXT NOT NULL, expires BIGINT)',
  'CREATE INDEX IF NOT EXISTS fact_entry_expires ON fact_entry (expires) WHERE expires IS NOT NULL',
] as const

/** A storage adapter for keyv 6 on PostgreSQL. Who writes removes what has expired, now and then. */
export class KeyvPostgres extends RemoteStorage {
  readonly #url: string
  #pool: pg.Pool
  #migrated: Promise<void> | undefined
  #cleanedAt = -Infinity
  #cleaning: Promise<void> | undefined
  #isClosed = false

  /** Connects with the first question. `url` is `postgres://…`; what it leaves out comes from the environment (PGPASSWORD and so on). */
  constructor(url: string) {
    super()
    this.#url = url
    this.#pool = poolOf(url)
  }

  async ready(): Promise<void> {
    // One that can be read alone, being full or a standby, is of no use. No key of ours is empty.
    await this.#rows("INSERT INTO fact_entry (key, value, expires) VALUES ('', '', 1) ON CONFLICT (key) DO UPDATE SET expires = 1", [])
  }

  restart(): void {
    if (this.#isClosed) return
    // What waits for an answer ends by its own time-out: the pool waits for nobody.
    void this.#pool.end().catch(() => undefined)
    this.#pool = poolOf(this.#url)
    this.#migrated = undefined
  }

  async texts(keys: readonly string[]): Promise<(string | undefined)[]> {
    const sql = `SELECT key, CASE WHEN octet_length(value) <= ${String(MAX_ENTRY)} THEN value ELSE '' END AS value FROM fact_entry WHERE key = ANY($1::text[]) AND (expires IS NULL OR expires > $2)`
    const rows = await this.#rows<{ readonly key: string; readonly value: string }>(sql, [keys, Date.now()])
    const found = new Map(rows.map(({ key, value }) => [key, value]))
    return keys.map((key) => found.get(key))
  }

  async write(entries: readonly StoredText[]): Promise<void> {
    if (entries.length === 0) return
    // One row for a key: the last, as if they had come one after the other. In one order everywhere, so that two mirrors wait for each other and not both.
    const rows = [...new Map(entries.map((entry) => [entry.key, entry])).values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
    await this.#rows(
      'INSERT INTO fact_entry (key, value, expires) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires',
      [rows.map(({ key }) => key), rows.map(({ value }) => value), rows.map(({ expires }) => expires ?? null)],
    )
    this.#clean()
  }

  async remove(keys: readonly string[]): Promise<boolean[]> {
    const rows = await this.#rows<{ readonly key: string }>('DELETE FROM fact_entry WHERE key = ANY($1::text[]) RETURNING key', [keys])
    const removed = new Set(rows.map(({ key }) => key))
    return keys.map((key) => removed.has(key))
  }

  async clear(): Promise<void> {
    await this.#rows('DELETE FROM fact_entry', [])
  }

  async *iterator(): AsyncGenerator<string[], void> {
    let after = ''
    for (;;) {
      const sql = `SELECT key, value FROM fact_entry WHERE key > $1 AND (expires IS NULL OR expires > $2) ORDER BY key LIMIT ${String(ROWS_AT_ONCE)}`
      const rows = await this.#rows<{ readonly key: string; readonly value: string }>(sql, [after, Date.now()])
      for (const { key, value } of rows) yield [key, value]
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.key
    }
  }

  async disconnect(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#cleaning
    await this.#pool.end().catch(() => undefined)
  }

  /** Behind what was asked: nobody waits for it, and nobody misses it once. */
  #clean(): void {
    if (performance.now() - this.#cleanedAt < CLEANED_EVERY) return
    this.#cleanedAt = performance.now()
    const sql = `DELETE FROM fact_entry WHERE key IN (SELECT key FROM fact_entry WHERE expires <= $1 LIMIT ${String(REMOVED_AT_ONCE)} FOR UPDATE SKIP LOCKED) RETURNING key`
    this.#cleaning = this.#rows(sql, [Date.now()]).then(({ length }) => {
      if (length === REMOVED_AT_ONCE) this.#cleanedAt = -Infinity
    }, () => undefined)
  }

  async #rows<Row extends object>(sql: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const pool = this.#pool
    this.#migrated ??= migrate(pool)
    const migrated = this.#migrated
    try {
      await migrated
    } catch (error) {
      if (this.#migrated === migrated) this.#migrated = undefined
      throw error
    }
    return (await pool.query<Row>(sql, [...values])).rows
  }
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: CONNECT,
    query_timeout: STATEMENT,
    statement_timeout: STATEMENT,
    idleTimeoutMillis: IDLE,
    allowExitOnIdle: true,
    application_name: 'verdaccio-provenance facts',
  })
  // A connection that is lost while nobody uses it: the next question opens another.
  pool.on('error', () => undefined)
  return pool
}

async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  let broken = true
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
    for (const statement of SCHEMA) await client.query(statement)
    await client.query('COMMIT')
    broken = false
  } finally {
    client.release(broken)
  }
}
