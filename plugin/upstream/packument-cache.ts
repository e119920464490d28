import { hash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { LRUCache } from 'lru-cache'
import type { CacheMeasures } from '../domain/measures.ts'
import type { Packument } from '../domain/packument.ts'
import { UnreadableDocument, type PackumentReader } from '../domain/ports.ts'
import type { CacheUsage } from '../domain/state.ts'
import { PACKUMENT_LIMIT } from './document.ts'
import { confirmation, decodeFile, encodeFile, type Head } from './packument-file.ts'

/** A good answer and when it was last confirmed. */
export interface Known extends Confirmed {
  readonly packument: Packument
}

/** The same without what it said: so little that it stays in memory when the rest does not. */
export interface Confirmed {
  readonly head: Head
  /** sha256 of the stored body, hex. */
  readonly wireDigest: string
  /** Bytes of the document. */
  readonly size: number
  readonly confirmedAt: Date
  /** The last attempt to have it confirmed failed. */
  readonly failing: boolean
}

export interface PackumentCacheOptions {
  readonly dir: string
  readonly reader: PackumentReader
  /** Bytes that parsed packuments may take in memory, estimated. */
  readonly memory?: number | undefined
  /** Bytes that files may take. */
  readonly disk?: number | undefined
  /** Where what was asked for was. */
  readonly measures?: CacheMeasures | undefined
  /** A file that cannot be written or removed costs a download later, and nothing else. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The bytes themselves, and what was read of them. */
const HEAP_FACTOR = 3
const BLOCK = 4096
const FORGOTTEN_AFTER = 60 * 60 * 1000
const MAX_STAMPS = 100_000
/** A few hundred bytes each. */
const MAX_CONFIRMED = 50_000
/** Bytes that are written and read at once: less work for a processor than having a thread do it. */
const AT_ONCE = 128 * 1024

/**
 * The last good answers: parsed in memory, and one file each on disk, as received (gzip where the uplink compresses: a tenth of
 * the bytes to write, read and hash). Both are bounded, least recently used first. Files are named by hashes, written beside
 * and renamed, and not synced: one that a crash cut short does not match its hash and counts as not there.
 */
export class PackumentCache {
  readonly #dir: string
  readonly #memory: LRUCache<string, Known>
  /** Also of those whose packument is on disk alone. */
  readonly #confirmed = new LRUCache<string, Confirmed>({ max: MAX_CONFIRMED })
  readonly #files: LRUCache<string, number>
  readonly #reader: PackumentReader
  readonly #onError: (error: unknown) => void
  readonly #measures: CacheMeasures | undefined
  /** What `stat` said of files when they were last reloaded. */
  readonly #stamps = new LRUCache<string, string>({ max: MAX_STAMPS })

  static async open(options: PackumentCacheOptions): Promise<PackumentCache> {
    await mkdir(options.dir, { recursive: true })
    const cache = new PackumentCache(options)
    await cache.#adopt()
    return cache
  }

  private constructor({ dir, reader, memory = 128 * 1024 ** 2, disk = 4 * 1024 ** 3, measures, onError = () => undefined }: PackumentCacheOptions) {
    this.#dir = dir
    this.#measures = measures
    this.#reader = reader
    this.#onError = onError
    this.#memory = new LRUCache({ maxSize: memory, sizeCalculation: ({ size }) => size * HEAP_FACTOR + 1 })
    this.#files = new LRUCache({
      maxSize: disk,
      // No file takes less than a block, so that small ones are bounded in number too.
      sizeCalculation: (size) => Math.max(size, BLOCK),
      dispose: (_size, file, why) => {
        if (why === 'evict') this.#delete(file).catch(this.#onError)
      },
    })
  }

  get usage(): CacheUsage {
    return { memory: this.#memory.calculatedSize, memoryLimit: this.#memory.maxSize, disk: this.#files.calculatedSize, diskLimit: this.#files.maxSize }
  }

  /** What is in memory. */
  peek(key: string): Known | undefined {
    return this.#memory.get(key)
  }

  /** Which answer `load` would come back with, where that is known without looking at the disk. */
  confirmed(key: string): Confirmed | undefined {
    return this.#confirmed.get(key)
  }

  /** What is in memory or on disk; undefined when there is nothing that can be trusted to be what was written. */
  async load(key: string, name: string): Promise<Known | undefined> {
    const known = this.#memory.get(key)
    if (known !== undefined) return this.found('memory', known)
    const file = fileName(key)
    // Most are looked for because they are new here.
    const contents = existsSync(this.#path(file)) ? await this.#contents(file).catch(() => undefined) : undefined
    if (contents === undefined) {
      this.#count('miss')
      return undefined
    }
    const restored = await this.#restore(contents, key, name)
    if (restored === undefined) {
      await this.remove(key)
      this.#count('miss')
      return undefined
    }
    this.#files.set(file, contents.byteLength)
    this.remember(restored)
    return this.found('disk', restored)
  }

  /** As `load`, of the file as it is now: another process may have put a newer one in its place. */
  async reload(key: string, name: string): Promise<Known | undefined> {
    const stats = await stat(this.#path(fileName(key))).catch(() => undefined)
    const stamp = stats && [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ')
    if (stamp !== this.#stamps.get(key)) this.#forget(key)
    if (stamp === undefined) this.#stamps.delete(key)
    else this.#stamps.set(key, stamp)
    return this.load(key, name)
  }

  remember(known: Known): void {
    this.#memory.set(known.head.key, known)
    const { packument: _packument, ...confirmed } = known
    this.#confirmed.set(known.head.key, confirmed)
  }

  /** Keeps a new answer. */
  async store(known: Known, wire: Buffer): Promise<void> {
    this.remember(known)
    const file = fileName(known.head.key)
    const contents = encodeFile({ head: known.head, confirmedAt: known.confirmedAt, wire }, known.wireDigest)
    const size = contents.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const temporary = this.#path(`${file}.${randomBytes(6).toString('hex')}.tmp`)
    try {
      if (size <= AT_ONCE) {
        writeFileSync(temporary, Buffer.concat(contents), { flag: 'wx' })
        renameSync(temporary, this.#path(file))
      } else {
        await writeFile(temporary, contents, { flag: 'wx' })
        await rename(temporary, this.#path(file))
      }
      this.#files.set(file, size)
    } catch (error) {
      this.#onError(error)
      await rm(temporary, { force: true }).catch(this.#onError)
    }
  }

  /** Keeps that a known answer was confirmed. */
  async confirm(known: Known): Promise<void> {
    this.remember(known)
    const line = confirmation(known.head, known.wireDigest, known.confirmedAt)
    try {
      const file = await open(this.#path(fileName(known.head.key)), 'r+')
      try {
        await file.write(line, 0, 'latin1')
      } finally {
        await file.close()
      }
    } catch (error) {
      this.#onError(error)
    }
  }

  async remove(key: string): Promise<void> {
    this.#forget(key)
    const file = fileName(key)
    this.#files.delete(file)
    await this.#delete(file).catch(this.#onError)
  }

  /** @throws Unavailable when nobody could read it just now: then it is not known to be broken */
  async #restore(contents: Buffer, key: string, name: string): Promise<Known | undefined> {
    const file = decodeFile(contents, key)
    if (file === undefined) return undefined
    const { head, wire, wireDigest, confirmedAt } = file
    try {
      const { packument, size } = await this.#reader.read(name, { wire, encoding: head.encoding }, PACKUMENT_LIMIT)
      return { head, wireDigest, confirmedAt, size, packument, failing: false }
    } catch (error) {
      if (error instanceof UnreadableDocument) return undefined
      throw error
    }
  }

  /** Counts where something was. */
  found(where: 'memory' | 'disk', found: Known): Known {
    this.#count(where)
    return found
  }

  #count(where: keyof CacheMeasures): void {
    if (this.#measures !== undefined) this.#measures[where]++
  }

  #forget(key: string): void {
    this.#memory.delete(key)
    this.#confirmed.delete(key)
  }

  /** Small ones at once: reading them takes less than having a thread do it. */
  async #contents(file: string): Promise<Buffer> {
    const size = this.#files.peek(file) ?? Infinity
    return size <= AT_ONCE ? readFileSync(this.#path(file)) : readFile(this.#path(file))
  }

  #path(file: string): string {
    return path.join(this.#dir, file)
  }

  async #delete(file: string): Promise<void> {
    await rm(this.#path(file), { force: true })
  }

  /** Counts the files an earlier process left, oldest first, and removes what it had not finished. */
  async #adopt(): Promise<void> {
    const found: { readonly file: string; readonly size: number; readonly mtime: number }[] = []
    for (const file of await readdir(this.#dir)) {
      const stats = await stat(this.#path(file)).catch(() => undefined)
      if (stats === undefined) continue
      if (/^[0-9a-f]{64}$/.test(file)) found.push({ file, size: stats.size, mtime: stats.mtimeMs })
      // Another process on the same directory may be writing a young one.
      else if (file.endsWith('.tmp') && Date.now() - stats.mtimeMs > FORGOTTEN_AFTER) await this.#delete(file)
    }
    found.sort((a, b) => a.mtime - b.mtime)
    for (const { file, size } of found) this.#files.set(file, size)
  }
}

const fileName = (key: string): string => hash('sha256', key)
