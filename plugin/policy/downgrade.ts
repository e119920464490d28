/**
 * A version that is vouched for less well than one before it. A stolen token publishes, and does not build: evidence that stops is the
 * mark of most takeovers, and of many honest releases by hand. So it is refused while it is young, when takeovers are found out.
 */
import type { Candidate, Evidence } from '../domain/evidence.ts'
import { RANKS, type Before, type Counts, type Predecessor, type Rank } from '../domain/history.ts'
import { isForgery } from '../domain/reason.ts'
import { parseWindow } from './duration.ts'
import { deny, isRefusal, SEVERITIES, undecided, warn, type Check, type Finding, type Situation } from './finding.ts'
import type { Window } from './presets.ts'
import type { RequireDocument } from './schema.ts'
import { downgraded, hintLost, pending } from './words.ts'

type Line = 'inLine' | 'offLine'
const LINES = ['inLine', 'offLine'] as const satisfies readonly Line[]

export function downgradeChecks(require: RequireDocument): readonly Check[] {
  const { trustDowngrade } = require
  if (trustDowngrade === undefined) return []
  const counts = countsOf(require)
  const windows = typeof trustDowngrade === 'string' ? { inLine: trustDowngrade, offLine: trustDowngrade } : trustDowngrade
  // What is left open is not switched off.
  const ends = { inLine: endOf(windows.inLine ?? 'forever'), offLine: endOf(windows.offLine ?? 'forever') }
  if (ends.inLine === undefined && ends.offLine === undefined) return []
  return [
    (candidate, situation) => {
      const before = candidate.history.before(candidate.ref.version, counts)
      const found = worst(LINES.flatMap((line) => compare(candidate, situation, counts, before, line, ends[line])))
      // Refused already, it need not be said that the registry's words are missing too.
      return found.some(isRefusal) ? found : [...found, ...hintsLost(candidate, situation, before, ends.inLine)]
    },
  ]
}

/** Whether versions are ever refused by such a window: what a waiver could excuse. */
export const refusesFor = (window: Window): boolean => {
  const length = parseWindow(window)
  return length !== 'allow' && length !== 0
}

/** What every branch ignores is not compared. */
function countsOf({ registrySignature, provenance, anyOf = [] }: RequireDocument): Counts {
  const looksAt = (wants: readonly unknown[]): boolean => wants.some((want) => want !== undefined && want !== 'ignore')
  return {
    signature: looksAt([registrySignature, ...anyOf.map((branch) => branch.registrySignature)]),
    provenance: looksAt([provenance, ...anyOf.map((branch) => branch.provenance)]),
  }
}

/** The moment from when on a version is only warned about, by its `notBefore`; undefined where nothing is said at all. */
type End = ((notBefore: Date) => Date | 'never') | undefined

function endOf(window: Window): End {
  const length = parseWindow(window)
  if (length === 'allow') return undefined
  if (length === 'forever') return () => 'never'
  return (notBefore) => new Date(notBefore.getTime() + length)
}

/** What one of the two lines amounts to; its words are made for the one that is said. */
interface Step {
  readonly severity: Finding['severity']
  readonly until: Date | undefined
  readonly say: () => readonly Finding[]
}

function compare(
  candidate: Candidate,
  situation: Situation,
  counts: Counts,
  before: Before,
  line: Line,
  end: End,
): readonly Step[] {
  const { [line]: best } = before
  if (end === undefined || best === undefined) return []
  const actual = rankOf(candidate, situation, counts)
  if (!outranks(best, actual) || isForged(candidate, counts)) return []
  const ends = end(candidate.notBefore)
  const isYoung = ends === 'never' || !(situation.now.getTime() >= ends.getTime())
  const until = isYoung ? limitOf(ends) : undefined
  const limit = until === undefined ? {} : { until }
  const open = openEvidence(candidate, situation, counts, best)
  // Where it would be served in any case, what is not known does not stand in the way.
  if (open.length > 0 && !isYoung) return []
  if (open.length > 0) return [{ severity: 'unavailable', until, say: () => open.map((finding) => ({ ...finding, ...limit })) }]
  if (!isYoung) return [{ severity: 'warn', until, say: () => [warn(downgraded(line, best, actual, undefined))] }]
  return [{ severity: 'deny', until, say: () => [{ ...deny(downgraded(line, best, actual, ends)), ...limit }] }]
}

/** When the clock alone ends it; a time that is none never does. */
const limitOf = (ends: Date | 'never'): Date | undefined => (ends === 'never' || Number.isNaN(ends.getTime()) ? undefined : ends)

const outranks = (best: Predecessor, actual: Rank): boolean => RANKS.indexOf(best.rank) > RANKS.indexOf(actual)

/** What verified, or is taken at its word for as long as it is only listed. */
function rankOf({ provenance, signature }: Candidate, situation: Situation, counts: Counts): Rank {
  if (counts.provenance && counted(provenance, situation)) return 'provenance'
  return counts.signature && counted(signature, situation) ? 'signature' : 'none'
}

const counted = ({ state }: Evidence<unknown>, { stage, listing }: Situation): boolean =>
  state === 'verified' || (state === 'claimed' && stage === 'listing' && listing === 'claimed')

/** Evidence of which nobody knows yet whether it makes good for the predecessor's: neither a downgrade nor none. */
const openEvidence = ({ provenance, signature }: Candidate, situation: Situation, counts: Counts, { rank }: Predecessor): readonly Finding[] => [
  ...(counts.provenance ? openIn('provenance', provenance, situation) : []),
  ...(counts.signature && rank === 'signature' ? openIn('signature', signature, situation) : []),
]

function openIn(kind: 'provenance' | 'signature', evidence: Evidence<unknown>, situation: Situation): readonly Finding[] {
  if (evidence.state === 'unavailable') return evidence.reasons.map(undecided)
  return evidence.state === 'claimed' && !counted(evidence, situation) ? [undecided(pending(kind))] : []
}

/** It is refused for that whatever else is found. */
const isForged = ({ provenance, signature }: Candidate, counts: Counts): boolean =>
  [...(counts.provenance ? [provenance] : []), ...(counts.signature ? [signature] : [])].some(
    (evidence) => 'reasons' in evidence && evidence.reasons.some(({ code }) => isForgery(code)),
  )

/** One predecessor is enough to say: the worse of two, and of two that refuse the one that does so longer. */
const worst = (steps: readonly Step[]): readonly Finding[] =>
  steps.length < 2 ? steps.flatMap(({ say }) => say()) : (steps.toSorted((a, b) => weightOf(a) - weightOf(b) || lastsTo(b) - lastsTo(a))[0]?.say() ?? [])
const weightOf = ({ severity }: Step): number => SEVERITIES.indexOf(severity)
const lastsTo = ({ until }: Step): number => until?.getTime() ?? Number.MAX_SAFE_INTEGER

/** Unsigned words prove nothing: their loss is said while it is news, and refuses nobody. */
function hintsLost({ claims, notBefore }: Candidate, { now }: Situation, { hints }: Before, end: End): readonly Finding[] {
  const ends = hints.size === 0 ? undefined : end?.(notBefore)
  if (ends === undefined || (ends !== 'never' && now.getTime() >= ends.getTime())) return []
  const until = limitOf(ends)
  const limit = until === undefined ? {} : { until }
  return [...hints].filter((hint) => !claims[hint]).map((hint) => ({ ...warn(hintLost(hint)), ...limit }))
}
