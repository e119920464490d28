import crypto, { type KeyObject } from 'node:crypto'

/** A P-256 key pair. */
export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** DER, SubjectPublicKeyInfo */
  readonly spki: Buffer
}

/** The key pair that belongs to a seed: two processes that use one name share their anchors. */
export function keyPairOf(seed: string): KeyPair {
  const ecdh = crypto.createECDH('prime256v1')
  ecdh.setPrivateKey(sha256(seed))
  const point = ecdh.getPublicKey()
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  }
  const publicKey = crypto.createPublicKey({ key: jwk, format: 'jwk' })
  return {
    privateKey: crypto.createPrivateKey({ key: { ...jwk, d: ecdh.getPrivateKey().toString('base64url') }, format: 'jwk' }),
    publicKey,
    spki: publicKey.export({ format: 'der', type: 'spki' }),
  }
}

export const sha256 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = crypto.createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')

/** ECDSA over SHA-256, DER. */
export const sign = (key: KeyPair, data: Uint8Array): Buffer => crypto.sign('sha256', data, key.privateKey)

export const pem = (der: Uint8Array, label: string): string =>
  `-----BEGIN ${label}-----\n${(base64(der).match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`
