import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { Header } from 'tar'
import { EnvelopeError, openEnvelope, type VerificationKey } from '../keys/dsse.ts'
import { ARCHIVE_LIMITS, ARCHIVE_TYPE, ArchiveError, blobPath, digestOfPath, MANIFEST_NAME, parseManifest, type ArchiveManifest } from './manifest.ts'
import { BLOCK, END, headerBlock, paddingOf } from './tar.ts'

/** An archive whose every byte was found to be what its signer made; nothing in it has been believed yet. */
export interface StagedArchive {
  readonly manifest: ArchiveManifest
  /** Of the key that signed it. */
  readonly keyid: string
  /** The file of a blob that the manifest names. */
  readonly file: (sha256: string) => string
}

export interface ReadOptions {
  readonly keys: readonly VerificationKey[]
  /** An empty directory of this process's own. */
  readonly stage: string
  /** What is to be asked of the manifest before anything else is read. @throws ArchiveError */
  readonly accept: (manifest: ArchiveManifest) => void
}

const PIECE = 1024 * 1024

/**
 * Reads an archive into `stage`. Its signature comes first: nothing of one that nobody known here signed is unpacked. What follows has
 * one possible form, told by the manifest: the blobs in its order, each under a header that says nothing but its digest and size. So a
 * link, a path that is no digest, a second copy, one file too many or too few, and any byte that is another are found alike, and no
 * two readers of tar can see two archives.
 * @throws ArchiveError; Error when the file or the stage cannot be used
 */
export async function readArchive(file: string, { keys, stage, accept }: ReadOptions): Promise<StagedArchive> {
  const handle = await open(file, 'r')
  try {
    if (!(await handle.stat()).isFile()) throw new ArchiveError('it is not a file')
    const source = new Source(handle)
    const { manifest, keyid } = await readManifest(source, keys)
    accept(manifest)
    const created = new Date(manifest.created)
    const fileOf = (digest: string): string => path.join(stage, digest)
    const done = new Set<string>()
    for (const { sha256, size } of manifest.blobs) {
      const block = await source.take(BLOCK)
      if (!block.equals(headerBlock({ path: blobPath(sha256), size, created }))) throw new ArchiveError(whatIsWrong(block, { sha256, size }, manifest, done))
      await takeBlob(source, sha256, size, fileOf(sha256))
      done.add(sha256)
    }
    if (!(await source.take(END.byteLength)).equals(END) || !(await source.isAtEnd())) throw new ArchiveError('it goes on after the last file that its manifest lists')
    return { manifest, keyid, file: fileOf }
  } finally {
    await handle.close()
  }
}

async function readManifest(source: Source, keys: readonly VerificationKey[]): Promise<{ readonly manifest: ArchiveManifest; readonly keyid: string }> {
  const block = await source.take(BLOCK)
  if (block.subarray(0, 2).equals(GZIP)) throw new ArchiveError('it is compressed; an archive is a plain tar file')
  const { path: name, size = 0 } = headerOf(block) ?? {}
  if (name !== MANIFEST_NAME) throw new ArchiveError(`it does not begin with ${MANIFEST_NAME}`)
  if (size > ARCHIVE_LIMITS.manifest) throw new ArchiveError(`its manifest is larger than ${String(ARCHIVE_LIMITS.manifest)} bytes`)
  const envelope = await source.take(size)
  const found = verified(envelope, keys)
  if (!block.equals(headerBlock({ path: MANIFEST_NAME, size, created: new Date(found.manifest.created) }))) throw new ArchiveError('the header of its manifest is not what an export writes')
  await source.skipPadding(size)
  return found
}

function verified(envelope: Buffer, keys: readonly VerificationKey[]): { readonly manifest: ArchiveManifest; readonly keyid: string } {
  try {
    const { payload, keyid } = openEnvelope(envelope, ARCHIVE_TYPE, keys)
    // What the signature does not cover (white space, the hint at the key) has one form as well.
    const sig = (JSON.parse(envelope.toString()) as { signatures: readonly { sig: string }[] }).signatures[0]?.sig
    const only = JSON.stringify({ payloadType: ARCHIVE_TYPE, payload: payload.toString('base64'), signatures: [{ keyid, sig }] })
    if (envelope.toString() !== only) throw new ArchiveError('the envelope of its manifest is not what an export writes')
    return { manifest: parseManifest(payload), keyid }
  } catch (error) {
    if (error instanceof EnvelopeError) throw new ArchiveError(`its manifest is not believed: ${error.message}`, { cause: error })
    throw error
  }
}

async function takeBlob(source: Source, digest: string, size: number, to: string): Promise<void> {
  const hashed = createHash('sha256')
  const file = await open(to, 'wx', 0o600)
  try {
    for (let left = size; left > 0;) {
      const chunk = await source.take(Math.min(left, PIECE))
      left -= chunk.byteLength
      hashed.update(chunk)
      await file.appendFile(chunk)
    }
  } finally {
    await file.close()
  }
  if (hashed.digest('hex') !== digest) throw new ArchiveError(`a file is not what its name says (${blobPath(digest)})`)
  await source.skipPadding(size)
}

/** For people: the archive is refused whatever this finds. */
function whatIsWrong(block: Buffer, expected: { readonly sha256: string; readonly size: number }, { blobs }: ArchiveManifest, done: ReadonlySet<string>): string {
  const header = headerOf(block)
  if (header === undefined) return `it ends, or is damaged, where ${blobPath(expected.sha256)} should be`
  const shown = JSON.stringify(header.path?.slice(0, 100))
  const digest = digestOfPath(header.path ?? '')
  if (header.type !== 'File') return `it holds something that is no file (${shown}, ${header.type})`
  if (digest === undefined) return `it holds a path that is no digest (${shown})`
  if (done.has(digest)) return `it holds a file twice (${shown})`
  const listed = blobs.find(({ sha256 }) => sha256 === digest)
  if (listed === undefined) return `it holds a file that its manifest does not list (${shown})`
  if (digest !== expected.sha256) return `it lacks a file that its manifest lists (${blobPath(expected.sha256)})`
  if (header.size !== listed.size) return `a file has ${String(header.size)} bytes, and ${String(listed.size)} in the manifest (${shown})`
  return `the header of a file is not what an export writes (${shown})`
}

function headerOf(block: Buffer): Header | undefined {
  try {
    const header = new Header(block)
    return header.cksumValid ? header : undefined
  } catch {
    return undefined
  }
}

/** A file, read from its beginning to its end. */
class Source {
  readonly #handle: FileHandle
  #position = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** @throws ArchiveError when there are fewer */
  async take(bytes: number): Promise<Buffer> {
    const buffer = Buffer.alloc(bytes)
    for (let at = 0; at < bytes;) {
      const { bytesRead } = await this.#handle.read(buffer, at, bytes - at, this.#position)
      if (bytesRead === 0) throw new ArchiveError('it is cut short')
      at += bytesRead
      this.#position += bytesRead
    }
    return buffer
  }

  async skipPadding(size: number): Promise<void> {
    if ((await this.take(paddingOf(size))).some((byte) => byte !== 0)) throw new ArchiveError('it holds bytes between its files')
  }

  async isAtEnd(): Promise<boolean> {
    return (await this.#handle.read(Buffer.alloc(1), 0, 1, this.#position)).bytesRead === 0
  }
}

const GZIP = Buffer.from([0x1f, 0x8b])
