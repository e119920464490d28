/**
 * A whole Sigstore in one process: Fulcio with its CT log, Rekor (v1 and v2), a timestamp authority, a TUF repository, and
 * a registry's keys. It mints the evidence npm publishes for any package, digest and identity: valid, or with one fault.
 * Everything but `serveTUF` is synchronous and takes about a millisecond.
 */
import { dsse } from '@sigstore/core'
import type { Json, JsonObject } from '../../plugin/domain/json.ts'
import type { RegistrySignature } from '../../plugin/domain/packument.ts'
import type { Clock } from '../../plugin/domain/ports.ts'
import { isRekorV2, MEDIA_TYPES, type Bundle, type BundleVersion, type EntryKind, type Envelope } from './sigstore/bundle.ts'
import { ANCHORS_FROM, authorityOf, issue, type Authority, type LeafOptions } from './sigstore/fulcio.ts'
import type { Identity, WorkflowIdentity } from './sigstore/identity.ts'
import { base64, keyPairOf, sha256, sign, type KeyPair } from './sigstore/keys.ts'
import { logEntry, logOf, type Log, type Signer } from './sigstore/rekor.ts'
import { INTOTO, NPM_PUBLISH, REGISTRY, provenanceStatement, publishStatement, type Artifact } from './sigstore/statements.ts'
import { timestamp, timestampAuthorityOf, type TimestampAuthority } from './sigstore/tsa.ts'
import { serveTargets, type TufServer } from './sigstore/tuf.ts'
import { spoil, type CryptoFault } from './sigstore/spoil.ts'

export type { Bundle, BundleVersion, EntryKind, Envelope, LogEntry } from './sigstore/bundle.ts'
export * from './sigstore/identity.ts'
export * from './sigstore/statements.ts'
export { CRYPTO_FAULTS, type CryptoFault } from './sigstore/spoil.ts'
export type { TufServer } from './sigstore/tuf.ts'

/** A key of the registry. */
export interface RegistryKeyPair extends KeyPair {
  readonly keyid: string
  /** ISO 8601, or null */
  readonly expires: string | null
}

export interface MintOptions {
  /** When it was signed and logged; default: now, by the instance's clock. */
  readonly at?: Date
  /** When it was logged, if at another time than the certificate was issued for. */
  readonly logAt?: Date
  /** How the log records it; default `dsse/0.0.1`, and `intoto/0.0.2` for bundles v0.1. */
  readonly kind?: EntryKind
  /** Default 0.3 with a certificate, 0.2 with a key. */
  readonly bundle?: BundleVersion
  /** Signed entry timestamp; default true where the kind has one. */
  readonly promise?: boolean
  /** Inclusion proof and checkpoint; default false for bundles v0.1, else true. */
  readonly proof?: boolean
  /** RFC 3161 timestamp; default only for Rekor v2. */
  readonly timestamp?: boolean
  /** Its time; default that of the log. */
  readonly stampAt?: Date
  readonly payloadType?: string
  /** `keyid` of the envelope's signature, which nothing signs; default that of the key, or empty. */
  readonly keyid?: string
  readonly fault?: CryptoFault
  /** Parts that other instances have instead. */
  readonly from?: Readonly<Partial<Record<'ca' | 'ctlog' | 'log' | 'tsa', PrivateSigstore>>>
}

export interface KeylessOptions extends MintOptions {
  readonly purpose?: LeafOptions['purpose']
}

export interface KeyedOptions extends MintOptions {
  readonly key?: RegistryKeyPair
  /** Key hint of the bundle; default the key's id. */
  readonly hint?: string
}

/** The body of `/-/npm/v1/attestations/…`. */
export interface AttestationsDocument {
  readonly attestations: readonly { readonly predicateType: string; readonly bundle: Bundle }[]
}

/** The public half of every anchor of an instance. */
export interface Anchors {
  readonly ca: Authority
  readonly ctlog: KeyPair
  readonly rekor: Log
  readonly rekorV2: Log
  readonly tsa: TimestampAuthority
}

/** npm's first key ended then; a version signed with such a key is genuine if it is older. */
export const EXPIRED_KEY_END = '2025-01-29T00:00:00.000Z'

const registryKeyOf = (seed: string, expires: string | null): RegistryKeyPair => {
  const key = keyPairOf(seed)
  return { ...key, expires, keyid: `SHA256:${base64(sha256(key.spki)).replace(/=+$/, '')}` }
}

export class PrivateSigstore {
  readonly name: string
  readonly clock: Clock
  /** The registry's key in force. */
  readonly registryKey: RegistryKeyPair
  /** A key of the registry that ended at `EXPIRED_KEY_END`. */
  readonly expiredKey: RegistryKeyPair
  readonly #anchors: Anchors
  #serial = 100

  private constructor(name: string, clock: Clock, anchors?: Anchors) {
    this.name = name
    this.clock = clock
    this.registryKey = registryKeyOf(`${name}:registry`, null)
    this.expiredKey = registryKeyOf(`${name}:registry:expired`, EXPIRED_KEY_END)
    this.#anchors = anchors ?? {
      ca: authorityOf(`${name}:fulcio`, `${name}.test`, 'fulcio'),
      ctlog: keyPairOf(`${name}:ctlog`),
      rekor: logOf(`${name}:rekor`, `rekor.${name}.test`),
      rekorV2: logOf(`${name}:rekor-v2`, `log2.${name}.test`),
      tsa: timestampAuthorityOf(`${name}:tsa`, `${name}.test`),
    }
  }

  /** An instance. Two of one name have the same keys, so that processes can share one; another name is foreign. */
  static create(options: { readonly name?: string; readonly clock?: Clock; readonly anchors?: Anchors } = {}): PrivateSigstore {
    return new PrivateSigstore(options.name ?? 'private', options.clock ?? { now: () => new Date() }, options.anchors)
  }

  /** A TrustedRoot in JSON (sigstore protobuf-specs), valid from 2020. */
  trustedRoot(): JsonObject {
    const { ca, ctlog, rekor, rekorV2, tsa } = this.#anchors
    const validFor = { start: ANCHORS_FROM.toISOString() }
    const log = (host: string, key: KeyPair): JsonObject => ({
      baseUrl: `https://${host}`,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: base64(key.spki), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
      logId: { keyId: base64(sha256(key.spki)) },
    })
    const authority = (commonName: string, ...chain: readonly Buffer[]): JsonObject => ({
      subject: { organization: `${this.name}.test`, commonName },
      uri: `https://${commonName}.${this.name}.test`,
      certChain: { certificates: chain.map((der) => ({ rawBytes: base64(der) })) },
      validFor,
    })
    return {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log(rekor.host, rekor.key), log(rekorV2.host, rekorV2.key)],
      certificateAuthorities: [authority('fulcio', ca.certificate)],
      ctlogs: [log(`ct.${this.name}.test`, ctlog)],
      timestampAuthorities: [authority('tsa', tsa.certificate, tsa.root.certificate)],
    }
  }

  /** The registry's keys as `/-/npm/v1/keys` answers. */
  registryKeys(): JsonObject {
    return {
      keys: [this.expiredKey, this.registryKey].map(({ expires, keyid, spki }) => ({
        expires,
        keyid,
        keytype: 'ecdsa-sha2-nistp256',
        scheme: 'ecdsa-sha2-nistp256',
        key: base64(spki),
      })),
    }
  }

  /** The registry's keys as the TUF target `<host>/keys.json`: each key once for each usage. */
  registryKeysTarget(): JsonObject {
    const entry = ({ keyid, spki, expires }: RegistryKeyPair, keyUsage: string): JsonObject => ({
      keyId: keyid,
      keyUsage,
      publicKey: {
        rawBytes: base64(spki),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: '1999-01-01T00:00:00.000Z', ...(expires === null ? {} : { end: expires }) },
      },
    })
    const keys = [this.expiredKey, this.registryKey]
    return { keys: keys.flatMap((key) => [entry(key, 'npm:signatures'), entry(key, 'npm:attestations')]) }
  }

  /** A registry signature over `name@version:integrity`. */
  signRegistry(name: string, version: string, integrity: string, key: RegistryKeyPair = this.registryKey): RegistrySignature {
    return { keyid: key.keyid, sig: base64(sign(key, Buffer.from(`${name}@${version}:${integrity}`))) }
  }

  /** Signs with a key that lives as long as its certificate. A statement that is text is signed as it is. */
  keyless(statement: JsonObject | string, identity: Identity, options: KeylessOptions = {}): Bundle {
    const at = options.at ?? this.clock.now()
    const serial = ++this.#serial
    const key = keyPairOf(`${this.name}:leaf:${serial}`)
    const { ca, ctlog: ctlogOf } = options.from ?? {}
    const { ca: own } = options.fault === 'foreign-instance' ? this.#foreign() : this.#anchors
    const issuer = ca === undefined ? own : ca.#anchors.ca
    const ctlog = ctlogOf === undefined ? this.#ctlogFor(options.fault) : ctlogOf.#anchors.ctlog
    const certificate = issue(issuer, key.spki, identity, { at, serial, ctlog, purpose: options.purpose ?? 'codeSigning' })
    const raw = { rawBytes: base64(certificate) }
    const version = options.bundle ?? '0.3'
    const holder = version === '0.3' ? { certificate: raw } : { x509CertificateChain: { certificates: [raw] } }
    return this.#mint(statement, key, { certificate }, holder, '', version, at, options)
  }

  /** Signs with a key of the registry. */
  keyed(statement: JsonObject | string, options: KeyedOptions = {}): Bundle {
    const key = options.key ?? this.registryKey
    const holder = { publicKey: { hint: options.hint ?? key.keyid } }
    const at = options.at ?? this.clock.now()
    return this.#mint(statement, key, { spki: key.spki }, holder, key.keyid, options.bundle ?? '0.2', at, options)
  }

  /** The whole answer npm gives for a version with provenance: publish attestation first. */
  attestations(artifact: Artifact, identity: WorkflowIdentity, options: MintOptions = {}): AttestationsDocument {
    const statement = provenanceStatement(artifact, identity)
    const at = options.at ?? this.clock.now()
    return {
      attestations: [
        { predicateType: NPM_PUBLISH, bundle: this.keyed(publishStatement(artifact), { at }) },
        { predicateType: statement.predicateType, bundle: this.keyless(statement, identity, { ...options, at }) },
      ],
    }
  }

  /** Serves `trusted_root.json` and `<host>/keys.json` from a TUF repository on loopback. */
  serveTUF(options: { readonly registryHost?: string } = {}): Promise<TufServer> {
    return serveTargets({
      'trusted_root.json': this.trustedRoot(),
      [`${options.registryHost ?? new URL(REGISTRY).host}/keys.json`]: this.registryKeysTarget(),
    })
  }

  #foreign(): Anchors {
    return PrivateSigstore.create({ name: `${this.name}-foreign` }).#anchors
  }

  #ctlogFor(fault: CryptoFault | undefined): KeyPair | undefined {
    if (fault === 'no-sct') return undefined
    return fault === 'foreign-sct' || fault === 'foreign-instance' ? this.#foreign().ctlog : this.#anchors.ctlog
  }

  #mint(
    statement: JsonObject | string,
    key: KeyPair,
    signer: Signer,
    holder: Partial<Bundle['verificationMaterial']>,
    keyid: string,
    version: BundleVersion,
    at: Date,
    options: MintOptions,
  ): Bundle {
    const { fault } = options
    const kind = options.kind ?? (version === '0.1' ? 'intoto/0.0.2' : 'dsse/0.0.1')
    const payloadType = options.payloadType ?? INTOTO
    const payload = Buffer.from(typeof statement === 'string' ? statement : JSON.stringify(statement))
    const signature = sign(key, dsse.preAuthEncoding(payloadType, payload))
    const envelope: Envelope = {
      payload: base64(payload),
      payloadType,
      signatures: [{ sig: base64(signature), keyid: options.keyid ?? keyid }],
    }
    const own = fault === 'foreign-log' || fault === 'foreign-instance' ? this.#foreign() : this.#anchors
    const { log: logFrom, tsa: tsaFrom } = options.from ?? {}
    const { rekor, rekorV2 } = logFrom === undefined ? own : logFrom.#anchors
    const { tsa } = tsaFrom === undefined ? own : tsaFrom.#anchors
    const entry = logEntry(isRekorV2(kind) ? rekorV2 : rekor, envelope, signer, {
      kind,
      at: options.logAt ?? (fault === 'log-time' ? new Date(at.getTime() + 3_600_000) : at),
      index: 1_000_000 + ++this.#serial,
      promise: options.promise ?? true,
      proof: options.proof ?? version !== '0.1',
    })
    const stamped = options.timestamp ?? isRekorV2(kind)
    const bundle: Bundle = {
      mediaType: MEDIA_TYPES[version],
      verificationMaterial: {
        ...holder,
        tlogEntries: [entry],
        timestampVerificationData: {
          rfc3161Timestamps: stamped ? [{ signedTimestamp: base64(timestamp(tsa, signature, options.stampAt ?? options.logAt ?? at)) }] : [],
        },
      },
      dsseEnvelope: envelope,
    }
    return fault === undefined ? bundle : spoil(bundle, fault)
  }
}

/** The anchors of several instances in one root, as after a rotation. */
export function mergeTrustedRoots(...roots: readonly JsonObject[]): JsonObject {
  const all = (field: string): Json => roots.flatMap((root) => (root[field] ?? []) as readonly Json[])
  return {
    ...roots[0],
    tlogs: all('tlogs'),
    certificateAuthorities: all('certificateAuthorities'),
    ctlogs: all('ctlogs'),
    timestampAuthorities: all('timestampAuthorities'),
  }
}
