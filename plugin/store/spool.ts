import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { messageOf, Unavailable } from '../domain/errors.ts'
import { TarballRefused } from '../domain/ports.ts'

/** Gathered before it is written: most tarballs are one write. */
const GATHERED = 256 * 1024

export interface Spooled {
  /** sha512, hex, of what was written. */
  readonly actual: string
  /** All of it, where it is little. */
  readonly whole: Buffer | undefined
}

/**
 * Writes a download to an open file, hashing it on the way.
 * @throws Unavailable when the source breaks off or sends more than `limit` bytes; what the disk says
 */
export async function spool(handle: FileHandle, source: AsyncIterable<Uint8Array>, limit: number): Promise<Spooled> {
  const sha512 = createHash('sha512')
  let size = 0
  let waiting = 0
  let gathered: Uint8Array[] = []
  const write = async (): Promise<Buffer> => {
    // A copy: hashed and written are the same bytes, whatever the source does with its own.
    const bytes = Buffer.concat(gathered)
    gathered = []
    waiting = 0
    sha512.update(bytes)
    for (let written = 0; written < bytes.length;) written += (await handle.write(bytes, written)).bytesWritten
    return bytes
  }
  for await (const chunk of readable(source)) {
    size += chunk.byteLength
    waiting += chunk.byteLength
    if (size > limit) throw new Unavailable('evidence-unavailable', `the tarball is larger than ${String(limit)} bytes`)
    gathered.push(chunk)
    if (waiting > GATHERED) await write()
  }
  const last = await write()
  return { actual: sha512.digest('hex'), whole: last.length === size ? last : undefined }
}

/** The source, with its failures told apart from those of this disk. */
async function* readable(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source
  } catch (error) {
    if (error instanceof Unavailable || error instanceof TarballRefused) throw error
    throw new Unavailable('evidence-unavailable', `the tarball broke off: ${messageOf(error)}`, { cause: error })
  }
}
