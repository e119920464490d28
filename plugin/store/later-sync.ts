import { closeSync, existsSync, fdatasyncSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'

/** Puts on disk what was written to a file, in a thread. @throws what the disk says */
export type SyncFile = (file: string) => Promise<void>

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/**
 * Has a file synced to disk a moment after it was written to, once for all writes of that moment, while the event loop goes on.
 * It is opened anew each time: no lock of SQLite's is on a write-ahead log, which closing it could take away (POSIX locks go by process).
 */
export class LaterSync {
  readonly #file: string
  readonly #delay: number
  readonly #sync: SyncFile
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #hasFailed = false

  /** `delay` in milliseconds. */
  constructor(file: string, delay: number, sync: SyncFile = syncFile) {
    this.#file = file
    this.#delay = delay
    this.#sync = sync
  }

  /** The disk did not do it: whoever writes next has to wait for the disk, and is told. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** To be called after each write. */
  soon(): void {
    this.#timer ??= setTimeout(() => { void this.#now() }, this.#delay).unref()
  }

  /** Everything is on disk by other means. */
  done(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#hasFailed = false
  }

  /** What waits is synced before this returns. */
  close(): void {
    const waits = this.#timer !== undefined || this.#running !== undefined
    this.done()
    if (!waits || !existsSync(this.#file)) return
    const fd = openSync(this.#file, 'r+')
    try {
      fdatasyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  async #now(): Promise<void> {
    // One at a time: a disk that is slower than the delay is not given a queue of them.
    await this.#running
    this.#timer = undefined
    const running = this.#sync(this.#file).catch(() => { this.#hasFailed = true })
    this.#running = running
    await running
    if (this.#running === running) this.#running = undefined
  }
}
