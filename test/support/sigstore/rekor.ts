import { dsse } from '@sigstore/core'
import canonicalize from 'canonicalize'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { isRekorV2, type EntryKind, type Envelope, type LogEntry } from './bundle.ts'
import { base64, keyPairOf, pem, sha256, sign, type KeyPair } from './keys.ts'

/** A transparency log. Every tree it proves has two leaves: a fixed first one, and the entry. */
export interface Log {
  readonly host: string
  readonly key: KeyPair
  readonly id: Buffer
}

export const logOf = (seed: string, host: string): Log => {
  const key = keyPairOf(seed)
  return { host, key, id: sha256(key.spki) }
}

/** Who signed the envelope, in the form the entry's kind names it. */
export type Signer = { readonly certificate: Buffer } | { readonly spki: Buffer }

export interface EntryOptions {
  readonly kind: EntryKind
  readonly at: Date
  readonly index: number
  /** Signed entry timestamp: the log's promise. Rekor v2 gives none. */
  readonly promise: boolean
  readonly proof: boolean
}

/** Records an envelope. */
export function logEntry(log: Log, envelope: Envelope, signer: Signer, options: EntryOptions): LogEntry {
  const [kind = '', version = ''] = options.kind.split('/')
  const body = Buffer.from(canonical({ kind, apiVersion: version, spec: specOf(options.kind, envelope, signer) }))
  const integratedTime = isRekorV2(options.kind) ? 0 : Math.floor(options.at.getTime() / 1000)
  const promised = { body: base64(body), integratedTime, logID: log.id.toString('hex'), logIndex: options.index }
  return {
    logIndex: String(options.index),
    logId: { keyId: base64(log.id) },
    kindVersion: { kind, version },
    integratedTime: String(integratedTime),
    ...(options.promise && !isRekorV2(options.kind)
      ? { inclusionPromise: { signedEntryTimestamp: base64(sign(log.key, Buffer.from(canonical(promised)))) } }
      : {}),
    ...(options.proof ? { inclusionProof: proofOf(log, body) } : {}),
    canonicalizedBody: base64(body),
  }
}

const canonical = (value: JsonObject): string => {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError('not JSON')
  return text
}

function specOf(kind: EntryKind, envelope: Envelope, signer: Signer): JsonObject {
  const payload = Buffer.from(envelope.payload, 'base64')
  const { sig, keyid } = envelope.signatures[0] ?? { sig: '', keyid: '' }
  const verifier = base64('certificate' in signer ? pem(signer.certificate, 'CERTIFICATE') : pem(signer.spki, 'PUBLIC KEY'))
  const signed = sha256(dsse.preAuthEncoding(envelope.payloadType, payload))
  const payloadHash = { algorithm: 'sha256', value: sha256(payload).toString('hex') }
  const envelopeHash = { algorithm: 'sha256', value: sha256(JSON.stringify(envelope)).toString('hex') }
  const verifierV2 = {
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    ...('certificate' in signer
      ? { x509Certificate: { rawBytes: base64(signer.certificate) } }
      : { publicKey: { rawBytes: base64(signer.spki) } }),
  }
  switch (kind) {
    case 'dsse/0.0.1':
      return { envelopeHash, payloadHash, signatures: [{ signature: sig, verifier }] }
    case 'intoto/0.0.2': {
      // The signature is base64 twice: Rekor encoded the text of the envelope.
      const signature = { publicKey: verifier, sig: base64(sig), ...(keyid === '' ? {} : { keyid }) }
      const logged = { payloadType: envelope.payloadType, signatures: [signature] }
      return { content: { envelope: logged, hash: envelopeHash, payloadHash } }
    }
    case 'hashedrekord/0.0.1':
      return {
        data: { hash: { algorithm: 'sha256', value: signed.toString('hex') } },
        signature: { content: sig, publicKey: { content: verifier } },
      }
    case 'dsse/0.0.2':
      return {
        dsseV002: {
          payloadHash: { algorithm: 'SHA2_256', digest: base64(sha256(payload)) },
          signatures: [{ content: sig, verifier: verifierV2 }],
        },
      }
    case 'hashedrekord/0.0.2':
      return {
        hashedRekordV002: {
          data: { algorithm: 'SHA2_256', digest: base64(signed) },
          signature: { content: sig, verifier: verifierV2 },
        },
      }
  }
}

/** RFC 6962, 2.1, and a checkpoint (transparency-dev/formats, log). */
function proofOf(log: Log, body: Buffer): NonNullable<LogEntry['inclusionProof']> {
  const sibling = sha256(Buffer.of(0), 'the first entry')
  const root = sha256(Buffer.of(1), sibling, sha256(Buffer.of(0), body))
  const note = `${log.host} - 1\n2\n${base64(root)}\n`
  const signature = base64(Buffer.concat([log.id.subarray(0, 4), sign(log.key, Buffer.from(note))]))
  return {
    logIndex: '1',
    treeSize: '2',
    rootHash: base64(root),
    hashes: [base64(sibling)],
    checkpoint: { envelope: `${note}\n\u2014 ${log.host} ${signature}\n` },
  }
}
