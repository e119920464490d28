import { BadQuery, type DecisionQuery } from '../domain/decision.ts'

/** Entries are ordered by time, then log, then sequence. */
export interface Place {
  readonly at: number
  readonly chain: number
  readonly sequence: number
}

/** A question, read. */
export interface Filter {
  readonly query: Omit<DecisionQuery, 'from' | 'to' | 'cursor' | 'limit' | 'order'>
  readonly from: number | undefined
  readonly to: number | undefined
  readonly newestFirst: boolean
  readonly after: Place | undefined
  readonly limit: number
}

const MAX_LIMIT = 1000
const MAX_TEXT = 300
const MAX_LIST = 100

/** @throws BadQuery */
export function filterOf({ from, to, order, cursor, limit = 100, ...query }: DecisionQuery): Filter {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) throw new BadQuery(`limit is ${String(limit)}: give 1 to ${String(MAX_LIMIT)}`)
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- who asks over HTTP writes what he likes
  if (order !== undefined && order !== 'newest' && order !== 'oldest') throw new BadQuery('order is neither newest nor oldest')
  for (const [name, value] of Object.entries(query)) {
    if (typeof value === 'string' && value.length > MAX_TEXT) throw new BadQuery(`${name} is longer than ${String(MAX_TEXT)} characters`)
    if (Array.isArray(value) && (value.length > MAX_LIST || value.some((one) => typeof one !== 'string' || one.length > MAX_TEXT))) throw new BadQuery(`${name} has too many values, or too long ones`)
  }
  return { query, from: timeOf('from', from), to: timeOf('to', to), newestFirst: order !== 'oldest', after: cursor === undefined ? undefined : placeOf(cursor), limit }
}

export const cursorOf = ({ at, chain, sequence }: Place): string => `${at.toString(36)}-${chain.toString(36)}-${sequence.toString(36)}`

function placeOf(cursor: string): Place {
  const match = /^([0-9a-z]{1,11})-([0-9a-z]{1,11})-([0-9a-z]{1,11})$/.exec(cursor)
  const [at, chain, sequence] = (match?.slice(1) ?? []).map((part) => Number.parseInt(part, 36))
  if (at === undefined || chain === undefined || sequence === undefined || ![at, chain, sequence].every(Number.isSafeInteger))
    throw new BadQuery('cursor is none that a page ended with')
  return { at, chain, sequence }
}

export function timeOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const time = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(time)) throw new BadQuery(`${name} is no time: write it as 2026-11-22 or 2026-11-22T09:00:00Z`)
  return time
}
