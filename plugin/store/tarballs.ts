import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { LRUCache } from 'lru-cache'
import { messageOf, Unavailable } from '../domain/errors.ts'
import { IntegrityMismatch, TarballRefused, type StoredTarball } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import type { CacheUsage } from '../domain/state.ts'
import { Descriptors } from './descriptors.ts'
import { undefinedIfMissing } from './documents.ts'
import { isSame, isTelling, rowOfOpen, type FileRow } from './file-row.ts'
import { sha512Of } from './read-file.ts'
import { spool } from './spool.ts'
import { TarballReader } from './tarball-reader.ts'
import { forgetTemporary, isTemporary, keepTemporary, temporaryPath } from './temporary-files.ts'

export interface TarballsOptions {
  /** Bytes of one tarball. */
  readonly limit?: number | undefined
  /** Bytes of all of them; the least recently used go first. */
  readonly maxBytes?: number | undefined
  /** Bytes of the busiest, kept in memory besides. */
  readonly memory?: number | undefined
  /** Files held open. */
  readonly descriptors?: number | undefined
  /** Milliseconds since the epoch, of the clock that the file system stamps files with. */
  readonly now?: (() => number) | undefined
  readonly onError?: ((error: unknown) => void) | undefined
  /** Told what an operator should know: files that somebody else changed. */
  readonly warn?: ((message: string) => void) | undefined
}

const BLOCK = 4096

interface File {
  readonly size: number
  /** Set once this process has hashed the file. */
  readonly verified?: { readonly row: FileRow; readonly isTelling: boolean; readonly tarball: StoredTarball }
}

/**
 * Tarballs on disk by their sha512: what is given out was hashed by this process and has not been touched since. A file is looked
 * at through a descriptor that is held: one that was put in its place, or its removal, shows in what `fstat` says of it.
 */
export class Tarballs {
  readonly #dir: string
  readonly #temporary: string
  readonly #limit: number
  readonly #now: () => number
  readonly #warn: (message: string) => void
  readonly #files: LRUCache<string, File>
  readonly #descriptors: Descriptors
  readonly #reader: TarballReader
  readonly #checks = new SingleFlight<string, StoredTarball | undefined>()
  readonly #ingests = new SingleFlight<string, StoredTarball>()
  readonly #placings = new SingleFlight<string, StoredTarball>()

  constructor(dir: string, temporary: string, options: TarballsOptions) {
    const { limit = 2 * 1024 ** 3, maxBytes = 20 * 1024 ** 3, memory = 64 * 1024 ** 2, descriptors = 1000, onError = () => undefined } = options
    this.#dir = dir
    this.#temporary = temporary
    this.#limit = Math.min(limit, maxBytes)
    this.#now = options.now ?? Date.now
    this.#warn = options.warn ?? ((message) => { onError(new Error(message)) })
    this.#descriptors = new Descriptors(descriptors, onError)
    this.#reader = new TarballReader({
      descriptors: this.#descriptors,
      memory,
      // Mended now, and said: who asked is gone by then, and nobody may ask again for long.
      onTouched: (sha512) => { this.get(sha512).catch(onError) },
    })
    this.#files = new LRUCache({
      maxSize: maxBytes,
      // No file takes less than a block, so that small ones are bounded in number too.
      sizeCalculation: ({ size }) => Math.max(size, BLOCK),
      disposeAfter: (_file, sha512, why) => {
        if (why !== 'evict') return
        this.#reader.forget(sha512)
        this.#reader.whenUnread(sha512, () => {
          // It may have been fetched again meanwhile.
          if (!this.#files.has(sha512)) rm(this.#path(sha512), { force: true }).catch(onError)
        })
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
    for (const { sha512, size } of found) this.#files.set(sha512, { size })
  }

  async get(sha512: string): Promise<StoredTarball | undefined> {
    if (!isSha512(sha512)) return undefined
    return this.#untouched(sha512) ?? this.#checks.run(sha512, () => this.#check(sha512))
  }

  get usage(): CacheUsage {
    return { disk: this.#files.calculatedSize, diskLimit: this.#files.maxSize }
  }

  ready(sha512: string): StoredTarball | undefined {
    const verified = this.#files.get(sha512)?.verified
    const isReady = this.#reader.isInMemory(sha512) || (verified?.isTelling === true && this.#descriptors.get(sha512) !== undefined)
    return isReady ? verified?.tarball : undefined
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

  /** Files in use are closed by their last reader. */
  close(): Promise<void> {
    return this.#descriptors.close()
  }

  /** What was verified, where the descriptor that is held says that nobody touched it since. */
  #untouched(sha512: string): StoredTarball | undefined {
    const verified = this.#files.get(sha512)?.verified
    const held = this.#descriptors.get(sha512)
    if (verified?.isTelling !== true || held === undefined || !isSame(verified.row, rowOfOpen(held.fd))) return undefined
    return verified.tarball
  }

  /**
   * Spools a download, hashing it, and gives it its name. Nothing is synced to disk: a process that did not write a file hashes it
   * before it is used, so that what a power cut leaves is found out, and there is nothing here that an upstream would not give again.
   */
  async #spool(source: AsyncIterable<Uint8Array>, sha512: string): Promise<StoredTarball> {
    const temporary = temporaryPath(this.#temporary)
    const open: { file?: FileHandle | undefined } = {}
    try {
      const handle = await this.#descriptors.open(temporary, 'wx+')
      open.file = handle
      const { actual, whole } = await spool(handle, source, this.#limit)
      if (actual !== sha512) throw new IntegrityMismatch(sha512, actual)
      return await this.#placings.run(sha512, async () => {
        // From another place it may have come first. Its file stays: a client may be reading it.
        const known = await this.get(sha512)
        if (known !== undefined) return known
        await moveInto(temporary, this.#path(sha512))
        keepTemporary(temporary)
        open.file = undefined
        this.#descriptors.hold(sha512, handle)
        if (whole !== undefined) this.#reader.keep(sha512, whole)
        return this.#remember(sha512, rowOfOpen(handle.fd), this.#now())
      })
    } catch (error) {
      if (error instanceof IntegrityMismatch || error instanceof TarballRefused || error instanceof Unavailable) throw error
      throw new Unavailable('internal-error', `a tarball could not be stored: ${messageOf(error)}`, { cause: error })
    } finally {
      await open.file?.close()
      if (isTemporary(temporary)) await forgetTemporary(temporary)
    }
  }

  /** Hashes a file that this process did not write, or that may have been touched since. */
  async #check(sha512: string): Promise<StoredTarball | undefined> {
    const file = this.#path(sha512)
    const handle = await this.#open(file)
    if (handle === undefined) {
      this.#forget(sha512)
      return undefined
    }
    const verified = this.#files.get(sha512)?.verified
    const row = rowOfOpen(handle.fd)
    if (verified?.isTelling === true && isSame(verified.row, row)) {
      this.#descriptors.hold(sha512, handle)
      return verified.tarball
    }
    try {
      const readAt = this.#now()
      if ((await sha512Of(handle)) === sha512 && isSame(row, rowOfOpen(handle.fd))) {
        this.#descriptors.hold(sha512, handle)
        return this.#remember(sha512, row, readAt)
      }
    } catch (error) {
      await handle.close()
      throw error
    }
    await handle.close()
    this.#forget(sha512)
    await rm(file, { force: true })
    this.#warn(`the tarball ${file} was altered on disk: it is removed, and fetched again when it is asked for`)
    return undefined
  }

  async #open(file: string): Promise<FileHandle | undefined> {
    // Most are looked for because they are new here: asked at once, that costs a hundredth of what a thread's turn does.
    if (!existsSync(file)) return undefined
    try {
      return await this.#descriptors.open(file, 'r').catch(undefinedIfMissing)
    } catch (error) {
      throw new Unavailable('internal-error', `a tarball on disk could not be opened: ${messageOf(error)}`, { cause: error })
    }
  }

  #remember(sha512: string, row: FileRow, readAt: number): StoredTarball {
    const size = Number(row.size)
    const file = { path: this.#path(sha512), size, row: () => this.#files.get(sha512)?.verified?.row }
    const tarball = { sha512, path: file.path, size, read: (start: number, end: number) => this.#reader.read(sha512, file, start, end) }
    this.#files.set(sha512, { size, verified: { row, isTelling: isTelling(row, readAt), tarball } })
    return tarball
  }

  #forget(sha512: string): void {
    this.#files.delete(sha512)
    this.#reader.forget(sha512)
  }

  #path(sha512: string): string {
    return path.join(this.#dir, sha512.slice(0, 2), sha512)
  }
}

const isSha512 = (text: string): boolean => /^[0-9a-f]{128}$/.test(text)

async function moveInto(temporary: string, target: string): Promise<void> {
  try {
    await rename(temporary, target)
  } catch (error) {
    undefinedIfMissing(error)
    await mkdir(path.dirname(target), { recursive: true })
    await rename(temporary, target)
  }
}
