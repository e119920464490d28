import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { SingleFlight } from '../domain/single-flight.ts'
import { forgetTemporary, keepTemporary, temporaryPath } from './temporary-files.ts'

/**
 * Small documents by their sha256. They are proofs that the ledger points to, so they are synced to disk and never evicted: there
 * is at most one for each version that verified, of 2 MiB at most.
 */
export class Documents {
  readonly #dir: string
  readonly #temporary: string
  readonly #puts = new SingleFlight<string, string>()

  constructor(dir: string, temporary: string) {
    this.#dir = dir
    this.#temporary = temporary
  }

  put(bytes: Uint8Array): Promise<string> {
    const sha256 = hash('sha256', bytes)
    return this.#puts.run(sha256, async () => {
      if ((await this.get(sha256)) === undefined) await this.#write(sha256, bytes)
      return sha256
    })
  }

  async get(sha256: string): Promise<Uint8Array | undefined> {
    if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined
    const file = this.#path(sha256)
    // Most are looked for because they are new here: asked at once, that costs less than a thread's turn.
    const bytes = existsSync(file) ? await readFile(file).catch(undefinedIfMissing) : undefined
    if (bytes === undefined || hash('sha256', bytes) === sha256) return bytes
    await rm(file, { force: true })
    return undefined
  }

  /** A first request of a package may bring hundreds of them: each step less is a hand-over to another thread and back less. */
  async #write(sha256: string, bytes: Uint8Array): Promise<void> {
    const temporary = temporaryPath(this.#temporary)
    try {
      const file = await open(temporary, 'wx')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await publish(temporary, this.#path(sha256))
      keepTemporary(temporary)
    } catch (error) {
      await forgetTemporary(temporary)
      throw error
    }
  }

  #path(sha256: string): string {
    return path.join(this.#dir, sha256.slice(0, 2), sha256)
  }
}

/** Gives a finished file its name; both survive a power cut. */
export async function publish(temporary: string, target: string): Promise<void> {
  try {
    await rename(temporary, target)
  } catch (error) {
    // The first of its directory.
    undefinedIfMissing(error)
    await mkdir(path.dirname(target), { recursive: true })
    await rename(temporary, target)
  }
  // A directory cannot be opened on every platform; the rename is then as durable as that platform makes it.
  const directory = await open(path.dirname(target), 'r').catch(() => undefined)
  try {
    await directory?.sync()
  } finally {
    await directory?.close()
  }
}

/** For `catch`: a file that is not there is undefined, anything else stays an error. */
export function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
