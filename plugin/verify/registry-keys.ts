import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { ConfigurationError, type Problem } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { RegistryKey } from '../domain/ports.ts'
import { decodeBase64 } from './base64.ts'
import { isTimestamp } from './time.ts'

/** The one key type npm's protocol knows (npm, "ECDSA registry signatures"). Keys of others are kept, and verify nothing. */
const KEY_TYPE = 'ecdsa-sha2-nistp256'
const P256_IN_TUF = 'PKIX_ECDSA_P256_SHA_256'
const REMEDY = 'Give the answer of /-/npm/v1/keys or the keys.json target of TUF'

/**
 * Reads registry keys in either of their forms: the answer of `/-/npm/v1/keys`, whose keys verify signatures and
 * attestations, or the TUF target `<host>/keys.json`, which names the usage of each.
 * @throws ConfigurationError with every problem found
 */
export function parseRegistryKeys(document: unknown, file: string): readonly RegistryKey[] {
  const entries = isObject(document) ? own(document, 'keys') : undefined
  const problems: Problem[] = []
  const keys: RegistryKey[] = []
  if (!Array.isArray(entries)) problems.push({ path: 'keys', message: 'is not a list', remedy: REMEDY })
  else for (const [index, entry] of (entries as readonly Json[]).entries()) readEntry(entry, `keys[${index}]`, keys, problems)
  if (problems.length === 0 && keys.length === 0)
    problems.push({ path: 'keys', message: 'holds no key that verifies signatures or attestations', remedy: REMEDY })
  problems.push(...ambiguous(keys))
  if (problems.length > 0) throw new ConfigurationError(file, problems)
  return keys
}

function readEntry(entry: Json, path: string, keys: RegistryKey[], problems: Problem[]): void {
  const problem = (field: string, message: string, remedy: string = REMEDY): void => {
    problems.push({ path: field === '' ? path : `${path}.${field}`, message, remedy })
  }
  if (!isObject(entry)) {
    problem('', 'is not an object')
    return
  }
  const key = Object.hasOwn(entry, 'keyId') ? fromTuf(entry, problem) : fromEndpoint(entry, problem)
  if (key === undefined) return
  if (key.keyid === '') problem('', 'has no key id')
  for (const [field, value] of [
    ['starts', key.starts],
    ['expires', key.expires],
  ] as const)
    if (value !== null && !isTimestamp(value)) problem(field, 'is not an ISO 8601 time', 'Write it as 2025-01-29T00:00:00.000Z')
  if (key.keytype === KEY_TYPE && key.scheme === KEY_TYPE && publicKeyOf(key) === undefined)
    problem('', 'is not an ECDSA P-256 public key', 'Give it as base64 of the DER SubjectPublicKeyInfo')
  keys.push(key)
}

type Report = (field: string, message: string, remedy?: string) => void

function fromEndpoint(entry: JsonObject, problem: Report): RegistryKey | undefined {
  const expires = own(entry, 'expires')
  if (expires !== undefined && expires !== null && typeof expires !== 'string') {
    problem('expires', 'is neither a time nor null')
    return undefined
  }
  return {
    keyid: ownString(entry, 'keyid') ?? '',
    spki: ownString(entry, 'key') ?? '',
    keytype: ownString(entry, 'keytype') ?? 'unknown',
    scheme: ownString(entry, 'scheme') ?? 'unknown',
    expires: expires ?? null,
    starts: null,
    usages: ['signatures', 'attestations'],
  }
}

function fromTuf(entry: JsonObject, problem: Report): RegistryKey | undefined {
  const usage = ownString(entry, 'keyUsage')
  // Another usage is of no use here, and none of our business.
  if (usage !== 'npm:signatures' && usage !== 'npm:attestations') return undefined
  const publicKey = ownObject(entry, 'publicKey')
  if (publicKey === undefined) {
    problem('publicKey', 'is missing')
    return undefined
  }
  const details = ownString(publicKey, 'keyDetails') ?? 'unknown'
  const type = details === P256_IN_TUF ? KEY_TYPE : details
  const validFor = ownObject(publicKey, 'validFor') ?? {}
  return {
    keyid: ownString(entry, 'keyId') ?? '',
    spki: ownString(publicKey, 'rawBytes') ?? '',
    keytype: type,
    scheme: type,
    expires: timeOf(validFor, 'end', problem),
    starts: timeOf(validFor, 'start', problem),
    usages: [usage === 'npm:signatures' ? 'signatures' : 'attestations'],
  }
}

function timeOf(validFor: JsonObject, field: string, problem: Report): string | null {
  const value = own(validFor, field)
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  problem(`publicKey.validFor.${field}`, 'is not a time')
  return null
}

/** One id for two keys would let the order of a file decide which verifies. */
function ambiguous(keys: readonly RegistryKey[]): readonly Problem[] {
  const seen = new Set<string>()
  const problems: Problem[] = []
  for (const { keyid, usages } of keys)
    for (const usage of usages) {
      const name = JSON.stringify([keyid, usage])
      if (seen.has(name))
        problems.push({ path: 'keys', message: `names the key ${keyid} twice for ${usage}`, remedy: 'Keep one of them' })
      seen.add(name)
    }
  return problems
}

/** The key for node:crypto, or undefined when it is not what its type and scheme say. */
export function publicKeyOf({ spki, keytype, scheme }: RegistryKey): KeyObject | undefined {
  const der = decodeBase64(spki)
  if (keytype !== KEY_TYPE || scheme !== KEY_TYPE || der === undefined) return undefined
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
  } catch {
    // Not a key: said by the answer, so that the caller can name the entry.
    return undefined
  }
}

/** A key with its validity and usage: a fact that rests on it falls when either changes. */
export const anchorOfKey = (key: RegistryKey): string =>
  `key:${createHash('sha256')
    .update(JSON.stringify([key.keyid, key.spki, key.keytype, key.scheme, key.starts, key.expires, [...key.usages].sort()]))
    .digest('hex')}`
