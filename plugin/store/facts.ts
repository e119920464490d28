import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'
import type { CacheMeasures } from '../domain/measures.ts'
import type { FactStore, StoredFact } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import type { CacheUsage } from '../domain/state.ts'
import { decodePart, FactEntry, opened, partKey, sealed } from './fact-parts.ts'
import { KeyvSqlite, type FactStorage } from './keyv-sqlite.ts'

export interface FactCacheOptions {
  /** `:memory:`, a file, or any storage adapter for keyv 6 (Redis, Valkey, Postgres). */
  readonly storage: string | FactStorage
  /** Bytes of entries kept decoded. */
  readonly memory?: number | undefined
  /** Milliseconds a part of an entry is kept in the storage after it was last written. */
  readonly ttl?: number | undefined
  /**
   * Known to the processes that share a storage, and to nobody else who can write to it: entries are sealed with it, and one that
   * was altered, planted or moved to another package is a miss. Without it a hash finds what broke by itself.
   */
  readonly secret?: string | undefined
  /** Facts of one package; the oldest go first. */
  readonly maxFacts?: number | undefined
  /** Where what was asked for was. */
  readonly measures?: CacheMeasures | undefined
  /** Told of a storage that fails: facts are then verified again, and nothing else happens. */
  readonly onError?: ((error: unknown) => void) | undefined
}

type Facts = ReadonlyMap<string, StoredFact>

/** Three for each of the versions a packument may have: an upstream that re-signs at every answer adds some each time. */
const MAX_FACTS = 300_000
const DAY = 24 * 60 * 60 * 1000
/** Facts that are put in their places in one turn of the event loop. */
const AT_ONCE = 250

/**
 * The cache of facts: decoded in memory, in front of a few strings per package in any keyv storage, which are written and read one
 * in each turn of the event loop. What of a package has changed is written, and not all of it.
 */
export class FactCache implements FactStore {
  readonly #memory: LRUCache<string, FactEntry>
  readonly #storage: Keyv<string>
  readonly #secret: string | undefined
  readonly #loads = new SingleFlight<string, FactEntry>()
  readonly #writes = new Map<string, Promise<void>>()
  readonly #maxFacts: number
  readonly #measures: CacheMeasures | undefined

  constructor({ storage, memory = 64 * 1024 ** 2, ttl = 90 * DAY, maxFacts = MAX_FACTS, secret, measures, onError = () => undefined }: FactCacheOptions) {
    this.#measures = measures
    this.#maxFacts = maxFacts
    this.#memory = new LRUCache({ maxSize: memory, sizeCalculation: ({ size }) => size })
    this.#secret = secret
    this.#storage = new Keyv<string>({ store: typeof storage === 'string' ? new KeyvSqlite(storage) : storage, ttl })
    this.#storage.on('error', onError)
  }

  get usage(): CacheUsage {
    return { memory: this.#memory.calculatedSize, memoryLimit: this.#memory.maxSize }
  }

  async load(scope: string): Promise<Facts> {
    const isInMemory = this.#memory.has(scope)
    const { facts } = await this.#entry(scope)
    if (this.#measures !== undefined) this.#measures[isInMemory ? 'memory' : facts.size > 0 ? 'disk' : 'miss']++
    return facts
  }

  /** One at a time for a scope: each writes whole parts, and two at once would lose one's facts. */
  async add(scope: string, facts: Facts): Promise<void> {
    if (facts.size === 0) return
    const before = this.#writes.get(scope) ?? Promise.resolve()
    const write = before.then(() => this.#merge(scope, facts))
    const settled = write.catch(() => undefined)
    this.#writes.set(scope, settled)
    try {
      await write
    } finally {
      if (this.#writes.get(scope) === settled) this.#writes.delete(scope)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#writes.values())
    await this.#storage.disconnect()
  }

  async #entry(scope: string): Promise<FactEntry> {
    return this.#memory.get(scope) ?? (await this.#loads.run(scope, () => this.#read(scope)))
  }

  async #merge(scope: string, added: Facts): Promise<void> {
    const entry = await this.#entry(scope)
    const before = entry.parts
    const changed = new Set<number>()
    let count = 0
    for (const [key, fact] of added) {
      if (++count % AT_ONCE === 0) await turnOfTheLoop()
      // After a rotation a fact rests on other anchors: kept out by the one before, it would be verified again for every request.
      if (restsOnTheSame(entry.facts.get(key), fact)) continue
      changed.add(entry.put(key, fact))
      while (entry.facts.size > this.#maxFacts) changed.add(entry.drop())
    }
    if (changed.size === 0) return
    // The first part last: it says how many there are.
    if (entry.parts !== before) changed.add(0)
    for (const part of [...changed].toSorted((a, b) => b - a)) {
      const key = partKey(scope, part)
      await this.#storage.set(key, sealed(key, entry.encode(part), this.#secret))
      if (changed.size > 1) await turnOfTheLoop()
    }
    this.#memory.set(scope, entry)
  }

  async #read(scope: string): Promise<FactEntry> {
    const entry = new FactEntry()
    for (let part = 0, parts = 1; part < parts; part++) {
      if (part > 0) await turnOfTheLoop()
      const key = partKey(scope, part)
      const stored: unknown = await this.#storage.get(key)
      const body = typeof stored === 'string' ? opened(key, stored, this.#secret) : undefined
      const decoded = body === undefined ? undefined : decodePart(body)
      if (body === undefined || decoded === undefined) continue
      if (part === 0) ({ parts } = decoded)
      for (const [name, fact] of decoded.facts) entry.place(part, name, fact)
      entry.sized(part, body)
    }
    if (entry.parts > 0) this.#memory.set(scope, entry)
    return entry
  }
}

const restsOnTheSame = (known: StoredFact | undefined, fact: StoredFact): boolean =>
  known?.anchors.length === fact.anchors.length && known.anchors.every((anchor, index) => anchor === fact.anchors[index])
