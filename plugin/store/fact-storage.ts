import { keyvStorageCapability, type KeyvStorageAdapter, type KeyvStorageCapability, type KeyvStorageEntry, type KeyvStorageGetResult } from 'keyv'

/** What of keyv's storage interface is asked of an adapter; the rest of it is keyv's own event emitter. */
export type FactStorage = Pick<
  KeyvStorageAdapter,
  'capabilities' | 'get' | 'getMany' | 'set' | 'setMany' | 'delete' | 'deleteMany' | 'has' | 'hasMany' | 'clear' | 'disconnect'
>

/** What one entry of a shared store may take, in bytes: whoever can write there could fill the memory of every mirror. */
export const MAX_ENTRY = 16 * 1024 ** 2

/** A storage elsewhere: what is asked of one entry is asked of many, so that each question is one way there and back. */
export abstract class RemoteStorage implements FactStorage {
  /** Resolves when it can be asked and written. */
  abstract ready(): Promise<void>
  /** Lets go of connections that may hang, with all that waits for their answers. */
  abstract restart(): void
  abstract texts(keys: readonly string[]): Promise<(string | undefined)[]>
  abstract write(entries: readonly StoredText[]): Promise<void>
  abstract remove(keys: readonly string[]): Promise<boolean[]>
  abstract clear(): Promise<void>
  abstract disconnect(): Promise<void>

  /** Tells keyv that `set` takes an absolute time. */
  get capabilities(): KeyvStorageCapability {
    return keyvStorageCapability(this)
  }

  async get<Value>(key: string): Promise<KeyvStorageGetResult<Value>> {
    const [text] = await this.texts([key])
    return text
  }

  async getMany<Value>(keys: string[]): Promise<KeyvStorageGetResult<Value | undefined>[]> {
    return this.texts(keys)
  }

  async set(key: string, value: unknown, expires?: number): Promise<boolean> {
    const [stored] = await this.setMany([{ key, value, ...(expires !== undefined && { expires }) }])
    return stored === true
  }

  async setMany<Value>(entries: KeyvStorageEntry<Value>[]): Promise<boolean[]> {
    const now = Date.now()
    const texts = entries.map(({ key, value, expires }) => {
      if (typeof value !== 'string') throw new TypeError('keyv is to serialize values')
      return { key, value, expires }
    })
    const past = texts.filter(({ expires }) => expires !== undefined && expires <= now).map(({ key }) => key)
    if (past.length > 0) await this.remove(past)
    await this.write(texts.filter(({ key, value }) => !past.includes(key) && Buffer.byteLength(value) <= MAX_ENTRY))
    return entries.map(() => true)
  }

  async delete(key: string): Promise<boolean> {
    const [deleted] = await this.remove([key])
    return deleted === true
  }

  deleteMany(keys: string[]): Promise<boolean[]> {
    return this.remove(keys)
  }

  async has(key: string): Promise<boolean> {
    const [found] = await this.hasMany([key])
    return found === true
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.texts(keys)).map((text) => text !== undefined)
  }
}

export interface StoredText {
  readonly key: string
  readonly value: string
  /** Milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined
}
