/** The wiring of `ledger share`: what one mirror remembers becomes what all that share a ledger begin with. */
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { sharedKeysOf } from './compose-replicas.ts'
import { readConfiguration, type VerdaccioConfiguration } from './config/configuration.ts'
import { ConfigurationError } from './domain/errors.ts'
import { FileByteStore } from './store/bytes.ts'
import { copyLedger } from './store/ledger-copy.ts'
import { LedgerCopy } from './store/ledger-copy-of-log.ts'
import { LedgerDatabase } from './store/ledger-database.ts'
import { SharedDocuments } from './store/shared-documents.ts'
import { SharedLog } from './store/shared-log.ts'
import { LedgerSnapshots } from './store/snapshots.ts'
import { text } from './store/sqlite.ts'

export interface Shared {
  readonly packages: number
  readonly documents: number
  /** That records point to, and that are not in the cache any more. */
  readonly missing: number
}

const PAGE = 500

/**
 * Puts a mirror's own ledger, with the documents it points to, where mirrors that share one begin.
 * @throws ConfigurationError when there is none, or the shared one has begun already; Error when it cannot be reached
 */
export async function shareLedger(core: VerdaccioConfiguration, from: string): Promise<Shared> {
  const { shared, cache, file: config } = readConfiguration(core, process.env)
  const fail = (where: string, message: string, remedy: string): never => {
    throw new ConfigurationError(config, [{ path: `middlewares.provenance.${where}`, message, remedy }])
  }
  if (shared.ledger === undefined) return fail('store', 'is no shared ledger', 'Set it to postgres://… first, and name the file it was before with --from.')
  if (!existsSync(from)) return fail('store', `there is no ledger at ${from}`, 'Name the file of the ledger that is to be shared.')
  const keys = sharedKeysOf(shared)
  const log = new SharedLog({ url: shared.ledger, keys })
  const bytes = await FileByteStore.open({ dir: cache.dir, maxBytes: cache.disk })
  const copy = path.join(path.dirname(shared.copy), 'provenance-shared.db')
  try {
    const begin = await log.begin()
    const [state] = await log.query<{ readonly begun: boolean }>('SELECT sequence > 0 OR EXISTS (SELECT 1 FROM ledger_snapshot) OR EXISTS (SELECT 1 FROM ledger_mirror) AS begun FROM ledger_log')
    if (state?.begun !== false) return fail('store', 'mirrors have begun to share this ledger already', 'Take a new database, and share the ledger before the first mirror starts.')
    rmSync(copy, { force: true })
    copyLedger(from, copy)
    const database = new LedgerDatabase(copy)
    try {
      database.transaction(() => { new LedgerCopy(database, { one: () => undefined, all: () => undefined }).setPosition(begin) })
      const shown = await shareDocuments(database, { documents: new SharedDocuments(bytes, log), bytes })
      const packages = Number(database.get('SELECT count(*) AS count FROM package')?.count)
      await new LedgerSnapshots({ log, keys, file: copy, warn: () => undefined }).make(copy)
      return { packages, ...shown }
    } finally {
      database.close()
    }
  } finally {
    for (const one of [copy, `${copy}-wal`, `${copy}-shm`]) rmSync(one, { force: true })
    await bytes.close()
    await log.close()
  }
}

async function shareDocuments(database: LedgerDatabase, { documents, bytes }: { readonly documents: SharedDocuments; readonly bytes: FileByteStore }): Promise<Omit<Shared, 'packages'>> {
  let [found, missing, last] = [0, 0, '']
  for (;;) {
    const rows = database.all('SELECT DISTINCT attestations FROM record WHERE attestations > ? ORDER BY attestations LIMIT ?', last, PAGE)
    if (rows.length === 0) return { documents: found, missing }
    for (const sha256 of rows.map((row) => text(row, 'attestations'))) {
      if ((await bytes.get(sha256)) === undefined) missing++
      else {
        documents.add(sha256)
        found++
      }
      last = sha256
    }
    await documents.share()
  }
}
