/** What the codes of the mirror mean, in a word or two. */
import type { DecisionKind } from '../../plugin/domain/decision.ts'
import type { Tone } from './components/bits.tsx'

interface Word {
  readonly label: string
  readonly tone: Tone
}

export const KINDS: Readonly<Record<DecisionKind, Word>> = {
  served: { label: 'Served', tone: 'allow' },
  warned: { label: 'Warned', tone: 'warn' },
  refused: { label: 'Refused', tone: 'deny' },
  withheld: { label: 'Withheld', tone: 'deny' },
  unavailable: { label: 'Undecided', tone: 'unsure' },
  published: { label: 'Published', tone: 'allow' },
  'publish-refused': { label: 'Publish refused', tone: 'deny' },
  'waiver-used': { label: 'Waiver used', tone: 'warn' },
  'waiver-added': { label: 'Waiver added', tone: 'warn' },
  'pin-pending': { label: 'Pin pending', tone: 'warn' },
  'pin-approved': { label: 'Pin approved', tone: 'neutral' },
  'pin-dropped': { label: 'Pin dropped', tone: 'neutral' },
  'policy-loaded': { label: 'Policy loaded', tone: 'neutral' },
  'policy-refused': { label: 'Policy refused', tone: 'deny' },
  'ledger-reset': { label: 'Memory reset', tone: 'warn' },
  recalled: { label: 'Recalled', tone: 'deny' },
  'recall-lifted': { label: 'Recall lifted', tone: 'neutral' },
  'entries-dropped': { label: 'Entries lost', tone: 'deny' },
}

/** A mirror that is newer than these pages may say more. */
export const kindWord = (kind: string): Word => (Object.hasOwn(KINDS, kind) ? KINDS[kind as DecisionKind] : { label: kind, tone: 'neutral' })

const OUTCOMES: Readonly<Record<string, Word>> = {
  allow: { label: 'Allowed', tone: 'allow' },
  warn: { label: 'Allowed, with a warning', tone: 'warn' },
  deny: { label: 'Refused', tone: 'deny' },
  unavailable: { label: 'Undecided', tone: 'unsure' },
}
export const OUTCOME_OPTIONS = Object.entries(OUTCOMES).map(([outcome, { label }]) => [outcome, label] as const)
/** What is not understood was not allowed. */
export const outcomeWord = (outcome: string | null | undefined): Word =>
  outcome !== null && outcome !== undefined && Object.hasOwn(OUTCOMES, outcome) ? (OUTCOMES[outcome] ?? UNKNOWN) : UNKNOWN
const UNKNOWN: Word = { label: 'Undecided', tone: 'unsure' }

/** `identity-changed` as `Identity changed`. */
export const reasonLabel = (code: string): string => {
  const words = code.replaceAll('-', ' ')
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}
