import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import { IntegrityMismatch, type StoredTarball } from '../../../plugin/domain/ports.ts'
import { FileByteStore, type FileByteStoreOptions } from '../../../plugin/store/bytes.ts'

const BYTES = Buffer.from('tarball bytes, whatever they are')
const SHA512 = hash('sha512', BYTES)
/** A source that says how often it was started and given back. */
class Source {
  started = 0
  returned = 0
  readonly #chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = [BYTES.subarray(0, 5), BYTES.subarray(5)]) {
    this.#chunks = chunks
  }
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#chunks
    const generator = (async function* () {
      yield* chunks
    })()
    return {
      next: () => {
        this.started++
        return generator.next()
      },
      return: () => {
        this.returned++
        return generator.return(undefined)
      },
    }
  }
}
const breaking = async function* (error: Error): AsyncGenerator<Uint8Array> {
  yield BYTES.subarray(0, 5)
  await Promise.reject(error)
}
const code = (expected: string) => (error: unknown): boolean => error instanceof Unavailable && error.reason.code === expected

describe('store: bytes', () => {
  let dir: string
  let store: FileByteStore
  const opened: FileByteStore[] = []
  const open = async (options: Partial<FileByteStoreOptions> = {}): Promise<FileByteStore> => {
    const another = await FileByteStore.open({ dir, ...options })
    opened.push(another)
    return another
  }
  const files = async (): Promise<string[]> => {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  }
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'bytes-'))
    store = await open()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()))
    await rm(dir, { recursive: true, force: true })
  })

  describe('documents', () => {
    it('are given back by their sha256, after a restart too', async () => {
      const sha256 = await store.put(BYTES)
      assert.equal(sha256, hash('sha256', BYTES))
      assert.deepEqual(await (await open()).get(sha256), BYTES)
    })

    it('nothing unfinished is left beside one', async () => {
      await store.put(BYTES)
      assert.equal((await files()).length, 1)
    })

    it('its directory may vanish and come back', async () => {
      const sha256 = await store.put(BYTES)
      const [kept = ''] = await files()
      await rm(path.dirname(kept), { recursive: true })
      assert.equal(await store.put(BYTES), sha256)
      assert.deepEqual(await store.get(sha256), BYTES)
    })

    it('twenty writers of one document', async () => {
      const digests = await Promise.all(Array.from({ length: 20 }, () => store.put(BYTES)))
      assert.equal(new Set(digests).size, 1)
      assert.equal((await files()).length, 1)
    })

    it('[18a] one that was altered is not there, and is gone', async () => {
      const sha256 = await store.put(BYTES)
      await writeFile((await files())[0]!, 'altered')
      assert.equal(await store.get(sha256), undefined)
      assert.deepEqual(await files(), [])
    })

    it('one that was altered is repaired by the next writer', async () => {
      const sha256 = await store.put(BYTES)
      await writeFile((await files())[0]!, 'altered')
      await store.put(BYTES)
      assert.deepEqual(await store.get(sha256), BYTES)
    })

    for (const digest of ['', '../../etc/passwd', 'ab', 'A'.repeat(64), 'f'.repeat(64)])
      it(`no document is called ${JSON.stringify(digest)}`, async () => {
        assert.equal(await store.get(digest), undefined)
      })
  })

  describe('tarballs', () => {
    it('are given back by their sha512, after a restart too', async () => {
      const stored = await store.ingest(new Source(), SHA512)
      const file = path.join(dir, 'tarballs', SHA512.slice(0, 2), SHA512)
      const known = (tarball: StoredTarball | undefined): unknown => ({ ...tarball, read: undefined })
      assert.deepEqual(known(stored), { sha512: SHA512, path: file, size: BYTES.length, read: undefined })
      assert.deepEqual(known(await store.tarball(SHA512)), known(stored))
      assert.deepEqual(known(await (await open()).tarball(SHA512)), known(stored))
    })

    it('one that was never stored is not there', async () => {
      assert.equal(await store.tarball(SHA512), undefined)
      assert.equal(await store.tarball('../x'), undefined)
    })

    it('what is no digest reaches no file', async () => {
      const victim = path.join(dir, 'tarballs', 'victim')
      await writeFile(victim, 'something')
      assert.equal(await store.tarball('aa/../../victim'), undefined)
      assert.equal(await store.tarball('..'), undefined)
      assert.deepEqual(await files(), [victim])
    })

    it('[3a] other bytes are refused, and nothing of them stays', async () => {
      await assert.rejects(store.ingest(new Source([Buffer.from('evil')]), SHA512), IntegrityMismatch)
      assert.deepEqual(await files(), [])
      assert.equal(await store.tarball(SHA512), undefined)
    })

    it('[3b] bytes cut short are refused', async () => {
      await assert.rejects(store.ingest(new Source([BYTES.subarray(0, -1)]), SHA512), IntegrityMismatch)
    })

    it('a source that breaks off is unavailable, and nothing stays', async () => {
      await assert.rejects(store.ingest(new Source(breaking(new Error('cut'))), SHA512), code('evidence-unavailable'))
      assert.deepEqual(await files(), [])
    })

    it('what the source says of itself is passed on', async () => {
      const said = new Unavailable('verification-pending', 'said by the source')
      await assert.rejects(store.ingest(new Source(breaking(said)), SHA512), code('verification-pending'))
    })

    it('[17e] a source without an end is stopped at the limit', async () => {
      const source = new Source((function* () { for (;;) yield BYTES })())
      await assert.rejects((await open({ limit: 1000 })).ingest(source, SHA512), code('evidence-unavailable'))
      assert.deepEqual(await files(), [])
    })

    it('twenty calls at one time share one download, and give their own sources back unread', async () => {
      const sources = Array.from({ length: 20 }, () => new Source())
      await Promise.all(sources.map((source) => store.ingest(source, SHA512)))
      assert.equal(sources.filter(({ started }) => started > 0).length, 1)
      assert.equal(sources.filter(({ returned }) => returned > 0).length, 19)
    })

    it('one that is there already is not downloaded again', async () => {
      await store.ingest(new Source(), SHA512)
      const second = new Source()
      await store.ingest(second, SHA512)
      assert.deepEqual([second.started, second.returned], [0, 1])
    })

    it('[3c] after a bad answer a good one is taken', async () => {
      await assert.rejects(store.ingest(new Source([Buffer.from('evil')]), SHA512), IntegrityMismatch)
      assert.equal((await store.ingest(new Source(), SHA512)).size, BYTES.length)
    })

    describe('[18a] altered on disk', () => {
      const evil = Buffer.from(BYTES.toString().replace('tarball', 'TARBALL'))
      const alterations: readonly (readonly [string, (file: string) => Promise<void>])[] = [
        ['in place, same length', (file) => writeFile(file, evil)],
        [
          'in place, same length and time',
          async (file) => {
            const { atime, mtime } = await stat(file)
            await writeFile(file, evil)
            await utimes(file, atime, mtime)
          },
        ],
        [
          'by another file',
          async (file) => {
            await writeFile(`${file}.evil`, evil)
            await rename(`${file}.evil`, file)
          },
        ],
        ['cut short', (file) => writeFile(file, BYTES.subarray(0, 5))],
      ]
      for (const [how, alter] of alterations) {
        it(`${how}: not there, and gone`, async () => {
          const { path: file } = await store.ingest(new Source(), SHA512)
          await alter(file)
          assert.equal(await store.tarball(SHA512), undefined)
          assert.deepEqual(await files(), [])
        })
        it(`${how}, while the process was down: not there, and gone`, async () => {
          const { path: file } = await store.ingest(new Source(), SHA512)
          await alter(file)
          assert.equal(await (await open()).tarball(SHA512), undefined)
          assert.deepEqual(await files(), [])
        })
      }
    })

    it('the least recently used go when there is too much, and documents never', async () => {
      const blobs = ['a', 'b', 'c'].map((letter) => Buffer.from(letter.repeat(40_000)))
      const [a, b, c] = blobs.map((blob) => hash('sha512', blob)) as [string, string, string]
      const document = await store.put(Buffer.alloc(5000))
      const small = await open({ maxBytes: 100_000 })
      await small.ingest(new Source([blobs[0]!]), a)
      await small.ingest(new Source([blobs[1]!]), b)
      await small.tarball(a)
      await small.ingest(new Source([blobs[2]!]), c)
      const there = async (digest: string): Promise<boolean> => (await small.tarball(digest)) !== undefined
      assert.deepEqual([await there(a), await there(c)], [true, true])
      assert.equal((await files()).includes(path.join(dir, 'tarballs', b.slice(0, 2), b)), false)
      assert.notEqual(await small.get(document), undefined)
    })

    it('what an earlier process left counts', async () => {
      await store.ingest(new Source(), SHA512)
      // Each takes one block of the disk at least.
      const small = await open({ maxBytes: 5000 })
      const other = Buffer.from('x'.repeat(BYTES.length))
      await small.ingest(new Source([other]), hash('sha512', other))
      assert.equal(await small.tarball(SHA512), undefined)
    })
  })

  describe('half-written files', () => {
    const HOST = hash('sha256', hostname()).slice(0, 8)
    const leave = (name: string): Promise<void> => writeFile(path.join(dir, 'tmp', name), BYTES.subarray(0, 5))
    const left = (): Promise<string[]> => readdir(path.join(dir, 'tmp'))

    it('of a process that is no more are removed at start', async () => {
      const { pid } = spawnSync(process.execPath, ['--version'])
      await leave(`${HOST}-${pid}-aa`)
      await leave(`${HOST}-${process.pid}-aa`)
      await open()
      assert.deepEqual(await left(), [])
    })

    it('of a process that runs stay, and so do young ones of another host', async () => {
      await leave(`${HOST}-${process.ppid}-aa`)
      await leave('00000000-1-aa')
      await open()
      assert.equal((await left()).length, 2)
    })

    it('of another host are removed after a day', async () => {
      await leave('00000000-1-aa')
      await utimes(path.join(dir, 'tmp', '00000000-1-aa'), 0, 0)
      await open()
      assert.deepEqual(await left(), [])
    })

    it('of this process, while it writes, stay', async () => {
      const waiting = Promise.withResolvers<undefined>()
      const source = async function* (): AsyncGenerator<Uint8Array> {
        yield BYTES.subarray(0, 5)
        await open()
        waiting.resolve(undefined)
        yield BYTES.subarray(5)
      }
      const stored = store.ingest(source(), SHA512)
      await waiting.promise
      assert.equal((await stored).size, BYTES.length)
    })

    it('are never given out', async () => {
      await leave(SHA512)
      assert.equal(await (await open()).tarball(SHA512), undefined)
    })
  })
})
