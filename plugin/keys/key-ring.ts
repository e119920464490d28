import { sign } from 'node:crypto'
import { messageOf } from '../domain/errors.ts'
import type { RegistrySignature } from '../domain/packument.ts'
import type { Clock, RegistryKey } from '../domain/ports.ts'
import { createKeyFile, readKeyFile, replaceKeyFile, stampOf, withNewKey, type KeyFile, type Purpose, type SigningKey } from './key-file.ts'

export interface KeyRingOptions {
  readonly dir: string
  /** Default: packages published here. */
  readonly purpose?: Purpose
  readonly clock: Clock
  /** Told when the file can no longer be read; what was read before stays in use. */
  readonly warn: (message: string) => void
}

const KEY_TYPE = 'ecdsa-sha2-nistp256'

/** The keys this mirror signs with, for one purpose. The file is looked at with every use: a rotation needs no restart. */
export class KeyRing {
  readonly #options: KeyRingOptions
  #stamp: string | undefined
  #file: KeyFile | undefined

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /** The keys there are, oldest first; none before the first signature. @throws ConfigurationError when they cannot be read at all */
  get keys(): readonly SigningKey[] {
    return this.#read()?.keys ?? []
  }

  /** The key that signs; made now when there is none. @throws ConfigurationError when it can be neither read nor made */
  get current(): SigningKey {
    return this.#needed().current
  }

  /** Signs bytes with the current key. @throws as `current` */
  sign(message: Buffer): RegistrySignature {
    const { current, privateKey } = this.#needed()
    return { keyid: current.keyid, sig: sign('sha256', message, privateKey).toString('base64') }
  }

  #needed(): KeyFile {
    const { dir, clock, purpose } = this.#options
    const known = this.#read()
    if (known !== undefined) return known
    this.#file = createKeyFile(dir, withNewKey([], clock.now()), purpose)
    this.#stamp = stampOf(dir, purpose)
    return this.#file
  }

  #read(): KeyFile | undefined {
    const { dir, warn, purpose } = this.#options
    const stamp = stampOf(dir, purpose)
    if (this.#file !== undefined && stamp === this.#stamp) return this.#file
    try {
      const read = readKeyFile(dir, purpose)
      if (read === undefined && this.#file !== undefined) warn(`the signing keys in ${dir} are gone; the mirror goes on with those it has until it ends`)
      this.#file = read ?? this.#file
    } catch (error) {
      if (this.#file === undefined) throw error
      warn(messageOf(error))
    }
    // Said once for each state of the file.
    this.#stamp = stamp
    return this.#file
  }
}

export interface Rotation {
  /** Until when what is published may still be signed by the old key, in milliseconds from now: other processes read the file a little later. */
  readonly overlap: number
  /** The old keys are not even listed any more: what they signed is signed anew. */
  readonly revoke: boolean
}

/**
 * Makes a new key that signs from now on. The old one stays listed, with an end: clients compare it with the time a version was
 * published. Its private half is not kept.
 * @throws ConfigurationError
 */
export function rotateKeys(dir: string, now: Date, { overlap, revoke }: Rotation, purpose: Purpose = 'registry'): readonly SigningKey[] {
  const known = readKeyFile(dir, purpose)
  if (known === undefined) return createKeyFile(dir, withNewKey([], now), purpose).keys
  const ended = (key: SigningKey): SigningKey => ({ ...key, expires: key.expires ?? new Date(now.getTime() + overlap) })
  const next = withNewKey(revoke ? [] : known.keys.map(ended), now)
  replaceKeyFile(dir, next, purpose)
  return next.keys
}

/** The keys as `/-/npm/v1/keys` lists them. */
export const asRegistryKeys = (keys: readonly SigningKey[]): readonly RegistryKey[] =>
  keys.map(({ keyid, spki, expires }) => ({
    keyid,
    spki,
    keytype: KEY_TYPE,
    scheme: KEY_TYPE,
    expires: expires?.toISOString() ?? null,
    starts: null,
    usages: ['signatures'],
  }))
