import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'
import type { Json } from '../domain/json.ts'
import type { FactStore, StoredFact } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import { KeyvSqlite, type FactStorage } from './keyv-sqlite.ts'

export interface FactCacheOptions {
  /** `:memory:`, a file, or any storage adapter for keyv 6 (Redis, Valkey, Postgres). */
  readonly storage: string | FactStorage
  /** Bytes of entries kept decoded. */
  readonly memory?: number | undefined
  /** Milliseconds an entry is kept in the storage after it was last added to. */
  readonly ttl?: number | undefined
  /**
   * Known to the processes that share a storage, and to nobody else who can write to it: entries are sealed with it, and one that
   * was altered, planted or moved to another package is a miss. Without it a hash finds what broke by itself.
   */
  readonly secret?: string | undefined
  /** Facts of one package; the oldest go first. */
  readonly maxFacts?: number | undefined
  /** Told of a storage that fails: facts are then verified again, and nothing else happens. */
  readonly onError?: ((error: unknown) => void) | undefined
}

type Facts = ReadonlyMap<string, StoredFact>
interface Entry {
  readonly facts: Facts
  readonly size: number
}

const EMPTY: Facts = new Map()
const HEAP_FACTOR = 2
/** Three for each of the versions a packument may have: an upstream that re-signs at every answer adds some each time. */
const MAX_FACTS = 300_000
const DAY = 24 * 60 * 60 * 1000

/** The cache of facts: decoded in memory, in front of one string per package in any keyv storage. */
export class FactCache implements FactStore {
  readonly #memory: LRUCache<string, Entry>
  readonly #storage: Keyv<string>
  readonly #secret: string | undefined
  readonly #loads = new SingleFlight<string, Facts>()
  readonly #writes = new Map<string, Promise<void>>()
  readonly #maxFacts: number

  constructor({ storage, memory = 64 * 1024 ** 2, ttl = 90 * DAY, maxFacts = MAX_FACTS, secret, onError = () => undefined }: FactCacheOptions) {
    this.#maxFacts = maxFacts
    this.#memory = new LRUCache({ maxSize: memory, sizeCalculation: ({ size }) => size * HEAP_FACTOR + 1 })
    this.#secret = secret
    this.#storage = new Keyv<string>({ store: typeof storage === 'string' ? new KeyvSqlite(storage) : storage, ttl })
    this.#storage.on('error', onError)
  }

  load(scope: string): Promise<Facts> {
    const entry = this.#memory.get(scope)
    return entry === undefined ? this.#loads.run(scope, () => this.#read(scope)) : Promise.resolve(entry.facts)
  }

  /** One at a time for a scope: each writes the whole entry, and two at once would lose one's facts. */
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

  async #merge(scope: string, added: Facts): Promise<void> {
    const known = await this.load(scope)
    // After a rotation a fact rests on other anchors: kept out by the one before, it would be verified again for every request.
    const news = new Map([...added].filter(([key, fact]) => !restsOnTheSame(known.get(key), fact)))
    if (news.size === 0) return
    const stays = [...known].filter(([key]) => !news.has(key))
    const facts = new Map([...news, ...stays].slice(0, this.#maxFacts))
    const body = encode(facts)
    this.#memory.set(scope, { facts, size: body.length })
    await this.#storage.set(scope, `${this.#seal(scope, body)} ${body}`)
  }

  async #read(scope: string): Promise<Facts> {
    const stored: unknown = await this.#storage.get(scope)
    if (typeof stored !== 'string') return EMPTY
    const body = this.#opened(scope, stored)
    const facts = body === undefined ? undefined : decode(body)
    if (body === undefined || facts === undefined) return EMPTY
    this.#memory.set(scope, { facts, size: body.length })
    return facts
  }

  #opened(scope: string, stored: string): string | undefined {
    const seal = Buffer.from(stored.slice(0, 64), 'latin1')
    const body = stored.slice(65)
    const expected = Buffer.from(this.#seal(scope, body), 'latin1')
    return seal.length === expected.length && timingSafeEqual(seal, expected) ? body : undefined
  }

  /** Over the scope too: an entry of another package is as foreign as one made up. */
  #seal(scope: string, body: string): string {
    const sealed = JSON.stringify([scope, body])
    return this.#secret === undefined ? hash('sha256', sealed) : createHmac('sha256', this.#secret).update(sealed).digest('hex')
  }
}

const restsOnTheSame = (known: StoredFact | undefined, fact: StoredFact): boolean =>
  known?.anchors.length === fact.anchors.length && known.anchors.every((anchor, index) => anchor === fact.anchors[index])

/** Anchors repeat from fact to fact: they are written once and pointed to. */
interface Wire {
  readonly anchors: readonly string[]
  readonly facts: readonly (readonly [key: string, anchors: readonly number[], value: Json])[]
}

function encode(facts: Facts): string {
  const indices = new Map<string, number>()
  const indexOf = (anchor: string): number => {
    const index = indices.get(anchor) ?? indices.size
    indices.set(anchor, index)
    return index
  }
  const rows = [...facts].map(([key, { anchors, value }]) => [key, anchors.map(indexOf), value] as const)
  return JSON.stringify({ anchors: [...indices.keys()], facts: rows } satisfies Wire)
}

/** Undefined for what another version of this program wrote in another form. */
function decode(body: string): Facts | undefined {
  try {
    const { anchors, facts } = JSON.parse(body) as Wire
    const anchorsAt = (indices: readonly number[]): string[] => indices.map((index) => anchorAt(anchors, index))
    return new Map(facts.map(([key, indices, value]) => [key, { anchors: anchorsAt(indices), value }]))
  } catch {
    return undefined
  }
}

function anchorAt(anchors: readonly string[], index: number): string {
  const anchor = anchors[index]
  if (typeof anchor !== 'string') throw new TypeError('a fact points to no anchor')
  return anchor
}
