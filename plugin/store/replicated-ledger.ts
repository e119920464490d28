import type { IdentityMemory } from '../domain/identity-memory.ts'
import { Unavailable } from '../domain/errors.ts'
import type { KeptDocument, KeyPins, Ledger, LedgerReset, Maintainers, PinnedKeys, PublishedEvidence, PublishedVersion, Sighting, VersionRecord } from '../domain/ports.ts'
import type { RecallMemory } from '../domain/recall.ts'
import type { ImportedPackage, Imports } from './imports.ts'
import type { SqliteLedger } from './ledger.ts'
import type { PublishedPolicies } from './published-policies.ts'
import type { Replication } from './replication.ts'

/** A ledger that is a file of this mirror alone, or the copy of one that it shares. */
export type DurableLedger = Ledger & KeyPins & PublishedEvidence & Maintainers & {
  readonly imports: Pick<Imports, 'get' | 'note'>
  readonly policies: Pick<PublishedPolicies, 'latest' | 'add'>
  /** @throws Error when nothing can be written now */
  assertWritable(): void
}

/** A ledger that mirrors share: read from this mirror's copy, changed in all of them. */
export class ReplicatedLedger implements DurableLedger {
  readonly #ledger: SqliteLedger
  readonly #replication: Replication
  readonly identities: IdentityMemory
  readonly recalls: RecallMemory
  readonly imports: Pick<Imports, 'get' | 'note'>
  readonly policies: Pick<PublishedPolicies, 'latest' | 'add'>

  constructor(ledger: SqliteLedger, replication: Replication) {
    this.#ledger = ledger
    this.#replication = replication
    this.identities = identitiesOf(ledger, replication)
    this.recalls = recallsOf(ledger, replication)
    this.imports = {
      get: (registry, name) => ledger.imports.get(registry, name),
      note: (registry: string, name: string, imported: ImportedPackage) => { replication.do({ do: 'noteImport', with: [registry, name, imported] }) },
    }
    this.policies = {
      get latest() { return ledger.policies.latest },
      add: (policy) => { replication.do({ do: 'publishPolicy', with: [policy] }) },
    }
  }

  sight(registry: string, name: string, versions: readonly string[], at: Date): void {
    const news = this.#ledger.news(registry, name, versions, at)
    if (news !== undefined) this.#replication.do({ do: 'sight', with: [registry, name, news, at] })
  }

  sighting(registry: string, name: string, version: string): Sighting | undefined {
    return this.#ledger.sighting(registry, name, version)
  }

  firstSeen(registry: string, name: string): Date | undefined {
    return this.#ledger.firstSeen(registry, name)
  }

  versions(registry: string, name: string): readonly string[] {
    return this.#ledger.versions(registry, name)
  }

  records(registry: string, name: string): ReadonlyMap<string, VersionRecord> {
    return this.#ledger.records(registry, name)
  }

  record(registry: string, name: string, records: readonly VersionRecord[], owns = false): void {
    const known = this.#ledger.records(registry, name)
    const versions = new Set(records.map(({ version }) => version).filter((version) => !known.has(version)))
    this.#replication.do({ do: 'record', with: [registry, name, records, owns] }, versions)
  }

  signs(registry: string): boolean {
    return this.#ledger.signs(registry)
  }

  setSigns(registry: string): void {
    if (!this.#ledger.signs(registry)) this.#replication.do({ do: 'setSigns', with: [registry] })
  }

  glance<Seen>(look: () => Seen): Seen {
    return this.#ledger.glance(look, Infinity)
  }

  origin(name: string): string | undefined {
    return this.#ledger.origin(name)
  }

  setOrigin(name: string, registry: string): string {
    return this.#ledger.origin(name) ?? this.#replication.do({ do: 'setOrigin', with: [name, registry] }) ?? registry
  }

  registriesOf(name: string, version?: string): readonly string[] {
    return this.#ledger.registriesOf(name, version)
  }

  reset(what: LedgerReset): readonly string[] {
    if (this.#ledger.registriesOf(what.name, what.version).length === 0) return []
    return this.#replication.do({ do: 'reset', with: [what] }) ?? []
  }

  resets(name: string): readonly LedgerReset[] {
    return this.#ledger.resets(name)
  }

  lastReset(name: string): number {
    return this.#ledger.lastReset(name)
  }

  pinnedKeys(registry: string): PinnedKeys | undefined {
    return this.#ledger.pinnedKeys(registry)
  }

  pinKeys(registry: string, pins: PinnedKeys): PinnedKeys {
    return this.#ledger.pinnedKeys(registry) ?? this.#replication.do({ do: 'pinKeys', with: [registry, pins] }) ?? pins
  }

  keepEvidence(version: PublishedVersion, evidence: KeptDocument): void {
    this.#replication.do({ do: 'keepEvidence', with: [version, evidence] })
  }

  evidenceOf(version: PublishedVersion): KeptDocument | undefined {
    return this.#ledger.evidenceOf(version)
  }

  maintainersOf(name: string): readonly string[] | undefined {
    return this.#ledger.maintainersOf(name)
  }

  setMaintainers(name: string, names: readonly string[] | undefined): void {
    this.#replication.do({ do: 'setMaintainers', with: [name, names] })
  }

  async agreed(registry: string, name: string, version: string): Promise<void> {
    await this.#replication.agreed(name, version)
    // One that found no room while the shared ledger was away.
    if (!this.#ledger.records(registry, name).has(version)) throw new Unavailable('evidence-unavailable', `nothing could be recorded of ${name}@${version}: the shared ledger cannot be reached`)
  }

  decided<Value>(work: () => Value): Promise<Value> {
    return this.#replication.decided(work)
  }

  assertWritable(): void {
    this.#ledger.assertWritable()
  }

  /** The copy; the replication is to be closed before. */
  close(): void {
    this.#ledger.close()
  }
}

const identitiesOf = ({ identities }: SqliteLedger, replication: Replication): IdentityMemory => ({
  pins: (registry, name) => identities.pins(registry, name),
  add: (registry, name, pins) => {
    if (pins.length > 0) replication.do({ do: 'addPins', with: [registry, name, pins] })
  },
  noteChanges: (registry, name, changes) => {
    const fresh = identities.unknown(registry, name, changes)
    return fresh.length === 0 ? fresh : (replication.do({ do: 'noteChanges', with: [registry, name, fresh] }) ?? [])
  },
  changes: (name) => identities.changes(name),
  decide: (decision) => { replication.do({ do: 'decidePin', with: [decision] }) },
  decisions: (name) => identities.decisions(name),
  packages: () => identities.packages(),
  revision: (name) => identities.revision(name),
})

const recallsOf = ({ recalls }: SqliteLedger, replication: Replication): RecallMemory => ({
  add: (recall) => {
    const made = replication.do({ do: 'addRecall', with: [recall] })
    if (made === undefined) throw new Unavailable('evidence-unavailable', 'the shared ledger cannot be reached')
    return made
  },
  lift: (id, why) => replication.do({ do: 'liftRecall', with: [id, why] }),
  all: () => recalls.all(),
  of: (name) => recalls.of(name),
  revision: (name) => recalls.revision(name),
})
