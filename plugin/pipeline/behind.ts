import type { VersionManifest } from '../domain/packument.ts'
import type { AttestationResult, Ledger } from '../domain/ports.ts'
import type { QueueState } from '../domain/state.ts'
import { verifiedAttestations, type AttestationDeps } from './attestations.ts'
import type { PackageContext } from './context.ts'
import { GatheredRecords } from './gathered-records.ts'
import { LaterSignatures } from './later-signatures.ts'

export interface Listener {
  /** What was found of one version. Answers whether that is news. */
  readonly found: (context: PackageContext, manifest: VersionManifest, result: AttestationResult) => boolean
  /** A package is better known now. */
  readonly learned: (name: string) => void
}

interface Rest {
  readonly context: PackageContext
  readonly manifests: readonly VersionManifest[]
  /** Questions at one time, to begin with. */
  readonly lanes: number
}

const AT_ONCE = 2
const SLICE = 50
const MAX_PACKAGES = 1000
/** Bytes of documents, which stay in memory as long as their versions wait. */
const MAX_DOCUMENTS = 128 * 1024 ** 2
const FAILURES = 3
/** Versions of one package at one time, some of them asked for while others are verified. */
const LANES = 16

/**
 * Verifies what listings named on a claim, so that later ones rest on facts. Nobody waits for it: the uplink is asked in the
 * background, a slice of one package at a time, and what does not fit is left to a later listing, or to the gate.
 */
export class Behind {
  /** Registry signatures, which no uplink is asked for. */
  readonly signatures: LaterSignatures
  readonly #deps: AttestationDeps
  readonly #onError: (error: unknown) => void
  #listener: Listener | undefined
  readonly #waiting = new Map<string, Rest>()
  readonly #running = new Map<string, Promise<void>>()
  #documents = 0
  #closed = false

  constructor(deps: AttestationDeps & { readonly ledger: Ledger }, onError: (error: unknown) => void) {
    this.#deps = deps
    this.signatures = new LaterSignatures(deps, onError)
    this.#onError = onError
  }

  listen(listener: Listener): void {
    this.#listener = listener
    this.signatures.listen(listener.learned)
  }

  /** Takes the place of what waits of this package. */
  add(context: PackageContext, manifests: readonly VersionManifest[], lanes = 1): void {
    const { packument, size } = context.document
    this.#take(packument.name)
    const fits = this.#waiting.size < MAX_PACKAGES && this.#documents + size <= MAX_DOCUMENTS
    if (this.#closed || manifests.length === 0 || !fits) return
    this.#waiting.set(packument.name, { context, manifests, lanes })
    this.#documents += size
    this.#start()
  }

  /** In packages. */
  get load(): QueueState {
    return { waiting: this.#waiting.size + this.signatures.waiting, running: this.#running.size }
  }

  /** Resolves when nothing waits or runs any more. */
  async settled(): Promise<void> {
    await this.signatures.settled()
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  /** What waits is dropped, what runs ends with its next question. */
  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.clear()
    await this.signatures.close()
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

  async #run(name: string, { context, manifests, lanes }: Rest): Promise<void> {
    try {
      const goOn = await this.#slice({ context, manifests: manifests.slice(0, SLICE), lanes })
      // A newer listing has said what is left, if it has spoken meanwhile.
      if (goOn > 0 && !this.#waiting.has(name)) this.add(context, manifests.slice(SLICE), goOn)
    } catch (error) {
      this.#onError(error)
    } finally {
      this.#running.delete(name)
      this.#start()
    }
  }

  /** Answers how many at a time to go on with: none where an uplink does not answer and is left alone. */
  async #slice({ context, manifests, lanes }: Rest): Promise<number> {
    const { facts, document } = context
    const before = facts.added
    const records = new GatheredRecords(this.#deps.ledger)
    const deps = { ...this.#deps, ledger: records }
    const state = { failures: 0, news: false }
    const goesOn = (): boolean => !this.#closed && state.failures < FAILURES
    const verify = async (manifest: VersionManifest): Promise<boolean> => {
      const result = await verifiedAttestations(context, manifest, deps, 'background')
      const answered = result.provenance.state !== 'unavailable'
      state.failures = answered ? 0 : state.failures + 1
      if (this.#listener?.found(context, manifest, result) === true) state.news = true
      return answered
    }
    const reached = await inLanes(manifests, { from: lanes, most: LANES, goesOn }, verify).finally(() => { records.flush() })
    // Not for nothing: a listing made anew would only have the same asked for again.
    if (state.news || facts.added > before) {
      await facts.save()
      this.#listener?.learned(document.packument.name)
    }
    return goesOn() ? reached : 0
  }
}

/**
 * Works through items in order, `from` at a time, one more after each that went well, and one at a time after one that did not: an
 * uplink in trouble is not asked a bundle of questions to find that out. Ends early when `goesOn` says so, or with the first error.
 * @returns how many at a time it came to
 */
export async function inLanes<Item>(
  items: readonly Item[],
  { from, most, goesOn }: { readonly from: number; readonly most: number; readonly goesOn: () => boolean },
  work: (item: Item) => Promise<boolean>,
): Promise<number> {
  let lanes = from
  const errors: unknown[] = []
  const running = new Set<Promise<void>>()
  const ended = (): boolean => errors.length > 0 || !goesOn()
  for (const item of items) {
    while (running.size >= lanes && !ended()) await Promise.race(running)
    if (ended()) break
    const run = work(item)
      .then(
        (wentWell) => { lanes = wentWell ? Math.min(lanes + 1, most) : 1 },
        (error: unknown) => { errors.push(error) },
      )
      .finally(() => { running.delete(run) })
    running.add(run)
  }
  await Promise.all(running)
  if (errors.length > 0) throw errors[0]
  return lanes
}
