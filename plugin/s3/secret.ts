import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { isObject, ownString } from '../domain/json.ts'
import type { PackageLocks } from '../domain/package-locks.ts'
import type { Document, Documents } from './documents.ts'
import { changeDocument } from './change.ts'
import { BucketUnavailable } from './objects.ts'

/** Known to the mirrors that share the bucket. */
export interface SealingKey {
  readonly id: string
  readonly secret: Buffer
}

export const SECRET = '.mirror/secret.json'
/** Verdaccio takes no other. */
export const SECRET_LENGTH = 32
const CIPHER = 'aes-256-gcm'
const PURPOSE = 'verdaccio-provenance: secret of tokens'

/**
 * What Verdaccio signs its tokens with, the same at all mirrors: a token that one gave out is good at every other. Whoever can read
 * the bucket could make tokens of any user with it, so it is sealed (AES-256-GCM, NIST SP 800-38D; the key by HKDF, RFC 5869).
 */
export class SharedSecret {
  readonly #documents: Documents
  readonly #keys: readonly [SealingKey, ...SealingKey[]]
  readonly #locks: PackageLocks | undefined

  /** The first key seals, each opens: the next one is added everywhere before it is first. */
  constructor(documents: Documents, keys: readonly [SealingKey, ...SealingKey[]], locks: PackageLocks | undefined) {
    this.#documents = documents
    this.#keys = keys
    this.#locks = locks
  }

  /** Made by the first mirror that asks, 32 characters as Verdaccio wants them. */
  async get(): Promise<string> {
    const made = randomBytes(SECRET_LENGTH / 2).toString('hex')
    const document = await this.#change((found) => {
      if (found === 'absent') return this.#sealed(made)
      const { keyid, secret } = this.#opened(found)
      return keyid === this.#keys[0].id ? undefined : this.#sealed(secret)
    })
    if (document === 'absent') throw new BucketUnavailable('the secret of tokens is not in the bucket')
    return this.#opened(document).secret
  }

  async set(secret: string): Promise<void> {
    await this.#change((found) => (found !== 'absent' && this.#opened(found).secret === secret ? undefined : this.#sealed(secret)))
  }

  /** A mirror that starts while the bucket is away goes on with what it knows, where nothing is to be changed. */
  async #change(change: (found: Document | 'absent') => string | undefined): Promise<Document | 'absent'> {
    try {
      return await changeDocument(this.#documents, SECRET, change, this.#locks)
    } catch (error) {
      const known = await this.#documents.read(SECRET, { stale: true }).catch(() => undefined)
      if (known === undefined || change(known) !== undefined) throw error
      return known
    }
  }

  #sealed(secret: string): string {
    const [key] = this.#keys
    const iv = randomBytes(12)
    const cipher = createCipheriv(CIPHER, derived(key), iv).setAAD(Buffer.from(key.id))
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return JSON.stringify({ keyid: key.id, iv: iv.toString('base64url'), sealed: sealed.toString('base64url'), tag: cipher.getAuthTag().toString('base64url') })
  }

  #opened({ text }: Document): { readonly keyid: string; readonly secret: string } {
    const value: unknown = JSON.parse(text)
    const part = (name: string): Buffer => Buffer.from((isObject(value) ? ownString(value, name) : undefined) ?? '', 'base64url')
    const keyid = isObject(value) ? (ownString(value, 'keyid') ?? '') : ''
    const key = this.#keys.find(({ id }) => id === keyid)
    if (key === undefined) throw new BucketUnavailable('the secret of tokens is sealed with a key that is not configured')
    const decipher = createDecipheriv(CIPHER, derived(key), part('iv'), { authTagLength: 16 }).setAAD(Buffer.from(keyid)).setAuthTag(part('tag'))
    return { keyid, secret: Buffer.concat([decipher.update(part('sealed')), decipher.final()]).toString('utf8') }
  }
}

const derived = ({ secret }: SealingKey): Buffer => Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32))
