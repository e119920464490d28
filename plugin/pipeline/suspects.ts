import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { VersionManifest } from '../domain/packument.ts'
import { isForgery, type Reason } from '../domain/reason.ts'

const REMEMBERED_MS = 5 * 60_000

export interface Suspicion {
  readonly reasons: readonly Reason[]
  readonly until: Date
}

interface Entry extends Suspicion {
  /** sha256 of the packument's entry that the bytes were held against. */
  readonly said: string
}

/**
 * Versions whose bytes were wrong a moment ago. They leave the packument for a while, so that ranges resolve to an older
 * version; the gate asks again each time, so an upstream that lied once has not spoiled the version for good.
 */
export class Suspects {
  readonly #faults = new LRUCache<string, Entry>({ max: 10_000 })

  /** The faults seen, and when they stop counting; undefined when there are none. */
  of(registry: string, name: string, manifest: VersionManifest, now: Date): Suspicion | undefined {
    const entry = this.#faults.get(keyOf(registry, name, manifest))
    // Another entry may be the truth after a lie about the same bytes; the gate looks at it anew.
    return entry !== undefined && now < entry.until && entry.said === digestOf(manifest) ? entry : undefined
  }

  /** Takes the outcome of a look at the bytes. Returns whether that changed what is known. */
  note(registry: string, name: string, manifest: VersionManifest, faults: readonly Reason[], now: Date): boolean {
    const key = keyOf(registry, name, manifest)
    const reasons = faults.filter(({ code }) => isForgery(code) || code === 'tarball-host-refused')
    if (reasons.length === 0) return this.#faults.delete(key)
    const before = this.of(registry, name, manifest, now)?.reasons.map(({ code }) => code).join(' ')
    this.#faults.set(key, { until: new Date(now.getTime() + REMEMBERED_MS), reasons, said: digestOf(manifest) })
    return before !== reasons.map(({ code }) => code).join(' ')
  }
}

const keyOf = (registry: string, name: string, { version, dist }: VersionManifest): string =>
  [registry, name, version, dist.integrity].join(' ')

const digestOf = ({ raw }: VersionManifest): string => createHash('sha256').update(JSON.stringify(raw)).digest('hex')
