const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Canonical base64 (RFC 4648, 3.5) or undefined: Buffer.from skips what it does not know, so many texts would be one value. */
export function decodeBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text === '' || !BASE64.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
