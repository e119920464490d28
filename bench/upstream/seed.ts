/** Bytes and choices that are the same in every run. */
import { createCipheriv, createHash } from 'node:crypto'

/** Bytes that gzip cannot make smaller. */
export function noise(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

export const hexOf = (seed: string, digits: number): string => noise(seed, Math.ceil(digits / 2)).toString('hex').slice(0, digits)
