import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { LRUCache } from 'lru-cache'
import { messageOf, Unavailable } from '../domain/errors.ts'
import { IntegrityMismatch, TarballRefused, type StoredTarball } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import { publish, undefinedIfMissing } from './documents.ts'
import { forgetTemporary, temporaryPath } from './temporary-files.ts'

export interface TarballsOptions {
  /** Bytes of one tarball. */
  readonly limit?: number | undefined
  /** Bytes of all of them; the least recently used go first. */
  readonly maxBytes?: number | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

const BLOCK = 4096

/** A file, and what `stat` said of it when its bytes were last hashed; undefined when they were not in this process. */
interface File {
  readonly size: number
  readonly verified: string | undefined
}

/** Tarballs on disk by their sha512: what is given out was hashed by this process and has not been touched since. */
export class Tarballs {
  readonly #dir: string
  readonly #temporary: string
  readonly #limit: number
  readonly #onError: (error: unknown) => void
  readonly #files: LRUCache<string, File>
  readonly #checks = new SingleFlight<string, StoredTarball | undefined>()
  readonly #ingests = new SingleFlight<string, StoredTarball>()

  constructor(dir: string, temporary: string, options: TarballsOptions) {
    const { limit = 2 * 1024 ** 3, maxBytes = 20 * 1024 ** 3, onError = () => undefined } = options
    this.#dir = dir
    this.#temporary = temporary
    this.#limit = Math.min(limit, maxBytes)
    this.#onError = onError
    this.#files = new LRUCache({
      maxSize: maxBytes,
      // No file takes less than a block, so that small ones are bounded in number too.
      sizeCalculation: ({ size }) => Math.max(size, BLOCK),
      dispose: (_file, sha512, why) => {
        if (why === 'evict') rm(this.#path(sha512), { force: true }).catch(this.#onError)
      },
    })
  }

  /** Counts what an earlier process left, least recently used first. */
  async adopt(): Promise<void> {
    const found: { readonly sha512: string; readonly size: number; readonly used: number }[] = []
    for (const entry of await readdir(this.#dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !isSha512(entry.name)) continue
      const stats = await stat(path.join(entry.parentPath, entry.name)).catch(undefinedIfMissing)
      if (stats !== undefined) found.push({ sha512: entry.name, size: stats.size, used: Math.max(stats.atimeMs, stats.mtimeMs) })
    }
    found.sort((a, b) => a.used - b.used)
    for (const { sha512, size } of found) this.#files.set(sha512, { size, verified: undefined })
  }

  async get(sha512: string): Promise<StoredTarball | undefined> {
    if (!isSha512(sha512)) return undefined
    const file = this.#path(sha512)
    const stats = await stat(file, { bigint: true }).catch(undefinedIfMissing)
    if (stats === undefined) {
      this.#files.delete(sha512)
      return undefined
    }
    if (this.#files.get(sha512)?.verified === rowOf(stats)) return { sha512, path: file, size: Number(stats.size) }
    return this.#checks.run(sha512, () => this.#check(sha512, file))
  }

  async ingest(source: AsyncIterable<Uint8Array>, sha512: string, from = ''): Promise<StoredTarball> {
    if (!isSha512(sha512)) throw new TypeError('not a sha512 in lower-case hex')
    const use = { taken: false }
    const stored = this.#ingests.run(`${sha512} ${from}`, async () => {
      const known = await this.get(sha512)
      if (known !== undefined) return known
      use.taken = true
      return this.#spool(source, sha512)
    })
    try {
      return await stored
    } finally {
      // Another call downloads it already: what this one opened is closed unread.
      if (!use.taken) await source[Symbol.asyncIterator]().return?.()
    }
  }

  async #spool(source: AsyncIterable<Uint8Array>, sha512: string): Promise<StoredTarball> {
    const temporary = temporaryPath(this.#temporary)
    try {
      const file = await open(temporary, 'wx')
      try {
        const actual = await this.#write(file, source)
        if (actual !== sha512) throw new IntegrityMismatch(sha512, actual)
        await file.sync()
      } finally {
        await file.close()
      }
      const target = this.#path(sha512)
      await publish(temporary, target)
      const stats = await stat(target, { bigint: true })
      const size = Number(stats.size)
      this.#files.set(sha512, { size, verified: rowOf(stats) })
      return { sha512, path: target, size }
    } catch (error) {
      if (error instanceof IntegrityMismatch || error instanceof TarballRefused || error instanceof Unavailable) throw error
      throw new Unavailable('internal-error', `a tarball could not be stored: ${messageOf(error)}`, { cause: error })
    } finally {
      await forgetTemporary(temporary)
    }
  }

  /** Writes everything and returns its sha512. */
  async #write(file: FileHandle, source: AsyncIterable<Uint8Array>): Promise<string> {
    const sha512 = createHash('sha512')
    let size = 0
    for await (const chunk of readable(source)) {
      size += chunk.byteLength
      if (size > this.#limit) throw new Unavailable('evidence-unavailable', `the tarball is larger than ${this.#limit} bytes`)
      sha512.update(chunk)
      for (let written = 0; written < chunk.byteLength;) written += (await file.write(chunk, written)).bytesWritten
    }
    return sha512.digest('hex')
  }

  /** Hashes a file that this process did not write, or that changed since. */
  async #check(sha512: string, file: string): Promise<StoredTarball | undefined> {
    const handle = await open(file, 'r').catch(undefinedIfMissing)
    if (handle === undefined) return undefined
    try {
      const before = await handle.stat({ bigint: true })
      const digest = createHash('sha512')
      for await (const chunk of handle.createReadStream({ autoClose: false, start: 0 })) digest.update(chunk as Uint8Array)
      const after = await handle.stat({ bigint: true })
      if (digest.digest('hex') === sha512 && rowOf(before) === rowOf(after)) {
        this.#files.set(sha512, { size: Number(after.size), verified: rowOf(after) })
        return { sha512, path: file, size: Number(after.size) }
      }
    } finally {
      await handle.close()
    }
    this.#files.delete(sha512)
    await rm(file, { force: true })
    return undefined
  }

  #path(sha512: string): string {
    return path.join(this.#dir, sha512.slice(0, 2), sha512)
  }
}

const isSha512 = (text: string): boolean => /^[0-9a-f]{128}$/.test(text)

/** What changes when somebody writes to a file or puts another in its place; ctime cannot be set by a caller. */
const rowOf = ({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string => [size, mtimeNs, ctimeNs, ino, dev].join(' ')

/** The source, with its failures told apart from those of this disk. */
async function* readable(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source
  } catch (error) {
    if (error instanceof Unavailable || error instanceof TarballRefused) throw error
    throw new Unavailable('evidence-unavailable', `the tarball broke off: ${messageOf(error)}`, { cause: error })
  }
}
