import type { Candidate } from '../domain/evidence.ts'
import type { EvidenceNeeds } from '../domain/ports.ts'
import { isForgery, isRecall, isUnavailable, type Reason, type ReasonCode } from '../domain/reason.ts'
import type { AppliedWaiver, Outcome, Verdict } from '../domain/verdict.ts'
import { deny, earliest, SEVERITIES, undecided, warn, type Finding, type Situation } from './finding.ts'
import { runChecks } from './requirements.ts'
import type { Rule } from './rules.ts'
import { integrityFindings, isSoftenable, waive, type Waiver } from './waiver.ts'
import { deniedByRule, noRule, show, withdrawn, type EvidenceKind } from './words.ts'

/** Decides on one version: forgery, the rule's own verdict, its requirements, waivers, what becomes of failures, the policy's mode. */
export function evaluate(
  rule: Rule | undefined,
  candidate: Candidate,
  situation: Situation,
  mode: 'enforce' | 'monitor',
  waivers: readonly Waiver[] = [],
): Verdict {
  if (rule === undefined && candidate.origin === 'local') return applyMode(publishedHere(candidate), mode)
  // No silent default: a version no rule speaks of is a mistake in this program, and refused whatever the mode.
  if (rule === undefined) return { outcome: 'deny', rule: 'none', reasons: [noRule()] }
  const integrity = integrityFindings(candidate, waivers)
  const findings = [
    ...forgeries(candidate, rule.examines),
    ...integrity,
    ...faults(candidate),
    ...ownVerdict(rule),
    ...failures(rule, waive(runChecks(rule.checks, candidate, situation), waivers)),
    ...warnings(candidate, rule.examines),
  ]
  // Bytes that a waiver names are the right ones, whatever else is refused of them.
  const excused = new Set(integrity.filter(({ waiver }) => waiver !== undefined).map(({ reason }) => reason.code))
  return applyMode(conclude(rule.name, findings, rule.condition?.changesAt(candidate, situation.now)), mode, excused)
}

/** What no rule speaks of and was published here is the organisation's own; but never other bytes than were published. */
const publishedHere = ({ faults }: Candidate): Verdict =>
  conclude(
    'packages published here',
    faults.map((fault) => (fault.code.startsWith('integrity-') || isRecall(fault.code) ? { severity: 'forgery', reason: fault } : warn(fault))),
    undefined,
  )

/** `onFailure` is about what the rule requires, and about nothing that is wrong with the version whatever the rule. */
const failures = ({ onFailure }: Rule, findings: readonly Finding[]): readonly Finding[] =>
  onFailure === 'deny' ? findings : findings.map((finding) => (isSoftenable(finding) ? { ...finding, severity: 'warn' } : finding))

const KINDS = ['signature', 'publishAttestation', 'provenance'] as const satisfies readonly EvidenceKind[]

/** Excused by no rule and no branch; what the rule ignores is not examined. */
function forgeries(candidate: Candidate, examines: EvidenceNeeds): readonly Finding[] {
  const reasons = [
    ...candidate.faults,
    ...KINDS.filter((kind) => examines[kind]).flatMap((kind) => reasonsOf(candidate[kind])),
  ]
  return reasons.filter(({ code }) => isForgery(code)).map((reason) => ({ severity: 'forgery', reason }))
}

const reasonsOf = (evidence: Candidate[EvidenceKind]): readonly Reason[] => ('reasons' in evidence ? evidence.reasons : [])

const faults = (candidate: Candidate): readonly Finding[] =>
  candidate.faults.map((reason) => (isUnavailable(reason.code) ? undecided(reason) : deny(reason)))

const ownVerdict = ({ verdict }: Rule): readonly Finding[] =>
  verdict?.outcome === 'deny' ? [deny(deniedByRule(verdict.reason))] : []

const warnings = (candidate: Candidate, examines: EvidenceNeeds): readonly Finding[] => [
  ...candidate.warnings.map(warn),
  ...KINDS.filter((kind) => examines[kind] && isWithdrawn(candidate[kind])).map((kind) => warn(withdrawn(kind))),
]

const isWithdrawn = (evidence: Candidate[EvidenceKind]): boolean => evidence.state === 'verified' && evidence.withdrawn === true

const OUTCOMES = { forgery: 'deny', deny: 'deny', unavailable: 'unavailable', warn: 'warn' } as const satisfies Record<
  string,
  Outcome
>

/** The worst finding decides; the reasons are listed worst first, each once. */
function conclude(rule: string, findings: readonly Finding[], changes: Date | undefined): Verdict {
  const sorted = SEVERITIES.flatMap((severity) => findings.filter((finding) => finding.severity === severity))
  const [worst] = sorted
  const until = earlier(earliest(sorted), changes)
  const outcome = worst === undefined ? 'allow' : OUTCOMES[worst.severity]
  const waivers = outcome === 'warn' ? sorted.flatMap((finding) => finding.waiver ?? []) : []
  const [waiver] = waivers
  return {
    outcome,
    rule,
    reasons: onlyOnce(sorted.map(({ reason }) => reason)),
    ...(waiver === undefined ? {} : { waiver: applied(waiver), waivers: [...new Set(waivers.map(({ id }) => id))] }),
    ...(until === undefined ? {} : { validUntil: until }),
  }
}

/** What people wrote ends in logs and answers, where no e-mail address is shown. */
const applied = ({ package: spec, reason, approvedBy, expires }: AppliedWaiver): AppliedWaiver => ({
  package: spec,
  reason: show(reason),
  approvedBy: show(approvedBy),
  expires,
})

const earlier = (a: Date | undefined, b: Date | undefined): Date | undefined => (a === undefined || (b !== undefined && b < a) ? b : a)

/** A code is the same finding when it is said in the same words, or when the tarball's integrity was found wanting twice. */
const onlyOnce = (reasons: readonly Reason[]): readonly Reason[] =>
  reasons.filter(
    (reason, index) =>
      reasons.findIndex(
        ({ code, message }) => code === reason.code && (message === reason.message || code.startsWith('integrity-')),
      ) === index,
  )

const NOTHING_EXCUSED: ReadonlySet<ReasonCode> = new Set()

/** `monitor` serves what policy refuses and says so, but never wrong bytes, nor what an operator recalled. What cannot be decided is not a refusal. */
function applyMode(verdict: Verdict, mode: 'enforce' | 'monitor', excused: ReadonlySet<ReasonCode> = NOTHING_EXCUSED): Verdict {
  if (mode === 'enforce' || verdict.outcome !== 'deny') return verdict
  if (verdict.reasons.some(({ code }) => isRecall(code) || (code.startsWith('integrity-') && !excused.has(code)))) return verdict
  return { ...verdict, outcome: 'warn', monitored: true }
}
