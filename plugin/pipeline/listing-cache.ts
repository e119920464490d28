import { LRUCache } from 'lru-cache'
import type { CacheMeasures } from '../domain/measures.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import type { Listing } from './listing.ts'

interface Entry {
  readonly basis: string
  readonly listing: Listing
}

/** Bytes a verdict takes, about. */
const PER_VERDICT = 512
const DEFAULT_MEMORY = 256 * 1024 ** 2

/**
 * Listings by package while what they rest on stands: the same upstream document, policy and trust material (the `basis`),
 * and no verdict that the clock has ended. One build at a time per package, shared by all who ask.
 */
export class ListingCache {
  readonly #entries: LRUCache<string, Entry>
  readonly #measures: CacheMeasures | undefined
  readonly #building = new SingleFlight<string, Listing>()
  /** Counts what was learned, so that a listing begun before does not stay. */
  #learned = 0

  /** `memory` in bytes, for all listings with the documents they hold on to. */
  constructor(memory = DEFAULT_MEMORY, measures?: CacheMeasures) {
    this.#measures = measures
    this.#entries = new LRUCache({ maxSize: memory, sizeCalculation: ({ listing }) => weightOf(listing) })
  }

  async get(name: string, basis: string, now: Date, build: () => Promise<Listing>): Promise<Listing> {
    const known = this.peek(name, basis, now)
    if (this.#measures !== undefined) this.#measures[known === undefined ? 'miss' : 'memory']++
    if (known !== undefined) return known
    return this.#building.run(`${basis} ${name}`, async () => {
      const learned = this.#learned
      const listing = await build()
      if (this.#learned === learned) this.#entries.set(name, { basis, listing })
      return listing
    })
  }

  /** What `get` would answer without building it. */
  peek(name: string, basis: string, now: Date): Listing | undefined {
    const entry = this.#entries.get(name)
    return entry?.basis === basis && isCurrent(entry.listing, now) ? entry.listing : undefined
  }

  /** Something was learned of this package that its listing does not show yet. */
  forget(name: string): void {
    this.#entries.delete(name)
    this.#learned++
  }
}

/** By the document's bytes too: one version can bring megabytes of readme, and its listing holds on to them. */
const weightOf = ({ documentSize, verdicts }: Listing): number => documentSize + verdicts.size * PER_VERDICT + 1

const isCurrent = ({ validUntil }: Listing, now: Date): boolean => validUntil === undefined || now < validUntil
