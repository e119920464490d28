import { bundleFromJSON, type Bundle } from '@sigstore/bundle'
import { toSignedEntity, type SignedEntity } from '@sigstore/verify'
import { isObject, own, ownObject, type Json, type JsonObject } from '../domain/json.ts'
import type { ReasonCode } from '../domain/reason.ts'
import { anchorsOfEntity, unknownAnchor, type Signer } from './bundle-anchors.ts'
import type { CompiledInstance, CompiledTrust } from './compiled-trust.ts'
import { EvidenceFault, guarded } from './fault.ts'
import { withQuickLeaf } from './leaf-certificate.ts'

/** sigstore/protobuf-specs, Bundle.media_type. The library knows these and takes any other for the newest. */
const MEDIA_TYPES: ReadonlySet<Json | undefined> = new Set([
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
])
/** npm's bundles have 6-8 KB. */
const MAX_BUNDLE_BYTES = 256 * 1024

export type Envelope = Extract<Bundle['content'], { $case: 'dsseEnvelope' }>['dsseEnvelope']

/** A bundle that was read and whose form is sound. Nothing of it is verified. */
export interface ReadBundle {
  readonly entity: SignedEntity
  readonly envelope: Envelope
  readonly signer: Signer
}

/** What the cryptography says of a bundle: somebody signed exactly this envelope, and a log knew it by then. */
export interface VerifiedBundle {
  /** The latest verified time. */
  readonly loggedAt: Date
  /** Where the log put it, when that is signed. */
  readonly logIndex: string | undefined
  readonly anchors: readonly string[]
  /** The one Sigstore instance that all of it rests on; undefined for the default one. */
  readonly instance: string | undefined
}

/**
 * Reads a Sigstore bundle with a DSSE envelope.
 * @throws EvidenceFault with `code`
 */
export function readBundle(raw: JsonObject, code: ReasonCode): ReadBundle {
  if (Buffer.byteLength(JSON.stringify(raw)) > MAX_BUNDLE_BYTES)
    throw new EvidenceFault(code, `the bundle is larger than ${MAX_BUNDLE_BYTES} bytes`, { cause: 'too-large' })
  if (!MEDIA_TYPES.has(own(raw, 'mediaType')))
    throw new EvidenceFault(code, 'the bundle is of a media type that is not known', { cause: 'media-type' })
  assertOneOf(raw, ['dsseEnvelope', 'messageSignature'], code)
  assertOneOf(ownObject(raw, 'verificationMaterial') ?? {}, ['publicKey', 'certificate', 'x509CertificateChain'], code)
  assertTexts(own(raw, 'dsseEnvelope'), code)
  return guarded(code, 'the bundle is malformed', () => {
    const bundle = bundleFromJSON(raw)
    if (bundle.content.$case !== 'dsseEnvelope' || bundle.content.dsseEnvelope.signatures.length !== 1)
      throw new EvidenceFault(code, 'the bundle holds no envelope with exactly one signature', { cause: 'envelope' })
    const entity = withQuickLeaf(toSignedEntity(bundle), bundle)
    const { key } = entity
    const signer: Signer =
      key.$case === 'certificate' ? { kind: 'certificate', certificate: key.certificate } : { kind: 'key', hint: key.hint }
    return { entity, envelope: bundle.content.dsseEnvelope, signer }
  })
}

/** Of two contents or two signers the library takes one and says nothing of the other; another reader takes the other. */
function assertOneOf(object: JsonObject, fields: readonly string[], code: ReasonCode): void {
  if (fields.filter((field) => (own(object, field) ?? null) !== null).length !== 1)
    throw new EvidenceFault(code, `the bundle does not hold exactly one of ${fields.join(', ')}`, { cause: 'ambiguous' })
}

/** The reader makes text and bytes of whatever it finds, so that a list of numbers would be a payload. */
function assertTexts(envelope: Json | undefined, code: ReasonCode): void {
  const fields = isObject(envelope) ? [own(envelope, 'payload'), own(envelope, 'payloadType')] : [undefined]
  if (!fields.every((field) => typeof field === 'string'))
    throw new EvidenceFault(code, 'the bundle holds no envelope with a payload', { cause: 'envelope' })
}

/**
 * Verifies signer, signature, log entries and times of a bundle against one Sigstore instance of the trust material: a certificate of
 * one with a log entry of another is evidence of neither.
 * @throws EvidenceFault with `code`, or in state `unknown-key` when no key goes by the hint
 */
export function verifyBundle(read: ReadBundle, trust: CompiledTrust, code: ReasonCode): VerifiedBundle {
  return underAny(instancesNamed(read, trust, code), (instance) => verifyUnder(instance, read, code))
}

/** More than one only where instances share a CA and their logs: then their validities decide which of them vouches. */
function underAny(instances: Instances, verify: (instance: CompiledInstance) => VerifiedBundle): VerifiedBundle {
  const [first, next, ...rest] = instances
  if (next === undefined) return verify(first)
  try {
    return verify(first)
  } catch {
    return underAny([next, ...rest], verify)
  }
}

function verifyUnder(trust: CompiledInstance, { entity, signer }: ReadBundle, code: ReasonCode): VerifiedBundle {
  return guarded(code, 'the bundle does not verify', () => {
    trust.verifier.verify(entity)
    const loggedAt = latestTime(entity)
    const anchors = anchorsOfEntity(entity, signer, loggedAt, trust)
    return { loggedAt, logIndex: signedIndex(entity), anchors, instance: trust.instance }
  })
}

type Instances = readonly [CompiledInstance, ...CompiledInstance[]]

/** The instances that know everybody whom the bundle names; nothing is verified. */
function instancesNamed({ entity, signer }: ReadBundle, trust: CompiledTrust, code: ReasonCode): Instances {
  const { known, unknown, elsewhere } = guarded(code, 'the bundle is malformed', () => {
    const unknowns = [trust, ...trust.others].map((instance) => ({ instance, unknown: unknownAnchor(entity, signer, instance) }))
    const known = unknowns.filter((one) => one.unknown === undefined).map(({ instance }) => instance)
    const elsewhere = known.length > 0 ? undefined : trust.elsewhere.find((instance) => unknownAnchor(entity, signer, instance) === undefined)
    return { known, unknown: unknowns[0]?.unknown ?? '', elsewhere }
  })
  const [first, ...more] = known
  if (first !== undefined) return [first, ...more]
  if (elsewhere !== undefined) {
    const instance = elsewhere.instance ?? 'default'
    throw new EvidenceFault(code, `the bundle is of the Sigstore instance ${instance}, which does not vouch for this package here`, { cause: 'instance-not-allowed', instance })
  }
  // An unknown instance may be one that the trust material is too old to know: said, so that it can be renewed.
  throw new EvidenceFault(
    code,
    `the bundle rests on a ${unknown} that is not trusted here`,
    { cause: 'unknown-anchor', unknown },
    { unknownAnchor: true },
  )
}

/** The times the library verified: those of entries with a promise, and RFC 3161 timestamps. */
function latestTime(entity: SignedEntity): Date {
  const times = entity.timestamps.flatMap((timestamp) => {
    if (timestamp.$case === 'timestamp-authority') return [timestamp.timestamp.signingTime.getTime()]
    const { inclusionPromise, integratedTime } = timestamp.tlogEntry
    return inclusionPromise === undefined ? [] : [Number(integratedTime) * 1000]
  })
  const latest = Math.max(...times)
  if (!Number.isFinite(latest)) throw new RangeError('no verified time')
  return new Date(latest)
}

/** The index is covered by the promise (SET) alone: a proof speaks of a place in one tree, which is another number. */
function signedIndex(entity: SignedEntity): string | undefined {
  const index = Number(entity.tlogEntries.find((entry) => entry.inclusionPromise !== undefined)?.logIndex ?? NaN)
  return Number.isSafeInteger(index) ? String(index) : undefined
}
