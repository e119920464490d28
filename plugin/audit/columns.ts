import { hash } from 'node:crypto'
import { timesOf, type DecisionKind, type DecisionRecord, type EntryEvidence } from '../domain/decision.ts'

/** What entries are found and counted by: nothing that their bodies do not say. Texts are empty where the body has null. */
export interface Columns {
  /** Milliseconds */
  readonly at: number
  readonly kind: string
  readonly package: string
  readonly version: string
  readonly outcome: string
  readonly rule: string
  /** With a space before, between and after. */
  readonly codes: string
  readonly user_name: string
  readonly address: string
  readonly revision: string
  /** -1 of an event; else see `EVIDENCE`. */
  readonly evidence: number
  /** In lower case, for those who look for a word. */
  readonly words: string
  /** Of what is said once: the same text, hashed; else null. */
  readonly once: string | null
  readonly times: number
}

export const COLUMNS = ['at', 'kind', 'package', 'version', 'outcome', 'rule', 'codes', 'user_name', 'address', 'revision', 'evidence', 'words', 'once', 'times'] as const satisfies readonly (keyof Columns)[]

const EVIDENCE = { signature: 1, publishAttestation: 2, provenance: 4, pinned: 8 } as const satisfies Record<keyof EntryEvidence, number>

export function columnsOf(record: DecisionRecord): Columns {
  const codes = record.reasons.map(({ code }) => code)
  const [name, version, rule, user] = [record.package ?? '', record.version ?? '', record.rule ?? '', record.asker.user ?? '']
  return {
    at: Date.parse(record.at),
    kind: record.kind,
    package: name,
    version,
    outcome: record.outcome ?? '',
    rule,
    codes: codes.length === 0 ? '' : ` ${codes.join(' ')} `,
    user_name: user,
    address: record.asker.address ?? '',
    revision: record.policyRevision ?? '',
    evidence: record.evidence === null ? -1 : bitsOf(record.evidence),
    words: [name, version, rule, ...codes, user].join('\n').toLowerCase(),
    once: onceKey(record) ?? null,
    times: timesOf(record),
  }
}

const bitsOf = (evidence: EntryEvidence): number =>
  Object.entries(EVIDENCE).reduce((bits, [name, bit]) => bits | (evidence[name as keyof EntryEvidence] ? bit : 0), 0)

/** Whether a kind of evidence is in the number. */
export const hasEvidence = (bits: number, name: keyof EntryEvidence): boolean => bits >= 0 && (bits & EVIDENCE[name]) !== 0

const ONCE: ReadonlySet<DecisionKind> = new Set(['withheld', 'waiver-used', 'pin-pending'])

/**
 * What is said once as long as it is kept: that a version is withheld for these reasons, that a waiver was needed for it, that who
 * built it waits. A listing finds the same again and again, also after a restart. Undefined of all else.
 */
export function onceKey({ kind, package: name, version, policyRevision, reasons, waivers, detail }: DecisionRecord): string | undefined {
  if (!ONCE.has(kind)) return undefined
  return hash('sha256', JSON.stringify([kind, name, version, policyRevision, reasons.map(({ code }) => code), waivers, kind === 'pin-pending' ? detail : null]))
}
