import type { Bundle, LogEntry } from './bundle.ts'
import { base64, sha256 } from './keys.ts'

/**
 * What can be wrong with a bundle, one thing at a time. Those before the blank line are made while minting (by another
 * instance, or not at all), the others by an attacker who alters a bundle that was good.
 */
export const CRYPTO_FAULTS = [
  'no-sct',
  'foreign-sct',
  'foreign-log',
  'foreign-instance',
  'log-time',

  'no-log-entry',
  'altered-set',
  'altered-time',
  'bad-proof',
  'bad-checkpoint',
  'no-timestamp',
  'duplicate-entries',
  'altered-payload',
  'altered-signature',
  'altered-payload-type',
  'two-contents',
  'two-holders',
  'unknown-media-type',
  'huge-proof',
] as const
export type CryptoFault = (typeof CRYPTO_FAULTS)[number]

/** Returns the bundle with one fault. */
export function spoil(bundle: Bundle, fault: CryptoFault): Bundle {
  switch (fault) {
    case 'no-sct':
    case 'foreign-sct':
    case 'foreign-log':
    case 'foreign-instance':
    case 'log-time':
      return bundle
    case 'no-log-entry':
      return withEntries(bundle, () => [])
    case 'altered-set':
      return withEntry(bundle, (entry) => {
        const signedEntryTimestamp = otherSignature(promiseOf(entry))
        return { ...entry, inclusionPromise: { signedEntryTimestamp } }
      })
    case 'altered-time':
      return withEntry(bundle, (entry) => ({ ...entry, integratedTime: String(Number(entry.integratedTime) + 5) }))
    case 'bad-proof':
      return withProof(bundle, (proof) => ({ ...proof, hashes: [base64(sha256('another sibling'))] }))
    case 'bad-checkpoint':
      return withProof(bundle, (proof) => {
        const [origin, size, , ...rest] = proof.checkpoint.envelope.split('\n')
        return { ...proof, checkpoint: { envelope: [origin, size, base64(sha256('another root')), ...rest].join('\n') } }
      })
    case 'no-timestamp': {
      const material = { ...bundle.verificationMaterial, timestampVerificationData: { rfc3161Timestamps: [] } }
      return withEntry({ ...bundle, verificationMaterial: material }, (entry) => {
        const { inclusionPromise, ...rest } = entry
        return inclusionPromise === undefined ? entry : rest
      })
    }
    case 'duplicate-entries':
      return withEntries(bundle, (entries) => [...entries, ...entries])
    case 'altered-payload': {
      const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('pkg:npm/', 'pkg:npm/evil-')
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: base64(payload) } }
    }
    case 'altered-signature': {
      const signatures = bundle.dsseEnvelope.signatures.map((signature) => ({ ...signature, sig: otherSignature(signature.sig) }))
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures } }
    }
    case 'altered-payload-type':
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payloadType: 'text/plain' } }
    case 'two-contents': {
      const digest = base64(sha256('another artifact'))
      const signature = bundle.dsseEnvelope.signatures[0]?.sig ?? ''
      return { ...bundle, messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature } }
    }
    case 'two-holders': {
      const material = bundle.verificationMaterial
      const publicKey = { hint: 'SHA256:another' }
      return { ...bundle, verificationMaterial: { ...material, publicKey, ...certificateOf(material) } }
    }
    case 'unknown-media-type':
      return { ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle.v0.9+json' }
    case 'huge-proof': {
      const hashes = Array.from({ length: 60_000 }, (_, i) => base64(sha256(String(i))))
      return withProof(bundle, (proof) => ({ ...proof, hashes }))
    }
  }
}

const certificateOf = (material: Bundle['verificationMaterial']): Partial<Bundle['verificationMaterial']> =>
  material.certificate === undefined && material.x509CertificateChain === undefined
    ? { certificate: { rawBytes: base64(sha256('no certificate')) } }
    : {}

const withEntries = (bundle: Bundle, change: (entries: readonly LogEntry[]) => readonly LogEntry[]): Bundle => ({
  ...bundle,
  verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: change(bundle.verificationMaterial.tlogEntries) },
})

const withEntry = (bundle: Bundle, change: (entry: LogEntry) => LogEntry): Bundle =>
  withEntries(bundle, (entries) => entries.map(change))

type Proof = NonNullable<LogEntry['inclusionProof']>
const withProof = (bundle: Bundle, change: (proof: Proof) => Proof): Bundle =>
  withEntry(bundle, (entry) => {
    if (entry.inclusionProof === undefined) throw new TypeError('the entry has no proof to spoil')
    return { ...entry, inclusionProof: change(entry.inclusionProof) }
  })

const promiseOf = (entry: LogEntry): string => {
  if (entry.inclusionPromise === undefined) throw new TypeError('the entry has no promise to alter')
  return entry.inclusionPromise.signedEntryTimestamp
}

/** Still a well-formed DER signature, and of nothing: the last byte belongs to its second number. */
function otherSignature(sig: string): string {
  const bytes = Buffer.from(sig, 'base64')
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  return base64(bytes)
}
