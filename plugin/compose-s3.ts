/** The wiring of packages published here that are kept in a bucket: what Verdaccio loads as `verdaccio-provenance/s3`. */
import path from 'node:path'
import type { StructuredLogger } from './audit/decisions.ts'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from './config/configuration.ts'
import { ConfigurationError } from './domain/errors.ts'
import type { PackageLocks } from './domain/package-locks.ts'
import type { StoreState } from './domain/state.ts'
import { BucketStorage, type BucketStorageOptions } from './s3/storage.ts'
import type { Tampering } from './s3/documents.ts'
import { ProcessLocks } from './store/package-locks.ts'
import { PostgresLocks } from './store/postgres-locks.ts'
import { SharedKeys } from './store/shared-keys.ts'

/** Characters of documents kept in memory, so that a package which did not change is not sent again. */
const MEMORY = 64 * 1024 ** 2

/**
 * The storage that `store:` configures.
 * @throws ConfigurationError
 */
export function bucketStorageOptions(core: VerdaccioConfiguration, logger: StructuredLogger & { error(...args: readonly unknown[]): void }): BucketStorageOptions {
  const { s3, shared, cache, file } = readConfiguration(core, process.env)
  const [first, ...others] = shared.keys
  if (s3 === undefined || first === undefined) throw new ConfigurationError(file, [{ path: 'store["provenance/s3"]', message: 'configures no bucket', remedy: 'Name one: bucket: acme-packages.' }])
  const { encryption, listAge: fresh, ...bucket } = s3
  return {
    bucket: { ...bucket, ...(encryption === undefined ? {} : { encryption }) },
    authenticator: new SharedKeys([first, ...others]),
    keys: [first, ...others],
    locks: shared.ledger === undefined ? undefined : new PostgresLocks(shared.ledger),
    clock: { now: () => new Date() },
    memory: MEMORY,
    copies: path.join(cache.dir, 'packages'),
    fresh,
    onTampering: ({ kind, key }: Tampering) => {
      logger.error({ sharedStore: s3.bucket, key, tampering: kind }, 'somebody without the key has written to the bucket @{sharedStore}: @{key} is @{tampering}, and is not served')
    },
    warn: (message) => { logger.warn({ sharedStore: message }, '@{sharedStore}') },
  }
}

/** The bucket of a configuration without the rest of a mirror, also while mirrors run. @throws ConfigurationError */
export const openBucketStorage = (core: VerdaccioConfiguration, logger: Parameters<typeof bucketStorageOptions>[1]): BucketStorage => new BucketStorage(bucketStorageOptions(core, logger))

/** What Verdaccio opened beside the engine: closed with it, and watched where it says how it is. */
export interface Attached {
  readonly state?: StoreState
  /** Sentences. */
  readonly warnings?: readonly string[]
  close(): Promise<void>
}

/** Parts beside the engine, and the locks that they and its routes share. */
export class Beside {
  /** Whoever changes a package published here does so alone: among the requests of this process, or of all mirrors on one PostgreSQL. */
  readonly locks: PackageLocks
  readonly #parts = new Set<Attached>()

  constructor({ shared }: Pick<Configuration, 'shared'>) {
    this.locks = shared.ledger === undefined ? new ProcessLocks() : new PostgresLocks(shared.ledger)
    this.attach(this.locks)
  }

  attach(part: Attached): void {
    this.#parts.add(part)
  }

  get states(): readonly StoreState[] {
    return [...this.#parts].flatMap(({ state }) => state ?? [])
  }

  get warnings(): readonly string[] {
    return [...this.#parts].flatMap(({ warnings = [] }) => warnings)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#parts].map((part) => part.close()))
  }
}
