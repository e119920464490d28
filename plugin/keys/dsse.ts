import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { isObject, own, ownString, type Json, type JsonObject } from '../domain/json.ts'
import type { RegistrySignature } from '../domain/packument.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import { keyidOf } from './key-file.ts'

/** A key that envelopes are held against, and the name it goes by. */
export interface VerificationKey {
  readonly keyid: string
  readonly key: KeyObject
}

/** What signs: a `KeyRing`, or a key of the operator's own. */
export interface EnvelopeSigner {
  sign(message: Buffer): RegistrySignature
}

/** An envelope that nobody known here signed, or that is none. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError'
}

/**
 * What is signed: the payload and its type, each with its length before it, so that neither can pass for the other
 * (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, "PAE").
 */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${String(Buffer.byteLength(payloadType))} ${payloadType} ${String(payload.byteLength)} `), payload])

/** Signs a payload: a DSSE envelope with one signature. @throws ConfigurationError when there is no key to be had */
export function signEnvelope(signer: EnvelopeSigner, payloadType: string, payload: Uint8Array): JsonObject {
  const { keyid, sig } = signer.sign(preAuthEncoding(payloadType, payload))
  return { payloadType, payload: Buffer.from(payload).toString('base64'), signatures: [{ keyid, sig }] }
}

/**
 * The payload of an envelope that one of the keys signed, and which.
 * @throws EnvelopeError
 */
export function openEnvelope(bytes: Uint8Array, payloadType: string, keys: readonly VerificationKey[]): { readonly payload: Buffer; readonly keyid: string } {
  const envelope = envelopeOf(bytes)
  const [type, encoded, signatures] = [ownString(envelope, 'payloadType'), ownString(envelope, 'payload'), own(envelope, 'signatures')]
  if (type !== payloadType) throw new EnvelopeError('it is of another type than was asked for')
  const payload = Buffer.from(encoded ?? '', 'base64')
  if (encoded === undefined || payload.toString('base64') !== encoded) throw new EnvelopeError('its payload is not base64')
  const offered = Array.isArray(signatures) ? (signatures as readonly Json[]).filter(isObject).slice(0, MAX_SIGNATURES) : []
  const message = preAuthEncoding(type, payload)
  // The id in the envelope is a hint that anybody can write (DSSE, "keyid"): every key is tried.
  const signer = keys.find(({ key }) => offered.some((one) => verifies(message, key, Buffer.from(ownString(one, 'sig') ?? '', 'base64'))))
  if (signer === undefined) throw new EnvelopeError('no key that is trusted here signed it')
  return { payload, keyid: signer.keyid }
}

const MAX_SIGNATURES = 8

function envelopeOf(bytes: Uint8Array): JsonObject {
  let parsed: Json
  try {
    parsed = parseStrictJson(bytes)
  } catch (cause) {
    throw new EnvelopeError('it is not JSON', { cause })
  }
  if (!isObject(parsed)) throw new EnvelopeError('it is no envelope')
  return parsed
}

function verifies(message: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(digestFor(key), message, key, signature)
  } catch {
    return false
  }
}

/**
 * A public key as a file has it: PEM, of one of the two kinds that archives are signed with. It is named as npm names keys: `SHA256:`
 * and the digest of the SubjectPublicKeyInfo.
 * @throws Error that says what is wrong with it
 */
export function readPublicKey(pem: string): VerificationKey {
  if (pem.includes('PRIVATE KEY')) throw new Error('holds a private key, which belongs to the mirror that exports alone')
  const key = createPublicKey(pem)
  assertKind(key)
  return { keyid: keyidOf(spkiOf(key)), key }
}

/** A private key as a file has it, likewise. @throws Error that says what is wrong with it, and quotes nothing of it */
export function readPrivateKey(pem: string): EnvelopeSigner {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // OpenSSL's message may hold a piece of what it was given.
    throw new Error('holds no private key in PEM without a password')
  }
  assertKind(key)
  const keyid = keyidOf(spkiOf(createPublicKey(key)))
  return { sign: (message) => ({ keyid, sig: sign(digestFor(key), message, key).toString('base64') }) }
}

function assertKind(key: KeyObject): void {
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  if (!isP256 && key.asymmetricKeyType !== 'ed25519') throw new Error('holds neither an ECDSA P-256 nor an Ed25519 key')
}

const digestFor = (key: KeyObject): 'sha256' | null => (key.asymmetricKeyType === 'ed25519' ? null : 'sha256')
const spkiOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' })

/** A listed key as PEM, for people and for `openssl`. */
export const pemOf = (spki: string): string =>
  createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' }).export({ format: 'pem', type: 'spki' }).toString()
