import type { Candidate, Evidence, SignatureFacts } from '../domain/evidence.ts'
import { isUnavailable, type Reason } from '../domain/reason.ts'
import { contentsChecks } from './contents.ts'
import { downgradeChecks } from './downgrade.ts'
import { parseDuration } from './duration.ts'
import { deny, earliest, isMet, isRefusal, undecided, warn, type Check, type Finding, type Situation } from './finding.ts'
import { hintChecks, triggerChecks } from './hints.ts'
import { compileIdentity } from './identity.ts'
import { pinChecks } from './pin.ts'
import type { BranchDocument, RequireDocument } from './schema.ts'
import { absent, keyExpired, noBranchMet, notUnderstood, pending, publishedWithoutProvenance, tooYoung, type EvidenceKind } from './words.ts'

type Presence = 'required' | 'ifPresent'

/** Compiles what a rule requires; nothing for what it ignores. */
export function compileRequirements(require: RequireDocument): readonly Check[] {
  const { anyOf, registrySignature, publishAttestation, ...others } = require
  return [
    ...compileSiblings({ registrySignature, publishAttestation }).map(ofUplinks),
    ...compileSiblings(others),
    ...triggerChecks(require),
    ...hintChecks(require),
    ...downgradeChecks(require),
    ...pinChecks(require),
    ...contentsChecks(require),
    ...(anyOf === undefined ? [] : [compileAnyOf(anyOf)]),
  ]
}

/**
 * What a registry says of its versions. Of packages published here the registry is this mirror, so that defaults which ask for it
 * ask nothing of them; as one of several alternatives it stays unmet, since a branch must not become weaker.
 */
const ofUplinks =
  (check: Check): Check =>
  (candidate, situation) =>
    candidate.origin === 'local' ? [] : check(candidate, situation)

function compileSiblings({
  registrySignature,
  publishAttestation,
  provenance,
  minimumReleaseAge,
}: BranchDocument): readonly Check[] {
  const age = minimumReleaseAge === undefined ? 0 : parseDuration(minimumReleaseAge)
  return [
    ...(registrySignature === undefined || registrySignature === 'ignore' ? [] : [signatureCheck(registrySignature)]),
    ...(publishAttestation === undefined || publishAttestation === 'ignore' ? [] : [publishCheck(publishAttestation)]),
    ...(provenance === undefined || provenance === 'ignore' ? [] : [provenanceCheck(provenance)]),
    ...(age === 0 ? [] : [ageCheck(age)]),
  ]
}

const signatureCheck =
  (want: 'required' | 'whereSigned' | 'ifPresent'): Check =>
  (candidate, situation) => {
    const presence = want === 'whereSigned' ? (candidate.uplinkSigns ? 'required' : 'ifPresent') : want
    return lookAt('signature', candidate.signature, presence, situation, (facts) => keyExpiry(facts, candidate.notBefore))
  }

const publishCheck =
  (want: Presence): Check =>
  (candidate, situation) =>
    lookAt('publishAttestation', candidate.publishAttestation, want, situation, () => [])

function provenanceCheck(want: Presence | Exclude<NonNullable<BranchDocument['provenance']>, string>): Check {
  const presence = typeof want === 'string' ? want : 'required'
  const identity = typeof want === 'string' ? undefined : compileIdentity(want)
  return (candidate, situation) =>
    candidate.origin === 'local' && candidate.provenance.state === 'absent' && presence === 'required'
      ? [deny(publishedWithoutProvenance())]
      : lookAt('provenance', candidate.provenance, presence, situation, (facts) => identity?.(facts, candidate.ref) ?? [])
}

/**
 * One kind of evidence against one requirement. A claim is good for a listing where the policy lists on claims, and for
 * nothing else; only what the upstream answered not to have is absent.
 */
function lookAt<Facts>(
  kind: EvidenceKind,
  evidence: Evidence<Facts>,
  presence: Presence,
  situation: Situation,
  judge: (facts: Facts) => readonly Reason[],
): readonly Finding[] {
  switch (evidence.state) {
    case 'verified':
      return judge(evidence.facts).map(deny)
    case 'claimed':
      return situation.stage === 'listing' && situation.listing === 'claimed' ? [] : [undecided(pending(kind))]
    case 'absent':
      return presence === 'required' ? [deny(absent(kind))] : []
    case 'invalid':
    case 'unknown-key':
      return evidence.reasons.map((reason) => (isUnavailable(reason.code) ? undecided(reason) : deny(reason)))
    case 'unavailable':
      return evidence.reasons.map((reason) => (isExcused(reason, presence, situation) ? warn(reason) : undecided(reason)))
    default:
      // A state of another version of this program, out of a store: not understood, so not passed.
      return [deny(notUnderstood(kind))]
  }
}

/**
 * `onUnavailable: allow` is about upstreams that do not answer. A verification that could not be finished is not excused: its
 * evidence is there, and an attacker may have written it to be unfinishable.
 */
const isExcused = (reason: Reason, presence: Presence, { onUnavailable }: Situation): boolean =>
  onUnavailable === 'allow' && presence === 'ifPresent' && reason.code === 'evidence-unavailable'

/** Compared with what cannot be backdated. A time that is none does not prove that the key was still good. */
function keyExpiry({ keyid, keyExpires }: SignatureFacts, notBefore: Date): readonly Reason[] {
  if (keyExpires === null || Date.parse(keyExpires) >= notBefore.getTime()) return []
  return [keyExpired(keyid, keyExpires, notBefore)]
}

const ageCheck =
  (age: number): Check =>
  ({ notBefore, claims }, { now }) => {
    const claimed = claims.published !== undefined
    const until = new Date(notBefore.getTime() + age)
    if (now.getTime() >= until.getTime()) return []
    if (Number.isNaN(until.getTime())) return [deny(tooYoung(notBefore, age, undefined, claimed))]
    return [{ ...deny(tooYoung(notBefore, age, until, claimed)), until }]
  }

/**
 * One more requirement beside its siblings: one branch must be met. Where none is, and one could still be once its evidence is
 * to be had, it is undecided.
 */
function compileAnyOf(documents: readonly BranchDocument[]): Check {
  const branches = documents.map((document) => ({ text: describeBranch(document), checks: compileSiblings(document) }))
  return (candidate, situation) => {
    const results = branches.map(({ text, checks }) => ({ text, findings: runChecks(checks, candidate, situation) }))
    const met = results.find(({ findings }) => findings.length === 0) ?? results.find(({ findings }) => isMet(findings))
    if (met !== undefined) return met.findings
    const open = results.find(({ findings }) => !findings.some(isRefusal))
    if (open !== undefined) return open.findings
    const until = earliest(results.flatMap(({ findings }) => findings))
    const parts = results.map(({ text, findings }) => ({ text, codes: findings.map(({ reason }) => reason.code) }))
    return [{ ...deny(noBranchMet(parts)), ...(until === undefined ? {} : { until }) }]
  }
}

const describeBranch = (branch: BranchDocument): string =>
  Object.entries(branch)
    .map(([key, value]) => `${key}: ${typeof value === 'object' ? 'an identity' : String(value)}`)
    .join(' and ')

export const runChecks = (checks: readonly Check[], candidate: Candidate, situation: Situation): readonly Finding[] =>
  checks.flatMap((check) => check(candidate, situation))
