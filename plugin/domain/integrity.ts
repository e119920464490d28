/**
 * What a packument says of a tarball's digest. Only one canonical sha512 is accepted: two hashes let the weaker one be
 * chosen, and another spelling of the same hash is not what the registry signed.
 */
export type Integrity =
  | { readonly state: 'ok'; readonly sri: string; /** lower-case hex */ readonly sha512: string }
  | { readonly state: 'missing' }
  | { readonly state: 'malformed' }

/** Reads `dist.integrity` (W3C Subresource Integrity, 3.5, restricted to one sha512). */
export function parseIntegrity(value: string | undefined): Integrity {
  if (value === undefined || value === '') return { state: 'missing' }
  const hex = sha512HexOf(value)
  return hex === undefined ? { state: 'malformed' } : { state: 'ok', sri: value, sha512: hex }
}

const SHA512_SRI = /^sha512-[A-Za-z0-9+/]{86}==$/
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function sha512HexOf(sri: string): string | undefined {
  if (!SHA512_SRI.test(sri)) return undefined
  let bits = 0n
  for (const character of sri.slice(7, 93)) bits = (bits << 6n) | BigInt(BASE64.indexOf(character))
  // 86 characters carry 516 bits: the last four must be zero, or two spellings would name one digest.
  if ((bits & 15n) !== 0n) return undefined
  return (bits >> 4n).toString(16).padStart(128, '0')
}

/** The integrity that npm would write for a digest. */
export function sriOf(sha512: string): string {
  let text = ''
  let bits = BigInt(`0x${sha512}`) << 4n
  for (let i = 0; i < 86; i++) {
    text = BASE64.charAt(Number(bits & 63n)) + text
    bits >>= 6n
  }
  return `sha512-${text}==`
}
