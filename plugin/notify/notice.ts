import type { DecisionKind, DecisionRecord } from '../domain/decision.ts'
import { ownString, type JsonObject } from '../domain/json.ts'
import { withoutMail } from '../domain/mail.ts'
import type { Notice, NotificationEvent } from '../domain/notification.ts'
import { withoutUnseen } from '../domain/unseen.ts'

/** Which entries of the decision log somebody can be told of. `served` and what could not be decided are none. */
const EVENT_OF: Readonly<Partial<Record<DecisionKind, NotificationEvent>>> = {
  refused: 'refused',
  withheld: 'withheld',
  'publish-refused': 'publish-refused',
  'pin-pending': 'pin-pending',
  'pin-approved': 'pin-changed',
  'pin-dropped': 'pin-changed',
  'policy-loaded': 'policy-loaded',
  'policy-refused': 'policy-refused',
  'ledger-reset': 'ledger-reset',
  recalled: 'recalled',
  'recall-lifted': 'recall-lifted',
  'entries-dropped': 'log-incomplete',
}
/** Kinds of entries that `noticeOf` makes one of these of. */
export const kindsOf = (events: readonly NotificationEvent[]): readonly DecisionKind[] => [
  ...(Object.keys(EVENT_OF) as DecisionKind[]).filter((kind) => events.some((event) => event === EVENT_OF[kind])),
  ...(events.includes('monitored') ? (['warned'] as const) : []),
]
/** The same refusal is one, whenever it happens; an event is one each time. */
const VERDICTS: ReadonlySet<NotificationEvent> = new Set(['refused', 'monitored', 'withheld', 'publish-refused'])

const MAX_REASONS = 8
const MAX_DETAIL = 2000

/** What an upstream or an operator wrote, for others to read. */
export const clean = (text: string, length = 300): string => withoutMail(withoutUnseen(text.slice(0, 4096))).slice(0, length)

/** What to tell of an entry of the decision log; undefined when there is nothing to tell. Says nothing of who asked. */
export function noticeOf(entry: DecisionRecord): Notice | undefined {
  const event = entry.kind === 'warned' && entry.monitored ? 'monitored' : EVENT_OF[entry.kind]
  if (event === undefined) return undefined
  const [name, version] = [entry.package, entry.version].map((text) => (text === null ? null : clean(text)))
  const reasons = entry.reasons.slice(0, MAX_REASONS).map(({ code, message }) => ({ code, message: clean(message, 500) }))
  const codes = entry.reasons.map(({ code }) => code).toSorted()
  // As they were written: two names that look alike when cleaned are two.
  const what = [event, entry.package, entry.version, ...(VERDICTS.has(event) ? codes : [entry.kind, entry.at, entry.detail])]
  return {
    key: JSON.stringify(what),
    event,
    at: entry.at,
    package: name ?? null,
    version: version ?? null,
    reasons,
    text: clean(sentenceOf(entry, event, codes), 500),
    more: {
      integrity: entry.integrity,
      uplink: entry.uplink,
      outcome: entry.outcome,
      rule: entry.rule === null ? null : clean(entry.rule),
      policyRevision: entry.policyRevision,
      detail: smallDetail(entry.detail),
    },
  }
}

const SAYS: Readonly<Partial<Record<DecisionKind, string>>> = {
  refused: 'was asked for and refused',
  withheld: 'is withheld from listings',
  'publish-refused': 'was not taken from its publisher',
  'pin-pending': 'was built by somebody else than before and waits for approval',
  'pin-approved': 'may be built by somebody new',
  'pin-dropped': 'may no longer be built by somebody who was pinned',
  'policy-loaded': 'another policy is in force',
  'policy-refused': 'a new policy is refused: the old one stays in force',
  'ledger-reset': 'was forgotten by an operator',
  recalled: 'was recalled',
  'recall-lifted': 'is recalled no longer',
  'entries-dropped': 'entries of the decision log could not be kept',
}

function sentenceOf({ kind, package: name, version, detail, policyRevision }: DecisionRecord, event: NotificationEvent, codes: readonly string[]): string {
  const range = version ?? ownString(detail ?? {}, 'range')
  const spec = name === null ? '' : `${name}${range === undefined ? '' : `@${range}`} `
  const why = ownString(detail ?? {}, 'reason')
  const says = event === 'monitored' ? 'was served by `monitor` although policy refuses it' : (SAYS[kind] ?? kind)
  const after = codes.length > 0 ? `: ${codes.join(', ')}` : why !== undefined ? `: ${why}` : policyRevision !== null && name === null ? ` (policy ${policyRevision})` : ''
  return `${spec}${says}${after}`
}

/** Ours, with words of others in it. */
function smallDetail(detail: JsonObject | null): JsonObject | string | null {
  if (detail === null) return null
  const text = JSON.stringify(detail, (_key, value: unknown) => (typeof value === 'string' ? clean(value) : value))
  return text.length <= MAX_DETAIL ? (JSON.parse(text) as JsonObject) : `${text.slice(0, MAX_DETAIL)}…`
}
