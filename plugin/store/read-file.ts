import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

const PIECE = 256 * 1024

/** Reads until the buffer is full, or the file ends. */
export async function fill(handle: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let read = 0
  while (read < buffer.length) {
    const { bytesRead } = await handle.read(buffer, read, buffer.length - read, position + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return buffer.subarray(0, read)
}

/** The same at once, for what the kernel has in its memory: a read from there takes less than a thread's turn. */
export function fillNow(fd: number, buffer: Buffer, position: number): Buffer {
  let read = 0
  while (read < buffer.length) {
    const count = readSync(fd, buffer, read, buffer.length - read, position + read)
    if (count === 0) break
    read += count
  }
  return buffer.subarray(0, read)
}

/** sha512, hex, of an open file. Each turn of the event loop hashes one piece, for less than a millisecond. */
export async function sha512Of(handle: FileHandle): Promise<string> {
  const digest = createHash('sha512')
  const buffer = Buffer.allocUnsafeSlow(PIECE)
  for (let position = 0; ;) {
    const piece = await fill(handle, buffer, position)
    digest.update(piece)
    position += piece.length
    if (piece.length < PIECE) return digest.digest('hex')
  }
}
