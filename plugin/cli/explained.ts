/** The answers of `/-/provenance/v1/packages/…`, read back: what came over the network is not trusted to have their shape. */
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { isReasonCode } from '../domain/reason.ts'
import { helpFor, type ReasonHelp } from '../domain/reason-help.ts'
import { withoutUnseen as safe } from '../domain/unseen.ts'

export type ExplainedOutcome = 'allow' | 'warn' | 'deny' | 'unavailable'

export interface ExplainedReason {
  readonly code: string
  readonly message: string
  /** Of this program's own words; undefined for a code it does not know. */
  readonly help: ReasonHelp | undefined
}

export interface ExplainedEvidence {
  readonly state: string
  readonly withdrawn: boolean
  /** As verified; empty unless it is. */
  readonly facts: JsonObject
  readonly reasons: readonly ExplainedReason[]
}

/** Who built a version; what its certificate does not say is undefined. */
export interface ExplainedBuilder {
  readonly issuer: string | undefined
  readonly sourceRepository: string | undefined
  readonly sourceRepositoryId: string | undefined
  readonly sourceOwnerId: string | undefined
  readonly sourceRef: string | undefined
  readonly sourceDigest: string | undefined
  readonly buildConfig: string | undefined
  readonly subjectAlternativeName: string
  readonly trigger: string | undefined
  readonly runner: string | undefined
  readonly run: string | undefined
}

export interface ExplainedVersion {
  readonly package: string
  readonly version: string
  readonly outcome: ExplainedOutcome
  readonly rule: string | undefined
  readonly reasons: readonly ExplainedReason[]
  readonly monitored: boolean
  readonly waiver: { readonly reason: string; readonly approvedBy: string; readonly expires: string } | undefined
  readonly validUntil: string | undefined
  readonly policyRevision: string | undefined
  readonly uplink: string | undefined
  readonly integrity: string | undefined
  readonly notBefore: string | undefined
  /** Undefined of a version that is gone. */
  readonly evidence: Readonly<Record<EvidenceName, ExplainedEvidence>> | undefined
  readonly builder: ExplainedBuilder | undefined
  readonly pins: readonly string[]
  readonly nearestAllowed: string | undefined
}

/** A version in a package's list: its verdict, without evidence. */
export interface ListedVersion {
  readonly version: string
  readonly outcome: ExplainedOutcome
  /** As claimed, unsigned, ISO 8601. */
  readonly published: string | undefined
}

export interface ExplainedPackage {
  readonly package: string
  readonly uplink: string | undefined
  readonly policyRevision: string | undefined
  readonly versions: readonly ListedVersion[]
}

export const EVIDENCE = ['signature', 'publishAttestation', 'provenance'] as const
export type EvidenceName = (typeof EVIDENCE)[number]

export function explainedPackage(document: JsonObject): ExplainedPackage {
  const versions = Object.entries(ownObject(document, 'versions') ?? {})
  return {
    package: textOf(document, 'package') ?? '',
    uplink: textOf(document, 'uplink'),
    policyRevision: textOf(document, 'policyRevision'),
    versions: versions.map(([version, entry]) => ({
      version,
      outcome: outcomeOf(isObject(entry) ? entry : {}),
      published: textOf(isObject(entry) ? entry : {}, 'published'),
    })),
  }
}

export function explainedVersion(document: JsonObject): ExplainedVersion {
  const evidence = ownObject(document, 'evidence')
  const waiver = ownObject(document, 'waiver')
  const all = evidence && { signature: evidenceOf(evidence, 'signature'), publishAttestation: evidenceOf(evidence, 'publishAttestation'), provenance: evidenceOf(evidence, 'provenance') }
  return {
    package: textOf(document, 'package') ?? '',
    version: textOf(document, 'version') ?? '',
    outcome: outcomeOf(document),
    rule: textOf(document, 'rule'),
    reasons: reasonsOf(document),
    monitored: own(document, 'monitored') === true,
    waiver: waiver && { reason: textOf(waiver, 'reason') ?? '', approvedBy: textOf(waiver, 'approvedBy') ?? '', expires: textOf(waiver, 'expires') ?? '' },
    validUntil: textOf(document, 'validUntil'),
    policyRevision: textOf(document, 'policyRevision'),
    uplink: textOf(document, 'uplink'),
    integrity: textOf(document, 'integrity'),
    notBefore: textOf(document, 'notBefore'),
    evidence: all,
    builder: all?.provenance.state === 'verified' ? builderOf(ownObject(all.provenance.facts, 'identity') ?? {}) : undefined,
    pins: listOf(own(ownObject(document, 'builtBy') ?? {}, 'pins')).map(pinText),
    nearestAllowed: textOf(document, 'nearestAllowed'),
  }
}

const OUTCOMES: ReadonlySet<string> = new Set<ExplainedOutcome>(['allow', 'warn', 'deny', 'unavailable'])
/** What is not understood was not allowed. */
const outcomeOf = (document: JsonObject): ExplainedOutcome => {
  const outcome = ownString(document, 'outcome') ?? ''
  return OUTCOMES.has(outcome) ? (outcome as ExplainedOutcome) : 'unavailable'
}

export const textOf = (document: JsonObject, key: string): string | undefined => {
  const text = ownString(document, key)
  return text === undefined ? undefined : safe(text)
}

const listOf = (value: Json | undefined): readonly JsonObject[] => (Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [])

const reasonsOf = (document: JsonObject): readonly ExplainedReason[] =>
  listOf(own(document, 'reasons')).map((one) => {
    const code = textOf(one, 'code') ?? ''
    return { code, message: textOf(one, 'message') ?? '', help: isReasonCode(code) ? helpFor(code) : undefined }
  })

function evidenceOf(evidence: JsonObject, name: EvidenceName): ExplainedEvidence {
  const one = ownObject(evidence, name) ?? {}
  return { state: textOf(one, 'state') ?? 'unknown', withdrawn: own(one, 'withdrawn') === true, facts: ownObject(one, 'facts') ?? {}, reasons: reasonsOf(one) }
}

const builderOf = (identity: JsonObject): ExplainedBuilder => ({
  issuer: textOf(identity, 'issuer'),
  sourceRepository: textOf(identity, 'sourceRepository'),
  sourceRepositoryId: textOf(identity, 'sourceRepositoryId'),
  sourceOwnerId: textOf(identity, 'sourceOwnerId'),
  sourceRef: textOf(identity, 'sourceRef'),
  sourceDigest: textOf(identity, 'sourceDigest'),
  buildConfig: textOf(identity, 'buildConfig'),
  subjectAlternativeName: textOf(identity, 'subjectAlternativeName') ?? '',
  trigger: textOf(identity, 'trigger'),
  runner: textOf(identity, 'runner'),
  run: textOf(identity, 'run'),
})

function pinText(pin: JsonObject): string {
  const [id, until] = [textOf(pin, 'sourceRepositoryId'), textOf(pin, 'until')]
  const where = textOf(pin, 'sourceRepository') ?? `a repository of ${textOf(pin, 'issuer') ?? 'an unknown issuer'}`
  const since = `since ${textOf(pin, 'version') ?? '?'} (${textOf(pin, 'because') ?? '?'})`
  return `${where}${id === undefined ? '' : ` (id ${id})`} ${since}${until === undefined ? '' : `, until ${until.slice(0, 10)}`}`
}
