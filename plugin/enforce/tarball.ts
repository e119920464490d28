import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip, gunzipSync } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { NotATarball, type InstallManifest, type TarballInspector } from '../domain/ports.ts'
import type { JsonObject } from '../domain/json.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import { compareManifests } from './compare.ts'
import { contentsOf } from './contents.ts'
import { linkedFrom, npmPath, placeOf } from './entry-path.ts'
import { foreignDependencies } from './foreign.ts'
import { readInstallManifest } from './manifest.ts'
import { LOCKFILES, lockedElsewhere } from './shrinkwrap.ts'
import { TarStructure } from './tar-structure.ts'

export interface TarballLimits {
  readonly entries: number
  /** bytes, all of the archive after decompression */
  readonly unpacked: number
  /** bytes */
  readonly manifest: number
  /** bytes, of a lockfile; a larger one is not read, and said to be so */
  readonly lockfile: number
  /** characters, all names of members together */
  readonly names: number
  /**
   * bytes of a file that is read, unpacked and looked through at once, in less than a millisecond. Four of five packages are below; as
   * streams each costs a dozen turns of threads, and half a megabyte of buffers: V8 collects its whole heap for sixty of those
   */
  readonly atOnce: number
}

const LIMITS: TarballLimits = { entries: 100_000, unpacked: 2 * 1024 ** 3, manifest: 5 * 1024 ** 2, lockfile: 16 * 1024 ** 2, names: 32 * 1024 ** 2, atOnce: 24 * 1024 }

/**
 * Looks into tarballs without unpacking them: see the port. What is wrong with the disk is thrown as it comes.
 * @param ownAddresses - of this mirror, which lockfiles inside tarballs may name
 */
export function createTarballInspector(limits: Partial<TarballLimits> = {}, ownAddresses: readonly URL[] = []): TarballInspector {
  const all = { ...LIMITS, ...limits }
  // One look at a file however many clients wait for it: what unpacks to the limit costs seconds.
  const running = new SingleFlight<string, InstallManifest>()
  return { inspect: (path) => running.run(path, () => inspect(path, all)), sha1, compare: compareManifests, contents: (manifest) => contentsOf(manifest, ownAddresses), foreignDependencies }
}

/** Bytes at a time: each is a thread's turn, which costs more than what is done in it. 128 KiB of an archive are looked through in a millisecond. */
const READ = 256 * 1024
const UNPACKED = 128 * 1024

async function sha1(path: string): Promise<string> {
  const digest = createHash('sha1')
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer)
  return digest.digest('hex')
}

async function inspect(path: string, limits: TarballLimits): Promise<InstallManifest> {
  const { size } = statSync(path)
  const archive = (size <= limits.atOnce ? lookedThrough(path, limits) : undefined) ?? (await streamed(path, size, limits))
  const { manifest, files, locked } = archive.end()
  return { ...readInstallManifest(manifest, files), ...(locked.length === 0 ? {} : { lockedElsewhere: locked }) }
}

/** Undefined where it unpacks to much. */
function lookedThrough(path: string, limits: TarballLimits): Archive | undefined {
  const bytes = readFileSync(path)
  const unpacked = unzipped(bytes)
  if (unpacked === undefined) return undefined
  const archive = new Archive(limits)
  archive.write(unpacked)
  return archive
}

function unzipped(bytes: Buffer): Buffer | undefined {
  // RFC 1952, 2.3.1: a gzip file ends with its length, whatever that is worth: it only chooses the buffer.
  const said = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4)
  try {
    return gunzipSync(bytes, { chunkSize: Math.min(Math.max(said + 1, 1024), UNPACKED), maxOutputLength: UNPACKED })
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw notGzip(error)
  }
}

async function streamed(path: string, size: number, limits: TarballLimits): Promise<Archive> {
  const archive = new Archive(limits)
  try {
    await pipeline(createReadStream(path, { highWaterMark: Math.min(READ, size + 1) }), createGunzip({ chunkSize: UNPACKED }), async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) archive.write(chunk)
    })
  } catch (error) {
    throw notGzip(error)
  }
  return archive
}

const notGzip = (error: unknown): unknown => (isZlibError(error) ? new NotATarball('not gzip, or damaged', { cause: error }) : error)

/** The members of a tar archive as npm would place them, and the one package.json among them. */
class Archive {
  readonly #limits: TarballLimits
  readonly #structure = new TarStructure()
  readonly #parser = new Parser()
  readonly #files = new Set<string>()
  readonly #links = new Set<string>()
  readonly #manifest: Buffer[] = []
  readonly #lockfiles: { readonly file: string; readonly body: Buffer[] | undefined }[] = []
  #manifestSize = -1
  #unpacked = 0
  #members = 0
  #names = 0
  #fault: NotATarball | undefined

  constructor(limits: TarballLimits) {
    this.#limits = limits
    const onMember = (entry: ReadEntry): void => {
      this.#onMember(entry)
      entry.resume()
    }
    this.#parser.on('entry', onMember)
    this.#parser.on('ignoredEntry', onMember)
    // npm goes on after what it warns about and another reader may not, so that every warning is a second reading.
    this.#parser.on('warn', (_code: string, message: string) => {
      this.#refuse(`tar: ${message}`)
    })
    this.#parser.on('error', (error: unknown) => {
      this.#refuse(`tar: ${error instanceof Error ? error.message : 'error'}`)
    })
  }

  write(chunk: Buffer): void {
    this.#unpacked += chunk.length
    if (this.#unpacked > this.#limits.unpacked) throw new NotATarball('unpacks to more than the limit')
    this.#structure.write(chunk)
    if (this.#structure.headers > this.#limits.entries) throw new NotATarball('holds more entries than the limit')
    this.#parser.write(chunk)
    if (this.#fault !== undefined) throw this.#fault
  }

  end(): { readonly manifest: Buffer; readonly files: ReadonlySet<string>; readonly locked: readonly JsonObject[] } {
    this.#structure.end()
    this.#parser.end()
    if (this.#fault !== undefined) throw this.#fault
    if (this.#members !== this.#structure.members) throw new NotATarball('members that only some readers see')
    const manifest = Buffer.concat(this.#manifest)
    if (this.#manifestSize < 0) throw new NotATarball('holds no package.json')
    if (manifest.length !== this.#manifestSize) throw new NotATarball('package.json is cut short')
    const locked = this.#lockfiles.flatMap(({ file, body }) => lockedElsewhere(file, body && Buffer.concat(body)))
    return { manifest, files: this.#files, locked: locked.map((one) => ({ ...one })) }
  }

  #onMember(entry: ReadEntry): void {
    this.#members += 1
    this.#names += entry.path.length
    if (this.#names > this.#limits.names) {
      this.#refuse('names of members are longer than the limit')
      return
    }
    // Extracting through a link would put a file somewhere else than its name says.
    if (linkedFrom(entry.path, this.#links)) this.#refuse('member below a link')
    if (entry.type === 'Link' || entry.type === 'SymbolicLink') this.#links.add(placeOf(entry.path).join('/'))
    const path = npmPath(entry.path)
    if (entry.type === 'File' || entry.type === 'OldFile') this.#files.add(path)
    const lockfile = lockfileOf(entry)
    if (lockfile !== undefined) this.#onLockfile(lockfile, entry)
    if (!isManifest(entry)) return
    if (this.#manifestSize >= 0) this.#refuse('several members that are package.json to somebody')
    else if (entry.type !== 'File' && entry.type !== 'OldFile') this.#refuse('package.json is not a file')
    else if (path !== 'package.json') this.#refuse('package.json under another spelling')
    else if (entry.size > this.#limits.manifest) this.#refuse('package.json is larger than the limit')
    else this.#collect(entry)
  }

  /** However it is spelled and however many there are: which one counts depends on the file system. */
  #onLockfile(file: string, entry: ReadEntry): void {
    if (entry.size > this.#limits.lockfile || this.#lockfiles.length >= MAX_LOCKFILES) {
      if (this.#lockfiles.every(({ body }) => body !== undefined)) this.#lockfiles.push({ file, body: undefined })
      return
    }
    const body: Buffer[] = []
    this.#lockfiles.push({ file, body })
    entry.on('data', (data: Buffer) => { body.push(Buffer.from(data)) })
  }

  #collect(entry: ReadEntry): void {
    this.#manifestSize = entry.size
    entry.on('data', (data: Buffer) => {
      this.#manifest.push(Buffer.from(data))
    })
  }

  #refuse(message: string): void {
    this.#fault ??= new NotATarball(message)
  }
}

const MAX_LOCKFILES = 4

/** The lockfile that a member is to some client, on some file system; nobody reads one through a link. */
function lockfileOf(entry: ReadEntry): string | undefined {
  if (entry.type !== 'File' && entry.type !== 'OldFile') return undefined
  const place = placeOf(entry.path)
  const file = place.at(-1) ?? ''
  return place.length <= 2 && LOCKFILES.has(file) ? file : undefined
}

/** Whether some installer, on some file system, would put this member where it then reads package.json. */
const isManifest = (entry: ReadEntry): boolean => {
  const place = placeOf(entry.path)
  return place.length <= 2 && place.at(-1) === 'package.json'
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')
