import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { errorUtils } from '@verdaccio/core'
import { messageOf } from '../domain/errors.ts'
import { isObject, ownObject, ownString, type JsonObject } from '../domain/json.ts'
import type { Clock } from '../domain/ports.ts'
import type { Document, Documents } from './documents.ts'
import { mergeManifest } from './merge.ts'
import { BucketUnavailable, type Bucket, type Condition, type OpenObject } from './objects.ts'

/** A manifest as Verdaccio's core has it in memory, which it changes in place. */
type Manifest = Record<string, unknown>
type Callback<Value = void> = (error: Error | null, value?: Value) => void

/** Where Verdaccio writes a tarball: it says `done` when it has ended the stream, and waits for `success` or `error`. */
export interface UploadStream extends PassThrough {
  done: () => void
  abort: () => void
}
/** Where it reads one: `content-length` and `open`, then the bytes, or `error`. */
export interface DownloadStream extends PassThrough {
  abort: () => void
}

export interface PackageStorageDeps {
  readonly bucket: Bucket
  readonly documents: Documents
  readonly isConditional: () => Promise<boolean>
  readonly clock: Clock
}

/** Milliseconds after which nobody is still at work on a publish. */
const ABANDONED = 5 * 60_000
const FILE = 'package.json'
/** As often as somebody else may be faster. */
const TRIES = 20

/**
 * One package published here, as Verdaccio's core asks for it: a manifest and its tarballs, beside one another under its name. What
 * the core found when it began to change a manifest is remembered by the object that it was handed, so that no change is lost.
 */
export class PackageStorage {
  readonly #name: string
  readonly #deps: PackageStorageDeps
  readonly #bases: WeakMap<object, Document>

  /** `bases`: what manifests were read as, shared by all of one storage: the core asks for another object to write with. */
  constructor(name: string, deps: PackageStorageDeps, bases: WeakMap<object, Document>) {
    this.#name = name
    this.#deps = deps
    this.#bases = bases
  }

  readPackage(_name: string, callback: Callback<Manifest>): void {
    answer(async () => {
      const document = await this.#deps.documents.read(this.#key(FILE), { stale: true })
      if (document === 'absent') throw errorUtils.getNotFound()
      return parsed(document)
    }, callback)
  }

  createPackage(_name: string, manifest: Manifest, callback: Callback): void {
    answer(async () => {
      if ((await this.#deps.documents.write(this.#key(FILE), textOf(manifest), 'absent')) === 'conflict') throw errorUtils.getConflict()
    }, callback)
  }

  /** `write` is the core's, and ends in `savePackage`. */
  updatePackage(
    name: string,
    change: (manifest: Manifest, callback: Callback) => void,
    write: (name: string, manifest: Manifest, callback: Callback) => void,
    transform: (manifest: Manifest) => Manifest,
    callback: Callback,
  ): void {
    answer(async () => {
      const document = await this.#deps.documents.read(this.#key(FILE))
      if (document === 'absent') throw errorUtils.getNotFound()
      const manifest = transform(parsed(document))
      await called((done) => { change(manifest, done) })
      this.#bases.set(manifest, document)
      await called((done) => { write(name, manifest, done) })
    }, callback)
  }

  savePackage(_name: string, manifest: Manifest, callback: Callback): void {
    answer(async () => {
      const base = this.#bases.get(manifest)
      if (base === undefined) throw new Error(`the manifest of ${this.#name} was not read before it was changed`)
      await this.#save(manifest, base)
    }, callback)
  }

  deletePackage(file: string, callback: Callback): void {
    answer(() => (file === FILE ? this.#deps.documents.delete(this.#key(FILE)) : this.#deps.bucket.delete(this.#key(file))), callback)
  }

  /** With all that no manifest named. */
  removePackage(callback: Callback): void {
    answer(async () => {
      for (const key of await this.#deps.bucket.list(this.#key(''))) await this.#deps.bucket.delete(key)
    }, callback)
  }

  writeTarball(file: string): UploadStream {
    const chunks: Uint8Array[] = []
    let isAborted = false
    const stream = Object.assign(new PassThrough(), {
      abort: () => { isAborted = true },
      done: () => {
        const stored = async (): Promise<void> => {
          if (!stream.readableEnded) await once(stream, 'end')
          if (isAborted) return
          await this.#store(file, Buffer.concat(chunks))
          stream.emit('success')
        }
        stored().catch((error: unknown) => stream.emit('error', error))
      },
    })
    stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    process.nextTick(() => stream.emit('open'))
    return stream
  }

  readTarball(file: string): DownloadStream {
    let source: Readable | undefined
    let isAborted = false
    const stream = Object.assign(new PassThrough(), {
      abort: () => {
        isAborted = true
        source?.destroy()
      },
    })
    const opened = async (): Promise<void> => {
      const found = await this.#deps.bucket.open(this.#key(file))
      if (found === 'absent') throw errorUtils.getNotFound()
      source = found.body
      // Listened to before anything else happens: one that nobody hears would end the process.
      source.on('error', (error: Error) => stream.emit('error', new BucketUnavailable(`the bucket broke off in ${this.#key(file)}: ${messageOf(error)}`, { cause: error })))
      if (isAborted) {
        source.destroy()
        return
      }
      if (found.size !== undefined) stream.emit('content-length', found.size)
      stream.emit('open')
      source.pipe(stream)
    }
    opened().catch((error: unknown) => stream.emit('error', error))
    return stream
  }

  async #save(manifest: Manifest, base: Document): Promise<void> {
    const { documents } = this.#deps
    const key = this.#key(FILE)
    let [previous, next] = [base, manifest]
    for (let left = TRIES; left > 0; left--) {
      if ((await documents.write(key, textOf(next), previous)) !== 'conflict') return
      const theirs = await documents.read(key)
      // Somebody removed the package meanwhile: what is written now would bring its versions back.
      if (theirs === 'absent') throw errorUtils.getConflict(`${this.#name} was removed meanwhile`)
      const merged = mergeManifest(parsed(base) as JsonObject, manifest as JsonObject, parsed(theirs) as JsonObject)
      if (merged === 'conflict') throw errorUtils.getConflict(`${this.#name} was changed by somebody else meanwhile`)
      ;[previous, next] = [theirs, merged]
    }
    throw new BucketUnavailable(`${this.#name} is changed by others all the time`)
  }

  async #store(file: string, bytes: Buffer): Promise<void> {
    const { bucket } = this.#deps
    const isConditional = await this.#deps.isConditional()
    const key = this.#key(file)
    const contentType = 'application/octet-stream'
    if (isConditional && (await bucket.put(key, bytes, { condition: { absent: true }, contentType })) !== 'conflict') return
    const there = await bucket.open(key)
    if (there !== 'absent') {
      if (await isOf(there, bytes)) return
      // A publish that was broken off leaves its file behind, which no version names; one that still runs has not named its file yet.
      const age = this.#deps.clock.now().getTime() - (there.modified?.getTime() ?? Infinity)
      if (age < ABANDONED || (await this.#isNamed(file))) throw errorUtils.getConflict()
    }
    const condition: Condition = there === 'absent' ? { absent: true } : { etag: there.etag }
    if ((await bucket.put(key, bytes, { condition: isConditional ? condition : undefined, contentType })) === 'conflict') throw errorUtils.getConflict()
  }

  async #isNamed(file: string): Promise<boolean> {
    const document = await this.#deps.documents.read(this.#key(FILE))
    if (document === 'absent') return false
    const manifest = parsed(document) as JsonObject
    const tarballs = Object.values(ownObject(manifest, 'versions') ?? {}).map((version) => (isObject(version) ? (ownString(ownObject(version, 'dist') ?? {}, 'tarball') ?? '') : ''))
    return tarballs.some((tarball) => tarball.replace(/.*\//, '').replace(/[?#].*$/, '') === file)
  }

  /** Names were looked at by the core: no dots alone, no slash but that of a scope. */
  #key(file: string): string {
    if (/[/\\]|^\.{1,2}$/.test(file)) throw errorUtils.getBadRequest('a file of a package has no slash in its name')
    return `${this.#name}/${file}`
  }
}

async function isOf({ body }: OpenObject, bytes: Buffer): Promise<boolean> {
  let at = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (!bytes.subarray(at, at + chunk.length).equals(chunk)) return false
    at += chunk.length
  }
  return at === bytes.length
}

const textOf = (manifest: unknown): string => JSON.stringify(manifest, null, 2)

function parsed({ text }: Document): Manifest {
  const value: unknown = JSON.parse(text)
  if (!isObject(value)) throw new BucketUnavailable('a manifest in the bucket is none')
  return value
}

/** Verdaccio's callbacks: called once, and never inside of what would catch what they throw. */
export function answer<Value>(work: () => Promise<Value>, callback: Callback<Value>): void {
  const call = (error: Error | null, value?: Value): void => { setImmediate(callback, error, value) }
  work().then((value) => { call(null, value) }, (error: unknown) => { call(error instanceof Error ? error : new Error(String(error))) })
}

const called = (ask: (done: Callback) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    ask((error) => {
      if (error) reject(error)
      else resolve()
    })
  })
