/** Reading stored tarballs: from memory, at once, in slices; and what becomes of files that somebody touches. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { readdirSync, readlinkSync, statSync } from 'node:fs'
import fsPromises, { link, mkdtemp, open as openFile, readdir, rename, rm, truncate, utimes, writeFile, type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { PartAtHand, StoredTarball } from '../../../plugin/domain/ports.ts'
import { nextTurn } from '../../../plugin/domain/turns.ts'
import { FileByteStore, type FileByteStoreOptions } from '../../../plugin/store/bytes.ts'

const KB = 1024
/** Long enough after any file was made. */
const later = (): number => Date.now() + 1000
const isUnavailable = (error: unknown): boolean => error instanceof Unavailable && error.reason.code === 'internal-error'

describe('store: tarballs read', () => {
  let dir: string
  let warnings: string[]
  const opened: FileByteStore[] = []
  const open = async (options: Partial<FileByteStoreOptions> = {}): Promise<FileByteStore> => {
    const store = await FileByteStore.open({ dir, memory: 0, now: later, warn: (message) => { warnings.push(message) }, ...options })
    opened.push(store)
    return store
  }
  const put = (store: FileByteStore, bytes: Buffer): Promise<StoredTarball> => store.ingest(chunksOf(bytes), hash('sha512', bytes))
  /** Stored, and looked at once more: from here on its times tell of every touch. */
  const settled = async (store: FileByteStore, bytes: Buffer): Promise<StoredTarball> => {
    await put(store, bytes)
    return (await store.tarball(hash('sha512', bytes)))!
  }
  const files = async (): Promise<string[]> => {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  }

  beforeEach(async () => {
    warnings = []
    dir = await mkdtemp(path.join(tmpdir(), 'reads-'))
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()))
    await rm(dir, { recursive: true, force: true })
  })

  describe('whole, and in parts', () => {
    const SIZES = [1, 100 * KB, 512 * KB, 512 * KB + 1, 1500 * KB]
    for (const size of SIZES)
      it(`${size} bytes from disk, again and again`, async () => {
        const bytes = randomBytes(size)
        const tarball = await settled(await open(), bytes)
        for (let turn = 0; turn < 3; turn++) assert.ok((await bytesOf(tarball)).equals(bytes), String(turn))
        const [start, end] = [Math.floor(size / 3), size - Math.floor(size / 4)]
        assert.ok((await bytesOf(tarball, start, end)).equals(bytes.subarray(start, end)))
      })
    it('as it was downloaded, before it was looked at again', async () => {
      const store = await open()
      for (const bytes of [randomBytes(10), randomBytes(1500 * KB)]) assert.ok((await bytesOf(await put(store, bytes))).equals(bytes))
    })
    it('after its file was closed to make room for others', async () => {
      const store = await open({ descriptors: 1 })
      const bytes = [randomBytes(10 * KB), randomBytes(900 * KB)]
      const tarballs = [await settled(store, bytes[0]!), await settled(store, bytes[1]!)]
      for (const turn of [0, 1, 0, 1]) assert.ok((await bytesOf(tarballs[turn]!)).equals(bytes[turn]!))
    })
    it('a source that uses its buffer again is hashed as it is written', async () => {
      const buffer = Buffer.alloc(4)
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for (const text of ['aaaa', 'bbbb']) {
          buffer.write(text)
          yield await Promise.resolve(buffer)
        }
      }
      const store = await open()
      const sha512 = hash('sha512', 'aaaabbbb')
      await store.ingest(source(), sha512).then(async (tarball) => { assert.equal(String(await bytesOf(tarball)), 'aaaabbbb') }, () => undefined)
      const kept = await store.tarball(sha512)
      if (kept !== undefined) assert.equal(String(await bytesOf(kept)), 'aaaabbbb')
    })
  })

  describe('buffers', () => {
    const atHand = (tarball: StoredTarball): PartAtHand => {
      const part = tarball.read(0, tarball.size)
      assert.ok('bytes' in part)
      return part
    }
    it('are lent: no other answer writes to one that is not given back, or that may still be read', async () => {
      const store = await open()
      const [a, b] = [randomBytes(9000), randomBytes(9000)]
      const [first, second] = [await settled(store, a), await settled(store, b)]
      const [one, two] = [atHand(first), atHand(second)]
      assert.ok(a.equals(one.bytes) && b.equals(two.bytes))
      one.release?.(false)
      const three = atHand(second)
      assert.ok(a.equals(one.bytes))
      three.release?.(true)
      assert.equal(atHand(second).bytes.buffer, three.bytes.buffer)
    })
    it('there are only so many, and nobody is kept waiting for one', async () => {
      const store = await open()
      const bytes = randomBytes(200 * KB)
      const tarball = await settled(store, bytes)
      let lent = 0
      while ('bytes' in tarball.read(0, tarball.size)) assert.ok(++lent < 1000)
      assert.ok((await bytesOf(tarball)).equals(bytes))
      assert.ok(lent * 512 * KB <= 32 * KB * KB)
    })
  })

  describe('memory', () => {
    const inMemory = (store: FileByteStore, blobs: readonly Buffer[]): number => blobs.filter((bytes) => store.ready(hash('sha512', bytes)) !== undefined).length
    it('a small one stays there from its download on', async () => {
      const store = await open({ memory: KB * KB, descriptors: 1 })
      const [small, other] = [randomBytes(100 * KB), randomBytes(100 * KB)]
      await put(store, small)
      await put(store, other)
      assert.equal(inMemory(store, [small, other]), 2)
      assert.ok((await bytesOf(store.ready(hash('sha512', small))!)).equals(small))
    })
    it('takes what it counts: small Buffers share 64 KB, all of which would stay', async () => {
      const store = await open({ memory: KB * KB })
      const part = (await put(store, randomBytes(100))).read(0, 100)
      assert.ok('bytes' in part)
      assert.equal(part.bytes.buffer.byteLength, 100)
    })
    it('a large one that is asked for again and again', async () => {
      const store = await open({ memory: 16 * KB * KB })
      const bytes = randomBytes(900 * KB)
      const tarball = await settled(store, bytes)
      for (let turn = 0; turn < 20; turn++) assert.ok((await bytesOf(tarball)).equals(bytes))
      assert.ok('bytes' in tarball.read(0, tarball.size))
    })
    it('has an end, for all and for one', async () => {
      const store = await open({ memory: 800 * KB, descriptors: 1 })
      const blobs = Array.from({ length: 20 }, () => randomBytes(100 * KB))
      for (const bytes of blobs) await put(store, bytes)
      assert.equal(inMemory(store, blobs), 8)
      const large = randomBytes(101 * KB)
      await put(store, large)
      await put(store, randomBytes(5))
      assert.equal(inMemory(store, [large]), 0)
    })
    it('what is evicted from the disk is not there either', async () => {
      const store = await open({ memory: KB * KB, maxBytes: 150_000 })
      const blobs = [randomBytes(100_000), randomBytes(100_000)]
      for (const bytes of blobs) await put(store, bytes)
      assert.equal(inMemory(store, blobs), 1)
    })
  })

  describe('[18a] touched after it was verified', () => {
    const touches: readonly (readonly [string, (file: string, bytes: Buffer) => Promise<unknown>])[] = [
      ['altered in place', (file, bytes) => writeFile(file, other(bytes))],
      ['altered in place, with its old times', async (file, bytes) => {
        const { atime, mtime } = statSync(file)
        await writeFile(file, other(bytes))
        await utimes(file, atime, mtime)
      }],
      ['cut short', (file) => truncate(file, 300 * KB)],
      ['made longer', (file) => truncate(file, 3000 * KB)],
      ['replaced', async (file, bytes) => {
        await writeFile(`${file}.other`, other(bytes))
        await rename(`${file}.other`, file)
      }],
      ['removed', (file) => rm(file)],
    ]
    for (const [how, touch] of touches) {
      it(`${how}, between two requests: nothing of it, and it is not there`, async () => {
        const store = await open()
        const tarball = await settled(store, randomBytes(400 * KB))
        await touch(tarball.path, await bytesOf(tarball))
        assert.throws(() => tarball.read(0, tarball.size), isUnavailable)
        assert.equal(await store.tarball(tarball.sha512), undefined)
        assert.deepEqual(await files(), [])
        assert.equal(warnings.length, how === 'removed' ? 0 : 1)
      })
      for (const [kind, uses] of [['cold', 0], ['warm', 3]] as const)
        it(`${how}, while it is sent (${kind}): never to its end`, async () => {
          const store = await open()
          const bytes = randomBytes(1500 * KB)
          const tarball = await settled(store, bytes)
          for (let use = 0; use < uses; use++) await bytesOf(tarball)
          let sent = 0
          await assert.rejects(async () => {
            for await (const slice of slicesOf(tarball)) {
              if (sent === 0) await touch(tarball.path, bytes)
              sent += slice.length
            }
          }, isUnavailable)
          assert.ok(sent < tarball.size)
          assert.equal(await store.tarball(tarball.sha512), undefined)
          assert.deepEqual(await files(), [])
        })
    }
    it('altered, and every time set back that can be set', async () => {
      const store = await open()
      const bytes = randomBytes(100)
      const { path: file, sha512 } = await put(store, bytes)
      await utimes(file, 1e9, 1e9)
      const tarball = await store.tarball(sha512)
      await writeFile(file, other(bytes))
      await utimes(file, 1e9, 1e9)
      assert.throws(() => tarball?.read(0, 100), isUnavailable)
      assert.equal(await store.tarball(sha512), undefined)
    })
    it('its name is said, once', async () => {
      const store = await open()
      const tarball = await settled(store, randomBytes(100))
      await writeFile(tarball.path, 'altered')
      await Promise.all([store.tarball(tarball.sha512), store.tarball(tarball.sha512)])
      assert.equal(warnings.length, 1)
      assert.ok(warnings[0]!.includes(tarball.path))
    })
    it('the same bytes under other times are the same tarball', async () => {
      const store = await open()
      const bytes = randomBytes(900 * KB)
      const tarball = await settled(store, bytes)
      await link(tarball.path, path.join(dir, 'copy'))
      assert.ok((await bytesOf((await store.tarball(tarball.sha512))!)).equals(bytes))
      assert.deepEqual(warnings, [])
    })
    it('a file made in this tick of the clock is hashed again: another write in it would leave no trace', async () => {
      let now = Date.now()
      const store = await open({ now: () => now })
      const { sha512 } = await put(store, randomBytes(100))
      for (const isTelling of [false, true]) {
        now += isTelling ? 1000 : 0
        assert.notEqual(await store.tarball(sha512), undefined)
        assert.equal(store.ready(sha512) !== undefined, isTelling)
      }
    })
  })

  describe('files that go while they are read', () => {
    it('an evicted one is sent to its end, and then it goes', async () => {
      const bytes = randomBytes(1500 * KB)
      const store = await open({ maxBytes: 2000 * KB })
      const tarball = await settled(store, bytes)
      const parts: Buffer[] = []
      for await (const slice of slicesOf(tarball)) {
        if (parts.length === 0) await put(store, randomBytes(1000 * KB))
        parts.push(Buffer.from(slice))
      }
      assert.ok(Buffer.concat(parts).equals(bytes))
      assert.equal(await store.tarball(tarball.sha512), undefined)
      assert.equal((await files()).includes(tarball.sha512), false)
    })
    it('one whose descriptor is wanted for others is sent to its end', async () => {
      const bytes = randomBytes(1500 * KB)
      const store = await open({ descriptors: 1 })
      const tarball = await settled(store, bytes)
      const parts: Buffer[] = []
      for await (const slice of slicesOf(tarball)) {
        await put(store, randomBytes(10))
        parts.push(Buffer.from(slice))
      }
      assert.ok(Buffer.concat(parts).equals(bytes))
    })
    it('the same bytes from another place meanwhile', async () => {
      const store = await open()
      const bytes = randomBytes(1500 * KB)
      const sha512 = hash('sha512', bytes)
      const isOpen = Promise.withResolvers<undefined>()
      const slow = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, 1000)
        await isOpen.promise
        yield bytes.subarray(1000)
      }
      const second = store.ingest(slow(), sha512, 'slow')
      const tarball = await store.ingest(chunksOf(bytes), sha512, 'quick')
      const parts: Buffer[] = []
      for await (const slice of slicesOf(tarball)) {
        isOpen.resolve(undefined)
        await second
        parts.push(Buffer.from(slice))
      }
      assert.ok(Buffer.concat(parts).equals(bytes))
      assert.deepEqual(await files(), [sha512])
    })
  })

  describe('descriptors', () => {
    const ours = (): string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          const file = readlinkSync(`/proc/self/fd/${fd}`)
          return file.startsWith(dir) ? [file] : []
        } catch {
          return []
        }
      })
    before(function () {
      if (process.platform !== 'linux') this.skip()
    })

    it('as many as were said, and none after close', async () => {
      const store = await open({ descriptors: 3 })
      for (let count = 0; count < 10; count++) await settled(store, randomBytes(100 + count))
      await store.tarball('00'.repeat(64))
      assert.ok(ours().length <= 4)
      await store.close()
      assert.deepEqual(ours(), [])
    })
    it('one that is read when the store closes is closed by its reader', async () => {
      const store = await open()
      const tarball = await settled(store, randomBytes(1500 * KB))
      const slices = slicesOf(tarball)
      await slices.next()
      await store.close()
      assert.equal(ours().length, 1)
      await slices.return(undefined)
      await store.close()
      assert.deepEqual(ours(), [])
    })
    it('none of an evicted one: its place on the disk would stay taken', async () => {
      const store = await open({ maxBytes: 150_000 })
      const first = await settled(store, randomBytes(100_000))
      await settled(store, randomBytes(100_000))
      // Closed behind whoever evicted it, in a thread of its own time; one that is kept open never goes.
      while (ours().some((file) => file.includes(first.sha512))) await nextTurn()
    })
    it('none is opened after close', async () => {
      const store = await open()
      const { sha512 } = await settled(store, randomBytes(10))
      await store.close()
      await assert.rejects(store.tarball(sha512), isUnavailable)
      await assert.rejects(put(store, randomBytes(20)), isUnavailable)
      assert.deepEqual(ours(), [])
    })
    it('none stays of bytes that were refused', async () => {
      const store = await open()
      await assert.rejects(store.ingest(chunksOf(randomBytes(10)), hash('sha512', 'x')))
      assert.deepEqual(ours(), [])
    })
  })

  describe('a machine at its limits', () => {
    const real = fsPromises.open
    const failing = (code: string, times: number): void => {
      fsPromises.open = (...args: Parameters<typeof real>) => (times-- > 0 ? Promise.reject(Object.assign(new Error(code), { code })) : real(...args))
      syncBuiltinESMExports()
    }
    afterEach(() => {
      fsPromises.open = real
      syncBuiltinESMExports()
    })

    it('no more files may be open: those that are held make room', async () => {
      const store = await open()
      const held = [await settled(store, randomBytes(10)), await settled(store, randomBytes(20))]
      failing('EMFILE', 1)
      assert.equal((await put(store, randomBytes(30))).size, 30)
      assert.equal(held.filter(({ sha512 }) => store.ready(sha512) !== undefined).length, 1)
    })
    for (const code of ['EMFILE', 'ENFILE', 'EACCES'])
      it(`${code} for long: unavailable, and served again when it is over`, async () => {
        const store = await open()
        const bytes = randomBytes(900 * KB)
        const tarball = await settled(store, bytes)
        await store.close()
        const fresh = await open()
        failing(code, 100)
        await assert.rejects(put(fresh, randomBytes(30)), isUnavailable)
        await assert.rejects(fresh.tarball(tarball.sha512), isUnavailable)
        failing(code, 0)
        assert.ok((await bytesOf((await fresh.tarball(tarball.sha512))!)).equals(bytes))
      })
    it('the disk is full: unavailable, nothing stays, and it works again when there is room', async () => {
      const store = await open()
      const handle = await openFile(path.join(dir, 'any'), 'w')
      const prototype = Object.getPrototypeOf(handle) as { write: FileHandle['write'] }
      const { write } = prototype
      await handle.close()
      await rm(path.join(dir, 'any'))
      prototype.write = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
      try {
        await assert.rejects(put(store, randomBytes(900 * KB)), isUnavailable)
      } finally {
        prototype.write = write
      }
      assert.deepEqual(await files(), [])
      assert.equal((await put(store, randomBytes(10))).size, 10)
    })
  })

  it('a lockfile of cold tarballs: none waits for another', async () => {
    const store = await open()
    const all = Promise.withResolvers<undefined>()
    let started = 0
    const source = async function* (bytes: Buffer): AsyncGenerator<Uint8Array> {
      if (++started === 450) all.resolve(undefined)
      await all.promise
      yield bytes
    }
    const blobs = Array.from({ length: 450 }, (_, index) => Buffer.from(`tarball ${index}`))
    const stored = await Promise.all(blobs.map((bytes) => store.ingest(source(bytes), hash('sha512', bytes))))
    assert.equal(stored.length, 450)
  })
})

const other = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => byte ^ 1))

async function* chunksOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 64 * KB) yield await Promise.resolve(bytes.subarray(at, at + 64 * KB))
}

async function bytesOf(tarball: StoredTarball, start = 0, end = tarball.size): Promise<Buffer> {
  const part = tarball.read(start, end)
  if ('bytes' in part) {
    const bytes = Buffer.from(part.bytes)
    part.release?.(true)
    return bytes
  }
  const parts: Buffer[] = []
  for await (const slice of part) parts.push(Buffer.from(slice))
  return Buffer.concat(parts)
}

function slicesOf(tarball: StoredTarball): AsyncGenerator<Uint8Array> {
  const part = tarball.read(0, tarball.size)
  assert.ok(!('bytes' in part))
  return (async function* () { yield* part })()
}
