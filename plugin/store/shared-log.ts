import { randomUUID } from 'node:crypto'
import pg, { type PoolClient } from 'pg'
import type { Position } from './ledger-copy-of-log.ts'
import type { SharedKeys } from './shared-keys.ts'
import { migrateShared } from './shared-schema.ts'

/** One operation of the log, as it was read: it is one of those that hold the key, and stands where it was put. */
export interface LoggedOperation {
  readonly sequence: number
  /** Of the process that wrote it. */
  readonly writer: string
  /** Which of that process' operations it is. */
  readonly number: number
  readonly body: string
  readonly position: Position
}

export interface NewOperation {
  readonly number: number
  readonly body: string
}

/** What the log says of itself that cannot be: somebody without the key wrote to it, or it is not the one it was. */
export class LogBroken extends Error {
  override readonly name = 'LogBroken'
  readonly fault: 'forged' | 'set-back' | 'another'
  constructor(cause: LogBroken['fault'], message: string) {
    super(message)
    this.fault = cause
  }
}

/** Operations before the oldest that is kept: they are in a snapshot only. */
export class LeftBehind extends Error {
  override readonly name = 'LeftBehind'
}

interface Head {
  readonly id: string
  readonly genesis: string
  readonly genesis_keyid: string
  readonly sequence: string
  readonly mac: string
}

interface Row {
  readonly sequence: string
  readonly writer: string
  readonly number: string
  readonly body: string
  readonly keyid: string
  readonly mac: string
}

export interface SharedLogOptions {
  /** `postgres://…`; what it leaves out comes from the environment (PGPASSWORD and so on). */
  readonly url: string
  readonly keys: SharedKeys
  /** Called when another mirror has written. */
  readonly onWrite?: () => void
}

/** Milliseconds. A database that takes longer is away: mirrors go on without it meanwhile. */
const CONNECT = 3000
const QUERY = 5000
/** Operations read in one question. */
const PAGE = 500
const CHANNEL = 'provenance_ledger'

/**
 * The log that mirrors share, in PostgreSQL: operations on the ledger, numbered without a gap. Each is authenticated together with its
 * number and all before it, so that none can be altered, planted, moved, repeated or left out between others by who lacks the key.
 * Only its end can be cut off: mirrors that came further notice.
 */
export class SharedLog {
  readonly #pool: pg.Pool
  readonly #keys: SharedKeys
  readonly #onWrite: (() => void) | undefined
  readonly writer = randomUUID()
  #listening: PoolClient | undefined
  #isReady = false

  constructor({ url, keys, onWrite }: SharedLogOptions) {
    this.#keys = keys
    this.#onWrite = onWrite
    this.#pool = new pg.Pool({
      connectionString: url, max: 4, connectionTimeoutMillis: CONNECT, statement_timeout: QUERY, query_timeout: QUERY, idle_in_transaction_session_timeout: 2 * QUERY,
      idleTimeoutMillis: 60_000, allowExitOnIdle: true, keepAlive: true, application_name: 'verdaccio-provenance',
    })
    // A connection that is lost while nobody uses it: the next question opens another.
    this.#pool.on('error', () => undefined)
  }

  /** Where a ledger that has nothing yet begins. */
  async begin(): Promise<Position> {
    const head = await this.#head()
    if (!this.#keys.isOurs({ keyid: head.genesis_keyid, mac: head.genesis }, 'log', head.id)) throw new LogBroken('forged', 'the shared ledger was not begun with one of the configured keys')
    return { log: head.id, sequence: 0, mac: head.genesis }
  }

  /**
   * Operations after a position, oldest first; at most so many that another question may find more.
   * @throws LogBroken; LeftBehind; Error
   */
  async read(after: Position): Promise<readonly LoggedOperation[]> {
    await this.#listen()
    return this.#read(await this.#connected(), after)
  }

  /**
   * Writes operations after all others. `prepare` is given what others wrote after `position`, while nobody else can write, and says
   * what is to be written then; what it throws leaves the log as it was.
   * @returns the position after the last one
   */
  async append(position: Position, prepare: (others: readonly LoggedOperation[]) => { readonly position: Position; readonly operations: readonly NewOperation[] }): Promise<Position> {
    return this.within(async (client) => {
      await client.query('SELECT one FROM ledger_log FOR UPDATE')
      const others: LoggedOperation[] = []
      for (let page: readonly LoggedOperation[] | undefined; page === undefined || page.length === PAGE; others.push(...page)) page = await this.#read(client, others.at(-1)?.position ?? position)
      const prepared = prepare(others)
      let { position: last } = prepared
      const rows = prepared.operations.map(({ number, body }) => {
        const sequence = last.sequence + 1
        const { keyid, mac } = this.#keys.mac('operation', last.log, String(sequence), last.mac, this.writer, String(number), body)
        last = { log: last.log, sequence, mac }
        return { sequence, number, body, keyid, mac }
      })
      if (rows.length === 0) return last
      const columns = (['sequence', 'number', 'body', 'keyid', 'mac'] as const).map((column) => rows.map((row) => row[column]))
      await client.query(
        'INSERT INTO ledger_operation (writer, sequence, number, body, keyid, mac) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])',
        [this.writer, ...columns],
      )
      await client.query('UPDATE ledger_log SET sequence = $1, mac = $2', [last.sequence, last.mac])
      await client.query('SELECT pg_notify($1, $2)', [CHANNEL, this.writer])
      return last
    })
  }

  /** In one transaction. @throws what `work` does, and the server */
  async within<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    await this.#ready()
    const client = await this.#pool.connect()
    let broken: Error | undefined
    try {
      await client.query('BEGIN')
      const result = await work(client)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: unknown) => { broken = cause instanceof Error ? cause : new Error(String(cause)) })
      throw error
    } finally {
      client.release(broken)
    }
  }

  async query<Found extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<readonly Found[]> {
    return (await (await this.#connected()).query<Found>(sql, [...values])).rows
  }

  /** Whether this process is the one that does what only one of them is to do; the first that asks is, until it ends or is cut off. */
  async leads(lock: number): Promise<boolean> {
    await this.#listen()
    const { rows } = (await this.#listening?.query<{ readonly leads: boolean }>('SELECT pg_try_advisory_lock($1) AS leads', [lock])) ?? { rows: [] }
    return rows[0]?.leads === true
  }

  async close(): Promise<void> {
    this.#drop()
    await this.#pool.end()
  }

  async #connected(): Promise<pg.Pool> {
    await this.#ready()
    return this.#pool
  }

  async #ready(): Promise<void> {
    if (this.#isReady) return
    const client = await this.#pool.connect()
    try {
      await migrateShared(client)
      const id = randomUUID()
      const { keyid, mac } = this.#keys.mac('log', id)
      await client.query('INSERT INTO ledger_log (one, id, genesis, genesis_keyid, sequence, mac) VALUES (1, $1, $2, $3, 0, $2) ON CONFLICT DO NOTHING', [id, mac, keyid])
    } finally {
      client.release()
    }
    this.#isReady = true
  }

  async #head(): Promise<Head> {
    const [head] = await this.query<Head & pg.QueryResultRow>('SELECT * FROM ledger_log')
    if (head === undefined) throw new LogBroken('another', 'the shared ledger has lost its head')
    return head
  }

  async #read(on: Pick<PoolClient, 'query'>, after: Position): Promise<readonly LoggedOperation[]> {
    const [head] = (await on.query<Head & pg.QueryResultRow>('SELECT * FROM ledger_log')).rows
    if (head?.id !== after.log) throw new LogBroken('another', 'the shared ledger is not the one that this mirror has a copy of')
    const last = Number(head.sequence)
    if (last < after.sequence) throw new LogBroken('set-back', `the shared ledger ends at operation ${String(last)}, and this mirror has seen ${String(after.sequence)}`)
    const { rows } = await on.query<Row & pg.QueryResultRow>('SELECT * FROM ledger_operation WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT $3', [after.sequence, last, PAGE])
    if (last > after.sequence && Number(rows[0]?.sequence) !== after.sequence + 1) throw new LeftBehind(`operations after ${String(after.sequence)} are no longer kept one by one`)
    if (last === after.sequence && head.mac !== after.mac) throw new LogBroken('forged', 'the shared ledger has another past than this mirror has seen')
    let { mac } = after
    return rows.map((row, index) => {
      const sequence = after.sequence + 1 + index
      const isOurs = Number(row.sequence) === sequence && this.#keys.isOurs(row, 'operation', after.log, String(sequence), mac, row.writer, row.number, row.body)
      if (!isOurs) throw new LogBroken('forged', `operation ${String(sequence)} of the shared ledger was not written by who holds a configured key, or not there (it names the key ${JSON.stringify(row.keyid.slice(0, 64))})`)
      ;({ mac } = row)
      return { sequence, writer: row.writer, number: Number(row.number), body: row.body, position: { log: after.log, sequence, mac } }
    })
  }

  /** On a connection of its own, for as long as it lasts. */
  async #listen(): Promise<void> {
    if (this.#listening !== undefined) return
    await this.#ready()
    const client = await this.#pool.connect()
    client.on('notification', ({ payload }) => { if (payload !== this.writer) this.#onWrite?.() })
    client.once('error', () => { this.#drop(client) })
    client.once('end', () => { this.#drop(client) })
    try {
      await client.query(`LISTEN ${CHANNEL}`)
    } catch (error) {
      client.release(true)
      throw error
    }
    this.#listening = client
  }

  #drop(client = this.#listening): void {
    if (client === undefined || client !== this.#listening) return
    this.#listening = undefined
    client.release(true)
  }
}
