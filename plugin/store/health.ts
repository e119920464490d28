import { open, rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { randomBytes } from 'node:crypto'
import { messageOf } from '../domain/errors.ts'
import type { Clock } from '../domain/ports.ts'

export interface StoreHealthOptions {
  /** Directories that are written to, by what is in them. */
  readonly dirs: ReadonlyMap<string, string>
  /** Throws when the ledger cannot be read or written. */
  readonly ledger: () => void
  readonly clock: Clock
  /** Bytes below which a disk counts as full. */
  readonly least?: number | undefined
  /** Bytes free on the disk of a directory. */
  readonly free?: ((dir: string) => Promise<number>) | undefined
}

/** A look is as good for so long. */
const GOOD_FOR_MS = 2_000
/** Room for SQLite's log, and for what is written while an operator looks for room. */
const LEAST_FREE = 64 * 1024 ** 2

/**
 * Whether the stores can be written. Whoever asks is told what the last look found; one that is old has the next look begun behind the
 * answer, so that a slow disk makes no probe wait, and so that nobody looks while nobody asks.
 */
export class StoreHealth {
  readonly #options: StoreHealthOptions
  #problems: readonly string[] = []
  #lookedAt = -Infinity
  #looking: Promise<void> | undefined

  constructor(options: StoreHealthOptions) {
    this.#options = options
  }

  get problems(): readonly string[] {
    // Absolute, so that a clock set back does not make the last look good for years.
    if (Math.abs(this.#options.clock.now().getTime() - this.#lookedAt) > GOOD_FOR_MS) void this.look()
    return this.#problems
  }

  /** Looks now, once for all who ask meanwhile. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => { this.#looking = undefined })
    return this.#looking
  }

  async #look(): Promise<void> {
    this.#lookedAt = this.#options.clock.now().getTime()
    const found = await Promise.all([...this.#options.dirs].map(([what, dir]) => this.#problemOf(what, dir)))
    this.#problems = [...found.flat(), ...this.#ledgerProblem()]
  }

  #ledgerProblem(): readonly string[] {
    try {
      this.#options.ledger()
      return []
    } catch (error) {
      return [`the ledger cannot be used: ${messageOf(error)}`]
    }
  }

  async #problemOf(what: string, dir: string): Promise<readonly string[]> {
    const { least = LEAST_FREE, free = freeOn } = this.#options
    try {
      const left = await free(dir)
      if (left < least) return [`the disk of the ${what} is full: ${String(Math.floor(left / 1024 ** 2))} MiB are left`]
      await tryToWrite(dir)
      return []
    } catch (error) {
      return [`the directory of the ${what} cannot be written: ${messageOf(error)}`]
    }
  }
}

/** Bytes that this process may still write where `dir` is. */
export async function freeOn(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

/** A directory may be readable and full, over a quota, or on a disk that was mounted read-only after an error. */
async function tryToWrite(dir: string): Promise<void> {
  const file = path.join(dir, `.probe-${randomBytes(6).toString('hex')}`)
  try {
    const handle = await open(file, 'wx')
    try {
      await handle.write(Buffer.alloc(16))
    } finally {
      await handle.close()
    }
  } finally {
    await rm(file, { force: true })
  }
}
