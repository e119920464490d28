import { createHash, hash } from 'node:crypto'
import type { Encoding } from './body.ts'

/** What is kept of an answer beside its body. */
export interface Head {
  /** The uplink's name and address and the package's name: whose answer it is. */
  readonly key: string
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** sha256 of the document, hex. */
  readonly digest: string
  readonly encoding: Encoding
  /** When the body came, ISO 8601; undefined in files of an earlier version. */
  readonly receivedAt?: string | undefined
}

export interface PackumentFile {
  readonly head: Head
  readonly confirmedAt: Date
  /** The body in `head.encoding`. */
  readonly wire: Buffer
}

/*
 * A file is `<confirmedAt> <sha256 of confirmedAt and the head line>\n<head, JSON>\n<body>`. The first line has a fixed
 * length: a 304 overwrites it in place, in one write, and leaves the body (5 MB for some packages) where it is. Half of such a
 * write does not match its hash.
 */
const TIME_LENGTH = new Date(0).toISOString().length
const HASH_LENGTH = 64
const FIRST_LINE = TIME_LENGTH + 1 + HASH_LENGTH + 1

interface StoredHead extends Head {
  /** sha256 of the body in the file. */
  readonly wire: string
}

/** The pieces of a file: of megabytes a copy takes milliseconds. @param wireDigest sha256 of `wire`, hex */
export function encodeFile({ head, confirmedAt, wire }: PackumentFile, wireDigest: string): readonly Buffer[] {
  const line = headLine(head, wireDigest)
  return [Buffer.from(firstLine(confirmedAt, line) + line), wire]
}

/** The first line for a later confirmation of the same document. */
export const confirmation = (head: Head, wireDigest: string, confirmedAt: Date): string =>
  firstLine(confirmedAt, headLine(head, wireDigest))

/** The file's contents, or undefined when it is cut short, altered, or of another package or uplink. */
export function decodeFile(file: Buffer, key: string): (PackumentFile & { readonly wireDigest: string }) | undefined {
  const end = file.indexOf(10, FIRST_LINE)
  if (end < 0) return undefined
  const line = file.toString('utf8', FIRST_LINE, end + 1)
  const confirmedAt = new Date(file.toString('latin1', 0, TIME_LENGTH))
  if (Number.isNaN(confirmedAt.getTime())) return undefined
  if (file.toString('latin1', 0, FIRST_LINE) !== firstLine(confirmedAt, line)) return undefined
  const { wire: wireDigest, ...head } = JSON.parse(line) as StoredHead
  const wire = file.subarray(end + 1)
  if (head.key !== key || hash('sha256', wire) !== wireDigest) return undefined
  return { head: { ...head, etag: head.etag, lastModified: head.lastModified }, confirmedAt, wire, wireDigest }
}

function headLine(head: Head, wire: string): string {
  const { key, etag, lastModified, digest, encoding, receivedAt } = head
  return `${JSON.stringify({ key, etag, lastModified, digest, encoding, receivedAt, wire } satisfies StoredHead)}\n`
}

function firstLine(confirmedAt: Date, line: string): string {
  const time = confirmedAt.toISOString()
  return `${time} ${createHash('sha256').update(time).update(line).digest('hex')}\n`
}
