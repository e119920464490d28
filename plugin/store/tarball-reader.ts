import { LRUCache } from 'lru-cache'
import { Unavailable } from '../domain/errors.ts'
import { inOwnMemory } from '../domain/own-memory.ts'
import type { PartAtHand, TarballPart } from '../domain/ports.ts'
import { BufferPool } from './buffer-pool.ts'
import type { Descriptor, Descriptors } from './descriptors.ts'
import { isSame, rowOfOpen, type FileRow } from './file-row.ts'
import { fill, fillNow } from './read-file.ts'

export interface VerifiedFile {
  readonly path: string
  readonly size: number
  /** Of the file when its bytes were verified; undefined when they were not, or are not any more. */
  readonly row: () => FileRow | undefined
}

export interface TarballReaderOptions {
  readonly descriptors: Descriptors
  /** Bytes of tarballs in memory. */
  readonly memory: number
  /** Told of a file that is not what was verified. */
  readonly onTouched: (sha512: string) => void
}

/** Up to here a read and its copy into the kernel take about a tenth of a millisecond: less than asking a thread for it. */
const AT_ONCE = 512 * 1024
const BUFFERS = 64
/** Of a slice, where all buffers are lent. */
const WITHOUT_BUFFER = 64 * 1024
/** Below, a new tarball is kept from its download on; none takes more than this part of the memory. */
const SMALL = 256 * 1024
const LARGEST = 1 / 8

/** Bytes of verified tarballs: the busiest from memory, the rest from files that are held open. */
export class TarballReader {
  readonly #descriptors: Descriptors
  readonly #memory: LRUCache<string, Buffer>
  readonly #pool = new BufferPool(AT_ONCE, BUFFERS)
  readonly #onTouched: (sha512: string) => void
  /** Reads in slices that have not ended, by file. */
  readonly #reading = new Map<string, number>()
  readonly #afterwards = new Map<string, () => void>()
  #isLoading = false

  constructor({ descriptors, memory, onTouched }: TarballReaderOptions) {
    this.#descriptors = descriptors
    this.#onTouched = onTouched
    this.#memory = new LRUCache({ maxSize: Math.max(memory, 1), maxEntrySize: Math.max(memory * LARGEST, 1), sizeCalculation: ({ length }) => Math.max(length, 1) })
  }

  isInMemory(sha512: string): boolean {
    return this.#memory.has(sha512)
  }

  /** Verified bytes, of a download, where they are few enough to be worth keeping. */
  keep(sha512: string, bytes: Buffer): void {
    if (bytes.length <= SMALL) this.#memory.set(sha512, inOwnMemory(bytes))
  }

  forget(sha512: string): void {
    this.#memory.delete(sha512)
    this.#descriptors.drop(sha512)
  }

  /** Calls back as soon as nobody reads the file in slices: a removal would look like any other touch to who does. */
  whenUnread(sha512: string, then: () => void): void {
    if (this.#reading.has(sha512)) this.#afterwards.set(sha512, then)
    else then()
  }

  /** @throws Unavailable where the file was touched */
  read(sha512: string, file: VerifiedFile, start: number, end: number): TarballPart {
    const kept = this.#memory.get(sha512)
    if (kept !== undefined) return { bytes: end - start === kept.length ? kept : kept.subarray(start, end) }
    const held = this.#descriptors.get(sha512)
    if (held === undefined) return this.#slices(sha512, file, start, end)
    held.uses++
    const isToKeep = this.#isWorthKeeping(file.size, held.uses)
    if (end - start > AT_ONCE) {
      if (isToKeep) void this.#load(sha512, file)
      return this.#slices(sha512, file, start, end)
    }
    if (isToKeep && end - start === file.size) return this.#intoMemory(sha512, file, held)
    const buffer = this.#pool.take()
    return buffer === undefined ? this.#slices(sha512, file, start, end) : this.#intoBuffer(sha512, file, held, start, end, buffer)
  }

  /** From its second use while there is room, then now and then: where more is asked for than fits, most would go before it is used. */
  #isWorthKeeping(size: number, uses: number): boolean {
    if (size > this.#memory.maxEntrySize) return false
    return this.#memory.calculatedSize + size <= this.#memory.maxSize ? uses > 1 : uses % 8 === 0
  }

  #intoMemory(sha512: string, file: VerifiedFile, { fd }: Descriptor): PartAtHand {
    const bytes = Buffer.allocUnsafeSlow(file.size)
    this.#fill(sha512, file, fd, bytes, 0)
    this.#memory.set(sha512, bytes)
    return { bytes }
  }

  #intoBuffer(sha512: string, file: VerifiedFile, { fd }: Descriptor, start: number, end: number, buffer: Buffer): PartAtHand {
    const bytes = buffer.subarray(0, end - start)
    try {
      this.#fill(sha512, file, fd, bytes, start)
    } catch (error) {
      this.#pool.give(buffer, true)
      throw error
    }
    return { bytes, release: (isSent) => { this.#pool.give(buffer, isSent) } }
  }

  #fill(sha512: string, file: VerifiedFile, fd: number, bytes: Buffer, start: number): void {
    if (fillNow(fd, bytes, start).length < bytes.length) throw this.#touched(sha512)
    this.#assertUntouched(sha512, file.row(), fd)
  }

  async *#slices(sha512: string, file: VerifiedFile, start: number, end: number): AsyncGenerator<Uint8Array> {
    const held = this.#descriptors.get(sha512) ?? (await this.#open(sha512, file.path))
    const handle = held.retain()
    const row = file.row()
    this.#reading.set(sha512, (this.#reading.get(sha512) ?? 0) + 1)
    const lent = this.#pool.take()
    const buffer = lent ?? Buffer.allocUnsafeSlow(Math.min(WITHOUT_BUFFER, end - start))
    // What was read before is in the kernel's memory, and there at once. Else one half is read while the other is sent.
    const isWarm = held.uses > 1
    const length = isWarm || end - start <= buffer.length ? buffer.length : buffer.length / 2
    const place = (at: number, turn: number): Buffer => buffer.subarray(isWarm ? 0 : (turn % 2) * length).subarray(0, Math.min(length, end - at))
    let next: Promise<Buffer> | undefined
    let isSent = false
    try {
      for (let at = start, turn = 0; at < end; turn++) {
        const bytes = isWarm ? fillNow(held.fd, place(at, turn), at) : await (next ?? fill(handle, place(at, turn), at))
        if (bytes.length === 0) throw this.#touched(sha512)
        at += bytes.length
        next = isWarm || at >= end ? undefined : fill(handle, place(at, turn + 1), at)
        // It fails when it is looked at, after this one was sent.
        next?.catch(() => undefined)
        // The client has all but this slice, and nothing it could take for the whole.
        if (at === end) this.#assertUntouched(sha512, row, held.fd)
        yield bytes
      }
      isSent = true
    } finally {
      await next?.catch(() => undefined)
      held.release()
      this.#endRead(sha512)
      if (lent !== undefined) this.#pool.give(lent, isSent)
    }
  }

  /** Reads a busy large file into memory, behind the answers. */
  async #load(sha512: string, file: VerifiedFile): Promise<void> {
    if (this.#isLoading) return
    this.#isLoading = true
    try {
      const bytes = Buffer.allocUnsafeSlow(file.size)
      let at = 0
      for await (const slice of this.#slices(sha512, file, 0, file.size)) {
        bytes.set(slice, at)
        at += slice.length
      }
      if (at === file.size) this.#memory.set(sha512, bytes)
    } catch {
      // Whoever asks for it next is told.
    } finally {
      this.#isLoading = false
    }
  }

  async #open(sha512: string, path: string): Promise<Descriptor> {
    try {
      return this.#descriptors.hold(sha512, await this.#descriptors.open(path, 'r'))
    } catch (error) {
      throw new Unavailable('internal-error', 'a tarball on disk could not be opened', { cause: error })
    }
  }

  #endRead(sha512: string): void {
    const others = (this.#reading.get(sha512) ?? 1) - 1
    if (others > 0) {
      this.#reading.set(sha512, others)
      return
    }
    this.#reading.delete(sha512)
    this.#afterwards.get(sha512)?.()
    this.#afterwards.delete(sha512)
  }

  #assertUntouched(sha512: string, row: FileRow | undefined, fd: number): void {
    if (row === undefined || !isSame(row, rowOfOpen(fd))) throw this.#touched(sha512)
  }

  #touched(sha512: string): Unavailable {
    this.#onTouched(sha512)
    return new Unavailable('internal-error', 'a tarball was touched on disk while it was read')
  }
}
