import { existsSync } from 'node:fs'
import { parsePolicy, presetPolicy, proposeRules, WAIVABLE, type Engine, type UsedVersion } from '../compose.ts'
import { specOf } from '../domain/package-ref.ts'
import { isServed } from '../domain/verdict.ts'
import type { Judgement } from '../pipeline/pipeline.ts'
import { EXIT } from './exit-codes.ts'
import { withOwnMirror, type OwnMirrorOptions } from './own-mirror.ts'
import { usage } from './usage.ts'
import { day, proposalText, type Proposal, type ProposedWaiver } from './proposal-text.ts'
import { isJudgement, judgeAll, subjectsOf, type Outcome, type Subjects } from './what-if.ts'

const DAY = 86_400_000
const WAIVED_FOR = 90 * DAY
/** Nobody makes an exception for what passes by itself before it could be approved. */
const SOON = 14 * DAY
const NAMES = ['package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock', 'bun.lock']

/**
 * `policy init`: a policy for what lockfiles use, as text to review.
 * @returns the text, and `undecided` when something could not be looked at
 * @throws ConfigurationError, LockfileError
 */
export async function initPolicy(lockfiles: readonly string[], options: OwnMirrorOptions, now = new Date()): Promise<{ readonly code: number; readonly text: string }> {
  const found = lockfiles.length > 0 ? lockfiles : NAMES.filter((name) => existsSync(name))
  if (found.length === 0) throw usage('policy init', 'finds no lockfile here', `Name one: ${NAMES.join(', ')}.`)
  const subjects = await subjectsOf({ lockfile: found })
  return withOwnMirror(options, (engine) => propose(engine, subjects, now))
}

export async function propose(engine: Engine, { refs, notCovered }: Subjects, now: Date): Promise<{ readonly code: number; readonly text: string }> {
  // What the preset looks at is all evidence there is.
  const seen = await judgeAll(engine, engine.whatIf(presetPolicy('recommended')), refs)
  const judgements = [...seen.values()].filter(isJudgement)
  const rules = proposeRules(judgements.map(used))
  const verified = judgements.filter(({ candidate }) => candidate.provenance.state === 'verified').length
  const head = { date: now, versions: judgements.length, packages: new Set(judgements.map(({ ref }) => ref.name)).size, verified, rules }
  // Evidence that cannot be had now must not become a waiver.
  const enforced = parsePolicy(proposalText({ ...head, waivers: [], open: [] }, 'enforce'), 'the proposal', { now })
  const verdicts = await judgeAll(engine, engine.whatIf(enforced), judgements.map(({ ref }) => ref))
  const denied = [...verdicts.values()].filter(isJudgement).filter(({ verdict }) => verdict.outcome === 'deny')
  const waivers = denied.map((judgement) => waiverFor(judgement, head, now))
  const missing = (is: (outcome: Outcome) => boolean): readonly string[] => refs.map(specOf).filter((spec) => is(verdicts.get(spec) ?? seen.get(spec) ?? 'absent'))
  const undecided = missing((outcome) => outcome !== 'absent' && (!isJudgement(outcome) || outcome.verdict.outcome === 'unavailable'))
  const open = [
    ...waivers.filter((waiver) => typeof waiver === 'string'),
    ...list('Could not be judged now; run it again', undecided),
    ...list('Not at the registry, so that nothing is proposed for them', missing((outcome) => outcome === 'absent')),
    ...list('From no registry, of which no policy speaks', notCovered),
  ]
  const text = proposalText({ ...head, waivers: waivers.filter((waiver) => typeof waiver !== 'string'), open })
  // What is printed is a policy, or nothing is.
  parsePolicy(text, 'the proposal', { now })
  return { code: undecided.length > 0 ? EXIT.undecided : EXIT.fine, text }
}

const used = ({ ref, candidate: { provenance } }: Judgement): UsedVersion => ({
  ...ref,
  identity: provenance.state === 'verified' ? provenance.facts.identity : undefined,
})

const list = (what: string, specs: readonly string[]): readonly string[] => (specs.length === 0 ? [] : [`${what}: ${specs.join(', ')}`])

/** The waiver without which a version would be refused, or why there is none. */
function waiverFor({ ref, candidate, verdict }: Judgement, head: Omit<Proposal, 'waivers' | 'open'>, now: Date): ProposedWaiver | string {
  const spec = specOf(ref)
  const why = verdict.reasons.map(({ code, message }) => `${code}: ${message}`).join('; ')
  const passes = (codes: readonly string[], at: Date): boolean => isServed(policyWith(codes).evaluate(candidate, 'gate', at))
  const waiver = (waives: readonly string[]): ProposedWaiver => ({
    because: `${spec} would be refused: ${why}`,
    package: spec,
    integrity: candidate.integrity.state === 'ok' ? candidate.integrity.sri : undefined,
    waives,
    reason: 'proposed',
    approvedBy: 'to be filled in',
    expires: day(new Date(now.getTime() + WAIVED_FOR)),
  })
  const policyWith = (codes: readonly string[]) => parsePolicy(proposalText({ ...head, waivers: codes.length === 0 ? [] : [waiver(codes)], open: [] }, 'enforce'), 'the proposal', { now })
  if (passes([], new Date(now.getTime() + SOON))) return `${spec} is refused for some days only, so that no waiver is proposed: ${why}`
  const waivable = [...new Set(verdict.reasons.map(({ code }) => code))].filter((code) => (WAIVABLE as readonly string[]).includes(code))
  if (waivable.length === 0 || !passes(waivable, now)) return `${spec} IS REFUSED, AND NO WAIVER EXCUSES IT: ${why}`
  // Warnings stand among the reasons: what is not needed is not waived.
  return waiver(waivable.reduce<readonly string[]>((kept, code) => (kept.length > 1 && passes(without(kept, code), now) ? without(kept, code) : kept), waivable))
}

const without = (codes: readonly string[], code: string): readonly string[] => codes.filter((one) => one !== code)
