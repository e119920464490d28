import crypto from 'node:crypto'
import zlib from 'node:zlib'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'

/** Contents by path, e.g. `package/package.json`; objects are written as JSON. */
export type Files = Readonly<Record<string, string | Uint8Array | JsonObject>>

const BLOCK = 512

/** A gzipped ustar archive, the same for the same files. @throws RangeError for a path that ustar's name field does not hold */
export function tarballOf(files: Files): Buffer {
  const entries = Object.entries(files).flatMap(([path, content]) => {
    const body = bytesOf(content)
    return [header(path, body.length), body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)]
  })
  return zlib.gzipSync(Buffer.concat([...entries, Buffer.alloc(2 * BLOCK)]))
}

export const bytesOf = (content: string | Uint8Array | JsonObject): Buffer => {
  if (typeof content === 'string') return Buffer.from(content)
  return isBytes(content) ? Buffer.from(content) : Buffer.from(`${JSON.stringify(content, null, 2)}\n`)
}
const isBytes = (content: Uint8Array | JsonObject): content is Uint8Array => content instanceof Uint8Array || !isObject(content)

/** POSIX.1-1988, ustar: a regular file, 0644, of npm's fixed date (1985-10-26). */
function header(path: string, size: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new RangeError(`path too long for ustar: ${path}`)
  const block = Buffer.alloc(BLOCK)
  const octal = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, '0'), at)
  }
  block.write(path, 0)
  octal(0o644, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(499162500, 136, 12)
  block.write('        0', 148)
  block.write('ustar\x0000', 257)
  octal(block.reduce((sum, byte) => sum + byte, 0), 148, 7)
  block.writeUInt8(0, 154)
  return block
}

const digest = (algorithm: string, bytes: Uint8Array): Buffer => crypto.createHash(algorithm).update(bytes).digest()
/** Lower-case hex. */
export const sha512Of = (bytes: Uint8Array): string => digest('sha512', bytes).toString('hex')
export const shasumOf = (bytes: Uint8Array): string => digest('sha1', bytes).toString('hex')
/** Subresource integrity with the one hash of `algorithm`. */
export const integrityOf = (bytes: Uint8Array, algorithm: 'sha512' | 'sha1' | 'sha256' = 'sha512'): string =>
  `${algorithm}-${digest(algorithm, bytes).toString('base64')}`
