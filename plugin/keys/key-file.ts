import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync, type Stats } from 'node:fs'
import path from 'node:path'
import { ConfigurationError, messageOf } from '../domain/errors.ts'
import { isObject, own, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { parseStrictJson } from '../domain/strict-json.ts'

/**
 * One key per purpose, and one file per key: what signs packages published here signs nothing else, and neither do those of
 * verification summaries, of archives and of the decision log.
 */
export const PURPOSES = { registry: 'registry-signing', vsa: 'vsa-signing', archive: 'archive-signing', log: 'log-signing' } as const
export type Purpose = keyof typeof PURPOSES
const MAX_BYTES = 1024 ** 2
const RESTORE = 'Restore it from a backup, or move it away: a new key is made with the next package, and what is published here is signed anew.'

/** A key that signs, or did. */
export interface SigningKey {
  /** `SHA256:` and the base64 of that digest over the SubjectPublicKeyInfo, as npm's registry names its keys. */
  readonly keyid: string
  /** base64, DER, SubjectPublicKeyInfo */
  readonly spki: string
  readonly created: Date
  /** Signatures of versions published from then on do not count; null for the key that signs. */
  readonly expires: Date | null
}

/** The keys of one file, oldest first. Only the last one can still sign: of the others the private half is gone. */
export interface KeyFile {
  readonly keys: readonly SigningKey[]
  readonly current: SigningKey
  /** Never leaves the folder `keys`, and is never logged. */
  readonly privateKey: KeyObject
}

export const keyFileIn = (dir: string, purpose: Purpose = 'registry'): string => path.join(dir, `${PURPOSES[purpose]}.json`)

/** A new ECDSA P-256 key, the one kind that npm's protocol knows, after those it follows. */
export function withNewKey(retired: readonly SigningKey[], created: Date): KeyFile {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = publicKey.export({ format: 'der', type: 'spki' })
  const current = { keyid: keyidOf(der), spki: der.toString('base64'), created, expires: null }
  return { keys: [...retired, current], current, privateKey }
}

export const keyidOf = (spki: Buffer): string => `SHA256:${createHash('sha256').update(spki).digest('base64')}`

/**
 * Reads the keys in a directory; undefined when there is no file yet.
 * @throws ConfigurationError when others may read it, or it does not hold what it should
 */
export function readKeyFile(dir: string, purpose: Purpose = 'registry'): KeyFile | undefined {
  const file = keyFileIn(dir, purpose)
  const read = contentOf(file)
  if (read === undefined) return undefined
  const access = accessProblem(read.stats)
  if (access !== undefined) throw broken(file, access, `Run chmod 600 on it; if others may have read it, then rotate: verdaccio-provenance keys rotate --revoke.`)
  try {
    return parsed(parseStrictJson(read.bytes), purpose)
  } catch (error) {
    throw broken(file, `holds no keys that can be used: ${messageOf(error)}`, RESTORE)
  }
}

/** Changes when the file does; undefined when there is none. */
export function stampOf(dir: string, purpose: Purpose = 'registry'): string | undefined {
  const read = statOf(keyFileIn(dir, purpose))
  return read === undefined ? undefined : [read.ino, read.size, read.mtimeMs, read.ctimeMs].join(' ')
}

/** Writes the first keys of a directory. Another process may have been first: then its keys are what is returned. */
export function createKeyFile(dir: string, keys: KeyFile, purpose: Purpose = 'registry'): KeyFile {
  write(dir, purpose, keys, (temporary, file) => {
    try {
      // A link and not a rename: it never replaces.
      linkSync(temporary, file)
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
    }
  })
  return readKeyFile(dir, purpose) ?? keys
}

/** Puts new keys in the place of the old ones, whole or not at all. */
export const replaceKeyFile = (dir: string, keys: KeyFile, purpose: Purpose = 'registry'): void => { write(dir, purpose, keys, renameSync) }

function write(dir: string, purpose: Purpose, keys: KeyFile, place: (temporary: string, file: string) => void): void {
  const file = keyFileIn(dir, purpose)
  const temporary = path.join(dir, `.${path.basename(file)}.${randomUUID()}`)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const handle = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(handle, documentOf(keys, purpose))
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    place(temporary, file)
  } catch (error) {
    throw broken(dir, `cannot be written: ${messageOf(error)}`, 'Let the mirror write there, or name another directory in middlewares.provenance.keys.dir.')
  } finally {
    quietly(() => { rmSync(temporary, { force: true }) })
  }
}

function contentOf(file: string): { readonly bytes: Buffer; readonly stats: Stats } | undefined {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw broken(file, `cannot be read: ${messageOf(error)}`, 'Let the user that runs the mirror read it, and nobody else.')
  }
  try {
    // Of what was opened: the name may stand for something else by now.
    const stats = fstatSync(handle)
    if (!stats.isFile() || stats.size > MAX_BYTES) throw broken(file, 'is not a file of keys', RESTORE)
    return { bytes: readFileSync(handle), stats }
  } finally {
    closeSync(handle)
  }
}

function statOf(file: string): Stats | undefined {
  try {
    const handle = openSync(file, 'r')
    try {
      return fstatSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch {
    // Not to be read now: whoever needs the keys reads it, and says why it cannot.
    return undefined
  }
}

/** As PostgreSQL asks of its key: of this user for nobody else, or of root for a group (what a container's secrets look like). */
export function accessProblem({ mode, uid }: Pick<Stats, 'mode' | 'uid'>, user: number | undefined = process.geteuid?.()): string | undefined {
  if (user === undefined) return undefined
  if (uid !== user && uid !== 0) return `belongs to user ${String(uid)}, who may change it`
  const tooMuch = uid === user ? 0o077 : 0o037
  return (mode & tooMuch) === 0 ? undefined : `is open to other users of this machine (mode ${(mode & 0o777).toString(8)})`
}

function documentOf({ keys, current, privateKey }: KeyFile, purpose: Purpose): string {
  const entries = keys.map(({ keyid, spki, created, expires }) => ({
    keyid,
    key: spki,
    created: created.toISOString(),
    expires: expires?.toISOString() ?? null,
    ...(keyid === current.keyid ? { privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() } : {}),
  }))
  return `${JSON.stringify({ purpose: PURPOSES[purpose], keys: entries }, undefined, 2)}\n`
}

/** @throws Error, which never quotes the file: a part of it is secret */
function parsed(document: Json, purpose: Purpose): KeyFile {
  const entries = isObject(document) && own(document, 'purpose') === PURPOSES[purpose] ? own(document, 'keys') : undefined
  if (!Array.isArray(entries)) throw new Error(`it is not a document of the purpose ${PURPOSES[purpose]}`)
  const objects = (entries as readonly Json[]).filter(isObject)
  const keys = objects.map(keyOf)
  const [last, current] = [objects.at(-1), keys.at(-1)]
  if (last === undefined || current === undefined || objects.length !== entries.length) throw new Error('it lists no key')
  if (current.expires !== null || keys.slice(0, -1).some(({ expires }) => expires === null)) throw new Error('the last key, and no other, must be without an end')
  if (new Set(keys.map(({ keyid }) => keyid)).size !== keys.length) throw new Error('it lists a key twice')
  return { keys, current, privateKey: privateKeyOf(last, current) }
}

function keyOf(entry: JsonObject): SigningKey {
  const spki = ownString(entry, 'key') ?? ''
  const der = Buffer.from(spki, 'base64')
  const keyid = keyidOf(der)
  // The id names the bytes, or a client would be given one key under another's name.
  if (ownString(entry, 'keyid') !== keyid || der.toString('base64') !== spki) throw new Error('a key id is not that of its key')
  if (curveOf(quietly(() => createPublicKey({ key: der, format: 'der', type: 'spki' }))) !== 'prime256v1') throw new Error('a key is not an ECDSA P-256 key')
  const expires = own(entry, 'expires')
  return { keyid, spki, created: timeOf(own(entry, 'created')), expires: expires === null ? null : timeOf(expires) }
}

function privateKeyOf(entry: JsonObject, { spki }: SigningKey): KeyObject {
  const key = quietly(() => createPrivateKey(ownString(entry, 'privateKey') ?? ''))
  const matches = key !== undefined && createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64') === spki
  if (!matches) throw new Error('the private key of the last key is missing, or is another key\'s')
  return key
}

const curveOf = (key: KeyObject | undefined): string | undefined => key?.asymmetricKeyDetails?.namedCurve

/** OpenSSL's messages may hold a piece of what it was given; and what cannot be removed was not written. */
function quietly<Result>(run: () => Result): Result | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

function timeOf(value: Json | undefined): Date {
  const time = new Date(typeof value === 'string' ? value : NaN)
  if (Number.isNaN(time.getTime()) || time.toISOString() !== value) throw new Error('a time is not written as 2026-01-31T00:00:00.000Z')
  return time
}

const isCode = (error: unknown, code: string): boolean => error instanceof Error && 'code' in error && error.code === code

const broken = (file: string, message: string, remedy: string): ConfigurationError => new ConfigurationError(file, [{ path: '', message, remedy }])
