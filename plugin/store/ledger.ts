import { LRUCache } from 'lru-cache'
import type { Ledger, Sighting, VersionRecord } from '../domain/ports.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { Sightings } from './sightings.ts'
import { integer, text } from './sqlite.ts'
import { columnsOf, merged, recordOf } from './version-record.ts'

export interface LedgerOptions {
  /** A file, or `:memory:`. */
  readonly file: string
  /** Milliseconds that sightings are gathered for one write to disk; records never wait. */
  readonly gather?: number | undefined
  /** Told when a gathered write failed. */
  readonly onError?: ((error: unknown) => void) | undefined
}

type Records = ReadonlyMap<string, VersionRecord>

const CACHED_PACKAGES = 2000

/** The ledger on Node's own SQLite. A record is on disk (`synchronous = FULL`) when `record` returns. */
export class SqliteLedger implements Ledger {
  readonly #database: LedgerDatabase
  readonly #sightings: Sightings
  readonly #records = new LRUCache<string, Records>({ max: CACHED_PACKAGES })

  /** @throws Error when the file cannot be opened, or a later version of this program wrote it */
  constructor({ file, gather = 20, onError = () => undefined }: LedgerOptions) {
    this.#database = new LedgerDatabase(file)
    this.#sightings = new Sightings(this.#database, gather, onError)
    this.#database.onForeignWrite(() => {
      this.#records.clear()
    })
  }

  sight(registry: string, name: string, versions: readonly string[], at: Date): void {
    this.#sightings.add({ registry, name, versions, at })
  }

  sighting(registry: string, name: string, version: string): Sighting | undefined {
    const seen = this.#sightings.get(registry, name)
    if (!seen?.known.has(version)) return undefined
    return seen.appearances.get(version) ?? { firstSeen: seen.firstSeen, lastAbsent: undefined }
  }

  versions(registry: string, name: string): readonly string[] {
    return [...(this.#sightings.get(registry, name)?.known ?? [])]
  }

  records(registry: string, name: string): Records {
    this.#database.noticeForeignWrites()
    const key = JSON.stringify([registry, name])
    const cached = this.#records.get(key)
    if (cached !== undefined) return cached
    const rows = this.#database.all('SELECT * FROM record WHERE registry = ? AND name = ?', registry, name)
    const records = new Map(rows.map((row) => [text(row, 'version'), recordOf(row)]))
    this.#records.set(key, records)
    return records
  }

  record(registry: string, name: string, records: readonly VersionRecord[]): void {
    this.#sightings.flush()
    const known = new Map<string, VersionRecord>()
    this.#database.transaction(() => {
      for (const [version, record] of this.records(registry, name)) known.set(version, record)
      for (const record of records) this.#keep(registry, name, record, known)
    })
    this.#records.set(JSON.stringify([registry, name]), known)
  }

  signs(registry: string): boolean {
    const row = this.#database.get('SELECT signs FROM registry WHERE registry = ?', registry)
    return row !== undefined && integer(row, 'signs') === 1
  }

  setSigns(registry: string): void {
    if (this.signs(registry)) return
    this.#database.transaction(() => {
      this.#database.run('INSERT OR REPLACE INTO registry (registry, signs) VALUES (?, 1)', registry)
    })
  }

  close(): void {
    if (!this.#database.isOpen) return
    this.#sightings.flush()
    this.#database.close()
  }

  #keep(registry: string, name: string, record: VersionRecord, known: Map<string, VersionRecord>): void {
    const before = known.get(record.version)
    // The first integrity stays for good, or whoever answers last could replace a version's bytes.
    if (before !== undefined && before.integrity !== record.integrity) return
    const after = before === undefined ? record : merged(before, record)
    this.#database.run('INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', registry, name, ...columnsOf(after))
    known.set(record.version, after)
  }
}
