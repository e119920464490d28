import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
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
}

const LIMITS: TarballLimits = { entries: 100_000, unpacked: 2 * 1024 ** 3, manifest: 5 * 1024 ** 2, lockfile: 16 * 1024 ** 2, names: 32 * 1024 ** 2 }

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
  const archive = new Archive(limits)
  try {
    await pipeline(createReadStream(path, { highWaterMark: READ }), createGunzip({ chunkSize: UNPACKED }), async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) archive.write(chunk)
    })
  } catch (error) {
    if (isZlibError(error)) throw new NotATarball('not gzip, or damaged', { cause: error })
    throw error
  }
  const { manifest, files, locked } = archive.end()
  return { ...readInstallManifest(manifest, files), ...(locked.length === 0 ? {} : { lockedElsewhere: locked }) }
}

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
