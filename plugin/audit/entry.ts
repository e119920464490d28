import { hash } from 'node:crypto'
import type { DecisionRecord, LogEntry } from '../domain/decision.ts'
import { isObject, type JsonObject } from '../domain/json.ts'

/** What the first entry of a log names as the hash of the one before. */
export const GENESIS = '0'.repeat(64)

/** Where a chain stands. */
export interface Head {
  readonly sequence: number
  readonly hash: string
}

/** An entry, and the text that its hash is of. */
export interface ChainedEntry {
  readonly entry: LogEntry
  readonly body: string
}

/**
 * JSON with its keys in order and without white space (RFC 8785). Of what JSON can carry: numbers are whole and small here, so that
 * JavaScript's own form of them is the canonical one.
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  members.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`
}

export const digestOf = (body: string): string => hash('sha256', body)

/** Chains records to what is there, in their order. */
export function chained(records: readonly DecisionRecord[], log: string, head: Head): readonly ChainedEntry[] {
  let { sequence, hash: previous } = head
  return records.map((record) => {
    sequence++
    const body = canonical({ ...record, log, sequence, previous })
    const digest = digestOf(body)
    const entry = { ...record, log, sequence, previous, hash: digest }
    previous = digest
    return { entry, body }
  })
}

/** An entry as it is kept: its body, and the hash beside it. */
export const entryOf = (body: string, digest: string): LogEntry => ({ ...(JSON.parse(body) as Omit<LogEntry, 'hash'>), hash: digest })

/** The text that an entry's hash has to be of; undefined of what is no entry. */
export function bodyOf(value: unknown): { readonly body: string; readonly hash: string; readonly log: string; readonly sequence: number; readonly previous: string } | undefined {
  if (!isObject(value)) return undefined
  const { hash: digest, ...rest } = value as JsonObject & Partial<LogEntry>
  const { log, sequence, previous } = rest
  if (typeof digest !== 'string' || typeof log !== 'string' || typeof previous !== 'string' || !Number.isSafeInteger(sequence)) return undefined
  return { body: canonical(rest), hash: digest, log, sequence: Number(sequence), previous }
}
