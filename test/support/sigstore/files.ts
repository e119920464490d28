import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { X509Certificate as SigstoreCertificate } from '@sigstore/core'
import type { Anchors } from '../private-sigstore.ts'
import { sequence } from './der.ts'
import type { Authority } from './fulcio.ts'
import { sha256, type KeyPair } from './keys.ts'
import type { Log } from './rekor.ts'

export interface AnchorFiles {
  /** Names of `NAME.key` and `NAME.pem`. */
  readonly ca: string
  readonly ctlog: string
  readonly rekor: string
  readonly rekorHost: string
}

/** The anchors of an instance whose keys and certificates somebody else made: PEM files of a directory. */
export function anchorsIn(dir: string, { ca, ctlog, rekor, rekorHost }: AnchorFiles): Anchors {
  const read = (name: string): Buffer => readFileSync(path.join(dir, name))
  const keyOf = (name: string): KeyPair => {
    const privateKey = createPrivateKey(read(`${name}.key`))
    const publicKey = createPublicKey(privateKey)
    return { privateKey, publicKey, spki: publicKey.export({ format: 'der', type: 'spki' }) }
  }
  const authority = (name: string): Authority => {
    const certificate = new X509Certificate(read(`${name}.pem`)).raw
    const { subject, extSubjectKeyID } = SigstoreCertificate.parse(certificate)
    const keyIdentifier = extSubjectKeyID?.keyIdentifier
    return { key: keyOf(name), name: sequence(subject), certificate, ...(keyIdentifier === undefined ? {} : { keyIdentifier }) }
  }
  const key = keyOf(rekor)
  const log: Log = { host: rekorHost, key, id: sha256(key.spki) }
  return {
    ca: authority(ca),
    ctlog: keyOf(ctlog),
    rekor: log,
    rekorV2: log,
    tsa: { root: authority('tsa-root'), key: keyOf('tsa'), certificate: new X509Certificate(read('tsa.pem')).raw },
  }
}
