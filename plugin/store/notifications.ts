import { hash, randomUUID } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import type { Gathered, Message, NotificationStore, Notice } from '../domain/notification.ts'
import { date, integer, openDatabase, text, type Row } from './sqlite.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS told (id INTEGER PRIMARY KEY, hook TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (hook, key)) STRICT;
  CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, hook TEXT NOT NULL, event TEXT NOT NULL, at INTEGER NOT NULL, notice TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS waiting_of ON waiting (hook, id);
  CREATE TABLE IF NOT EXISTS dropped (hook TEXT NOT NULL, event TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (hook, event)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS message (
    hook TEXT PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, count INTEGER NOT NULL,
    created INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pace (hook TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), read_until INTEGER NOT NULL) STRICT;`

/** Of each hook. Beyond these, a notice is counted and no more; what was told longest ago is told again. */
export interface NotificationBounds {
  readonly waiting: number
  readonly told: number
}
const BOUNDS: NotificationBounds = { waiting: 10_000, told: 50_000 }
const REMEMBERED = 20_000
const FORGET_STEP = 250

/**
 * Notices and messages in a file of their own: the ledger is looked at by every request, and forgets what it has in memory when another
 * process writes to it.
 */
export class StoredNotifications implements NotificationStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #bounds: NotificationBounds
  /** How many were told since it was last looked whether those are too many; at first it is to be looked. */
  readonly #toldSince = new Map<string, number>()
  /** A refusal comes again with every install: most are not worth a look at the file. */
  readonly #told = new LRUCache<string, true>({ max: REMEMBERED })

  /** @throws Error naming the file when it cannot be opened */
  constructor(file: string, bounds: Partial<NotificationBounds> = {}) {
    this.#database = openDatabase(file, 'NORMAL')
    this.#database.exec(SCHEMA)
    this.#bounds = { ...BOUNDS, ...bounds }
  }

  take(hook: string, notices: readonly Notice[], now: Date): number {
    const keyed = notices.map((notice) => ({ notice, key: hash('sha256', notice.key) })).filter(({ key }) => !this.#told.has(`${hook} ${key}`))
    if (keyed.length === 0) return 0
    let taken = 0
    this.#transaction(() => {
      let room = this.#bounds.waiting - this.#count('waiting', hook)
      for (const { notice, key } of keyed) {
        if (this.#run('INSERT OR IGNORE INTO told (hook, key) VALUES (?, ?)', hook, key) === 0) continue
        taken++
        if (room-- > 0) this.#run('INSERT INTO waiting (hook, event, at, notice) VALUES (?, ?, ?, ?)', hook, notice.event, now.getTime(), JSON.stringify(notice))
        else this.#run('INSERT INTO dropped VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1', hook, notice.event)
      }
      this.#toldMore(hook, taken)
    })
    for (const { key } of keyed) this.#told.set(`${hook} ${key}`, true)
    return taken
  }

  compose(hook: string, { window, interval, shown }: { readonly window: number; readonly interval: number; readonly shown: number }, now: Date, write: (gathered: Gathered, id: string) => string): void {
    const first = this.#get('SELECT at FROM waiting WHERE hook = ? ORDER BY id LIMIT 1', hook)
    if (first === undefined || now.getTime() < integer(first, 'at') + window) return
    this.#transaction(() => {
      const last = this.#get('SELECT last FROM pace WHERE hook = ?', hook)
      const isEarly = last !== undefined && now.getTime() < integer(last, 'last') + interval
      if (isEarly || this.#get('SELECT id FROM message WHERE hook = ?', hook) !== undefined) return
      const gathered = this.#gathered(hook, shown)
      const count = Object.values(gathered.counts).reduce((sum, one) => sum + one, 0)
      if (count === 0) return
      const id = `msg_${randomUUID()}`
      this.#run('INSERT INTO message VALUES (?, ?, ?, ?, ?, 0, ?)', hook, id, write(gathered, id), count, now.getTime(), now.getTime())
      this.#run('INSERT OR REPLACE INTO pace VALUES (?, ?)', hook, now.getTime())
      this.#run('DELETE FROM waiting WHERE hook = ?', hook)
      this.#run('DELETE FROM dropped WHERE hook = ?', hook)
    })
  }

  claim(hook: string, lease: number, now: Date): Message | undefined {
    const row = this.#get('UPDATE message SET due = ? WHERE hook = ? AND due <= ? RETURNING *', now.getTime() + lease, hook, now.getTime())
    return row && { id: text(row, 'id'), body: text(row, 'body'), count: integer(row, 'count'), created: date(row, 'created'), attempts: integer(row, 'attempts') }
  }

  done(hook: string, id: string): void {
    this.#run('DELETE FROM message WHERE hook = ? AND id = ?', hook, id)
  }

  retry(hook: string, id: string, at: Date): void {
    this.#run('UPDATE message SET due = ?, attempts = attempts + 1 WHERE hook = ? AND id = ?', at.getTime(), hook, id)
  }

  waiting(hook: string): number {
    const row = this.#get(
      `SELECT (SELECT count(*) FROM waiting WHERE hook = ?1) + (SELECT coalesce(sum(count), 0) FROM dropped WHERE hook = ?1)
         + (SELECT coalesce(sum(count), 0) FROM message WHERE hook = ?1) AS count`,
      hook,
    )
    return row === undefined ? 0 : integer(row, 'count')
  }

  get readUntil(): Date | undefined {
    const row = this.#get('SELECT read_until FROM progress')
    return row && date(row, 'read_until')
  }

  setReadUntil(at: Date): void {
    this.#run('INSERT INTO progress VALUES (1, ?) ON CONFLICT DO UPDATE SET read_until = max(read_until, excluded.read_until)', at.getTime())
  }

  close(): void {
    this.#statements.clear()
    if (this.#database.isOpen) this.#database.close()
  }

  #gathered(hook: string, shown: number): Gathered {
    const rows = this.#statement('SELECT event, sum(count) AS count FROM (SELECT event, 1 AS count FROM waiting WHERE hook = ?1 UNION ALL SELECT event, count FROM dropped WHERE hook = ?1) GROUP BY event ORDER BY event').all(hook)
    const lost = this.#get('SELECT coalesce(sum(count), 0) AS count FROM dropped WHERE hook = ?', hook)
    const notices = this.#statement('SELECT notice FROM waiting WHERE hook = ? ORDER BY id LIMIT ?').all(hook, shown)
    return {
      counts: Object.fromEntries(rows.map((row) => [text(row, 'event'), integer(row, 'count')])),
      dropped: lost === undefined ? 0 : integer(lost, 'count'),
      // Written above.
      notices: notices.map((row) => JSON.parse(text(row, 'notice')) as Notice),
    }
  }

  /** Now and then what was told longest ago is forgotten, a little of it each time: requests are answered between. */
  #toldMore(hook: string, taken: number): void {
    const { told } = this.#bounds
    const step = Math.max(1, Math.min(FORGET_STEP, Math.floor(told / 10)))
    const since = (this.#toldSince.get(hook) ?? step) + taken
    this.#toldSince.set(hook, since < step ? since : 0)
    if (since < step) return
    const excess = this.#count('told', hook) - told
    if (excess > 0) this.#run('DELETE FROM told WHERE id IN (SELECT id FROM told WHERE hook = ? ORDER BY id LIMIT ?)', hook, excess + step)
  }

  #count(table: 'told' | 'waiting', hook: string): number {
    const row = this.#get(`SELECT count(*) AS count FROM ${table} WHERE hook = ?`, hook)
    return row === undefined ? 0 : integer(row, 'count')
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #get(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.#statement(sql).get(...values)
  }

  /** @returns how many rows it changed */
  #run(sql: string, ...values: (string | number)[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  #statement(sql: string): StatementSync {
    const prepared = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, prepared)
    return prepared
  }
}
