/**
 * What a packument says of a tarball's digest. Only one canonical sha512 is accepted: two hashes let the weaker one be
 * chosen, and another spelling of the same hash is not what the registry signed.
 */
export type Integrity =
  | {
      readonly state: 'ok'
      readonly sri: string
      /** lower-case hex */
      readonly sha512: string
      /** the registry gives none: it is the one that a waiver pins, and good for as long as the waiver is */
      readonly pinned?: true
    }
  | { readonly state: 'missing' }
  | { readonly state: 'malformed' }

/** Reads `dist.integrity` (W3C Subresource Integrity, 3.5, restricted to one sha512). */
export function parseIntegrity(value: string | undefined): Integrity {
  if (value === undefined || value === '') return { state: 'missing' }
  const hex = sha512HexOf(value)
  return hex === undefined ? { state: 'malformed' } : { state: 'ok', sri: value, sha512: hex }
}

/** Whether it is what `parseIntegrity` calls `ok`, for those who do not ask for the digest: a listing does so of thousands. */
export const isOneSha512 = (value: string | undefined): value is string => value !== undefined && SHA512_SRI.test(value) && (bitsAt(value, LAST_BITS) & UNUSED_BITS) === 0

const SHA512_SRI = /^sha512-[A-Za-z0-9+/]{86}==$/
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** 86 characters carry 516 bits: the last four must be zero, or two spellings would name one digest. */
const LAST_BITS = 92
const UNUSED_BITS = 0b1111

// By table: a listing reads thousands of these.
const BITS = new Uint8Array(128)
for (let bits = 0; bits < 64; bits++) BITS[BASE64.charCodeAt(bits)] = bits
const HEX = Array.from({ length: 4096 }, (_, bits) => bits.toString(16).padStart(3, '0'))

function sha512HexOf(sri: string): string | undefined {
  if (!isOneSha512(sri)) return undefined
  let hex = ''
  for (let i = 7; i < 93; i += 2) hex += HEX[(bitsAt(sri, i) << 6) | bitsAt(sri, i + 1)] ?? ''
  return hex.slice(0, 128)
}

const bitsAt = (text: string, index: number): number => BITS[text.charCodeAt(index)] ?? 0

/** The integrity that npm would write for a digest. */
export function sriOf(sha512: string): string {
  let text = ''
  for (let i = 0; i < 129; i += 3) {
    const bits = parseInt(`${sha512}0`.slice(i, i + 3), 16)
    text += BASE64.charAt(bits >> 6) + BASE64.charAt(bits & 63)
  }
  return `sha512-${text}==`
}
