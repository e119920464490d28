import { setTimeout as wait } from 'node:timers/promises'
import type { PackageLocks } from '../domain/package-locks.ts'
import type { Document, Documents } from './documents.ts'
import { changeDocument } from './change.ts'
import { BucketUnavailable } from './objects.ts'

export interface PackageListOptions {
  readonly documents: Documents
  /** Milliseconds that it goes for without asking, at every mirror. */
  readonly fresh?: number | undefined
  /** Milliseconds that whoever asks waits for a slow bucket; a default when not given. */
  readonly patience?: number | undefined
  /** Held while it is changed, where the bucket itself lets two writers overwrite each other. */
  readonly locks: PackageLocks | undefined
  /** Told when a name came or went. */
  readonly onChange: () => void
}

const KEY = '.mirror/packages.json'
interface Known {
  readonly names: ReadonlySet<string>
  readonly revision: number
  /** By `performance.now()`. */
  readonly at: number
}

/** Every request for any package wants to know. */
const FRESH = 1000
/** Milliseconds that requests for packages of uplinks wait for a bucket that is slow; then the list goes as it was. */
const PATIENCE = 500

/**
 * The names of all packages published here. Whoever changes it waits until nobody goes by the one before: what was published, or
 * removed, at one mirror is so at all of them that reach the bucket when the client has its answer.
 */
export class PackageList {
  readonly #options: PackageListOptions
  #known: Known | undefined
  #reading: { readonly at: number; readonly answer: Promise<ReadonlySet<string>> } | undefined

  constructor(options: PackageListOptions) {
    this.#options = options
  }

  /** Not older than `fresh`; as it was last while the bucket does not answer. */
  async names(): Promise<ReadonlySet<string>> {
    const known = this.#known
    if (known === undefined) return this.refresh()
    if (performance.now() - known.at < this.#fresh) return known.names
    const timer = new AbortController()
    try {
      return await Promise.race([this.refresh(), wait(this.#options.patience ?? PATIENCE, undefined, { signal: timer.signal, ref: false }).then(() => this.#asItWas(known))])
    } catch {
      return this.#asItWas(known)
    } finally {
      timer.abort()
    }
  }

  refresh(): Promise<ReadonlySet<string>> {
    const at = performance.now()
    // One that has been on its way for longer may have left before what somebody has been told of since.
    if (this.#reading !== undefined && at - this.#reading.at < this.#fresh) return this.#reading.answer
    const reading = { at, answer: this.#read().finally(() => { if (this.#reading === reading) this.#reading = undefined }) }
    this.#reading = reading
    return reading.answer
  }

  add(name: string): Promise<void> {
    return this.#change((names) => (names.has(name) ? undefined : [...names, name]))
  }

  remove(name: string): Promise<void> {
    return this.#change((names) => (names.has(name) ? [...names].filter((one) => one !== name) : undefined))
  }

  /** Only one request waits for a bucket that does not answer, the others go on. */
  #asItWas(known: Known): ReadonlySet<string> {
    if (this.#known === known) this.#known = { ...known, at: performance.now() }
    return known.names
  }

  get #fresh(): number {
    return this.#options.fresh ?? FRESH
  }

  async #read(): Promise<ReadonlySet<string>> {
    // It is as old as the question, not as the answer.
    const at = performance.now()
    return this.#keep(await this.#options.documents.read(KEY, { stale: this.#known === undefined }), at)
  }

  async #change(change: (names: ReadonlySet<string>) => readonly string[] | undefined): Promise<void> {
    const { documents, locks } = this.#options
    const changed = { is: false }
    const at = performance.now()
    const document = await changeDocument(documents, KEY, (found) => {
      // Somebody took it away: it is put back as this mirror knew it.
      const names = change(found === 'absent' ? (this.#known?.names ?? namesOf(found)) : namesOf(found))
      changed.is = names !== undefined
      return names === undefined ? undefined : JSON.stringify(names.toSorted())
    }, locks)
    this.#keep(document, at)
    if (changed.is) await wait(this.#fresh)
  }

  #keep(document: Document | 'absent', at: number): ReadonlySet<string> {
    const known = this.#known
    const revision = document === 'absent' ? 0 : document.revision
    // Once there is a list there always is one; without it, every name would be free for uplinks.
    if (document === 'absent' && known !== undefined && known.revision > 0) throw new BucketUnavailable('the list of packages published here is gone from the bucket')
    if (known?.revision === revision) this.#known = { ...known, at }
    else if (known === undefined || known.revision < revision) {
      this.#known = { names: namesOf(document), revision, at }
      if (known !== undefined) this.#options.onChange()
    }
    return this.#known?.names ?? new Set()
  }
}

function namesOf(document: Document | 'absent'): ReadonlySet<string> {
  if (document === 'absent') return new Set()
  const names: unknown = JSON.parse(document.text)
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw new BucketUnavailable('the list of packages published here is none')
  return new Set(names)
}
