import type { IncomingHttpHeaders } from 'node:http'

/** RFC 9110, 8.8.3: a comma may stand inside the quotes. */
const TAG = /(?:W\/)?"[^"]*"/g

const tagsIn = (list: string): readonly string[] => list.match(TAG) ?? []
const isAny = (list: string): boolean => list.trim() === '*'

/**
 * What becomes of a GET or HEAD of something that exists, has a strong ETag and no date of modification: dates are then ignored
 * (RFC 9110, 13.1.3, 13.1.4), and the order is that of 13.2.2.
 */
export function preconditionOf({ 'if-match': match, 'if-none-match': noneMatch }: IncomingHttpHeaders, etag: string): 200 | 304 | 412 {
  // Strong comparison (13.1.1): a weak tag is no tag of these bytes.
  if (match !== undefined && !isAny(match) && !tagsIn(match).includes(etag)) return 412
  if (noneMatch === undefined) return 200
  return isAny(noneMatch) || tagsIn(noneMatch).some((tag) => tag.replace(/^W\//, '') === etag) ? 304 : 200
}
