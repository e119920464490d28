/** Registry signatures that a listing names on their claim, and that are verified behind it. */
import type { Candidate } from '../domain/evidence.ts'
import type { RegistrySignature, VersionManifest } from '../domain/packument.ts'
import type { AttestationResult, Ledger, Policy, RegistryKey, Verifier } from '../domain/ports.ts'
import { inTurns } from '../domain/turns.ts'
import type { Verdict } from '../domain/verdict.ts'
import { claimsOf, notBefore } from './candidate.ts'
import type { PackageContext } from './context.ts'
import { likelyPicks } from './selection.ts'
import { signaturesOf } from './signatures.ts'

const ABSENT = { state: 'absent' } as const
const NO_ATTESTATIONS: AttestationResult = { publishAttestation: ABSENT, provenance: ABSENT }

interface Waiting {
  readonly behind?: { readonly signatures: LaterSignatures } | undefined
  readonly ledger: Ledger
  readonly signsAlways: (uplink: string) => boolean
}

/** So few are verified sooner than they are remembered. */
const FEW = 8
/** An ECDSA signature over P-256 in DER, base64 (RFC 3279, 2.2.3): two numbers of 32 bytes, more or less. */
const SIGNATURE = /^ME[A-Za-z0-9+/]{88,94}={0,2}$/

/**
 * Which versions of a package may be listed before their registry signature is verified: those an install is not likely to pick, where
 * nothing but the cryptography can find fault with the signature. Whatever else is wrong with one, or a key that was no longer good,
 * shows at once. What is not known yet of the registry, or of whose the package is, waits for nothing.
 * @returns undefined where none may
 */
export async function mayWait(context: PackageContext, policy: Policy, { behind, ledger, signsAlways }: Waiting): Promise<((manifest: VersionManifest) => boolean) | undefined> {
  const { upstream, document: { packument }, trust } = context
  if (policy.listing !== 'claimed' || trust.keysArePinned === true || behind?.signatures.hasRoom(context) !== true) return undefined
  if (!signsAlways(upstream.name) && !ledger.signs(upstream.registry)) return undefined
  const picks = new Set(await likelyPicks(packument))
  if (packument.versions.size - picks.size <= FEW) return undefined
  const keys = new Map(trust.registryKeys.filter(({ usages }) => usages.includes('signatures')).map((key) => [key.keyid, key]))
  return (manifest) => !picks.has(manifest.version) && isPlausible(context, manifest, keys, ledger)
}

function isPlausible(context: PackageContext, manifest: VersionManifest, keys: ReadonlyMap<string, RegistryKey>, ledger: Ledger): boolean {
  const { signatures, attestations, pinned } = manifest.dist
  if (pinned === true || !Array.isArray(signatures) || signatures.length !== 1) return false
  const [signature] = signatures as readonly RegistrySignature[]
  const key = signature && keys.get(signature.keyid)
  if (key?.scheme !== 'ecdsa-sha2-nistp256' || key.keytype !== key.scheme || !SIGNATURE.test(signature?.sig ?? '')) return false
  if (key.expires === null) return true
  // Attestations can make a version younger than it says, and the key older than that.
  if (attestations !== undefined || context.records.get(manifest.version)?.attestations !== undefined) return false
  return Date.parse(key.expires) >= notBefore(context, manifest, claimsOf(context, manifest), NO_ATTESTATIONS, ledger).getTime()
}

/**
 * Has verified what a listing took at its word. Where a verdict would be another once the signature has verified (a condition that looks
 * at its key), the listing is made anew then. That is found out now, by what the verification would say: nothing but versions is held
 * on to until it has said it.
 */
export async function leaveForLater(
  later: LaterSignatures,
  context: PackageContext,
  judged: readonly { readonly candidate: Candidate; readonly verdict: Verdict }[],
  policy: Policy,
  now: Date,
): Promise<void> {
  const expiries = new Map(context.trust.registryKeys.map(({ keyid, expires }) => [keyid, expires]))
  const manifests: VersionManifest[] = []
  const changes = new Set<string>()
  await inTurns(judged, ({ candidate, verdict }) => {
    const manifest = candidate.signature.state === 'claimed' ? context.document.packument.versions.get(candidate.ref.version) : undefined
    if (manifest === undefined) return
    manifests.push(manifest)
    const [signature] = manifest.dist.signatures ?? []
    const keyid = typeof signature === 'object' ? signature.keyid : ''
    const verified = { state: 'verified', facts: { keyid, keyExpires: expiries.get(keyid) ?? null } } as const
    if (!saysTheSame(verdict, policy.evaluate({ ...candidate, signature: verified }, 'listing', now))) changes.add(manifest.version)
  })
  later.add(context, manifests, changes)
}

const saysTheSame = (a: Verdict, b: Verdict): boolean =>
  a.outcome === b.outcome && a.validUntil?.getTime() === b.validUntil?.getTime() && a.reasons.length === b.reasons.length && a.reasons.every(({ code }, index) => code === b.reasons[index]?.code)

interface Rest {
  readonly context: PackageContext
  readonly manifests: readonly VersionManifest[]
  /** Versions whose verdict is another once they have verified. */
  readonly changes: ReadonlySet<string>
  /** The ledger's last reset: what is forgotten since is not brought back. */
  readonly reset: number
}

const MAX_PACKAGES = 2000
/** Bytes of documents, which stay in memory as long as their versions wait. */
const MAX_DOCUMENTS = 128 * 1024 ** 2
/** About 20 ms of a thread. */
const SLICE = 200
/** Nobody asked for anything new for so many milliseconds. */
const QUIET_MS = 1000
/** So long a slice waits for that at most: somebody may always ask. */
const PATIENCE_MS = 10_000

/**
 * Verifies registry signatures that a listing has named on their claim: a few at a time, one package after the other, while nobody waits
 * for an answer. What does not fit is verified before the listing.
 */
export class LaterSignatures {
  readonly #verifier: Verifier
  readonly #ledger: Ledger
  readonly #onError: (error: unknown) => void
  #learned: (name: string) => void = () => undefined
  readonly #waiting = new Map<string, Rest>()
  #documents = 0
  #running: Promise<void> | undefined
  #busyUntil = 0
  #hurries = 0
  #wake: () => void = () => undefined
  #closed = false

  constructor({ verifier, ledger }: { readonly verifier: Verifier; readonly ledger: Ledger }, onError: (error: unknown) => void) {
    this.#verifier = verifier
    this.#ledger = ledger
    this.#onError = onError
  }

  /** `learned` is told of a package whose listing no longer stands. */
  listen(learned: (name: string) => void): void {
    this.#learned = learned
  }

  hasRoom({ document: { packument, size } }: PackageContext): boolean {
    if (this.#closed) return false
    const documents = this.#documents - (this.#waiting.get(packument.name)?.context.document.size ?? 0)
    return this.#waiting.size < MAX_PACKAGES && documents + size <= MAX_DOCUMENTS
  }

  /** Takes the place of what waits of this package. */
  add(context: PackageContext, manifests: readonly VersionManifest[], changes: Rest['changes'] = new Set()): void {
    const { packument: { name }, size } = context.document
    this.#take(name)
    if (this.#closed || manifests.length === 0) return
    this.#waiting.set(name, { context, manifests, changes, reset: this.#ledger.lastReset(name) })
    this.#documents += size
    this.#running ??= this.#run()
  }

  /** Somebody waits for an answer that takes work. */
  busy(): void {
    this.#busyUntil = performance.now() + QUIET_MS
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Resolves when nothing waits or runs any more; it does not wait for quiet then. */
  async settled(): Promise<void> {
    this.#hurries++
    this.#wake()
    try {
      while (this.#running !== undefined) await this.#running
    } finally {
      this.#hurries--
    }
  }

  /** What waits is dropped, what runs ends with its slice. */
  async close(): Promise<void> {
    this.#closed = true
    this.#waiting.clear()
    await this.settled()
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#quiet()
      const [name] = this.#waiting.keys()
      const rest = name === undefined ? undefined : this.#take(name)
      if (rest === undefined) {
        // At once: what is added from here on has to start again.
        this.#running = undefined
        return
      }
      try {
        await this.#verify(rest)
      } catch (error) {
        // The gate verifies them in any case, and a later listing has them verified again.
        this.#onError(error)
      }
    }
  }

  async #verify({ context, manifests, changes, reset }: Rest): Promise<void> {
    const { name } = context.document.packument
    const counts = (): boolean => !this.#closed && this.#ledger.lastReset(name) === reset
    let news = false
    for (let from = 0; from < manifests.length && counts(); from += SLICE) {
      if (from > 0) await this.#quiet()
      const found = await signaturesOf(context, manifests.slice(from, from + SLICE), this.#verifier, this.#ledger, { isStill: counts })
      for (const [version, signature] of found) news ||= signature.state !== 'verified' || changes.has(version)
    }
    await context.facts.save()
    if (news) this.#learned(name)
  }

  #take(name: string): Rest | undefined {
    const rest = this.#waiting.get(name)
    if (rest === undefined) return undefined
    this.#waiting.delete(name)
    this.#documents -= rest.context.document.size
    return rest
  }

  async #quiet(): Promise<void> {
    const latest = performance.now() + PATIENCE_MS
    for (;;) {
      const wait = Math.min(this.#busyUntil, latest) - performance.now()
      if (this.#closed || this.#hurries > 0 || wait <= 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, wait)
        // A command that has its answer does not wait for this.
        timer.unref()
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}
