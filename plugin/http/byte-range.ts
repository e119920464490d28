import type { IncomingMessage } from 'node:http'

/** `end` is not included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** RFC 9110, 14.1.2; blanks as recipients take them elsewhere in lists (5.6.1). */
const ONE_RANGE = /^bytes=[ \t]*(?:(?<first>\d+)-(?<last>\d*)|-(?<suffix>\d+))[ \t]*$/i

/**
 * The one part of `size` bytes that a request asks for; undefined for all of them. Of several parts, and of what is no range of
 * bytes, all are sent, as RFC 9110, 14.2 allows: no package manager asks for several, and those who do mean harm (14.2, 17.15).
 */
export function byteRangeOf({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>, size: number, etag: string): ByteRange | 'unsatisfiable' | undefined {
  const { range, 'if-range': ifRange } = headers
  // 14.2: parts are for GET. 13.1.5: for who has these bytes by a strong tag; a date says nothing of them.
  if (range === undefined || method !== 'GET' || (ifRange !== undefined && ifRange !== etag)) return undefined
  const { first, last = '', suffix } = ONE_RANGE.exec(range)?.groups ?? {}
  if (suffix !== undefined) return Number(suffix) === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(suffix)), end: size }
  if (first === undefined || (last !== '' && Number(last) < Number(first))) return undefined
  return Number(first) >= size ? 'unsatisfiable' : { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) }
}
