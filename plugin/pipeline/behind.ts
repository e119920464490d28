import type { VersionManifest } from '../domain/packument.ts'
import type { AttestationResult } from '../domain/ports.ts'
import { verifiedAttestations, type AttestationDeps } from './attestations.ts'
import type { PackageContext } from './context.ts'

export interface Listener {
  /** What was found of one version. Answers whether that is news. */
  readonly found: (context: PackageContext, manifest: VersionManifest, result: AttestationResult) => boolean
  /** A package is better known now. */
  readonly learned: (name: string) => void
}

interface Rest {
  readonly context: PackageContext
  readonly manifests: readonly VersionManifest[]
}

const AT_ONCE = 2
const SLICE = 50
const MAX_PACKAGES = 1000
/** Bytes of documents, which stay in memory as long as their versions wait. */
const MAX_DOCUMENTS = 128 * 1024 ** 2
const FAILURES = 3

/**
 * Verifies what listings named on a claim, so that later ones rest on facts. Nobody waits for it: the uplink is asked in the
 * background, a slice of one package at a time, and what does not fit is left to a later listing, or to the gate.
 */
export class Behind {
  readonly #deps: AttestationDeps
  readonly #onError: (error: unknown) => void
  #listener: Listener | undefined
  readonly #waiting = new Map<string, Rest>()
  readonly #running = new Map<string, Promise<void>>()
  #documents = 0
  #closed = false

  constructor(deps: AttestationDeps, onError: (error: unknown) => void) {
    this.#deps = deps
    this.#onError = onError
  }

  listen(listener: Listener): void {
    this.#listener = listener
  }

  /** Takes the place of what waits of this package. */
  add(context: PackageContext, manifests: readonly VersionManifest[]): void {
    const { packument, size } = context.document
    this.#take(packument.name)
    const fits = this.#waiting.size < MAX_PACKAGES && this.#documents + size <= MAX_DOCUMENTS
    if (this.#closed || manifests.length === 0 || !fits) return
    this.#waiting.set(packument.name, { context, manifests })
    this.#documents += size
    this.#start()
  }

  /** Resolves when nothing waits or runs any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  /** What waits is dropped, what runs ends with its next question. */
  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.clear()
    await this.settled()
  }

  #start(): void {
    for (const name of this.#waiting.keys()) {
      if (this.#running.size >= AT_ONCE) return
      const rest = this.#running.has(name) ? undefined : this.#take(name)
      if (rest !== undefined) this.#running.set(name, this.#run(name, rest))
    }
  }

  #take(name: string): Rest | undefined {
    const rest = this.#waiting.get(name)
    if (rest === undefined) return undefined
    this.#waiting.delete(name)
    this.#documents -= rest.context.document.size
    return rest
  }

  async #run(name: string, { context, manifests }: Rest): Promise<void> {
    try {
      const goOn = await this.#slice(context, manifests.slice(0, SLICE))
      // A newer listing has said what is left, if it has spoken meanwhile.
      if (goOn && !this.#waiting.has(name)) this.add(context, manifests.slice(SLICE))
    } catch (error) {
      this.#onError(error)
    } finally {
      this.#running.delete(name)
      this.#start()
    }
  }

  /** Answers whether it is worth going on: an uplink that does not answer is left alone. */
  async #slice(context: PackageContext, manifests: readonly VersionManifest[]): Promise<boolean> {
    const { facts, document } = context
    const before = facts.added
    let failures = 0
    let news = false
    for (const manifest of manifests) {
      if (this.#closed || failures >= FAILURES) break
      const result = await verifiedAttestations(context, manifest, this.#deps, 'background')
      failures = result.provenance.state === 'unavailable' ? failures + 1 : 0
      news = this.#listener?.found(context, manifest, result) === true || news
    }
    // Not for nothing: a listing made anew would only have the same asked for again.
    if (news || facts.added > before) {
      await facts.save()
      this.#listener?.learned(document.packument.name)
    }
    return !this.#closed && failures < FAILURES
  }
}
