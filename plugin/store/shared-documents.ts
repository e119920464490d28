import { hash } from 'node:crypto'
import { messageOf, Unavailable } from '../domain/errors.ts'
import type { ByteStore } from '../domain/ports.ts'
import type { Companions } from './replication.ts'
import type { SharedLog } from './shared-log.ts'

/** Bytes sent in one statement. */
const AT_ONCE = 4 * 1024 ** 2

/**
 * Documents that records of a shared ledger point to: kept here, and where every mirror finds them before the record is known to any.
 * They go by their digest: what somebody else put in the place of one is not it.
 */
export class SharedDocuments implements Companions {
  readonly #bytes: ByteStore
  readonly #log: SharedLog
  readonly #unshared = new Set<string>()

  constructor(bytes: ByteStore, log: SharedLog) {
    this.#bytes = bytes
    this.#log = log
  }

  /** The same store, of all mirrors where it is about documents. */
  get store(): ByteStore {
    const bytes = this.#bytes
    return {
      put: async (document) => {
        const sha256 = await bytes.put(document)
        this.#unshared.add(sha256)
        return sha256
      },
      get: async (sha256) => (await bytes.get(sha256)) ?? (await this.#fetch(sha256)),
      tarball: (sha512) => bytes.tarball(sha512),
      ready: (sha512) => bytes.ready(sha512),
      ingest: (source, sha512, from) => bytes.ingest(source, sha512, from),
      close: () => bytes.close(),
    }
  }

  /** One that is kept here and is to be there for all. */
  add(sha256: string): void {
    this.#unshared.add(sha256)
  }

  async share(): Promise<void> {
    let batch: { readonly sha256: string; readonly body: Buffer }[] = []
    for (const sha256 of this.#unshared) {
      const body = await this.#bytes.get(sha256)
      if (body === undefined) this.#unshared.delete(sha256)
      else batch.push({ sha256, body: Buffer.from(body) })
      if (batch.reduce((sum, one) => sum + one.body.length, 0) < AT_ONCE) continue
      await this.#send(batch)
      batch = []
    }
    await this.#send(batch)
  }

  async #send(batch: readonly { readonly sha256: string; readonly body: Buffer }[]): Promise<void> {
    if (batch.length === 0) return
    const insert = 'INSERT INTO ledger_document (sha256, body) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING'
    await this.#log.query(insert, [batch.map(({ sha256 }) => sha256), batch.map(({ body }) => body)])
    for (const { sha256 } of batch) this.#unshared.delete(sha256)
  }

  /** @throws Unavailable: that it cannot be had now does not make it one that never was */
  async #fetch(sha256: string): Promise<Uint8Array | undefined> {
    let found: readonly { readonly body: Buffer }[]
    try {
      found = await this.#log.query<{ readonly body: Buffer }>('SELECT body FROM ledger_document WHERE sha256 = $1', [sha256])
    } catch (error) {
      throw new Unavailable('evidence-unavailable', 'what was verified before is kept where it cannot be reached now', { cause: error, detail: { cause: messageOf(error) } })
    }
    const [row] = found
    if (row === undefined || hash('sha256', row.body) !== sha256) return undefined
    await this.#bytes.put(row.body)
    return row.body
  }
}
