import { hash } from 'node:crypto'
import type { Evidence, SignatureFacts } from '../domain/evidence.ts'
import { isOneSha512 } from '../domain/integrity.ts'
import type { RegistrySignature, VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import type { Ledger, RegistryKey, SignatureTask, Verifier, VersionRecord } from '../domain/ports.ts'
import { inTurns, nextTurn } from '../domain/turns.ts'
import type { PackageContext } from './context.ts'
import { unlessRenewing } from './renewal.ts'

type SignatureEvidence = Evidence<SignatureFacts>
const CLAIMED: SignatureEvidence = { state: 'claimed' }

interface Question {
  readonly task: SignatureTask
  /** The upstream no longer has this signature; it is the mirror's own copy. */
  readonly withdrawn: boolean
  readonly key: string
}

export interface SignatureOptions {
  /** Versions whose signature is taken at its word unless it is known already: `claimed`. */
  readonly mayWait?: ((manifest: VersionManifest) => boolean) | undefined
  /** Whether what verified is to be remembered, once it has. */
  readonly isStill?: (() => boolean) | undefined
}

/**
 * Registry signatures of the given versions, verified off the event loop in one batch; known facts cost nothing.
 * What verified is written to the ledger.
 */
export async function signaturesOf(
  context: PackageContext,
  manifests: readonly VersionManifest[],
  verifier: Verifier,
  ledger: Ledger,
  { mayWait = () => false, isStill = () => true }: SignatureOptions = {},
): Promise<ReadonlyMap<string, SignatureEvidence>> {
  // What is published here is signed by this mirror when it answers (http/local-signatures.ts): that is nobody's word but its own.
  if (context.upstream.registry === PUBLISHED_HERE) return new Map()
  const { name } = context.document.packument
  const evidence = new Map<string, SignatureEvidence>()
  const open: Question[] = []
  const forgotten: Question[] = []
  const note = (question: Question, known: SignatureEvidence): void => {
    evidence.set(question.task.version, marked(known, question.withdrawn))
    // Facts may outlive the ledger's memory of them (a reset, a write that failed); what is not in the ledger could vanish.
    if (known.state === 'verified' && !isRemembered(question, context.records)) forgotten.push(question)
  }
  await inTurns(manifests, (manifest) => {
    const question = questionOf(name, manifest, context.records.get(manifest.version))
    if (question === undefined) {
      evidence.set(manifest.version, { state: 'absent' })
      return
    }
    const known = context.facts.get(question.key) as readonly [SignatureEvidence] | undefined
    if (known === undefined) {
      if (!question.withdrawn && mayWait(manifest)) evidence.set(manifest.version, CLAIMED)
      else open.push(question)
      return
    }
    note(question, known[0])
  })
  if (open.length > 0 && (await context.facts.learn())) {
    const unknown = open.splice(0)
    await inTurns(unknown, (question) => {
      const known = context.facts.learned(question.key) as readonly [SignatureEvidence] | undefined
      if (known === undefined) open.push(question)
      else note(question, known[0])
    })
  }
  if (open.length === 0) {
    await remember(context, forgotten, evidence, ledger)
    return evidence
  }

  const results = await verifier.signatures(
    name,
    open.map(({ task }) => task),
    context.trust,
  )
  await inTurns(results, ({ result, anchors }, index) => {
    const question = open[index]
    if (question === undefined) throw new RangeError('more verification results than tasks')
    const settled = unlessRenewing(context, result)
    context.facts.settle(question.key, [settled], anchors)
    evidence.set(question.task.version, marked(settled, question.withdrawn))
  })
  if (isStill()) await remember(context, [...open, ...forgotten], evidence, ledger)
  return evidence
}

/** The same of one version without verifying anything: what is remembered, else what is claimed. */
export function knownSignature(context: PackageContext, manifest: VersionManifest): SignatureEvidence {
  const question = questionOf(context.document.packument.name, manifest, context.records.get(manifest.version))
  if (question === undefined) return { state: 'absent' }
  const known = context.facts.get(question.key) as readonly [SignatureEvidence] | undefined
  return known === undefined ? { state: 'claimed' } : marked(known[0], question.withdrawn)
}

/** What to verify: the upstream's signatures, else the mirror's own copy over the same integrity, else nothing. */
function questionOf(name: string, manifest: VersionManifest, record: VersionRecord | undefined): Question | undefined {
  const { integrity, signatures: offered } = manifest.dist
  if (!isOneSha512(integrity)) return undefined
  const kept = record?.integrity === integrity && record.signatures.length > 0 ? record.signatures : undefined
  const signatures = offered ?? kept
  if (signatures === undefined) return undefined
  const task = { version: manifest.version, integrity, signatures }
  return { task, withdrawn: offered === undefined, key: keyOf(name, task) }
}

const keyOf = (name: string, task: SignatureTask): string =>
  `signature:${hash('sha256', JSON.stringify([name, task.version, task.integrity, task.signatures]))}`

const isRemembered = ({ task }: Question, records: ReadonlyMap<string, VersionRecord>): boolean => {
  const record = records.get(task.version)
  // Of other bytes nothing is written whatever verified: the first integrity stays.
  return record !== undefined && (record.integrity !== task.integrity || record.signatures.length > 0)
}

const marked = (evidence: SignatureEvidence, withdrawn: boolean): SignatureEvidence =>
  withdrawn && evidence.state === 'verified' ? { ...evidence, withdrawn: true } : evidence

/** So many rows are made and written in a few milliseconds. */
const ROWS = 200

async function remember(
  context: PackageContext,
  asked: readonly Question[],
  evidence: ReadonlyMap<string, SignatureEvidence>,
  ledger: Ledger,
): Promise<void> {
  const isPinned = context.trust.keysArePinned === true
  let hasWritten = false
  for (let from = 0; from < asked.length; from += ROWS) {
    if (from > 0) await nextTurn()
    const records = asked
      .slice(from, from + ROWS)
      .filter(({ task }) => evidence.get(task.version)?.state === 'verified')
      .filter(({ task }) => hasSameIntegrity(context.records.get(task.version), task.integrity))
      .map(({ task }) => recordOf(context, task, evidence.get(task.version)))
    if (records.length === 0) continue
    ledger.record(context.upstream.registry, context.document.packument.name, records, !isPinned)
    hasWritten = true
  }
  // A registry's own word about its keys does not oblige it to anything.
  if (hasWritten && !isPinned) ledger.setSigns(context.upstream.registry)
}

const recordOf = ({ document, trust }: PackageContext, task: SignatureTask, evidence: SignatureEvidence | undefined): VersionRecord => ({
  version: task.version,
  integrity: task.integrity,
  recordedAt: document.confirmedAt,
  because: 'signature',
  signatures: vouching(task.signatures, evidence, trust.registryKeys),
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
})

/** Those of keys not known here were not looked at: anybody can add as many as he likes, and the ledger forgets nothing. */
function vouching(
  signatures: SignatureTask['signatures'],
  evidence: SignatureEvidence | undefined,
  keys: readonly RegistryKey[],
): readonly RegistrySignature[] {
  if (signatures === 'malformed' || evidence?.state !== 'verified') return []
  const ofSignatures = keys.filter(({ usages }) => usages.includes('signatures'))
  const known = new Set([evidence.facts.keyid, ...ofSignatures.map(({ keyid }) => keyid)])
  return signatures.filter(({ keyid }) => known.has(keyid))
}

/** A first record, or one of the same bytes: another integrity is `integrity-changed` and never overwrites. */
export const hasSameIntegrity = (record: VersionRecord | undefined, integrity: string): boolean =>
  record === undefined || record.integrity === integrity
