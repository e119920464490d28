import { LRUCache } from 'lru-cache'
import type { KeptDocument, KeyPins, Ledger, LedgerReset, Maintainers, PinnedKeys, PublishedEvidence, PublishedVersion, Sighting, VersionRecord } from '../domain/ports.ts'
import { Identities } from './identities.ts'
import { Imports } from './imports.ts'
import { LedgerCopy } from './ledger-copy-of-log.ts'
import { StoredKeyPins } from './key-pins.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { Origins } from './origins.ts'
import { StoredMaintainers } from './maintainers.ts'
import { StoredEvidence } from './published-evidence.ts'
import { PublishedPolicies } from './published-policies.ts'
import { StoredRecalls } from './recalls.ts'
import { Resets } from './resets.ts'
import { Sightings } from './sightings.ts'
import { integer, text } from './sqlite.ts'
import { columnsOf, merged, recordOf } from './version-record.ts'

export interface LedgerOptions {
  /** A file, or `:memory:`. */
  readonly file: string
  /** Bytes that records may take in memory, estimated. */
  readonly memory?: number | undefined
  /** Milliseconds that sightings are gathered for one write to disk; records never wait. */
  readonly gather?: number | undefined
  /** Told when a gathered write failed. */
  readonly onError?: ((error: unknown) => void) | undefined
}

type Records = ReadonlyMap<string, VersionRecord>

/** Bytes of what is kept in memory, over all packages: records, and a quarter as much again for sightings. */
const DEFAULT_MEMORY = 128 * 1024 ** 2
/** What one takes there, measured: an integrity, a signature or two, and where they came from. */
const PER_RECORD = 1500
/** What is known of a package as a whole, by tables with the columns `registry` and `name`. */
const OF_PACKAGE = ['record', 'appearance', 'package', 'origin', 'pin', 'identity_change', 'imported']
/** What is known of one version. That the package had it stays: it would come back as one that only just appeared. */
const OF_VERSION = ['record', 'appearance', 'identity_change']

/** The ledger on Node's own SQLite. What `record` wrote outlives the process when it returns, and a power cut a moment later (`Durability`). */
export class SqliteLedger implements Ledger, KeyPins, PublishedEvidence, Maintainers {
  readonly #database: LedgerDatabase
  readonly #sightings: Sightings
  readonly #resets: Resets
  readonly #pins: StoredKeyPins
  readonly #origins: Origins
  readonly #evidence: StoredEvidence
  readonly #maintainers: StoredMaintainers
  readonly identities: Identities
  readonly recalls: StoredRecalls
  /** What archives brought. */
  readonly imports: Imports
  /** Given to all mirrors that share this ledger. */
  readonly policies: PublishedPolicies
  /** Where it is the copy of one that is shared. */
  readonly copy: LedgerCopy
  readonly #signing = new Map<string, boolean>()
  readonly #records: LRUCache<string, Map<string, VersionRecord>>
  /** Those that somebody looks at: what they say does not change while they are looked at. */
  readonly #given = new WeakSet<Records>()

  /** @throws Error when the file cannot be opened, or a later version of this program wrote it */
  constructor({ file, memory = DEFAULT_MEMORY, gather = 20, onError = () => undefined }: LedgerOptions) {
    this.#records = new LRUCache({ maxSize: memory, sizeCalculation: ({ size }) => (size + 1) * PER_RECORD })
    this.#database = new LedgerDatabase(file)
    this.#sightings = new Sightings(this.#database, { gather, memory: memory / 4, onError })
    this.#resets = new Resets(this.#database)
    this.#pins = new StoredKeyPins(this.#database)
    this.#origins = new Origins(this.#database)
    this.identities = new Identities(this.#database)
    this.recalls = new StoredRecalls(this.#database)
    this.imports = new Imports(this.#database)
    this.policies = new PublishedPolicies(this.#database)
    this.copy = new LedgerCopy(this.#database, { one: (registry, name) => { this.#forgetOne(registry, name) }, all: () => { this.#forgetAll() } })
    this.#evidence = new StoredEvidence(this.#database)
    this.#maintainers = new StoredMaintainers(this.#database)
    this.#database.onForeignWrite(() => {
      this.#records.clear()
      this.#signing.clear()
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

  firstSeen(registry: string, name: string): Date | undefined {
    return this.#sightings.get(registry, name)?.firstSeen
  }

  /** What an answer with these versions says that is not known yet; undefined where it says nothing new. */
  news(registry: string, name: string, versions: readonly string[], at: Date): readonly string[] | undefined {
    return this.#sightings.news(registry, name, versions, at)
  }

  versions(registry: string, name: string): readonly string[] {
    return [...(this.#sightings.get(registry, name)?.known ?? [])]
  }

  records(registry: string, name: string): Records {
    this.#database.noticeForeignWrites()
    const records = this.#known(registry, name)
    this.#given.add(records)
    return records
  }

  record(registry: string, name: string, records: readonly VersionRecord[], owns = false): void {
    const added = new Map<string, VersionRecord>()
    this.#sightings.flushWith(() => {
      const known = this.#known(registry, name)
      for (const record of records) this.#keep(registry, name, record, known, added)
      if (owns) this.#origins.insert(name, registry)
    })
    // Only now: memory must not know more than the disk. Nobody sees it grow who was given it, and who writes thousands does not copy
    // them with each batch.
    const before = this.#known(registry, name)
    const after = this.#given.has(before) ? new Map(before) : before
    for (const [version, record] of added) after.set(version, record)
    this.#keepInMemory(registry, name, after)
  }

  signs(registry: string): boolean {
    const known = this.#signing.get(registry)
    if (known !== undefined) return known
    const row = this.#database.get('SELECT signs FROM registry WHERE registry = ?', registry)
    const signs = row !== undefined && integer(row, 'signs') === 1
    // Kept either way: a listing asks once for each of its versions.
    this.#signing.set(registry, signs)
    return signs
  }

  setSigns(registry: string): void {
    if (this.signs(registry)) return
    this.#database.transaction(() => {
      this.#database.run('INSERT OR REPLACE INTO registry (registry, signs) VALUES (?, 1)', registry)
    })
    this.#signing.set(registry, true)
  }

  glance<Seen>(look: () => Seen, age: number): Seen {
    return this.#database.glance(look, age)
  }

  origin(name: string): string | undefined {
    return this.#origins.get(name)
  }

  setOrigin(name: string, registry: string): string {
    return this.#origins.set(name, registry)
  }

  registriesOf(name: string, version?: string): readonly string[] {
    this.#sightings.flush()
    const tables = ['package', 'record', 'origin'].map((table) => `SELECT registry FROM ${table} WHERE name = ?1`)
    const rows = this.#database.all(tables.join(' UNION '), name)
    const registries = rows.map((row) => text(row, 'registry'))
    if (version === undefined) return registries
    return registries.filter((registry) => this.sighting(registry, name, version) !== undefined || this.records(registry, name).has(version))
  }

  reset(what: LedgerReset): readonly string[] {
    const { name, version } = what
    const registries = this.registriesOf(name, version)
    if (registries.length === 0) return []
    this.#database.transaction(() => {
      for (const table of version === undefined ? OF_PACKAGE : OF_VERSION) {
        if (version === undefined) this.#database.run(`DELETE FROM ${table} WHERE name = ?`, name)
        else this.#database.run(`DELETE FROM ${table} WHERE name = ? AND version = ?`, name, version)
      }
      this.#resets.add(what)
    })
    this.#forgetAll()
    return registries
  }

  resets(name: string): readonly LedgerReset[] {
    return this.#resets.of(name)
  }

  lastReset(name: string): number {
    return this.#resets.last(name)
  }

  pinnedKeys(registry: string): PinnedKeys | undefined {
    return this.#pins.get(registry)
  }

  pinKeys(registry: string, pins: PinnedKeys): PinnedKeys {
    this.#pins.set(registry, pins)
    return this.#pins.get(registry) ?? pins
  }

  keepEvidence(version: PublishedVersion, evidence: KeptDocument): void {
    this.#evidence.keepEvidence(version, evidence)
  }

  evidenceOf(version: PublishedVersion): KeptDocument | undefined {
    return this.#evidence.evidenceOf(version)
  }

  maintainersOf(name: string): readonly string[] | undefined {
    return this.#maintainers.maintainersOf(name)
  }

  setMaintainers(name: string, names: readonly string[] | undefined): void {
    this.#maintainers.setMaintainers(name, names)
  }

  /** @throws Error when nothing can be written now */
  assertWritable(): void {
    this.#database.assertWritable()
  }

  close(): void {
    if (!this.#database.isOpen) return
    this.#sightings.flush()
    this.#database.close()
  }

  /** Without a registry it may be of any. */
  #forgetOne(registry: string | undefined, name: string): void {
    if (registry === undefined) {
      this.#forgetAll()
      return
    }
    this.recalls.forget()
    this.#resets.forget()
    this.#signing.clear()
    this.#origins.forgetOne(name)
    this.#records.delete(JSON.stringify([registry, name]))
    this.#sightings.forgetOne(registry, name)
    this.identities.forgetOne(registry, name)
  }

  #forgetAll(): void {
    this.recalls.forget()
    this.#resets.forget()
    this.#signing.clear()
    this.#records.clear()
    this.#sightings.forget()
    this.#origins.forget()
    this.identities.forget()
  }

  #known(registry: string, name: string): Map<string, VersionRecord> {
    const cached = this.#records.get(JSON.stringify([registry, name]))
    if (cached !== undefined) return cached
    const rows = this.#database.all('SELECT * FROM record WHERE registry = ? AND name = ?', registry, name)
    const records = new Map(rows.map((row) => [text(row, 'version'), recordOf(row)]))
    this.#keepInMemory(registry, name, records)
    return records
  }

  #keepInMemory(registry: string, name: string, records: Map<string, VersionRecord>): void {
    const key = JSON.stringify([registry, name])
    // It is weighed when it is put there, and not when the same one is put there again.
    this.#records.delete(key)
    this.#records.set(key, records)
  }

  #keep(registry: string, name: string, record: VersionRecord, known: Records, added: Map<string, VersionRecord>): void {
    const before = added.get(record.version) ?? known.get(record.version)
    // The first integrity stays for good, or whoever answers last could replace a version's bytes.
    if (before !== undefined && before.integrity !== record.integrity) return
    const after = before === undefined ? record : merged(before, record)
    this.#database.run('INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', registry, name, ...columnsOf(after))
    added.set(record.version, after)
  }
}
