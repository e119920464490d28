import pLimit from 'p-limit'
import { errorUtils } from '@verdaccio/core'
import type { PackageLocks } from '../domain/package-locks.ts'
import type { Clock } from '../domain/ports.ts'
import type { StoreState } from '../domain/state.ts'
import { isConditional } from './conditional.ts'
import { Copies } from './copies.ts'
import { Documents, type Authenticator, type Document, type Tampering } from './documents.ts'
import { changeDocument } from './change.ts'
import { copyPackage, readDiskStorage, type Copied } from './from-disk.ts'
import { Bucket, BucketUnavailable, type BucketOptions } from './objects.ts'
import { PackageList } from './package-list.ts'
import { answer, PackageStorage, type PackageStorageDeps } from './package-storage.ts'
import { SECRET, SECRET_LENGTH, SharedSecret, type SealingKey } from './secret.ts'
import { Tokens, type Token } from './tokens.ts'

export interface BucketStorageOptions {
  readonly bucket: BucketOptions
  /** What authenticates documents, and the secrets behind it. */
  readonly authenticator: Authenticator
  readonly keys: readonly [SealingKey, ...SealingKey[]]
  /** Among all mirrors; undefined where there are none, and the bucket alone must keep writers apart. */
  readonly locks: PackageLocks | undefined
  readonly clock: Clock
  /** Characters that documents may take in memory. */
  readonly memory: number
  /** Directory of what is kept on this machine; nothing when not given. */
  readonly copies?: string | undefined
  /** Milliseconds that the list of packages goes for without asking; a default when not given. */
  readonly fresh?: number | undefined
  /** Milliseconds that requests for any package wait for it where the bucket is slow; a default when not given. */
  readonly patience?: number | undefined
  readonly onTampering: (tampering: Tampering) => void
  readonly warn: (message: string) => void
}

interface Found {
  readonly name: string
  readonly path: string
  /** Milliseconds since 1970. */
  readonly time: number
}

type Callback<Value = void> = (error: Error | null, value?: Value) => void

const AT_ONCE = 8
/** Milliseconds that tampering is told of. */
const TOLD = 600_000
/** Milliseconds between two looks at the bucket, when nothing else is said. */
const LOOK = 1000

/**
 * Verdaccio's storage, in a bucket that several mirrors share: what its core asks of a storage plugin. A package's manifest and
 * tarballs are objects under its name; the list of packages, the secret of tokens and the tokens of users are under `.mirror/`.
 */
export class BucketStorage {
  readonly #options: BucketStorageOptions
  readonly #bucket: Bucket
  readonly #documents: Documents
  readonly #list: PackageList
  readonly #secret: SharedSecret
  readonly #tokens: Tokens
  readonly #bases = new WeakMap<object, Document>()
  readonly #listeners = new Set<() => void>()
  /** Undefined until the bucket was tried. */
  #conditional: Promise<boolean> | undefined
  #look: NodeJS.Timeout | undefined
  #isDown = false
  #tampered: { readonly key: string; readonly at: number } | undefined
  #failures = 0
  readonly #rejected: Record<Tampering['kind'], number> = { altered: 0, replayed: 0 }

  constructor(options: BucketStorageOptions) {
    this.#options = options
    const { keys, clock, authenticator, memory, copies, warn } = options
    const onTampering = (tampering: Tampering): void => {
      this.#rejected[tampering.kind]++
      this.#tampered = { key: tampering.key, at: performance.now() }
      options.onTampering(tampering)
    }
    this.#bucket = new Bucket(options.bucket)
    this.#documents = new Documents({ bucket: this.#bucket, keys: authenticator, clock, memory, onTampering, warn, copies: copies === undefined ? undefined : new Copies(copies), isConditional: () => this.#isConditional() })
    const locks: PackageLocks | undefined = options.locks && {
      acquire: async (name) => ((await this.#isConditional()) ? () => undefined : ((await options.locks?.acquire(name)) ?? (() => undefined))),
      close: () => Promise.resolve(),
    }
    this.#list = new PackageList({ documents: this.#documents, fresh: options.fresh, patience: options.patience, locks, onChange: () => { for (const told of this.#listeners) told() } })
    this.#secret = new SharedSecret(this.#documents, keys, locks)
    this.#tokens = new Tokens(this.#documents, locks)
  }

  /** Told when a package was published for the first time, or removed, also at another mirror. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Up where the bucket answered when it was last looked at. */
  get state(): StoreState {
    return { store: 'packages', isUp: !this.#isDown, failures: this.#failures, rejected: { ...this.#rejected } }
  }

  /** What somebody who looks after the mirror should know now. */
  get warnings(): readonly string[] {
    const { bucket } = this.#options.bucket
    const down = this.#isDown ? [`the bucket ${bucket} does not answer: what was read before is served, and nothing is published`] : []
    const tampered = this.#tampered !== undefined && performance.now() - this.#tampered.at < TOLD ? [`somebody without the key has written to the bucket ${bucket}: ${this.#tampered.key}`] : []
    return [...down, ...tampered]
  }

  /** Verdaccio's first question: what it answers with, tokens are signed with. */
  async getSecret(): Promise<string> {
    await this.#open()
    return this.#secret.get()
  }

  setSecret(secret: string): Promise<void> {
    return this.#secret.set(secret)
  }

  get(callback: Callback<readonly string[]>): void {
    answer(async () => [...(await this.#list.names())], callback)
  }

  add(name: string, callback: Callback): void {
    answer(() => this.#list.add(name), callback)
  }

  remove(name: string, callback: Callback): void {
    answer(() => this.#list.remove(name), callback)
  }

  search(onPackage: (found: Found, callback: Callback) => void, onEnd: Callback, _validateName: (name: string) => boolean): void {
    answer(async () => {
      const limit = pLimit(AT_ONCE)
      const found = await Promise.all([...(await this.#list.names())].map((name) => limit(async () => {
        const document = await this.#documents.read(`${name}/package.json`, { stale: true })
        return document === 'absent' ? [] : [{ name, path: name, time: document.revision }]
      })))
      for (const one of found.flat()) await new Promise<void>((resolve, reject) => { onPackage(one, (error) => { if (error) reject(error); else resolve() }) })
    }, onEnd)
  }

  getPackageStorage(name: string): PackageStorage {
    const { clock } = this.#options
    const deps: PackageStorageDeps = { bucket: this.#bucket, documents: this.#documents, isConditional: () => this.#isConditional(), clock }
    return new PackageStorage(name, deps, this.#bases)
  }

  saveToken(token: Token): Promise<void> {
    return this.#tokens.save(token)
  }

  deleteToken(user: string, key: string): Promise<void> {
    return this.#tokens.delete(user, key)
  }

  readTokens({ user }: { readonly user: string }): Promise<readonly Token[]> {
    return this.#tokens.of(user)
  }

  /**
   * Copies what is published in a Verdaccio storage on this machine's disk, with its tokens, and the secret where the bucket has none.
   * @throws Error when there is no such storage; BucketUnavailable
   */
  async copyFrom(dir: string, onCopied: (copied: Copied) => void): Promise<void> {
    const { names, secret, tokens } = await readDiskStorage(dir)
    await this.#isConditional()
    const isNew = (await this.#documents.read(SECRET)) === 'absent'
    if (isNew && secret?.length === SECRET_LENGTH) await this.setSecret(secret)
    for (const name of names) onCopied(await copyPackage(dir, name, { bucket: this.#bucket, documents: this.#documents, list: this.#list }))
    if (isNew) for (const token of tokens) await this.saveToken(token as Token)
  }

  /**
   * Writes every document anew, so that it is authenticated with the first key. Returns how many there are.
   * @throws BucketUnavailable
   */
  async signAll(): Promise<number> {
    await this.#isConditional()
    const tokens = await this.#bucket.list('.mirror/tokens/')
    const keys = [...[...(await this.#list.refresh())].map((name) => `${name}/package.json`), '.mirror/packages.json', ...tokens]
    for (const key of keys) await changeDocument(this.#documents, key, (document) => (document === 'absent' ? undefined : document.text), this.#options.locks)
    await this.#secret.set(await this.#secret.get())
    return keys.length + 1
  }

  async close(): Promise<void> {
    clearTimeout(this.#look)
    this.#look = undefined
    this.#isClosed = true
    await this.#bucket.close()
    await this.#options.locks?.close()
  }
  #isClosed = false

  async #open(): Promise<void> {
    try {
      await this.#isConditional()
      await this.#list.refresh()
    } catch (error) {
      if (!(error instanceof BucketUnavailable)) throw error
      // Where this mirror knows what it needs, it starts without; nothing is written before the bucket was tried.
      this.#isNow(true, error)
    }
    this.#lookAgain()
  }

  #isConditional(): Promise<boolean> {
    this.#conditional ??= this.#try().catch((error: unknown) => {
      this.#conditional = undefined
      throw error
    })
    return this.#conditional
  }

  async #try(): Promise<boolean> {
    const { locks, warn, bucket } = this.#options
    if (await isConditional(this.#bucket)) return true
    if (locks === undefined) throw errorUtils.getInternalError(`the bucket ${bucket.bucket} lets two writers overwrite each other (no If-Match and If-None-Match): packages could be lost. Set middlewares.provenance.store to a PostgreSQL, which keeps the mirrors apart`)
    warn(`the bucket ${bucket.bucket} lets two writers overwrite each other: only the locks in PostgreSQL keep them apart`)
    return false
  }

  #lookAgain(): void {
    if (this.#isClosed) return
    this.#look = setTimeout(() => {
      this.#list.refresh().then(() => this.#isNow(false), (error: unknown) => this.#isNow(true, error)).finally(() => { this.#lookAgain() })
    }, this.#options.fresh ?? LOOK).unref()
  }

  #isNow(isDown: boolean, error?: unknown): void {
    if (isDown) this.#failures++
    if (isDown !== this.#isDown) this.#options.warn(isDown ? `packages published here cannot be written: ${error instanceof Error ? error.message : String(error)}` : 'the bucket of packages published here answers again')
    this.#isDown = isDown
  }
}
