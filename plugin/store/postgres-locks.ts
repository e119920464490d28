import { hash } from 'node:crypto'
import type pg from 'pg'
import { Unavailable, messageOf } from '../domain/errors.ts'
import type { PackageLocks } from '../domain/package-locks.ts'
import { busy, LOCK_PATIENCE, ProcessLocks } from './package-locks.ts'

const CONNECT = 5000
/** Packages that one mirror changes at a time. */
const AT_ONCE = 8
/** `lock_not_available` (PostgreSQL, appendix A). */
const TOO_LATE = '55P03'

/**
 * Among all mirrors on one database. A lock is of a transaction that does nothing else: it ends with its connection, so a mirror
 * that dies gives its packages free, and it stays with its connection behind a pooler too.
 */
export class PostgresLocks implements PackageLocks {
  readonly #url: string
  #pool: Promise<pg.Pool> | undefined
  readonly #patience: number
  /** One connection for each package, however many requests of this mirror wait for it. */
  readonly #own: ProcessLocks

  /** Connects with the first lock. */
  constructor(url: string, patience = LOCK_PATIENCE) {
    this.#patience = patience
    this.#own = new ProcessLocks(patience)
    this.#url = url
  }

  async acquire(name: string): Promise<() => void> {
    const releaseOwn = await this.#own.acquire(name)
    try {
      const release = await this.#shared(name)
      return () => {
        void release().finally(releaseOwn)
      }
    } catch (error) {
      releaseOwn()
      throw error
    }
  }

  async close(): Promise<void> {
    await (await this.#pool)?.end()
  }

  /** Loaded with the first lock: a mirror that publishes nothing does without. */
  #open(): Promise<pg.Pool> {
    this.#pool ??= import('pg').then(({ default: { Pool } }) => {
      const pool = new Pool({ connectionString: this.#url, max: AT_ONCE, connectionTimeoutMillis: CONNECT, keepAlive: true, idleTimeoutMillis: 30_000, allowExitOnIdle: true, application_name: 'verdaccio-provenance locks' })
      // One that is lost while nobody uses it: the next lock opens another.
      pool.on('error', () => undefined)
      return pool
    })
    return this.#pool
  }

  async #shared(name: string): Promise<() => Promise<void>> {
    const client = await (await this.#open()).connect().catch((error: unknown): never => {
      throw new Unavailable('internal-error', `nobody can say who changes ${name}: ${messageOf(error)}`, { cause: error })
    })
    // The lock is gone with it; what is written in between is caught by the conditions of each write.
    let lost: Error | undefined
    const onLoss = (error: Error): void => { lost = error }
    client.on('error', onLoss)
    const end = (error?: Error): void => {
      client.off('error', onLoss)
      client.release(error ?? lost)
    }
    try {
      await client.query('BEGIN')
      await client.query(`SET LOCAL lock_timeout = ${String(this.#patience)}`)
      await client.query('SET LOCAL idle_in_transaction_session_timeout = 0')
      await client.query('SELECT pg_advisory_xact_lock($1)', [keyOf(name)])
    } catch (error) {
      end(error instanceof Error ? error : new Error(String(error)))
      if (error instanceof Error && 'code' in error && error.code === TOO_LATE) throw busy(name, error)
      throw new Unavailable('internal-error', `nobody can say who changes ${name}: ${messageOf(error)}`, { cause: error })
    }
    let isReleased = false
    return async () => {
      if (isReleased) return
      isReleased = true
      await client.query('ROLLBACK').then(() => { end() }, (error: unknown) => { end(error instanceof Error ? error : new Error(String(error))) })
    }
  }
}

/** 64 bits: PostgreSQL's advisory locks are numbers. Two names of one number would wait for each other, and nothing more. */
const keyOf = (name: string): string => Buffer.from(hash('sha256', `package:${name}`), 'hex').readBigInt64BE().toString()
