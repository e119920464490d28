import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { VersionManifest } from '../domain/packument.ts'
import type { AttestationResult } from '../domain/ports.ts'
import type { PackageContext } from './context.ts'

const REMEMBERED_MS = 5 * 60_000

interface Found {
  readonly result: AttestationResult
  readonly until: Date
}

/**
 * Versions whose attestations did not verify a moment ago, or were not there as announced. They leave the packument for a
 * while; the gate asks again each time, so an upstream that lied once has not spoiled the version for good. What verified
 * is in the ledger.
 */
export class RecentEvidence {
  readonly #found = new LRUCache<string, Found>({ max: 10_000 })

  of(context: PackageContext, manifest: VersionManifest, now: Date): Found | undefined {
    const found = this.#found.get(keyOf(context, manifest))
    return found !== undefined && now < found.until ? found : undefined
  }

  /** Returns whether that changed what is known. */
  note(context: PackageContext, manifest: VersionManifest, result: AttestationResult, now: Date): boolean {
    if (result.provenance.state === 'unavailable') return false
    const key = keyOf(context, manifest)
    const bad = result.publishAttestation.state === 'invalid' || result.provenance.state === 'invalid'
    const known = this.of(context, manifest, now) !== undefined
    if (bad) this.#found.set(key, { result, until: new Date(now.getTime() + REMEMBERED_MS) })
    else this.#found.delete(key)
    return bad !== known
  }

  /** The same of several, by version. */
  noteAll(context: PackageContext, results: ReadonlyMap<string, AttestationResult>, now: Date): void {
    for (const [version, result] of results) {
      const manifest = context.document.packument.versions.get(version)
      if (manifest !== undefined) this.note(context, manifest, result, now)
    }
  }
}

/** Under other trust material, or of another announcement, it may verify. */
const keyOf = ({ upstream, trust, document }: PackageContext, { version, dist }: VersionManifest): string =>
  createHash('sha256').update(JSON.stringify([upstream.registry, document.packument.name, version, dist, trust.revision])).digest('base64')
