import type { LogEntry } from '../domain/decision.ts'
import { messageOf } from '../domain/errors.ts'
import { KeyRing } from '../keys/key-ring.ts'
import { signStatement, type Statement } from './checkpoint.ts'
import { cleaned } from './clean.ts'
import { entryOf } from './entry.ts'
import { JsonLines } from './json-lines.ts'
import type { Call, CallName, Calls, LogPlace, Reply } from './messages.ts'
import type { LogStore, SignHead } from './store.ts'

/** Entries that are removed at one time: others wait meanwhile. */
const CUT_AT_ONCE = 5000
const PAGE = 500
/** Milliseconds until what another process wrote is seen. */
const LOOK_EVERY = 500

/** The log in its thread: chains, signs, keeps, cuts, and tells those who follow. */
export class LogService {
  readonly #place: LogPlace
  readonly #post: (reply: Reply) => void
  readonly #ring: KeyRing
  #store: Promise<LogStore> | undefined
  #lines: JsonLines | undefined
  /** The last entry of each log that those who follow were told of. */
  #told = new Map<string, number>()
  #kinds: ReadonlySet<string> | 'all' = new Set()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #unsigned: string | undefined

  constructor(place: LogPlace, post: (reply: Reply) => void) {
    this.#place = place
    this.#post = post
    const warn = (problem: string): void => { post({ problem }) }
    this.#ring = new KeyRing({ dir: place.keysDir, purpose: 'log', clock: { now: () => new Date() }, warn })
  }

  async do(call: Call): Promise<Calls[CallName]['gives']> {
    const store = await this.#opened()
    switch (call.call) {
      case 'open':
        return undefined
      case 'append':
        return this.#append(store, call.with)
      case 'cut':
        return this.#cut(store, call.with)
      case 'find':
        return store.find(call.with.filter)
      case 'summary':
        return store.summary(call.with.range)
      case 'chains':
        return store.chains()
      case 'entries':
        return store.entries(call.with.log, call.with.after, call.with.limit)
      case 'checkpoints':
        return store.checkpoints(call.with.log)
      case 'follow':
        return this.#follow(store, call.with.kinds)
      case 'look':
        return this.#look(store)
      case 'close':
        await this.close()
        return undefined
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
    const store = await this.#store
    if (store === undefined) return
    this.#store = undefined
    await this.#lines?.catchUp(store)
    await store.close()
  }

  #opened(): Promise<LogStore> {
    this.#store ??= openStore(this.#place.store).catch((error: unknown) => {
      this.#store = undefined
      throw error
    })
    return this.#store
  }

  async #append(store: LogStore, { records, now }: Calls['append']['with']): Promise<number> {
    const added = await store.append(this.#place.log, records.map(cleaned), this.#signer('checkpoint', now), now)
    await this.#writeLines(store)
    return added.length
  }

  async #cut(store: LogStore, { before, maxRows, now }: Calls['cut']['with']): Promise<number> {
    return store.cut(this.#place.log, { before, maxRows, limit: CUT_AT_ONCE }, this.#signer('cut', now))
  }

  #signer(kind: Statement['kind'], now: number): SignHead {
    return (log, { sequence, hash }) => {
      try {
        const signed = signStatement(this.#ring, { kind, log, sequence, hash, at: new Date(now).toISOString() })
        this.#unsigned = undefined
        return signed
      } catch (error) {
        // Kept all the same: an entry that nobody signed says more than none. Said once for each reason.
        const why = messageOf(error)
        if (why !== this.#unsigned) this.#post({ problem: `the decision log cannot be signed, and \`log verify\` will say so: ${why}` })
        this.#unsigned = why
        return undefined
      }
    }
  }

  /** Never rejects: what is in the store is written to the file later. */
  async #writeLines(store: LogStore): Promise<void> {
    const { jsonl, log } = this.#place
    if (jsonl === undefined) return
    try {
      this.#lines ??= new JsonLines(jsonl, log)
      await this.#lines.catchUp(store)
    } catch (error) {
      this.#post({ problem: `${jsonl.file} cannot be written; what is missing follows: ${messageOf(error)}` })
    }
  }

  async #follow(store: LogStore, kinds: readonly string[] | 'all'): Promise<undefined> {
    this.#kinds = kinds === 'all' ? kinds : new Set(kinds)
    clearInterval(this.#timer)
    this.#timer = undefined
    if (kinds !== 'all' && kinds.length === 0) return
    if (this.#told.size === 0) this.#told = new Map((await store.chains()).map(({ log, sequence }) => [log, sequence]))
    this.#timer = setInterval(() => void this.#look(store), LOOK_EVERY)
  }

  /** Never rejects: the next look sees it. */
  async #look(store: LogStore): Promise<undefined> {
    if (this.#timer === undefined) return
    this.#looking ??= this.#tell(store).catch(() => undefined).finally(() => { this.#looking = undefined })
    await this.#looking
  }

  async #tell(store: LogStore): Promise<void> {
    for (const { log, sequence } of await store.chains()) {
      let last = this.#told.get(log) ?? 0
      while (last < sequence) {
        const page = await store.entries(log, last, PAGE)
        const entries = page.map(({ body, hash }) => entryOf(body, hash)).filter((entry) => this.#isAskedFor(entry))
        if (entries.length > 0) this.#post({ entries })
        last = page.at(-1)?.sequence ?? sequence
        this.#told.set(log, last)
      }
    }
  }

  #isAskedFor({ kind }: LogEntry): boolean {
    return this.#kinds === 'all' || this.#kinds.has(kind)
  }
}

async function openStore(place: string): Promise<LogStore> {
  if (/^postgres(ql)?:/.test(place)) {
    // Loaded where it is used: no other mirror needs it in memory.
    const { PostgresLogStore } = await import('./postgres-store.ts')
    return new PostgresLogStore(place)
  }
  const { SqliteLogStore } = await import('./sqlite-store.ts')
  return new SqliteLogStore(place)
}
