import { createClient, ErrorReply } from '@redis/client'
import { messageOf } from '../domain/errors.ts'
import { MAX_ENTRY, RemoteStorage, type StoredText } from './fact-storage.ts'

/** Nothing else in the server is ours. */
const PREFIX = 'provenance:facts:'
const PROBE = 'provenance:probe'
/** Milliseconds */
const PROBE_MS = 1000
const CONNECT = 2000
const FIRST_RETRY = 50
const LAST_RETRY = 500
/** What may wait for answers: more is refused, and a miss. */
const QUEUE = 2000
const AT_ONCE = 500

type Client = ReturnType<typeof clientOf>

/**
 * A storage adapter for keyv 6 on Redis 5 or later and on what speaks its protocol (Valkey): one server, or the address that stands
 * for several. Connects by itself, again and again; what is asked meanwhile fails at once.
 */
export class KeyvRedis extends RemoteStorage {
  readonly #url: string
  #client: Client
  #isClosed = false
  /** Why there is no connection: what is asked meanwhile is only told that there is none. */
  #cause: unknown

  /** `url` is `redis[s]://` or `valkey[s]://[user[:password]@]host[:port][/database]`. */
  constructor(url: string) {
    super()
    this.#url = url.replace(/^valkey/, 'redis')
    this.#client = this.#connected()
  }

  ready(): Promise<void> {
    // One that can be read alone, being full or a replica, is of no use.
    return this.#asked(async (client) => { await client.set(PROBE, '', { expiration: { type: 'PX', value: PROBE_MS } }) })
  }

  restart(): void {
    if (this.#isClosed) return
    leave(this.#client)
    this.#client = this.#connected()
  }

  texts(keys: readonly string[]): Promise<(string | undefined)[]> {
    return this.#asked((client) => Promise.all(keys.map((key) => bounded(client, PREFIX + key))))
  }

  write(entries: readonly StoredText[]): Promise<void> {
    return this.#asked(async (client) => {
      const now = Date.now()
      // Relative, so that the server's clock decides nothing.
      await Promise.all(entries.map(({ key, value, expires }) =>
        client.set(PREFIX + key, value, expires === undefined ? {} : { expiration: { type: 'PX', value: Math.max(1, Math.ceil(expires - now)) } })))
    })
  }

  remove(keys: readonly string[]): Promise<boolean[]> {
    return this.#asked(async (client) => (await Promise.all(keys.map((key) => client.del(PREFIX + key)))).map((count) => count > 0))
  }

  clear(): Promise<void> {
    return this.#asked(async (client) => {
      for await (const keys of client.scanIterator({ MATCH: `${PREFIX}*`, COUNT: AT_ONCE })) if (keys.length > 0) await client.unlink(keys)
    })
  }

  async *iterator(): AsyncGenerator<string[], void> {
    for await (const keys of this.#client.scanIterator({ MATCH: `${PREFIX}*`, COUNT: AT_ONCE }))
      for (const key of keys) {
        const name = key.slice(PREFIX.length)
        const [text] = await this.texts([name])
        if (text !== undefined) yield [name, text]
      }
  }

  disconnect(): Promise<void> {
    this.#isClosed = true
    leave(this.#client)
    return Promise.resolve()
  }

  #connected(): Client {
    const client = clientOf(this.#url)
    client.on('error', (error: unknown) => { this.#cause = error })
    client.on('ready', () => { this.#cause = undefined })
    client.connect().catch((error: unknown) => { this.#cause ??= error })
    return client
  }

  async #asked<Result>(ask: (client: Client) => Promise<Result>): Promise<Result> {
    const client = this.#client
    if (!client.isReady) throw new Error(this.#cause === undefined ? 'there is no connection yet' : messageOf(this.#cause), { cause: this.#cause })
    return ask(client)
  }
}

/** The older protocol: its servers are many, and nothing of the newer one is used. */
const clientOf = (url: string) =>
  createClient({
    url,
    RESP: 2,
    maintNotifications: 'disabled',
    disableClientInfo: true,
    disableOfflineQueue: true,
    commandsQueueMaxLength: QUEUE,
    socket: { connectTimeout: CONNECT, reconnectStrategy: (retries) => Math.min(FIRST_RETRY * 2 ** Math.min(retries, 10), LAST_RETRY) * (0.5 + Math.random() / 2) },
  })

/** What cannot be ours, and is not read. */
const FOREIGN = '?'

/** No more of an entry than it may take. The server gives nothing for what is not there. */
async function bounded(client: Client, key: string): Promise<string | undefined> {
  try {
    const text = await client.getRange(key, 0, MAX_ENTRY)
    if (text === null || text === '') return undefined
    return text.length > MAX_ENTRY ? FOREIGN : text
  } catch (error) {
    // A list or a set under our key: planted, and no failure of the server.
    if (error instanceof ErrorReply && error.message.startsWith('WRONGTYPE')) return FOREIGN
    throw error
  }
}

function leave(client: Client): void {
  if (client.isOpen) client.destroy()
}
