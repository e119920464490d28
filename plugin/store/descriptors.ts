import { open, type FileHandle } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'

/** An open file, closed once it is no longer held and nobody reads it. */
export class Descriptor {
  /** Reads it was there for. */
  uses = 0
  readonly #handle: FileHandle
  readonly #close: (handle: FileHandle) => void
  #readers = 0
  #isHeld = true

  constructor(handle: FileHandle, close: (handle: FileHandle) => void) {
    this.#handle = handle
    this.#close = close
  }

  /** For one synchronous call. -1 once it is closed: never the number that another file has by now. */
  get fd(): number {
    return this.#handle.fd
  }

  /** Keeps it open until `release`, whatever becomes of it meanwhile. */
  retain(): FileHandle {
    this.#readers++
    return this.#handle
  }

  release(): void {
    this.#readers--
    this.#closeIfDone()
  }

  letGo(): void {
    this.#isHeld = false
    this.#closeIfDone()
  }

  #closeIfDone(): void {
    if (!this.#isHeld && this.#readers === 0) this.#close(this.#handle)
  }
}

/** The files read last, held open: opening one costs more than reading it. What a process may open at most, sockets need too. */
export class Descriptors {
  readonly #held: LRUCache<string, Descriptor>
  readonly #closing = new Set<Promise<void>>()
  readonly #onError: (error: unknown) => void
  #isClosed = false

  constructor(max: number, onError: (error: unknown) => void) {
    this.#onError = onError
    this.#held = new LRUCache({ max, dispose: (descriptor) => { descriptor.letGo() } })
  }

  get(key: string): Descriptor | undefined {
    return this.#held.get(key)
  }

  /** Opens a file; where no more may be open, in the place of some that are held. */
  async open(file: string, flags: 'r' | 'wx+'): Promise<FileHandle> {
    if (this.#isClosed) throw new Error('the store is closed')
    try {
      return await open(file, flags)
    } catch (error) {
      if (!isOutOfDescriptors(error)) throw error
      for (let count = Math.ceil(this.#held.size / 2); count > 0; count--) this.#held.pop()
      await Promise.all(this.#closing)
      return open(file, flags)
    }
  }

  /** Takes over an open file, in the place of what was held under the key. */
  hold(key: string, handle: FileHandle): Descriptor {
    const descriptor = new Descriptor(handle, (done) => { this.#close(done) })
    if (this.#isClosed) descriptor.letGo()
    else this.#held.set(key, descriptor)
    return descriptor
  }

  drop(key: string): void {
    this.#held.delete(key)
  }

  /** Those in use are closed by their last reader. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#held.clear()
    await Promise.all(this.#closing)
  }

  #close(handle: FileHandle): void {
    const closing = handle.close().catch(this.#onError).finally(() => { this.#closing.delete(closing) })
    this.#closing.add(closing)
  }
}

const isOutOfDescriptors = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')
