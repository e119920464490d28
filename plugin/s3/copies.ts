import { hash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isObject, own, ownString } from '../domain/json.ts'

/** A document as this mirror last had it; without `text` where it was removed. */
export interface DocumentCopy {
  readonly text: string | undefined
  readonly etag: string
  readonly revision: string
  readonly keyid: string
  readonly mac: string
}

/**
 * Files with what this mirror has read of the bucket, so that one which starts while the bucket is away goes on, and one which was
 * started anew still knows what is older than what it has seen. They are authenticated as the documents are, and may be lost.
 */
export class Copies {
  readonly #dir: string
  #made: Promise<unknown> | undefined

  constructor(dir: string) {
    this.#dir = dir
  }

  async read(key: string): Promise<DocumentCopy | undefined> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#file(key), 'utf8'))
      const part = (name: string): string => (isObject(value) ? (ownString(value, name) ?? '') : '')
      return { text: isObject(value) && own(value, 'text') !== undefined ? part('text') : undefined, etag: part('etag'), revision: part('revision'), keyid: part('keyid'), mac: part('mac') }
    } catch {
      return undefined
    }
  }

  /** @throws what the disk says */
  async write(key: string, copy: DocumentCopy): Promise<void> {
    this.#made ??= mkdir(this.#dir, { recursive: true, mode: 0o700 })
    await this.#made
    const temporary = path.join(this.#dir, `${randomUUID()}.tmp`)
    try {
      await writeFile(temporary, JSON.stringify(copy), { mode: 0o600 })
      await rename(temporary, this.#file(key))
    } catch (error) {
      this.#made = undefined
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
  }

  /** Keys hold what publishers wrote. */
  #file(key: string): string {
    return path.join(this.#dir, `${hash('sha256', key)}.json`)
  }
}
