import { parsePackument, type Packument } from '../domain/packument.ts'

export const PACKUMENT_LIMIT = 256 * 1024 ** 2
const MAX_VERSIONS = 100_000
const MAX_DEPTH = 200
/** 20,000 versions of 60 values each are 1.2 million. Three bytes of JSON can become sixty in memory, and where memory ends the process does. */
const MAX_VALUES = 10_000_000

/**
 * Reads a packument's body.
 * @throws Error when it is not JSON, not a packument of this package, or beyond what this mirror works on
 */
export function parseDocument(bytes: Uint8Array, name: string): Packument {
  // JSON.parse copes with any depth, but not everything does that walks or writes the result.
  assertBounded(bytes)
  const packument = parsePackument(JSON.parse(utf8(bytes)), name)
  if (packument.versions.size > MAX_VERSIONS) throw new TypeError(`packument has more than ${MAX_VERSIONS} versions`)
  return packument
}

const utf8 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('utf8')

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const [BRACKET, BRACKET_END, BRACE, BRACE_END] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Of bytes that need not be JSON: what is not is found out by whoever parses them. In one loop, since a thread does this to every byte. @throws TypeError */
function assertBounded(bytes: Uint8Array): void {
  const { length } = bytes
  let depth = 0
  let values = 0
  for (let i = 0; i < length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) i = endOfString(bytes, i + 1)
    else if (byte === COMMA) values++
    else if (byte === BRACE || byte === BRACKET) {
      values++
      if (++depth > MAX_DEPTH) throw new TypeError(`packument is nested more than ${MAX_DEPTH} levels deep`)
    } else if (byte === BRACE_END || byte === BRACKET_END) depth--
    if (values > MAX_VALUES) throw new TypeError(`packument holds more than ${MAX_VALUES} values`)
  }
}

/** Where the string closes whose first character is at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  const { length } = bytes
  let i = start
  while (i < length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1
  return i
}
