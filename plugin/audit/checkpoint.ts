import { createPublicKey, type KeyObject } from 'node:crypto'
import { isObject, own, ownString } from '../domain/json.ts'
import { parseStrictJson } from '../domain/strict-json.ts'
import { EnvelopeError, openEnvelope, signEnvelope, type EnvelopeSigner, type VerificationKey } from '../keys/dsse.ts'
import type { Head } from './entry.ts'

const PAYLOAD_TYPE = 'application/vnd.verdaccio-provenance.decision-log+json'

/**
 * What this mirror signs about its log: `checkpoint`, the entry of this number has this hash; `cut`, so does this one, which was
 * removed with all before it, since it was as old as entries may become. One cannot stand for the other: whoever has a checkpoint
 * could else remove what led to it.
 */
export interface Statement extends Head {
  readonly kind: 'checkpoint' | 'cut'
  readonly log: string
  /** ISO 8601 */
  readonly at: string
}

/** A DSSE envelope, as JSON. @throws ConfigurationError when there is no key to be had */
export function signStatement(signer: EnvelopeSigner, { kind, log, sequence, hash, at }: Statement): string {
  return JSON.stringify(signEnvelope(signer, PAYLOAD_TYPE, Buffer.from(JSON.stringify({ kind, log, sequence, hash, at }))))
}

/** What an envelope says, and which key signed it. @throws EnvelopeError */
export function openStatement(envelope: string, keys: readonly VerificationKey[]): Statement & { readonly keyid: string } {
  const { payload, keyid } = openEnvelope(Buffer.from(envelope), PAYLOAD_TYPE, keys)
  const said = parseStrictJson(payload)
  if (!isObject(said)) throw new EnvelopeError('it says nothing of a log')
  const [kind, log, hash, at] = ['kind', 'log', 'hash', 'at'].map((key) => ownString(said, key))
  const sequence = own(said, 'sequence')
  if ((kind !== 'checkpoint' && kind !== 'cut') || log === undefined || hash === undefined || at === undefined || !Number.isSafeInteger(sequence)) throw new EnvelopeError('it says nothing of a log')
  return { kind, log, sequence: Number(sequence), hash, at, keyid }
}

export const verificationKeyOf = ({ keyid, spki }: { readonly keyid: string; readonly spki: string }): VerificationKey => ({ keyid, key: keyOf(spki) })

const keyOf = (spki: string): KeyObject => createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
