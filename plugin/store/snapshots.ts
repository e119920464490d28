import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Worker } from 'node:worker_threads'
import { createGunzip, createGzip } from 'node:zlib'
import { messageOf } from '../domain/errors.ts'
import type { Position } from './ledger-copy-of-log.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { LedgerCopy } from './ledger-copy-of-log.ts'
import type { SharedKeys } from './shared-keys.ts'
import { LogBroken, type SharedLog } from './shared-log.ts'

export interface SnapshotOptions {
  readonly log: SharedLog
  readonly keys: SharedKeys
  /** File of the copy that snapshots are made of. */
  readonly file: string
  readonly warn: (message: string) => void
  /** Operations after which another one is made. */
  readonly every?: number
}

interface Row {
  readonly sequence: string
  readonly log: string
  readonly mac: string
  readonly sha256: string
  readonly parts: number
  readonly keyid: string
  readonly seal: string
}

const EVERY = 20_000
/** Operations before a snapshot that are still kept one by one, for mirrors that are a little behind. */
const KEPT = 10_000
const PART = 4 * 1024 ** 2
/** Any number, the same in every mirror: one of them makes snapshots. */
const LEADER = 7_306_117
/** Milliseconds between two looks at whether it is time. */
const LOOK_MS = 60_000

/**
 * The shared ledger as a whole, as a file in parts: a mirror that begins takes it and does what came after, and operations before it need
 * not be kept. Sealed with the place in the log that it stands for: an older one is as good as it was, and what came after has to follow.
 */
export class LedgerSnapshots {
  readonly #options: SnapshotOptions
  #last: Pick<Row, 'sequence' | 'keyid'> | undefined
  #lookedAt = -Infinity
  #making: Promise<void> | undefined

  constructor(options: SnapshotOptions) {
    this.#options = options
  }

  /** @throws LogBroken when it was not made by who holds the key */
  async fetch(): Promise<string | undefined> {
    const { log, keys } = this.#options
    const [row] = await log.query<Row & Record<string, unknown>>('SELECT * FROM ledger_snapshot ORDER BY sequence DESC LIMIT 1')
    if (row === undefined) return undefined
    if (!keys.isOurs({ keyid: row.keyid, mac: row.seal }, ...sealed(row, row.sha256, row.parts))) throw new LogBroken('forged', 'the snapshot of the shared ledger was not made by who holds the key')
    const file = `${this.#options.file}.taken`
    await rm(file, { force: true })
    try {
      await pipeline(Readable.from(this.#parts(row)), createGunzip(), createWriteStream(file, { mode: 0o600 }))
      assertAt(file, row)
    } catch (error) {
      await rm(file, { force: true })
      throw error
    }
    return file
  }

  async makeIfDue(position: Position): Promise<void> {
    if (this.#making !== undefined || performance.now() - this.#lookedAt < LOOK_MS) return
    this.#lookedAt = performance.now()
    this.#making = this.#makeIfDue(position)
      .catch((error: unknown) => { this.#options.warn(`no snapshot of the shared ledger could be made: ${messageOf(error)}`) })
      .finally(() => { this.#making = undefined })
    await this.#making
  }

  /** Resolves when none is being made. */
  async settled(): Promise<void> {
    await this.#making
  }

  /** Makes one of a file, which says itself what it stands for. */
  async make(from = this.#options.file): Promise<void> {
    const { log, keys } = this.#options
    const file = `${this.#options.file}.snapshot`
    await rm(file, { force: true })
    try {
      await copied(from, file)
      const position = positionIn(file)
      const body = createGzip({ level: 6 })
      const hash = createHash('sha256')
      await log.within(async (client) => {
        await client.query('SET LOCAL statement_timeout = 60000')
        await client.query('DELETE FROM ledger_snapshot WHERE sequence = $1', [position.sequence])
        await client.query("INSERT INTO ledger_snapshot (sequence, log, mac, sha256, parts, keyid, seal) VALUES ($1, $2, $3, '', 0, '', '')", [position.sequence, position.log, position.mac])
        let parts = 0
        const reading = pipeline(createReadStream(file), body)
        for await (const part of inParts(body)) {
          hash.update(part)
          await client.query('INSERT INTO ledger_snapshot_part (sequence, part, body) VALUES ($1, $2, $3)', [position.sequence, parts++, part])
        }
        await reading
        const sha256 = hash.digest('hex')
        const { keyid, mac } = keys.mac(...sealed({ ...position, sequence: String(position.sequence) }, sha256, parts))
        await client.query('UPDATE ledger_snapshot SET sha256 = $2, parts = $3, keyid = $4, seal = $5 WHERE sequence = $1', [position.sequence, sha256, parts, keyid, mac])
        await client.query('DELETE FROM ledger_snapshot WHERE sequence < $1', [position.sequence])
        await client.query('DELETE FROM ledger_operation WHERE sequence <= $1', [position.sequence - KEPT])
      })
    } finally {
      await rm(file, { force: true })
    }
  }

  async #makeIfDue({ sequence }: Position): Promise<void> {
    const { log, keys, every = EVERY } = this.#options
    ;[this.#last] = await log.query<Row & Record<string, unknown>>('SELECT sequence, keyid FROM ledger_snapshot ORDER BY sequence DESC LIMIT 1')
    // After a change of keys the old one can only go when nothing that counts was sealed with it.
    const isOfOldKey = this.#last !== undefined && this.#last.keyid !== keys.current
    if (sequence - Number(this.#last?.sequence ?? 0) < every && !isOfOldKey) return
    if (await log.leads(LEADER)) await this.make()
  }

  async *#parts(row: Row): AsyncGenerator<Buffer> {
    const hash = createHash('sha256')
    for (let part = 0; part < row.parts; part++) {
      const [found] = await this.#options.log.query<{ readonly body: Buffer }>('SELECT body FROM ledger_snapshot_part WHERE sequence = $1 AND part = $2', [row.sequence, part])
      if (found === undefined) throw new Error('the snapshot of the shared ledger was replaced while it was read')
      hash.update(found.body)
      yield found.body
    }
    if (hash.digest('hex') !== row.sha256) throw new LogBroken('forged', 'the snapshot of the shared ledger is not what was sealed')
  }
}

const sealed = ({ log, sequence, mac }: Pick<Row, 'log' | 'sequence' | 'mac'>, sha256: string, parts: number): readonly string[] => ['snapshot', log, sequence, mac, sha256, String(parts)]


function positionIn(file: string): Position {
  const database = new LedgerDatabase(file)
  try {
    const { position } = new LedgerCopy(database, { one: () => undefined, all: () => undefined })
    if (position === undefined) throw new Error('it is not the copy of a shared ledger')
    return position
  } finally {
    database.close()
  }
}

/** A file of an older schema is brought to this version's by being opened. */
function assertAt(file: string, row: Row): void {
  const { log, sequence, mac } = positionIn(file)
  if (log !== row.log || String(sequence) !== row.sequence || mac !== row.mac) throw new LogBroken('forged', 'the snapshot of the shared ledger stands for another place in it')
}

function copied(from: string, to: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './snapshot-worker.ts' : './snapshot-worker.js', import.meta.url), { env: {}, execArgv: [], workerData: { from, to } })
  worker.once('message', () => { resolve(undefined) })
  worker.once('error', reject)
  worker.once('exit', (code) => { reject(new Error(`the thread that copies the ledger ended with ${String(code)}`)) })
  return promise.finally(() => worker.terminate())
}

async function* inParts(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    held.push(chunk)
    size += chunk.length
    if (size < PART) continue
    yield Buffer.concat(held)
    held = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(held)
}
