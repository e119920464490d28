import { createHmac, timingSafeEqual } from 'node:crypto'

/** Known to the mirrors that share a store, and to nobody else who can write to it. */
export interface SharedKey {
  /** Names it beside what it authenticates, so that the next key can come before the last one goes. */
  readonly id: string
  readonly secret: Buffer
}

export interface Mac {
  readonly keyid: string
  /** base64url, HMAC-SHA-256 (RFC 2104) */
  readonly mac: string
}

/** Authenticates what mirrors share. The first key signs, each is believed: a rotation adds the new one everywhere before it is first. */
export class SharedKeys {
  readonly #keys: readonly [SharedKey, ...SharedKey[]]

  constructor(keys: readonly [SharedKey, ...SharedKey[]]) {
    this.#keys = keys
  }

  /** Id of the key that signs. */
  get current(): string {
    return this.#keys[0].id
  }

  /** Over all parts and where each of them ends. The first one says what it is for: no entry stands for one of another kind. */
  mac(...parts: readonly string[]): Mac {
    const [key] = this.#keys
    return { keyid: key.id, mac: macOf(key, parts).toString('base64url') }
  }

  knows(keyid: string): boolean {
    return this.#keys.some(({ id }) => id === keyid)
  }

  isOurs({ keyid, mac }: Mac, ...parts: readonly string[]): boolean {
    const key = this.#keys.find(({ id }) => id === keyid)
    const given = Buffer.from(mac, 'base64url')
    if (key === undefined) return false
    const expected = macOf(key, parts)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}

function macOf({ id, secret }: SharedKey, parts: readonly string[]): Buffer {
  const hmac = createHmac('sha256', secret)
  for (const part of [id, ...parts]) hmac.update(`${String(Buffer.byteLength(part))}:`).update(part)
  return hmac.digest()
}
