import { createHash } from 'node:crypto'
import { Unavailable } from '../domain/errors.ts'
import type { Evidence } from '../domain/evidence.ts'
import { parseIntegrity } from '../domain/integrity.ts'
import { isObject, own, type Json } from '../domain/json.ts'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import type { VersionManifest } from '../domain/packument.ts'
import type { AttestationResult, ByteStore, Ledger, Urgency, Verifier, VersionRecord } from '../domain/ports.ts'
import { isUnavailable, reason } from '../domain/reason.ts'
import type { PackageContext } from './context.ts'
import { assertNotRenewing } from './renewal.ts'
import { hasSameIntegrity } from './signatures.ts'

export interface AttestationDeps {
  readonly verifier: Verifier
  readonly ledger: Pick<Ledger, 'records' | 'record'>
  readonly bytes: ByteStore
}

const ABSENT: AttestationResult = { publishAttestation: { state: 'absent' }, provenance: { state: 'absent' } }
const CLAIMED: AttestationResult = { publishAttestation: { state: 'claimed' }, provenance: { state: 'claimed' } }
const KNOWN_PROVENANCE = new Set(['https://slsa.dev/provenance/v0.2', 'https://slsa.dev/provenance/v1'])

/**
 * The attestations of one version without asking the upstream: what is remembered, else what is claimed.
 * Good enough for a listing, never for the gate.
 */
export function knownAttestations(context: PackageContext, manifest: VersionManifest): AttestationResult {
  const own = ownCopy(context, manifest)
  const { ask } = expects(context, manifest)
  if (own === undefined) return ask ? claimed(manifest) : ABSENT
  if (own.known === undefined) return CLAIMED
  return stands(own.known) || !ask ? own.known : claimed(manifest)
}

/**
 * The attestations of one version, verified. The mirror's own copy comes first: evidence once verified for these bytes
 * cannot vanish. Otherwise the upstream is asked when it announces attestations (or when it is to be probed).
 */
export async function verifiedAttestations(
  context: PackageContext,
  manifest: VersionManifest,
  deps: AttestationDeps,
  urgency: Urgency = 'foreground',
): Promise<AttestationResult> {
  try {
    const own = await remembered(context, manifest, deps)
    if (own !== undefined && stands(own)) return own
    const fresh = await asked(context, manifest, deps, urgency)
    return own === undefined ? fresh : renewed(own, fresh)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const evidence: Evidence<never> = { state: 'unavailable', reasons: [error.reason] }
    return { publishAttestation: evidence, provenance: evidence }
  }
}

/**
 * A document that was verified and is no longer here (a disk that broke): the upstream's, where that is the very one. One that differs
 * was not verified.
 * @throws Unavailable
 */
export async function fetchedAgain({ upstream }: PackageContext, ref: PackageRef, digest: string, { bytes }: Pick<AttestationDeps, 'bytes'>): Promise<Uint8Array | undefined> {
  const document = await upstream.attestations(ref, 'foreground')
  if (document === 'absent' || digestOf(document) !== digest) return undefined
  await bytes.put(document)
  return document
}

/** @throws Unavailable for evidence that could not be had: nobody must be told that there is none */
export function assertAvailable({ publishAttestation, provenance }: AttestationResult): void {
  for (const { code, message } of [publishAttestation, provenance].flatMap((evidence) => (evidence.state === 'unavailable' ? evidence.reasons : [])))
    throw new Unavailable(isUnavailable(code) ? code : 'evidence-unavailable', message)
}

/** An own copy that rests on what is no longer trusted must not keep newer evidence from being asked for. */
const stands = ({ publishAttestation, provenance }: AttestationResult): boolean =>
  [publishAttestation, provenance].every(({ state }) => state === 'verified' || state === 'absent')

/** Only better evidence takes the place of a copy that no longer stands: else dropping it upstream would make it absent. */
const renewed = (own: AttestationResult, fresh: AttestationResult): AttestationResult => ({
  publishAttestation: isNews(fresh.publishAttestation) ? fresh.publishAttestation : own.publishAttestation,
  provenance: isNews(fresh.provenance) ? fresh.provenance : own.provenance,
})
const isNews = ({ state }: Evidence<unknown>): boolean => state === 'verified' || state === 'unavailable'

async function asked(
  context: PackageContext,
  manifest: VersionManifest,
  deps: AttestationDeps,
  urgency: Urgency,
): Promise<AttestationResult> {
  const { ask, announced } = expects(context, manifest)
  const integrity = parseIntegrity(manifest.dist.integrity)
  if (!ask || integrity.state !== 'ok') return ABSENT
  const ref = { name: context.document.packument.name, version: manifest.version }
  const document = await context.upstream.attestations(ref, urgency)
  if (document !== 'absent') assertDocument(document, ref)
  const result = document === 'absent' ? ABSENT : await verifyDocument(context, ref, integrity, document, deps)
  return announced ? missing(manifest, result, ref) : result
}

/** Whether the upstream is asked for a version's attestations, and whether its packument promised any. */
function expects(context: PackageContext, manifest: VersionManifest): { ask: boolean; announced: boolean } {
  const announced = manifest.dist.attestations !== undefined
  switch (context.upstream.attestationsMode) {
    case 'none':
      return { ask: false, announced: false }
    case 'probe':
      return { ask: true, announced }
    case 'announced':
      return { ask: announced, announced }
  }
}

interface OwnCopy {
  /** sha256 of the document in the byte store */
  readonly digest: string
  readonly integrity: { readonly sri: string; readonly sha512: string }
  /** What it said, while that still rests on trusted anchors. */
  readonly known: AttestationResult | undefined
}

/** The mirror's own copy of a version's attestations, when it is of the same bytes and holds all that is announced now. */
function ownCopy(context: PackageContext, { version, dist }: VersionManifest): OwnCopy | undefined {
  const record = context.records.get(version)
  if (record?.attestations === undefined) return undefined
  const integrity = parseIntegrity(dist.integrity)
  if (integrity.state !== 'ok' || record.integrity !== integrity.sri) return undefined
  // Provenance can be added later: then the copy without it is not all there is.
  if (dist.attestations?.provenance !== undefined && !record.had.provenance) return undefined
  const ref = { name: context.document.packument.name, version }
  const known = factOf(context, keyOf(ref, integrity.sha512, record.attestations, context.upstream.registry))
  return { digest: record.attestations, integrity, known: known && withdrawn(known, dist.attestations) }
}

const factOf = (context: PackageContext, key: string): AttestationResult | undefined => resultOf(context.facts.get(key))

function resultOf(found: Json | undefined): AttestationResult | undefined {
  const fact = found as readonly [AttestationResult['publishAttestation'], AttestationResult['provenance']] | undefined
  return fact && { publishAttestation: fact[0], provenance: fact[1] }
}

async function remembered(
  context: PackageContext,
  manifest: VersionManifest,
  deps: AttestationDeps,
): Promise<AttestationResult | undefined> {
  const own = ownCopy(context, manifest)
  if (own === undefined || own.known !== undefined) return own?.known
  const document = await deps.bytes.get(own.digest)
  if (document === undefined) return undefined
  const ref = { name: context.document.packument.name, version: manifest.version }
  return withdrawn(await verifyDocument(context, ref, own.integrity, document, deps), manifest.dist.attestations)
}

async function verifyDocument(
  context: PackageContext,
  ref: PackageRef,
  integrity: { readonly sri: string; readonly sha512: string },
  document: Uint8Array,
  deps: AttestationDeps,
): Promise<AttestationResult> {
  const { registry } = context.upstream
  const digest = digestOf(document)
  const key = keyOf(ref, integrity.sha512, digest, registry)
  const known = resultOf(await context.facts.find(key))
  if (known !== undefined) {
    // A fact may outlive the ledger's memory of it (a reset, a write that failed).
    if (context.records.get(ref.version)?.attestations === undefined) await remember(context, ref.version, integrity.sri, known, document, deps)
    return known
  }

  const { result, anchors } = await deps.verifier.attestations({ ref, sha512: integrity.sha512, document, registry }, context.trust)
  assertNotRenewing(context, result)
  context.facts.settle(key, [result.publishAttestation, result.provenance], anchors)
  await remember(context, ref.version, integrity.sri, result, document, deps)
  return result
}

async function remember(
  context: PackageContext,
  version: string,
  integrity: string,
  { publishAttestation, provenance }: AttestationResult,
  document: Uint8Array,
  { ledger, bytes }: AttestationDeps,
): Promise<void> {
  const states = [publishAttestation.state, provenance.state]
  if (!states.includes('verified') || !states.every((state) => state === 'verified' || state === 'absent')) return
  const { name } = context.document.packument
  const had = { publishAttestation: publishAttestation.state === 'verified', provenance: provenance.state === 'verified' }
  const known = ledger.records(context.upstream.registry, name).get(version)
  if (!hasSameIntegrity(known, integrity)) return
  // Documents are never evicted: one that says no more than the kept one would let an upstream fill the disk with variations.
  if (known?.attestations !== undefined && known.attestations !== digestOf(document) && saysAll(known.had, had)) return
  const record: VersionRecord = {
    version,
    integrity,
    recordedAt: context.document.confirmedAt,
    because: 'attestation',
    signatures: [],
    attestations: await bytes.put(document),
    had,
  }
  ledger.record(context.upstream.registry, name, [record])
}

const saysAll = (known: VersionRecord['had'], had: VersionRecord['had']): boolean =>
  (known.provenance || !had.provenance) && (known.publishAttestation || !had.publishAttestation)

const digestOf = (document: Uint8Array): string => createHash('sha256').update(document).digest('hex')

/** What was promised and is not in the answer counts against the version: an attacker who cannot forge evidence drops it. */
function missing(manifest: VersionManifest, result: AttestationResult, ref: PackageRef): AttestationResult {
  const announced = manifest.dist.attestations
  if (announced === undefined) return result
  const nothing = result.publishAttestation.state === 'absent' && result.provenance.state === 'absent'
  const lost: Evidence<never> = {
    state: 'invalid',
    reasons: [reason('attestation-missing', `the registry announces attestations of ${specOf(ref)} and does not have them`)],
  }
  const { provenance } = announced
  if (provenance === undefined) return nothing ? { ...result, publishAttestation: lost } : result
  if (result.provenance.state !== 'absent') return result
  if (KNOWN_PROVENANCE.has(provenance)) return { ...result, provenance: lost }
  const unsupported = reason('provenance-unsupported', `the provenance announced for ${specOf(ref)} is of a type this mirror cannot judge`)
  return { ...result, provenance: { state: 'invalid', reasons: [unsupported] } }
}

function claimed({ dist }: VersionManifest): AttestationResult {
  const claim = { state: 'claimed' } as const
  return dist.attestations === undefined
    ? { publishAttestation: claim, provenance: claim }
    : { publishAttestation: claim, provenance: dist.attestations.provenance === undefined ? { state: 'absent' } : claim }
}

/** An answer that is not an attestations document at all was not an answer: `unavailable`, not `invalid`. */
function assertDocument(document: Uint8Array, ref: PackageRef): void {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(document).toString('utf8'))
  } catch (error) {
    throw new Unavailable('evidence-unavailable', `the registry's answer for the attestations of ${specOf(ref)} is not JSON`, { cause: error })
  }
  if (!isObject(parsed) || !Array.isArray(own(parsed, 'attestations')))
    throw new Unavailable('evidence-unavailable', `the registry's answer for the attestations of ${specOf(ref)} is not an attestations document`)
}

const withdrawn = (result: AttestationResult, announced: VersionManifest['dist']['attestations']): AttestationResult => ({
  publishAttestation: announced === undefined ? gone(result.publishAttestation) : result.publishAttestation,
  provenance: announced?.provenance === undefined ? gone(result.provenance) : result.provenance,
})

const gone = <Facts>(evidence: Evidence<Facts>): Evidence<Facts> =>
  evidence.state === 'verified' ? { ...evidence, withdrawn: true } : evidence

const keyOf = (ref: PackageRef, sha512: string, document: string, registry: string): string =>
  `attestations:${createHash('sha256').update(JSON.stringify([ref.name, ref.version, sha512, document, registry])).digest('hex')}`
