import { LRUCache } from 'lru-cache'
import type { IdentityPin } from '../domain/history.ts'
import type { IdentityMemory, PendingChange, PinDecision, SeenChange } from '../domain/identity-memory.ts'
import { keyOf, mergedPin, type BuiltBy } from '../domain/pins.ts'
import type { LedgerDatabase } from './ledger-database.ts'
import { date, integer, optionalText, text, type Row } from './sqlite.ts'

const CACHED_PACKAGES = 20_000

/** Who built packages: pins, changes that wait, and what operators decided about them. A part of the ledger's file. */
export class Identities implements IdentityMemory {
  readonly #database: LedgerDatabase
  readonly #pins = new LRUCache<string, readonly IdentityPin[]>({ max: CACHED_PACKAGES })
  readonly #revisions = new LRUCache<string, number>({ max: CACHED_PACKAGES })

  constructor(database: LedgerDatabase) {
    this.#database = database
    database.onForeignWrite(() => {
      this.forget()
    })
  }

  pins(registry: string, name: string): readonly IdentityPin[] {
    this.#database.noticeForeignWrites()
    const key = JSON.stringify([registry, name])
    const cached = this.#pins.get(key)
    if (cached !== undefined) return cached
    const rows = this.#database.all('SELECT * FROM pin WHERE registry = ? AND name = ? ORDER BY since, identity', registry, name)
    const pins = rows.map(pinOf)
    this.#pins.set(key, pins)
    return pins
  }

  add(registry: string, name: string, pins: readonly IdentityPin[]): void {
    if (pins.length === 0) return
    this.#write(name, () => {
      const known = new Map(this.pins(registry, name).map((pin) => [keyOf(pin), pin]))
      for (const pin of pins) {
        const merged = mergedPin(known.get(keyOf(pin)), pin)
        known.set(keyOf(pin), merged)
        this.#keep(registry, name, merged)
      }
    })
  }

  noteChanges(registry: string, name: string, changes: readonly SeenChange[]): readonly SeenChange[] {
    const fresh = this.unknown(registry, name, changes)
    if (fresh.length === 0) return fresh
    this.#database.transaction(() => {
      const insert = 'INSERT OR IGNORE INTO identity_change (registry, name, identity, version, pinned, first_seen) VALUES (?, ?, ?, ?, ?, ?)'
      for (const { to, from, version, firstSeen } of fresh)
        this.#database.run(insert, registry, name, keyOf(to), version, keyOf(from), firstSeen.getTime())
    })
    return fresh
  }

  /** Those that do not wait yet. */
  unknown(registry: string, name: string, changes: readonly SeenChange[]): readonly SeenChange[] {
    const known = new Set(this.changes(name).filter((change) => change.registry === registry).flatMap(({ to, versions }) => versions.map((version) => `${keyOf(to)} ${version}`)))
    return changes.filter(({ to, version }) => !known.has(`${keyOf(to)} ${version}`))
  }

  changes(name?: string): readonly PendingChange[] {
    const rows =
      name === undefined
        ? this.#database.all('SELECT * FROM identity_change ORDER BY name, registry, first_seen, rowid')
        : this.#database.all('SELECT * FROM identity_change WHERE name = ? ORDER BY registry, first_seen, rowid', name)
    const grouped = Map.groupBy(rows, (row) => JSON.stringify([text(row, 'registry'), text(row, 'name'), text(row, 'identity')]))
    return [...grouped.values()].flatMap((group) => changeOf(group))
  }

  decide({ registry, name, decision, identity, reason, by, at }: PinDecision): void {
    const key = keyOf(identity)
    this.#write(name, () => {
      const known = this.pins(registry, name).find((pin) => keyOf(pin) === key)
      const change = this.changes(name).find((one) => one.registry === registry && keyOf(one.to) === key)
      const seen = change?.firstSeen ?? at
      const pin = known ?? { ...identity, version: change?.versions[0] ?? '', since: seen, latest: seen }
      this.#keep(registry, name, decision === 'approve' ? { ...pin, because: 'approved', until: undefined } : { ...pin, because: 'dropped', until: at })
      this.#database.run('DELETE FROM identity_change WHERE registry = ? AND name = ? AND identity = ?', registry, name, key)
      const insert = 'INSERT INTO pin_decision (at, registry, name, decision, identity, reason, decided_by) VALUES (?, ?, ?, ?, ?, ?, ?)'
      this.#database.run(insert, at.getTime(), registry, name, decision, key, reason, by ?? null)
    })
  }

  decisions(name: string): readonly PinDecision[] {
    return this.#database.all('SELECT * FROM pin_decision WHERE name = ? ORDER BY id', name).map((row) => ({
      registry: text(row, 'registry'),
      name,
      decision: text(row, 'decision') as PinDecision['decision'],
      identity: identityOf(text(row, 'identity')),
      reason: text(row, 'reason'),
      by: optionalText(row, 'decided_by'),
      at: date(row, 'at'),
    }))
  }

  packages(): readonly (readonly [registry: string, name: string])[] {
    const rows = this.#database.all('SELECT registry, name FROM pin UNION SELECT registry, name FROM identity_change ORDER BY name, registry')
    return rows.map((row) => [text(row, 'registry'), text(row, 'name')])
  }

  revision(name: string): number {
    this.#database.noticeForeignWrites()
    // As origins are looked at (origins.ts).
    const cached = this.#revisions.peek(name)
    if (cached !== undefined) return cached
    const row = this.#database.get('SELECT revision FROM pin_state WHERE name = ?', name)
    const revision = row === undefined ? 0 : integer(row, 'revision')
    this.#revisions.set(name, revision)
    return revision
  }

  /** What was read before is no longer what the file says. */
  forget(): void {
    this.#pins.clear()
    this.#revisions.clear()
  }

  /** The same, of one package. */
  forgetOne(registry: string, name: string): void {
    this.#pins.delete(JSON.stringify([registry, name]))
    this.#revisions.delete(name)
  }

  #write(name: string, work: () => void): void {
    this.#database.transaction(() => {
      work()
      this.#database.run('INSERT INTO pin_state (name, revision) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET revision = revision + 1', name)
    })
    this.forget()
  }

  #keep(registry: string, name: string, pin: IdentityPin): void {
    const { version, since, latest, because, until } = pin
    const times = [since.getTime(), latest.getTime()] as const
    const insert = 'INSERT OR REPLACE INTO pin (registry, name, identity, version, since, latest, because, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
    this.#database.run(insert, registry, name, keyOf(pin), version, ...times, because, until?.getTime() ?? null)
  }
}

const pinOf = (row: Row): IdentityPin => ({
  ...identityOf(text(row, 'identity')),
  version: text(row, 'version'),
  since: date(row, 'since'),
  latest: date(row, 'latest'),
  because: text(row, 'because') as IdentityPin['because'],
  until: row.until === null ? undefined : date(row, 'until'),
})

/** Rows of one identity, the earliest first. */
function changeOf(rows: readonly Row[]): readonly PendingChange[] {
  const [first] = rows
  if (first === undefined) return []
  return [
    {
      registry: text(first, 'registry'),
      name: text(first, 'name'),
      to: identityOf(text(first, 'identity')),
      from: identityOf(text(first, 'pinned')),
      firstSeen: date(first, 'first_seen'),
      versions: rows.map((row) => text(row, 'version')),
    },
  ]
}

function identityOf(key: string): BuiltBy {
  const [issuer, ...rest] = JSON.parse(key) as readonly [string, ...(string | null)[]]
  const [sourceRepository, sourceRepositoryId, sourceOwnerId, workflow] = rest.map((claim) => claim ?? undefined)
  return { issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow }
}
