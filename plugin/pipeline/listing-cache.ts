import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../domain/single-flight.ts'
import type { Listing } from './listing.ts'

interface Entry {
  readonly basis: string
  readonly listing: Listing
}

/** Bounds the versions held in memory, over all packages. */
const MAX_VERSIONS = 100_000

/**
 * Listings by package while what they rest on stands: the same upstream document, policy and trust material (the `basis`),
 * and no verdict that the clock has ended. One build at a time per package, shared by all who ask.
 */
export class ListingCache {
  readonly #entries = new LRUCache<string, Entry>({ maxSize: MAX_VERSIONS, sizeCalculation: ({ listing }) => listing.verdicts.size + 1 })
  readonly #building = new SingleFlight<string, Listing>()
  /** Counts what was learned, so that a listing begun before does not stay. */
  #learned = 0

  async get(name: string, basis: string, now: Date, build: () => Promise<Listing>): Promise<Listing> {
    const entry = this.#entries.get(name)
    if (entry?.basis === basis && isCurrent(entry.listing, now)) return entry.listing
    return this.#building.run(`${basis} ${name}`, async () => {
      const learned = this.#learned
      const listing = await build()
      if (this.#learned === learned) this.#entries.set(name, { basis, listing })
      return listing
    })
  }

  /** Something was learned of this package that its listing does not show yet. */
  forget(name: string): void {
    this.#entries.delete(name)
    this.#learned++
  }
}

const isCurrent = ({ validUntil }: Listing, now: Date): boolean => validUntil === undefined || now < validUntil
