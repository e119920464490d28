/** Every storage that facts may be in, as real servers, each test with an empty one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { StoredFact } from '../../plugin/domain/ports.ts'
import type { FactStorage } from '../../plugin/store/fact-storage.ts'
import { KeyvPostgres } from '../../plugin/store/keyv-postgres.ts'
import { KeyvRedis } from '../../plugin/store/keyv-redis.ts'
import { KeyvSqlite } from '../../plugin/store/keyv-sqlite.ts'
import { SharedKeys } from '../../plugin/store/shared-keys.ts'
import { hasPostgres, startPostgres, type Postgres } from './postgres.ts'
import { hasRedis, startRedis, type Redis } from './redis.ts'

export type AnyStorage = FactStorage & { iterator(): AsyncGenerator<string[], void> }

export interface FactPlace {
  /** Another connection to the same entries. */
  connect(): Promise<AnyStorage>
}

export interface FactStoreKind {
  readonly title: string
  readonly isThere: () => boolean
  before(): Promise<void>
  /** Empty. */
  place(): Promise<FactPlace>
  after(): Promise<void>
}

const connected = async <Storage extends KeyvRedis | KeyvPostgres>(storage: Storage): Promise<Storage> => {
  for (const until = Date.now() + 5000; ;)
    try {
      await storage.ready()
      return storage
    } catch (error) {
      if (Date.now() > until) throw error
      await new Promise((resolve) => { setTimeout(resolve, 10) })
    }
}

function sqliteFiles(): FactStoreKind {
  let dir: string
  let count = 0
  return {
    title: 'SQLite, a file',
    isThere: () => true,
    before: () => {
      dir = mkdtempSync(path.join(tmpdir(), 'facts-'))
      return Promise.resolve()
    },
    place: () => {
      const file = path.join(dir, `${String(count++)}.db`)
      return Promise.resolve({ connect: () => Promise.resolve(new KeyvSqlite(file)) })
    },
    after: () => {
      rmSync(dir, { recursive: true, force: true })
      return Promise.resolve()
    },
  }
}

const memory: FactStoreKind = {
  title: 'SQLite, in memory',
  isThere: () => true,
  before: () => Promise.resolve(),
  place: () => {
    const storage = new KeyvSqlite(':memory:')
    storage.disconnect = () => Promise.resolve()
    return Promise.resolve({ connect: () => Promise.resolve(storage) })
  },
  after: () => Promise.resolve(),
}

function redis(title: string, protocol: 'redis' | 'valkey'): FactStoreKind {
  let server: Redis
  return {
    title,
    isThere: hasRedis,
    before: async () => { server = await startRedis({ password: 's3cret: of/the@server' }) },
    place: async () => {
      await server.command('FLUSHALL')
      return { connect: () => connected(new KeyvRedis(server.url(3).replace(/^redis/, protocol))) }
    },
    after: () => server.close(),
  }
}

function postgres(): FactStoreKind {
  let server: Postgres
  let count = 0
  return {
    title: 'PostgreSQL',
    isThere: hasPostgres,
    before: async () => { server = await startPostgres() },
    place: async () => {
      const url = await server.database(`facts_${String(count++)}`)
      return { connect: () => connected(new KeyvPostgres(url)) }
    },
    after: () => server.close(),
  }
}

export const FACT_STORES: readonly (() => FactStoreKind)[] = [
  sqliteFiles,
  () => memory,
  () => redis('Redis', 'redis'),
  () => redis('Valkey, by its protocol', 'valkey'),
  postgres,
]

export const keysOf = (...ids: readonly [string, ...string[]]): SharedKeys => {
  const [first, ...others] = ids.map((id) => ({ id, secret: Buffer.from(`${id} is what only mirrors know`) }))
  if (first === undefined) throw new TypeError('no keys')
  return new SharedKeys([first, ...others])
}

export const fact = (value: string, ...anchors: string[]): StoredFact => ({ anchors, value: { value } })
export const facts = (...entries: [string, StoredFact][]): ReadonlyMap<string, StoredFact> => new Map(entries)
export const many = (from: number, to: number): ReadonlyMap<string, StoredFact> =>
  facts(...Array.from({ length: to - from }, (_, i): [string, StoredFact] => [`fact ${String(from + i)}`, fact(`genuine ${String(from + i)}`, 'x')]))
