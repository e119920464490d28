/** A storage as Verdaccio's core uses it, callback by callback, with the steps of `npm publish` and `npm unpublish` in their order. */
import { createRequire } from 'node:module'
import path from 'node:path'
import type { PassThrough, Readable } from 'node:stream'
import { shasumOf, integrityOf } from './tarball.ts'

type Callback<Value = unknown> = (error: Error | null | undefined, value?: Value) => void

interface Core {
  addPackage(name: string, metadata: unknown, callback: Callback): void
  addVersion(name: string, version: string, metadata: unknown, tag: string | null, callback: Callback): void
  mergeTags(name: string, tags: Readonly<Record<string, string | null>>, callback: Callback): void
  changePackage(name: string, metadata: unknown, revision: string, callback: Callback): void
  removeTarball(name: string, file: string, revision: string, callback: Callback): void
  removePackage(name: string, callback: Callback): void
  getPackageMetadata(name: string, callback: Callback<Manifest>): void
  addTarball(name: string, file: string): PassThrough & { done(): void; abort(): void }
  getTarball(name: string, file: string): Readable & { abort(): void }
  search(startKey: string, options: unknown): Readable
  getSecret(config: { checkSecretKey(secret: string): string }): Promise<unknown>
}

export interface Manifest {
  readonly versions: Readonly<Record<string, { readonly dist: { readonly integrity: string; readonly tarball: string } }>>
  readonly 'dist-tags': Readonly<Record<string, string>>
  readonly _attachments: Readonly<Record<string, unknown>>
  readonly _rev: string
}

interface Plugin {
  get(callback: (error: Error | null, names?: readonly string[]) => void): void
}

const require = createRequire(import.meta.url)
const LocalStorage = (require(path.join(path.dirname(require.resolve('verdaccio/package.json')), 'build/lib/local-storage.js')) as { default: new (config: unknown, logger: unknown, plugin: unknown) => Core }).default
const SILENT = { trace: () => undefined, debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

export class CoreStorage {
  readonly core: Core
  readonly #plugin: Plugin

  constructor(plugin: Plugin) {
    this.#plugin = plugin
    this.core = new LocalStorage({}, SILENT, plugin)
  }

  /** What the core does with a publish: the package, the tarball, the version, the tags. */
  async publish(name: string, version: string, bytes: Buffer, tag = 'latest'): Promise<void> {
    const file = fileOf(name, version)
    const dist = { tarball: `http://localhost/${name}/-/${file}`, shasum: shasumOf(bytes), integrity: integrityOf(bytes) }
    await called((done) => { this.core.addPackage(name, { name, versions: {}, 'dist-tags': {} }, done) }).catch((error: unknown) => {
      if ((error as { status?: number }).status !== 409) throw error
    })
    await this.upload(name, file, bytes)
    await called((done) => { this.core.addVersion(name, version, { name, version, dist, readme: '' }, null, done) })
    await this.tag(name, { [tag]: version })
  }

  upload(name: string, file: string, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.core.addTarball(name, file)
      stream.on('error', reject)
      stream.on('success', () => { resolve() })
      stream.end(bytes)
      stream.done()
    })
  }

  tag(name: string, tags: Readonly<Record<string, string | null>>): Promise<unknown> {
    return called((done) => { this.core.mergeTags(name, tags, done) })
  }

  manifest(name: string): Promise<Manifest> {
    return called<Manifest>((done) => { this.core.getPackageMetadata(name, done) })
  }

  async versions(name: string): Promise<readonly string[]> {
    return Object.keys((await this.manifest(name)).versions).toSorted()
  }

  tarball(name: string, file: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.core.getTarball(name, file)
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('end', () => { resolve(Buffer.concat(chunks)) })
    })
  }

  /** One version: the document without it, then its file. */
  async unpublish(name: string, version: string): Promise<void> {
    const manifest = await this.manifest(name)
    const { [version]: _gone, ...versions } = manifest.versions
    await called((done) => { this.core.changePackage(name, { ...manifest, versions }, manifest._rev, done) })
    await called((done) => { this.core.removeTarball(name, fileOf(name, version), manifest._rev, done) })
  }

  remove(name: string): Promise<unknown> {
    return called((done) => { this.core.removePackage(name, done) })
  }

  names(): Promise<readonly string[]> {
    return called<readonly string[]>((done) => { this.#plugin.get(done) })
  }

  async found(): Promise<readonly string[]> {
    const names: string[] = []
    const stream = this.core.search('0', {})
    return new Promise((resolve, reject) => {
      stream.on('data', ({ name }: { readonly name: string }) => names.push(name))
      stream.on('error', reject)
      stream.on('end', () => { resolve(names.toSorted()) })
    })
  }
}

export const fileOf = (name: string, version: string): string => `${name.split('/').at(-1) ?? ''}-${version}.tgz`

const called = <Value = unknown>(ask: (done: Callback<Value>) => void): Promise<Value> =>
  new Promise((resolve, reject) => {
    ask((error, value) => {
      if (error) reject(error)
      else resolve(value as Value)
    })
  })
