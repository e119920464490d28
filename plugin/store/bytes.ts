import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { ByteStore, StoredTarball } from '../domain/ports.ts'
import type { CacheUsage } from '../domain/state.ts'
import { Documents } from './documents.ts'
import { Tarballs, type TarballsOptions } from './tarballs.ts'
import { cleanTemporary } from './temporary-files.ts'

export interface FileByteStoreOptions extends TarballsOptions {
  readonly dir: string
}

/** Content-addressed files: `documents/ab/<sha256>`, `tarballs/ab/<sha512>`, and `tmp/` on the same file system. */
export class FileByteStore implements ByteStore {
  readonly #documents: Documents
  readonly #tarballs: Tarballs

  /** Makes the directories, removes what a dead process left half-written, and counts what is there. */
  static async open(options: FileByteStoreOptions): Promise<FileByteStore> {
    const documents = path.join(options.dir, 'documents')
    const tarballs = path.join(options.dir, 'tarballs')
    const temporary = path.join(options.dir, 'tmp')
    await mkdir(documents, { recursive: true })
    await mkdir(tarballs, { recursive: true })
    await cleanTemporary(temporary)
    const store = new FileByteStore(new Documents(documents, temporary), new Tarballs(tarballs, temporary, options))
    await store.#tarballs.adopt()
    return store
  }

  private constructor(documents: Documents, tarballs: Tarballs) {
    this.#documents = documents
    this.#tarballs = tarballs
  }

  /** Of tarballs. */
  get usage(): CacheUsage {
    return this.#tarballs.usage
  }

  put(bytes: Uint8Array): Promise<string> {
    return this.#documents.put(bytes)
  }

  get(sha256: string): Promise<Uint8Array | undefined> {
    return this.#documents.get(sha256)
  }

  tarball(sha512: string): Promise<StoredTarball | undefined> {
    return this.#tarballs.get(sha512)
  }

  ready(sha512: string): StoredTarball | undefined {
    return this.#tarballs.ready(sha512)
  }

  ingest(source: AsyncIterable<Uint8Array>, sha512: string, from?: string): Promise<StoredTarball> {
    return this.#tarballs.ingest(source, sha512, from)
  }

  close(): Promise<void> {
    return this.#tarballs.close()
  }
}
