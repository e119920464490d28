/** The decision log as a file: JSON Lines for programs, CSV for spreadsheets. */
import { timesOf } from '../../domain/decision.ts'
import type { ShownEntry } from './shown.ts'

export interface ExportForm {
  readonly type: string
  readonly extension: string
  readonly head: string
  line(entry: ShownEntry): string
}

type Cell = string | number | boolean | null | undefined

const COLUMNS: Readonly<Record<string, (entry: ShownEntry) => Cell>> = {
  at: ({ at }) => at,
  kind: ({ kind }) => kind,
  package: (entry) => entry.package,
  version: ({ version }) => version,
  integrity: ({ integrity }) => integrity,
  uplink: ({ uplink }) => uplink,
  outcome: ({ outcome }) => outcome,
  monitored: ({ monitored }) => monitored,
  reasons: ({ reasons }) => reasons.map(({ code }) => code).join(' '),
  message: ({ reasons }) => reasons[0]?.message,
  rule: ({ rule }) => rule,
  policyRevision: ({ policyRevision }) => policyRevision,
  waivers: ({ waivers }) => waivers.join(' '),
  signature: ({ evidence }) => evidence?.signature,
  publishAttestation: ({ evidence }) => evidence?.publishAttestation,
  provenance: ({ evidence }) => evidence?.provenance,
  pinned: ({ evidence }) => evidence?.pinned,
  address: ({ asker }) => asker.address,
  client: ({ asker }) => asker.client,
  user: ({ asker }) => asker.user,
  token: ({ asker }) => asker.token,
  detail: ({ detail }) => (detail === null ? null : JSON.stringify(detail)),
  log: ({ log }) => log,
  sequence: ({ sequence }) => sequence,
  times: (entry) => timesOf(entry),
}

export const JSON_LINES: ExportForm = {
  type: 'application/x-ndjson',
  extension: 'jsonl',
  head: '',
  line: (entry) => `${JSON.stringify(entry)}\n`,
}

/** RFC 4180. */
export const CSV: ExportForm = {
  type: 'text/csv; charset=utf-8',
  extension: 'csv',
  head: `${Object.keys(COLUMNS).join(',')}\r\n`,
  line: (entry) => `${Object.values(COLUMNS).map((of) => cellOf(of(entry))).join(',')}\r\n`,
}

/** A spreadsheet takes what begins like a formula for one, whoever named a package or a client so. */
function cellOf(value: Cell): string {
  const text = value === null || value === undefined ? '' : String(value)
  const plain = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
