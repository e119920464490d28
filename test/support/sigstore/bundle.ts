/** A Sigstore bundle in its JSON form (sigstore protobuf-specs, Bundle), as loose as an attacker may write it. */
export interface Bundle {
  readonly mediaType: string
  readonly verificationMaterial: {
    readonly certificate?: RawBytes
    readonly x509CertificateChain?: { readonly certificates: readonly RawBytes[] }
    readonly publicKey?: { readonly hint: string }
    readonly tlogEntries: readonly LogEntry[]
    readonly timestampVerificationData: { readonly rfc3161Timestamps: readonly { readonly signedTimestamp: string }[] }
  }
  readonly dsseEnvelope: Envelope
  readonly messageSignature?: {
    readonly messageDigest: { readonly algorithm: string; readonly digest: string }
    readonly signature: string
  }
}

interface RawBytes {
  /** base64, DER */
  readonly rawBytes: string
}

/** DSSE; `payload` and `sig` are base64. */
export interface Envelope {
  readonly payload: string
  readonly payloadType: string
  readonly signatures: readonly { readonly sig: string; readonly keyid: string }[]
}

/** A transparency log entry; 64-bit numbers are strings, bytes base64. */
export interface LogEntry {
  readonly logIndex: string
  readonly logId: { readonly keyId: string }
  readonly kindVersion: { readonly kind: string; readonly version: string }
  /** Unix seconds; 0 for Rekor v2. */
  readonly integratedTime: string
  readonly inclusionPromise?: { readonly signedEntryTimestamp: string }
  readonly inclusionProof?: {
    readonly logIndex: string
    readonly treeSize: string
    readonly rootHash: string
    readonly hashes: readonly string[]
    readonly checkpoint: { readonly envelope: string }
  }
  readonly canonicalizedBody: string
}

/** What the log records an envelope as. The last two are Rekor v2, whose entries carry no time. */
export type EntryKind = 'dsse/0.0.1' | 'intoto/0.0.2' | 'hashedrekord/0.0.1' | 'dsse/0.0.2' | 'hashedrekord/0.0.2'
export const isRekorV2 = (kind: EntryKind): boolean => kind === 'dsse/0.0.2' || kind === 'hashedrekord/0.0.2'

export const MEDIA_TYPES = {
  '0.1': 'application/vnd.dev.sigstore.bundle+json;version=0.1',
  '0.2': 'application/vnd.dev.sigstore.bundle+json;version=0.2',
  '0.3': 'application/vnd.dev.sigstore.bundle.v0.3+json',
} as const
export type BundleVersion = keyof typeof MEDIA_TYPES
