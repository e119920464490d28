import type { IncomingMessage } from 'node:http'
import { reason, type Reason } from '../domain/reason.ts'

const SHA512 = /(?:^|\s)sha512-([A-Za-z0-9+/]{86}==)(?=[\s?]|$)/g
export const OTHER_BYTES = reason('integrity-mismatch', 'the lockfile or cache of this project expects other bytes (another sha512) than this version has here')

/** For those who are about to send bytes: what the client has against them. Undefined where he says nothing of them. */
export const refusalOfOthers = (request: Pick<IncomingMessage, 'headers'>): ((sha512: string) => Reason | undefined) | undefined =>
  request.headers['pacote-integrity'] === undefined ? undefined : (sha512) => (expectsOtherBytes(request, sha512) ? OTHER_BYTES : undefined)

/** Longer ones hold more digests than any lockfile has of one tarball. */
const MAX_HEADER = 1024

/**
 * Whether the client says that it will not take these bytes. npm sends what its lockfile says as `pacote-integrity` (pacote,
 * lib/fetcher.js); when other bytes come it asks four times more, for 140 seconds, and then speaks of corrupted data.
 * A header that says nothing about sha512, or cannot be read, is no objection.
 * @param sha512 hex
 */
export function expectsOtherBytes({ headers }: Pick<IncomingMessage, 'headers'>, sha512: string): boolean {
  const expected = headers['pacote-integrity']
  if (typeof expected !== 'string' || expected.length > MAX_HEADER) return false
  const digests = [...expected.matchAll(SHA512)].map(([, digest]) => digest)
  return digests.length > 0 && !digests.includes(Buffer.from(sha512, 'hex').toString('base64'))
}
