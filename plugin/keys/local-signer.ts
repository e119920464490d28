import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { messageOf } from '../domain/errors.ts'
import { isOneSha512 } from '../domain/integrity.ts'
import { specOf } from '../domain/package-ref.ts'
import type { RegistrySignature } from '../domain/packument.ts'
import { PUBLISHED_HERE, type Clock, type Ledger, type RegistryKey, type VersionRecord } from '../domain/ports.ts'
import { asRegistryKeys, type KeyRing } from './key-ring.ts'
import type { SigningKey } from './key-file.ts'

export interface LocalSignerDeps {
  readonly ring: KeyRing
  /** What was signed stays signed for those bytes, and for no others. */
  readonly ledger: Pick<Ledger, 'origin' | 'record' | 'records'>
  /** Whether an operator lets a package published here stand in for an uplink's. */
  readonly mayShadow: (name: string) => boolean
  readonly clock: Clock
  readonly warn: (message: string) => void
}

/** A version published here, as its manifest tells it. */
export interface PublishedVersion {
  readonly version: string
  readonly integrity: string | undefined
  /** When it was published; undefined when nobody wrote it down. */
  readonly time: Date | undefined
}

const CACHED_SIGNATURES = 50_000
const MAX_WARNED = 1000

/**
 * Signs packages published here, each version once, as npm's registry does: ECDSA P-256 over `name@version:integrity`. Done when a
 * version is first served, so that packages of older versions of this mirror, and of other replicas, are covered too; kept in
 * the ledger, where the first integrity stays: bytes put in another's place later are not vouched for.
 */
export class LocalSigner {
  readonly #deps: LocalSignerDeps
  readonly #known = new LRUCache<string, RegistrySignature>({ max: CACHED_SIGNATURES })
  readonly #publicKeys = new Map<string, KeyObject>()
  readonly #warned = new LRUCache<string, true>({ max: MAX_WARNED })

  constructor(deps: LocalSignerDeps) {
    this.#deps = deps
  }

  /**
   * The signatures of the versions that can be signed, by version. Never throws: a package published here is served without, when
   * keys or ledger fail.
   */
  signatures(name: string, versions: readonly PublishedVersion[]): ReadonlyMap<string, RegistrySignature> {
    try {
      // An uplink's package is the uplink's to sign: this key vouches for nothing that was not published here.
      if (!this.#isOurs(name)) return new Map()
      return this.#signed(name, versions)
    } catch (error) {
      this.#warn(`packages published here are served without signatures: ${messageOf(error)}`)
      return new Map()
    }
  }

  /**
   * The keys clients need to verify them. With `needed`, when packages are published here, the first one is made if there is none:
   * clients ask for the keys before they ask for packages. Never throws.
   */
  publicKeys(needed: boolean): readonly RegistryKey[] {
    const { ring } = this.#deps
    try {
      return asRegistryKeys(needed && ring.keys.length === 0 ? [ring.current] : ring.keys)
    } catch (error) {
      this.#warn(`the keys of packages published here cannot be listed: ${messageOf(error)}`)
      return []
    }
  }

  /** Changes with the keys. Never throws. */
  revision(): string {
    return this.publicKeys(false).map(({ keyid, expires }) => `${keyid} ${String(expires)}`).join()
  }

  #isOurs(name: string): boolean {
    const owner = this.#deps.ledger.origin(name)
    return owner === undefined || owner === PUBLISHED_HERE || this.#deps.mayShadow(name)
  }

  #signed(name: string, versions: readonly PublishedVersion[]): ReadonlyMap<string, RegistrySignature> {
    const { ring, ledger } = this.#deps
    const found = new Map<string, RegistrySignature>()
    const signable = versions.filter(({ integrity }) => isOneSha512(integrity))
    if (signable.length === 0) return found
    const usable = new Map([ring.current, ...ring.keys].map((key) => [key.keyid, key]))
    const added: VersionRecord[] = []
    // Once, and only where something is not known yet: each reading is of all versions.
    let records: ReturnType<Ledger['records']> | undefined
    for (const { version, integrity = '', time } of signable) {
      const message = `${specOf({ name, version })}:${integrity}`
      const remembered = this.#known.get(message)
      if (remembered !== undefined && counts(usable.get(remembered.keyid), time)) {
        found.set(version, remembered)
        continue
      }
      records ??= ledger.records(PUBLISHED_HERE, name)
      const record = records.get(version)
      if (record !== undefined && record.integrity !== integrity) {
        this.#warn(`${specOf({ name, version })} was published here with other bytes, and is served unsigned; if that is right: ledger reset`)
        continue
      }
      const kept = record?.signatures.findLast((one) => counts(usable.get(one.keyid), time) && this.#verifies(message, one, usable))
      const signature = kept ?? ring.sign(Buffer.from(message))
      if (kept === undefined) added.push(this.#record({ version, integrity, signature }))
      this.#known.set(message, signature)
      found.set(version, signature)
    }
    if (added.length > 0) ledger.record(PUBLISHED_HERE, name, added)
    return found
  }

  /** The store may be shared, and whoever writes to it is not the mirror: what it says is held against the key. */
  #verifies(message: string, { keyid, sig }: RegistrySignature, keys: ReadonlyMap<string, SigningKey>): boolean {
    const spki = keys.get(keyid)?.spki
    if (spki === undefined) return false
    const key = this.#publicKeys.get(spki) ?? createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
    this.#publicKeys.set(spki, key)
    return verify('sha256', Buffer.from(message), key, Buffer.from(sig, 'base64'))
  }

  #record({ version, integrity, signature }: { readonly version: string; readonly integrity: string; readonly signature: RegistrySignature }): VersionRecord {
    return {
      version,
      integrity,
      recordedAt: this.#deps.clock.now(),
      because: 'signature',
      signatures: [signature],
      attestations: undefined,
      had: { publishAttestation: false, provenance: false },
    }
  }

  /** Once each: it would be said with every request. */
  #warn(message: string): void {
    if (this.#warned.has(message)) return
    this.#warned.set(message, true)
    this.#deps.warn(message)
  }
}

/** Whether clients take a signature by this key: it is listed, and had not ended when the version was published. */
function counts(key: SigningKey | undefined, published: Date | undefined): boolean {
  if (key === undefined) return false
  return key.expires === null || (published !== undefined && published < key.expires)
}
