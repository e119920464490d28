import { createReadStream } from 'node:fs'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import type { JsonObject } from '../domain/json.ts'
import { blobPath, MANIFEST_NAME } from './manifest.ts'
import { END, headerBlock, paddingOf, type Entry } from './tar.ts'

/** A blob and where its bytes are now. */
export interface Blob {
  readonly sha256: string
  readonly size: number
  readonly file: string
}

/**
 * Writes an archive: the manifest, then the blobs. The file gets its name when it is complete.
 * @throws Error when it cannot be written, or a blob changed its size meanwhile
 */
export async function writeArchive(output: string, envelope: JsonObject, blobs: readonly Blob[], created: Date): Promise<number> {
  const unfinished = `${output}.${String(process.pid)}.partial`
  try {
    const file = await open(unfinished, 'wx')
    try {
      const manifest = Buffer.from(JSON.stringify(envelope))
      await entry(file, { path: MANIFEST_NAME, size: manifest.byteLength, created }, () => [manifest])
      for (const blob of blobs) await entry(file, { path: blobPath(blob.sha256), size: blob.size, created }, () => createReadStream(blob.file) as AsyncIterable<Uint8Array>)
      await file.appendFile(END)
      await file.sync()
      const { size } = await file.stat()
      await rename(unfinished, output)
      return size
    } finally {
      await file.close()
    }
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function entry(file: FileHandle, { path, size, created }: Entry, chunks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  await file.appendFile(headerBlock({ path, size, created }))
  let written = 0
  // Opened when it is read: a stream that fails while nobody listens ends the process, and a tarball may leave the cache meanwhile.
  for await (const chunk of chunks()) {
    written += chunk.byteLength
    await file.appendFile(chunk)
  }
  if (written !== size) throw new Error(`${path} changed while it was written: it has ${String(written)} bytes, not ${String(size)}`)
  await file.appendFile(Buffer.alloc(paddingOf(size)))
}
