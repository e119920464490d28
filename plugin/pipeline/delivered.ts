import { LRUCache } from 'lru-cache'
import type { History } from '../domain/history.ts'
import type { Judgement } from './judgement.ts'

/** A tarball that was delivered. */
export interface Delivered {
  readonly judgement: Judgement
  readonly sha512: string
}

interface Entry extends Delivered {
  readonly name: string
  readonly fileName: string
  readonly basis: string
  readonly since: Date
  readonly until: Date
}

interface Standing {
  readonly basis: string
  readonly now: Date
  /** When what the verdict rests on stops counting. */
  readonly ends: readonly Date[]
  /** `learned` from before the verdict was begun. */
  readonly learned: number
}

const MAX_ENTRIES = 10_000
/**
 * What came before a version holds on to its package's whole document, for as long as the verdict is kept. The verdict is not come to
 * again, and must not be by less than it was.
 */
const NOT_KEPT: History = {
  before: () => { throw new TypeError('what came before a version is not kept with its verdict') },
}
/** What was found wrong with other versions counts no longer than this (recent-evidence.ts, suspects.ts). */
const MAX_AGE_MS = 5 * 60_000

/**
 * Verdicts on tarballs that passed in full, while what they rest on stands: as listings (listing-cache.ts), and for some minutes. The
 * bytes are another matter: they are looked at whenever they are sent.
 */
export class DeliveredTarballs {
  /** By package and file name: found with less than a key that is joined for it. */
  readonly #files = new Map<string, Map<string, Entry>>()
  /** The same, oldest first. A use makes none newer: none is kept for long. */
  readonly #entries = new LRUCache<string, Entry>({
    max: MAX_ENTRIES,
    dispose: ({ name, fileName }, _key, why) => {
      if (why === 'set') return
      const files = this.#files.get(name)
      files?.delete(fileName)
      if (files?.size === 0) this.#files.delete(name)
    },
  })
  #learned = 0

  /** Counts what was learned, so that a verdict begun before does not stay. */
  get learned(): number {
    return this.#learned
  }

  get(name: string, fileName: string, basis: string, now: Date): Delivered | undefined {
    const entry = this.#files.get(name)?.get(fileName)
    return entry?.basis === basis && entry.since <= now && now < entry.until ? entry : undefined
  }

  keep(name: string, fileName: string, { judgement, sha512 }: Delivered, { basis, now, ends, learned }: Standing): void {
    if (learned !== this.#learned) return
    this.#dropEnded(now)
    const until = new Date(Math.min(now.getTime() + MAX_AGE_MS, ...ends.map((end) => end.getTime())))
    const kept = { ...judgement, candidate: { ...judgement.candidate, history: NOT_KEPT } }
    const entry = { name, fileName, judgement: kept, sha512, basis, since: now, until }
    this.#entries.set(keyOf(name, fileName), entry)
    const files = this.#files.get(name) ?? new Map<string, Entry>()
    files.set(fileName, entry)
    this.#files.set(name, files)
  }

  /** From the oldest on: what nobody asks for again is not to wait for 50,000 others. */
  #dropEnded(now: Date): void {
    for (const key of this.#entries.rkeys()) {
      const entry = this.#entries.peek(key)
      if (entry === undefined || now < entry.until) return
      this.#entries.delete(key)
    }
  }

  /** So many are kept. */
  get size(): number {
    return this.#entries.size
  }

  /** Something was learned of this package that verdicts do not show yet. */
  forget(name: string): void {
    for (const fileName of [...(this.#files.get(name)?.keys() ?? [])]) this.#entries.delete(keyOf(name, fileName))
    this.#learned++
  }
}

const keyOf = (name: string, fileName: string): string => `${name}/${fileName}`
