/**
 * Bytes that are kept for long, without what they share their memory with: Node makes small Buffers as slices of 64 KB, all of which
 * stay for as long as one slice does, and counts as little as the slice in every cache.
 */
export function inOwnMemory(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
