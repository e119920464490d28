/** Mirrors' ledgers that share one, over a real PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import type { Operation } from '../../plugin/store/operations.ts'
import { ReplicatedLedger } from '../../plugin/store/replicated-ledger.ts'
import { Replication } from '../../plugin/store/replication.ts'
import { SharedKeys, type SharedKey } from '../../plugin/store/shared-keys.ts'
import { SharedLog } from '../../plugin/store/shared-log.ts'
import { LedgerSnapshots } from '../../plugin/store/snapshots.ts'
import { hasPostgres, startPostgres, type Postgres } from './postgres.ts'

export const KEY: SharedKey = { id: 'one', secret: Buffer.alloc(32, 1) }

export interface Replica {
  readonly ledger: ReplicatedLedger
  readonly copy: SqliteLedger
  readonly replication: Replication
  readonly log: SharedLog
  readonly snapshots: LedgerSnapshots
  readonly warnings: readonly string[]
  /** What others did. */
  readonly others: readonly Operation[]
  /** Resolves when its state, or what it was told, makes `holds` true. */
  until(holds: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface ReplicaOptions {
  readonly file?: string
  readonly keys?: readonly [SharedKey, ...SharedKey[]]
  readonly poll?: number
  readonly started?: boolean
}

export class Replicas {
  readonly #dir = mkdtempSync(path.join(tmpdir(), 'replicas-'))
  readonly #open: Replica[] = []
  #count = 0

  file(name: string): string {
    return path.join(this.#dir, `${name}.db`)
  }

  async open(url: string, { file = this.file(`copy-${String(++this.#count)}`), keys = [KEY], poll = 50, started = true }: ReplicaOptions = {}): Promise<Replica> {
    const shared = new SharedKeys(keys)
    const warnings: string[] = []
    const others: Operation[] = []
    const watchers = new Set<() => void>()
    const look = (): void => { for (const watcher of watchers) watcher() }
    const log = new SharedLog({ url, keys: shared })
    const copy = new SqliteLedger({ file, gather: 0 })
    const snapshots = new LedgerSnapshots({ log, keys: shared, file, warn: (message) => { warnings.push(message) }, every: Infinity })
    const replication = new Replication({
      ledger: copy,
      log,
      companions: { share: () => Promise.resolve() },
      snapshots,
      greet: () => Promise.resolve().then(look),
      warn: (message) => {
        warnings.push(message)
        setImmediate(look)
      },
      onOthers: (operations) => {
        others.push(...operations)
        setImmediate(look)
      },
      poll,
    })
    const replica: Replica = {
      ledger: new ReplicatedLedger(copy, replication),
      copy,
      replication,
      log,
      snapshots,
      warnings,
      others,
      until: (holds) =>
        new Promise((resolve) => {
          const watcher = (): void => {
            if (!holds()) return
            watchers.delete(watcher)
            resolve()
          }
          watchers.add(watcher)
          watcher()
        }),
      close: async () => {
        this.#open.splice(this.#open.indexOf(replica), 1)
        await replication.close()
        await snapshots.settled()
        copy.close()
        await log.close()
      },
    }
    this.#open.push(replica)
    if (started) {
      replication.start()
      await replica.until(() => replication.state.state !== 'behind')
    }
    return replica
  }

  async closeAll(): Promise<void> {
    for (const one of [...this.#open]) await one.close()
  }

  async close(): Promise<void> {
    await this.closeAll()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** For a suite of tests: one server, and of it for each test an empty database and the mirrors on it. */
export interface OnPostgres {
  readonly server: Postgres
  readonly url: string
  readonly replicas: Replicas
  sql(text: string, values?: readonly unknown[]): Promise<pg.QueryResult>
}

/** To be called in `describe`; where there is no PostgreSQL its tests are skipped. */
export function onPostgres(prefix: string): OnPostgres {
  let server: Postgres
  let replicas: Replicas
  let url: string
  let count = 0
  before(async function () {
    if (!hasPostgres()) this.skip()
    this.timeout(60_000)
    server = await startPostgres()
  })
  after(async () => {
    await (server as Postgres | undefined)?.close()
  })
  beforeEach(async () => {
    replicas = new Replicas()
    url = await server.database(`${prefix}${String(++count)}`)
  })
  afterEach(async () => { await replicas.close() })
  return {
    get server() { return server },
    get url() { return url },
    get replicas() { return replicas },
    sql: async (text, values = []) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        return await client.query(text, [...values])
      } finally {
        await client.end()
      }
    },
  }
}
