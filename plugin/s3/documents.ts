import { LRUCache } from 'lru-cache'
import { messageOf } from '../domain/errors.ts'
import type { Clock } from '../domain/ports.ts'
import type { Rejection } from '../domain/state.ts'
import type { Copies } from './copies.ts'
import { BucketUnavailable, type Bucket, type Condition } from './objects.ts'

/** Tells what was written by a mirror that knows the key from what somebody else put into the bucket. */
export interface Authenticator {
  mac(...parts: readonly string[]): { readonly keyid: string; readonly mac: string }
  isOurs(mac: { readonly keyid: string; readonly mac: string }, ...parts: readonly string[]): boolean
}

/** What of the bucket nobody with the key wrote, or not lately. */
export interface Tampering {
  /** `altered`: not written, or not so, by a mirror with the key. `replayed`: older than what this mirror has seen of the same. */
  readonly kind: Extract<Rejection, 'altered' | 'replayed'>
  readonly key: string
}

/** A document as it was read or written. */
export interface Document {
  readonly text: string
  readonly etag: string
  /** Milliseconds since 1970, or more where clocks disagree: each version of a document has a higher one. */
  readonly revision: number
}

export interface DocumentsOptions {
  readonly bucket: Bucket
  readonly keys: Authenticator
  readonly clock: Clock
  /** Characters that copies in memory may take. */
  readonly memory: number
  /** What is kept on this machine; nothing when not given. */
  readonly copies?: Copies | undefined
  readonly onTampering: (tampering: Tampering) => void
  readonly warn: (message: string) => void
  /** Whether the bucket holds writers to `If-Match` and `If-None-Match`; without, whoever writes holds a lock. Asked before each write. */
  readonly isConditional: () => Promise<boolean>
}

/** How a document is marked as written by a mirror. */
interface Mark {
  readonly keyid: string
  readonly mac: string
  readonly revision: string
}

interface Copy extends Document {
  readonly confirmedAt: number
}

/** For what an entry is beside others of the same key: it stands for nothing else. */
const PURPOSE = 'package-storage'
const JSON_TYPE = 'application/json'
/** Documents of which the last revision is remembered. */
const REMEMBERED = 100_000
/** While the bucket does not answer, what was read goes for this long: as long as an uplink's last good answer. */
const MAX_STALE = 7 * 86_400_000

/**
 * Small documents that several mirrors change. What is read was written by one of them under the same key, and never goes back
 * behind what this mirror has seen: else it is none, and whoever looks after the mirror is told.
 */
export class Documents {
  readonly #options: DocumentsOptions
  readonly #copies: LRUCache<string, Copy>
  /** The highest revision by key. */
  readonly #seen = new LRUCache<string, number>({ max: REMEMBERED })

  constructor(options: DocumentsOptions) {
    this.#options = options
    this.#copies = new LRUCache({ maxSize: options.memory, sizeCalculation: ({ text }, key) => text.length + key.length + 200 })
  }

  /**
   * As it is now. With `stale`, as it was last while the bucket does not answer, or with what no mirror wrote.
   * @throws BucketUnavailable also for what was tampered with: to say that there is none would set the name free
   */
  async read(key: string, { stale = false } = {}): Promise<Document | 'absent'> {
    await this.#remember(key)
    const copy = this.#copies.get(key)
    try {
      return await this.#now(key, copy)
    } catch (error) {
      const isGood = stale && copy !== undefined && this.#options.clock.now().getTime() - copy.confirmedAt <= MAX_STALE
      if (isGood && error instanceof BucketUnavailable) return copy
      throw error
    }
  }

  async #now(key: string, copy: Copy | undefined): Promise<Document | 'absent'> {
    const { bucket, clock } = this.#options
    // Before it is asked for: what is written meanwhile makes the answer older than what was seen, and no replay.
    const seen = this.#seen.get(key) ?? 0
    const found = await bucket.get(key, copy?.etag)
    if (found === 'absent') {
      // It may come back as it was: an operator restores what somebody deleted.
      if (copy !== undefined) this.#forget(key, copy.revision)
      return 'absent'
    }
    if (found === 'unchanged') {
      if (copy === undefined) throw new BucketUnavailable(`the bucket says that ${key} is unchanged, which nobody asked`)
      // Two that asked at one time: the other may have found a newer one meanwhile.
      if (this.#copies.peek(key) === copy) this.#copies.set(key, { ...copy, confirmedAt: clock.now().getTime() })
      return copy
    }
    const { text, etag, metadata } = found
    const mark = { keyid: metadata.keyid ?? '', mac: metadata.mac ?? '', revision: metadata.revision ?? '' }
    if (!this.#isOurs(key, text, mark)) throw this.#tampered('altered', key)
    if (Number(mark.revision) < seen) throw this.#tampered('replayed', key)
    return this.#keep(key, { text, etag, revision: Number(mark.revision) }, mark)
  }

  /** In the place of `previous`, as it was read; `conflict` where somebody else was faster. */
  async write(key: string, text: string, previous: Document | 'absent'): Promise<Document | 'conflict'> {
    const { bucket, keys, clock } = this.#options
    const isConditional = await this.#options.isConditional()
    const last = Math.max(this.#seen.get(key) ?? 0, previous === 'absent' ? 0 : previous.revision)
    const revision = Math.max(clock.now().getTime(), last + 1)
    const mark = { ...keys.mac(PURPOSE, key, String(revision), text), revision: String(revision) }
    const condition: Condition = previous === 'absent' ? { absent: true } : { etag: previous.etag }
    if (!isConditional && (await this.#isAnother(key, previous))) return 'conflict'
    const written = await bucket.put(key, text, { condition: isConditional ? condition : undefined, contentType: JSON_TYPE, metadata: { ...mark } })
    return written === 'conflict' ? 'conflict' : this.#keep(key, { text, etag: written.etag, revision }, mark)
  }

  async delete(key: string): Promise<void> {
    const copy = this.#copies.get(key)
    await this.#options.bucket.delete(key)
    if (copy !== undefined) this.#forget(key, copy.revision + 1)
  }

  async #isAnother(key: string, previous: Document | 'absent'): Promise<boolean> {
    const now = await this.read(key)
    return now === 'absent' || previous === 'absent' ? now !== previous : now.etag !== previous.etag
  }

  #isOurs(key: string, text: string, { keyid, mac, revision }: Mark): boolean {
    return /^\d{1,16}$/.test(revision) && this.#options.keys.isOurs({ keyid, mac }, PURPOSE, key, revision, text)
  }

  /** Once for each document: what an earlier process of this mirror has seen of it. */
  async #remember(key: string): Promise<void> {
    if (this.#seen.has(key)) return
    const copy = await this.#options.copies?.read(key)
    if (this.#seen.has(key)) return
    const isGood = copy !== undefined && this.#isOurs(key, copy.text ?? REMOVED, copy)
    this.#seen.set(key, isGood ? Number(copy.revision) : 0)
    if (isGood && copy.text !== undefined) this.#copies.set(key, { text: copy.text, etag: copy.etag, revision: Number(copy.revision), confirmedAt: this.#options.clock.now().getTime() })
  }

  #keep(key: string, document: Document, mark: Mark): Document {
    if (document.revision >= (this.#seen.get(key) ?? 0)) {
      const isNew = this.#copies.peek(key)?.etag !== document.etag
      this.#seen.set(key, document.revision)
      this.#copies.set(key, { ...document, confirmedAt: this.#options.clock.now().getTime() })
      if (isNew) this.#copy(key, { ...mark, text: document.text, etag: document.etag })
    }
    return document
  }

  /** That it was there is remembered, and what is older than `revision` is none. */
  #forget(key: string, revision: number): void {
    this.#copies.delete(key)
    const least = Math.max(this.#seen.get(key) ?? 0, revision)
    this.#seen.set(key, least)
    this.#copy(key, { ...this.#options.keys.mac(PURPOSE, key, String(least), REMOVED), revision: String(least), etag: '', text: undefined })
  }

  #copy(key: string, copy: Parameters<Copies['write']>[1]): void {
    this.#options.copies?.write(key, copy).catch((error: unknown) => { this.#options.warn(`what was read of the bucket cannot be kept on this machine: ${messageOf(error)}`) })
  }

  #tampered(kind: Tampering['kind'], key: string): BucketUnavailable {
    this.#options.onTampering({ kind, key })
    return new BucketUnavailable(kind === 'altered' ? `${key} in the bucket was not written by a mirror that knows the key` : `${key} in the bucket is older than what this mirror has seen of it`)
  }
}

/** No document: JSON is longer. */
const REMOVED = ''
