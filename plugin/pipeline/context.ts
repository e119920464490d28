import type { FactStore, Ledger, StoredFact, TrustMaterial, TrustRenewal, Upstream, UpstreamPackument, VersionRecord } from '../domain/ports.ts'
import type { Evidence } from '../domain/evidence.ts'
import type { Recall } from '../domain/recall.ts'
import type { Json } from '../domain/json.ts'
import { restsOnUnknown } from './renewal.ts'

/** One package as one request sees it: what the upstream says, what is trusted, and what is remembered. */
export interface PackageContext {
  readonly upstream: Upstream
  readonly document: UpstreamPackument
  readonly trust: TrustMaterial
  readonly renewal: TrustRenewal | undefined
  readonly records: ReadonlyMap<string, VersionRecord>
  /** The registry that owns the name, or undefined while none does. */
  readonly owner: string | undefined
  /** In force, of this package. */
  readonly recalls: readonly Recall[]
  readonly facts: PackageFacts
}

/** The facts of one package: read once, added to as evidence is verified, written back once. */
export class PackageFacts {
  readonly #store: FactStore
  readonly #scope: string
  readonly #trust: TrustMaterial
  #known: ReadonlyMap<string, StoredFact>
  readonly #added = new Map<string, StoredFact>()
  readonly #learned = new Set<string>()

  private constructor(store: FactStore, scope: string, trust: TrustMaterial, known: ReadonlyMap<string, StoredFact>) {
    this.#store = store
    this.#scope = scope
    this.#trust = trust
    this.#known = known
  }

  static async load(store: FactStore, scope: string, trust: TrustMaterial): Promise<PackageFacts> {
    return new PackageFacts(store, scope, trust, await store.load(scope))
  }

  /** A fact whose anchors are all still trusted. The caller knows its shape by the key it asks with. */
  get(key: string): Json | undefined {
    const fact = this.#added.get(key) ?? this.#known.get(key)
    return fact?.anchors.every((anchor) => this.#isTrusted(anchor)) === true ? fact.value : undefined
  }

  /** Looks whether another mirror verified meanwhile what is not known here. False where there is nothing to look for, or none to ask. */
  async learn(): Promise<boolean> {
    const found = await this.#store.look?.(this.#scope)
    if (found === undefined) return false
    this.#known = found
    return true
  }

  /** What `get` had nothing for before `learn`. What another mirror found is news here as well. */
  learned(key: string): Json | undefined {
    const found = this.get(key)
    if (found !== undefined) this.#learned.add(key)
    return found
  }

  /** `get`, and where that has nothing, what another mirror verified meanwhile. */
  async find(key: string): Promise<Json | undefined> {
    return this.get(key) ?? ((await this.learn()) ? this.learned(key) : undefined)
  }

  /** How many facts this request found. */
  get added(): number {
    return this.#added.size + this.#learned.size
  }

  put(key: string, value: Json, anchors: readonly string[]): void {
    this.#added.set(key, { anchors, value })
  }

  /**
   * Keeps evidence that is settled for good. What verified rests on its anchors; what did not may verify under other trust
   * material, so it rests on all of it. `unavailable` and what rests on an unknown anchor are never kept.
   */
  settle(key: string, evidence: readonly Evidence<unknown>[], anchors: readonly string[]): void {
    if (evidence.some(({ state }) => state === 'unavailable' || state === 'claimed') || evidence.some(restsOnUnknown)) return
    const verified = evidence.every(({ state }) => state === 'verified' || state === 'absent')
    this.put(key, evidence as unknown as Json, verified ? anchors : [this.#everything()])
  }

  async save(): Promise<void> {
    if (this.#added.size > 0) await this.#store.add(this.#scope, this.#added)
  }

  #everything(): string {
    return `revision:${this.#trust.revision}`
  }

  #isTrusted(anchor: string): boolean {
    return this.#trust.anchors.has(anchor) || anchor === this.#everything()
  }
}

const MAX_VERSION = 256

/** Loads what is remembered of a package and notes this answer in the ledger. */
export async function openPackage(
  upstream: Upstream,
  document: UpstreamPackument,
  trust: TrustMaterial,
  memories: { readonly facts: FactStore; readonly ledger: Ledger; readonly renewal?: TrustRenewal | undefined },
): Promise<PackageContext> {
  const { name } = document.packument
  // Longer ones are no versions to any client (semver, MAX_LENGTH), and the ledger keeps for good what an upstream wrote.
  const versions = [...document.packument.versions.keys()].filter(({ length }) => length <= MAX_VERSION)
  if (!document.stale) memories.ledger.sight(upstream.registry, name, versions, document.confirmedAt)
  return {
    upstream,
    document,
    trust,
    renewal: memories.renewal,
    records: memories.ledger.records(upstream.registry, name),
    owner: memories.ledger.origin(name),
    recalls: memories.ledger.recalls.of(name),
    facts: await PackageFacts.load(memories.facts, `${upstream.registry} ${name}`, trust),
  }
}
