import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { Keyv, type KeyvSerializationAdapter } from 'keyv'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import type { CacheMeasures } from '../domain/measures.ts'
import type { Clock, FactStore, StoredFact } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import type { CacheUsage, Rejection } from '../domain/state.ts'
import { decodePart, FactEntry, partKey, restsOnTheSame, type DecodedPart } from './fact-parts.ts'
import { ownSeal, sharedSeal, type FactSeal } from './fact-seal.ts'
import type { FactStorage } from './fact-storage.ts'
import { KeyvSqlite } from './keyv-sqlite.ts'
import type { SharedKeys } from './shared-keys.ts'

export interface FactCacheOptions {
  /** `:memory:`, a file, or any storage adapter for keyv 6 (`KeyvRedis`, `KeyvPostgres`). */
  readonly storage: string | FactStorage
  /** Set where others write to the storage too: entries are authenticated by these keys, and facts of others are looked for. */
  readonly shared?: { readonly keys: SharedKeys; readonly clock: Clock } | undefined
  /** Bytes of entries kept decoded. */
  readonly memory?: number | undefined
  /** Milliseconds a part of an entry is kept in the storage after it was last written. */
  readonly ttl?: number | undefined
  /** Facts of one package; the oldest go first. */
  readonly maxFacts?: number | undefined
  /** Where what was asked for was. */
  readonly measures?: CacheMeasures | undefined
  /** Told of a storage that fails: facts are then verified again, and nothing else happens. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Told of an entry that is not believed. */
  readonly onRejected?: ((rejection: Rejection) => void) | undefined
  /** Milliseconds; default: of a clock that is never set. */
  readonly elapsed?: (() => number) | undefined
}

type Facts = ReadonlyMap<string, StoredFact>

/** Three for each of the versions a packument may have: an upstream that re-signs at every answer adds some each time. */
const MAX_FACTS = 300_000
const DAY = 24 * 60 * 60 * 1000
/** Facts that are put in their places in one turn of the event loop. */
const AT_ONCE = 250
/** Parts in one question. */
const PARTS_AT_ONCE = 4
/** Milliseconds for the whole of an entry: what was not read by then is verified again. */
const PATIENCE = 1000
/** Milliseconds until a package is looked up again for what others added. */
const LOOK_AGAIN = 1000
/** Packages of which it is known when they were looked up; packages that wait to be written. */
const REMEMBERED = 10_000

/** Packages that are written at one time, and that wait for it: of others what is new stays in memory. */
const WRITES_AT_ONCE = 16
const WRITES_WAITING = 200

interface Writing {
  readonly entry: FactEntry
  /** Resolves when what came so far has been put into it. */
  changed: Promise<unknown>
  done: Promise<void>
}

/** What is kept is a text already. */
const AS_IT_IS: KeyvSerializationAdapter = { stringify: (entry) => (entry as { readonly value: string }).value, parse: (text) => ({ value: text }) as never }

/**
 * The cache of facts: decoded in memory, in front of a few strings per package in any keyv storage, which are written and read one
 * in each turn of the event loop. What of a package has changed is written, and not all of it. Where others write too, what they wrote is
 * read before anything is written, so that no more is lost than two writers at one moment lose; and nobody waits until it is written.
 */
export class FactCache implements FactStore {
  readonly #memory: LRUCache<string, FactEntry>
  readonly #storage: Keyv<string>
  readonly #seal: FactSeal
  readonly #isShared: boolean
  readonly #loads = new SingleFlight<string, FactEntry>()
  readonly #looks = new SingleFlight<string, void>()
  /** By package: entries that are being written, and are not read anew meanwhile. */
  readonly #writing = new Map<string, Writing>()
  /** Packages that could not be written. */
  readonly #unwritten = new Set<string>()
  readonly #turns = pLimit(WRITES_AT_ONCE)
  readonly #lookedAt = new LRUCache<string, number>({ max: REMEMBERED })
  readonly #options: FactCacheOptions
  readonly #elapsed: () => number

  constructor(options: FactCacheOptions) {
    const { storage, shared, memory = 64 * 1024 ** 2, ttl = 90 * DAY, onError = () => undefined, elapsed = () => performance.now() } = options
    this.#options = options
    this.#elapsed = elapsed
    this.#memory = new LRUCache({ maxSize: memory, sizeCalculation: ({ size }) => size })
    this.#isShared = shared !== undefined
    this.#seal = shared === undefined ? ownSeal : sharedSeal(shared.keys, { ttl, now: () => shared.clock.now().getTime() })
    this.#storage = new Keyv<string>({ store: typeof storage === 'string' ? new KeyvSqlite(storage) : storage, ttl, serialization: AS_IT_IS })
    this.#storage.on('error', onError)
  }

  get usage(): CacheUsage {
    return { memory: this.#memory.calculatedSize, memoryLimit: this.#memory.maxSize }
  }

  async load(scope: string): Promise<Facts> {
    const isInMemory = this.#memory.has(scope)
    const entry = await this.#entry(scope)
    const { facts } = entry
    if (entry.isBehind) await this.look(scope)
    const { measures } = this.#options
    if (measures !== undefined) measures[isInMemory ? 'memory' : facts.size > 0 ? 'disk' : 'miss']++
    return facts
  }

  async look(scope: string): Promise<Facts | undefined> {
    if (!this.#isShared) return undefined
    const entry = this.#known(scope)
    const before = this.#lookedAt.get(scope)
    if (before !== undefined && Math.abs(this.#elapsed() - before) < LOOK_AGAIN && entry?.isBehind !== true) return undefined
    if (entry === undefined) return (await this.#entry(scope)).facts
    await this.#looks.run(scope, () => this.#learn(scope, entry))
    return entry.facts
  }

  async add(scope: string, facts: Facts): Promise<void> {
    if (facts.size === 0) return
    const read = await this.#entry(scope)
    // Another call may have begun to write meanwhile: two entries of one package at once would lose one's facts.
    const entry = this.#writing.get(scope)?.entry ?? read
    const changed = this.#put(entry, facts)
    const written = this.#write(scope, entry, changed)
    await (this.#isShared ? changed : written)
  }

  /** Somebody else added to a package: the next load looks for it. What is here stays: it is true, and all there is while the storage is away. */
  forget(scope: string): void {
    const entry = this.#known(scope)
    if (entry !== undefined && this.#isShared) entry.isBehind = true
    this.#lookedAt.delete(scope)
  }

  /** Writes what could not be written, as far as it is still in memory: the storage is back. */
  writeAgain(): void {
    for (let count = 0; count < WRITES_AT_ONCE; count++) this.#writeNext()
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#writing.values()].map(({ done }) => done))
  }

  async close(): Promise<void> {
    await this.settled()
    await this.#storage.disconnect()
  }

  #known(scope: string): FactEntry | undefined {
    return this.#writing.get(scope)?.entry ?? this.#memory.get(scope)
  }

  async #entry(scope: string): Promise<FactEntry> {
    return this.#known(scope) ?? (await this.#loads.run(scope, () => this.#read(scope)))
  }

  async #read(scope: string): Promise<FactEntry> {
    const entry = new FactEntry()
    await this.#learn(scope, entry)
    return entry
  }

  async #put(entry: FactEntry, added: Facts): Promise<void> {
    const { maxFacts = MAX_FACTS } = this.#options
    let count = 0
    for (const [key, fact] of added) {
      if (++count % AT_ONCE === 0) await turnOfTheLoop()
      if (restsOnTheSame(entry.facts.get(key), fact)) continue
      entry.put(key, fact)
      while (entry.facts.size > maxFacts) entry.drop()
    }
  }

  /** One writing of a package at a time; what comes meanwhile is written after it, all at once. Never rejects. */
  #write(scope: string, entry: FactEntry, changed: Promise<void>): Promise<void> {
    const running = this.#writing.get(scope)
    if (running !== undefined) {
      running.changed = Promise.all([running.changed, changed])
      return running.done
    }
    if (this.#isShared && this.#writing.size >= WRITES_WAITING) return changed.then(() => { this.#postpone(scope, entry) })
    const writing: Writing = { entry, changed, done: Promise.resolve() }
    this.#writing.set(scope, writing)
    writing.done = this.#turns(() => this.#writeAll(scope, writing))
    return writing.done
  }

  async #writeAll(scope: string, writing: Writing): Promise<void> {
    let isWritten = true
    try {
      for (let changed: unknown; changed !== writing.changed;) {
        changed = writing.changed
        await changed
        isWritten = await this.#flush(scope, writing.entry)
      }
    } catch (error) {
      this.#options.onError?.(error)
      isWritten = false
    } finally {
      this.#writing.delete(scope)
    }
    if (!isWritten) this.#postpone(scope, writing.entry)
    else if (this.#isShared) this.#writeNext()
  }

  #postpone(scope: string, entry: FactEntry): void {
    this.#remember(scope, entry)
    if (this.#unwritten.size < REMEMBERED) this.#unwritten.add(scope)
  }

  #writeNext(): void {
    const [scope] = this.#unwritten
    if (scope === undefined) return
    this.#unwritten.delete(scope)
    const entry = this.#known(scope)
    if (entry !== undefined) void this.#write(scope, entry, Promise.resolve())
  }

  /** @returns whether the storage has it all now */
  async #flush(scope: string, entry: FactEntry): Promise<boolean> {
    if (entry.unwritten.size === 0) return true
    if (this.#isShared) await this.#learn(scope, entry)
    // The first part last: it says how many there are, and what they are where others look.
    if (this.#isShared || entry.parts !== entry.told) entry.unwritten.add(0)
    const parts = [...entry.unwritten].toSorted((a, b) => b - a)
    for (const part of parts) {
      const key = partKey(scope, part)
      entry.unwritten.delete(part)
      if (!(await this.#storage.set(key, this.#seal.seal(key, entry.encode(part, this.#isShared))))) {
        entry.unwritten.add(part)
        break
      }
      if (parts.length > 1) await turnOfTheLoop()
    }
    this.#remember(scope, entry)
    return entry.unwritten.size === 0
  }

  /** Reads what an entry lacks: all of a new one; of another what was written by others since. */
  async #learn(scope: string, entry: FactEntry): Promise<void> {
    const until = this.#elapsed() + PATIENCE
    this.#lookedAt.set(scope, this.#elapsed())
    entry.isBehind = false
    const [head] = await this.#parts(scope, [0])
    if (head === undefined) {
      // Nobody has any of it: it was emptied, or it forgot. The next writing brings all of it back.
      if (this.#isShared) for (let part = 0; part < entry.parts; part++) entry.unwritten.add(part)
      return
    }
    entry.absorb(0, head)
    const wanted = Array.from({ length: head.parts - 1 }, (_, index) => index + 1).filter((part) => entry.hasOther(part, head.tags))
    entry.reserve(head.parts)
    entry.told = head.parts
    const atOnce = this.#isShared ? PARTS_AT_ONCE : 1
    for (let from = 0; from < wanted.length && (!this.#isShared || this.#elapsed() < until); from += atOnce) {
      const chunk = wanted.slice(from, from + atOnce)
      await turnOfTheLoop()
      for (const [index, decoded] of (await this.#parts(scope, chunk)).entries()) {
        const part = chunk[index] ?? 0
        if (decoded === undefined) continue
        entry.absorb(part, decoded)
        entry.tagged(part, head.tags)
        if (index > 0) await turnOfTheLoop()
      }
    }
    this.#remember(scope, entry)
  }

  async #parts(scope: string, parts: readonly number[]): Promise<readonly (DecodedPart | undefined)[]> {
    const keys = parts.map((part) => partKey(scope, part))
    const stored: readonly unknown[] = keys.length === 1 ? [await this.#storage.get(keys[0] ?? '')] : await this.#storage.getMany(keys)
    return keys.map((key, index) => {
      const text = stored[index]
      if (typeof text !== 'string') return undefined
      const opened = this.#seal.open(key, text)
      if (opened.rejected !== undefined) {
        this.#options.onRejected?.(opened.rejected)
        return undefined
      }
      return decodePart(opened.body)
    })
  }

  #remember(scope: string, entry: FactEntry): void {
    if (entry.facts.size > 0) this.#memory.set(scope, entry)
  }
}
