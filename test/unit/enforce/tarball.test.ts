import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { NotATarball, type InstallManifest } from '../../../plugin/domain/ports.ts'
import { TarStructure } from '../../../plugin/enforce/tar-structure.ts'
import { createTarballInspector, type TarballLimits } from '../../../plugin/enforce/tarball.ts'
import { END, gzip, manifest, member, pax, paxRecord, withChecksum, withFile } from './archive.ts'

/** At once and as a stream: what comes of it is the same. */
const inspect = (bytes: Buffer, limits: Partial<TarballLimits> = {}): Promise<InstallManifest> =>
  withFile(bytes, async (file) => {
    const [atOnce, streamed] = await Promise.allSettled([limits, { ...limits, atOnce: -1 }].map((limit) => createTarballInspector(limit).inspect(file)))
    assert.deepEqual(atOnce, streamed)
    if (atOnce?.status !== 'fulfilled') throw atOnce?.reason
    return atOnce.value
  })
const own = member({ name: 'package/package.json', body: manifest() })
const evil = manifest({ scripts: { postinstall: 'node evil.js' } })
const npmPacked = gzip(own, member({ name: 'package/index.js', body: 'x'.repeat(700) }), END)

const refuses = async (bytes: Buffer, message: RegExp, limits?: Partial<TarballLimits>): Promise<void> => {
  await assert.rejects(inspect(bytes, limits), (error) => {
    assert(error instanceof NotATarball, String(error))
    assert.match(error.message, message)
    return true
  })
}

describe('tarball inspection', () => {
  it('reads the manifest of a package as npm packs it', async () => {
    assert.deepEqual(await inspect(npmPacked), { name: 'widget', version: '1.0.0' })
  })

  it('reads it below any first directory', async () => {
    assert.equal((await inspect(gzip(member({ name: 'node/package.json', body: manifest() }), END))).name, 'widget')
  })

  it('accepts a byte order mark, as npm does', async () => {
    assert.equal((await inspect(gzip(member({ name: 'package/package.json', body: `\ufeff${manifest()}` }), END))).name, 'widget')
  })

  it('and of one that unpacks to more than is looked through at once', async () => {
    const large = gzip(own, member({ name: 'package/index.js', body: 'x'.repeat(500_000) }), END)
    assert.ok(large.length < 24 * 1024)
    assert.equal((await inspect(large)).name, 'widget')
    assert.equal((await inspect(gzip(own, member({ name: 'package/index.js', body: 'x'.repeat(128 * 1024 - 2560 - 512) }), END))).name, 'widget')
  })

  it('and lets others have their turn where it unpacks to much, however small it came', async () => {
    const hasTurns = (bytes: Buffer): Promise<boolean> =>
      withFile(bytes, async (file) => {
        let turns = 0
        const turn = setImmediate(() => { turns++ })
        await createTarballInspector().inspect(file)
        clearImmediate(turn)
        return turns > 0
      })
    const bomb = gzip(own, member({ name: 'package/index.js', body: 'x'.repeat(10_000_000) }), END)
    assert.ok(bomb.length < 24 * 1024)
    assert.deepEqual([await hasTurns(npmPacked), await hasTurns(bomb)], [false, true])
  })

  it('whatever its gzip file says of its length, and of several in one', async () => {
    for (const said of [0, 1, 100_000_000, 0xffffffff]) {
      const lying = Buffer.from(npmPacked)
      lying.writeUInt32LE(said, lying.length - 4)
      await refuses(lying, /not gzip, or damaged/)
    }
    const halves = [Buffer.concat([own]), Buffer.concat([END])].map((half) => zlib.gzipSync(half))
    assert.equal((await inspect(Buffer.concat(halves))).name, 'widget')
    await refuses(Buffer.concat([npmPacked, Buffer.from('garbage')]), /not gzip, or damaged/)
    await refuses(npmPacked.subarray(0, -1), /not gzip, or damaged/)
    await refuses(Buffer.alloc(0), /./)
  })

  it('accepts a pax header with a path and the size that the header has', async () => {
    const body = manifest()
    const header = pax({ path: 'package/package.json', size: String(body.length), mtime: '1.5' })
    assert.equal((await inspect(gzip(header, member({ name: 'short', body }), END))).name, 'widget')
  })

  it('accepts a global header that only comments, as git archive writes it', async () => {
    assert.equal((await inspect(gzip(pax({ comment: 'a'.repeat(40) }, 'g'), own, END))).name, 'widget')
  })

  it('accepts what else tar writes: both extended headers, GNU\u2019s long names, package.json of the old type, padding', async () => {
    const both = gzip(pax({ comment: 'x' }, 'g'), pax({ path: 'package/package.json' }), member({ name: 'short', body: manifest() }), END)
    assert.equal((await inspect(both)).name, 'widget')
    const long = member({ name: '././@LongLink', type: 'L', body: `package/${'a'.repeat(120)}\0` })
    assert.equal((await inspect(gzip(own, long, member({ name: 'package/aaa' }), END))).name, 'widget')
    const far = member({ name: '././@LongLink', type: 'K', body: `${'a'.repeat(120)}\0` })
    assert.equal((await inspect(gzip(own, far, member({ name: 'package/b', type: '2', link: 'aaa' }), END))).name, 'widget')
    assert.equal((await inspect(gzip(member({ name: 'package/package.json', type: '\0', body: manifest() }), END))).name, 'widget')
    assert.equal((await inspect(gzip(own, END, Buffer.alloc(8192)))).name, 'widget')
  })

  it('reads headers however the bytes are cut', () => {
    const parts = Buffer.concat([pax({ path: 'package/package.json' }), member({ name: 'short', body: manifest() }), END, Buffer.alloc(100)])
    const resized = Buffer.concat([pax({ size: '9' }), member({ name: 'short', body: manifest() }), END])
    for (const size of [1, 100, 511, 512, 513, 5000]) {
      const structure = new TarStructure()
      const write = (bytes: Buffer): void => {
        for (let at = 0; at < bytes.length; at += size) structure.write(bytes.subarray(at, at + size))
        structure.end()
      }
      write(parts)
      assert.deepEqual([structure.members, structure.headers], [1, 2], String(size))
      assert.throws(() => { for (let at = 0, other = new TarStructure(); at < resized.length; at += size) other.write(resized.subarray(at, at + size)) }, /two sizes/)
    }
  })

  it('expands a directory of commands from the files that are there', async () => {
    const body = manifest({ directories: { bin: './bin/' } })
    const files = ['bin/cli', 'bin/more/deep', 'bin/.hidden', 'lib/other'].map((name) => member({ name: `package/${name}`, body: 'x' }))
    const directory = member({ name: 'package/bin/empty/', type: '5' })
    const { bin } = await inspect(gzip(member({ name: 'package/package.json', body }), ...files, directory, END))
    assert.deepEqual(bin, { cli: 'bin/cli', deep: 'bin/more/deep', more: 'bin/more' })
  })

  it('accepts a nested package.json and a link beside it', async () => {
    const nested = member({ name: 'package/node_modules/a/package.json', body: '{' })
    const link = member({ name: 'package/latest', type: '2', link: 'index.js' })
    assert.equal((await inspect(gzip(nested, link, own, END))).name, 'widget')
  })

  it('passes on what is wrong with the disk: that is not the tarball’s fault', async () => {
    await assert.rejects(createTarballInspector().inspect('/nonexistent/widget.tgz'), { code: 'ENOENT' })
  })

  describe('[3f] not a tarball', () => {
    it('[3f] empty', () => refuses(Buffer.alloc(0), /not gzip/))
    it('[3f] not gzip', () => refuses(Buffer.from('<html>not found</html>'), /not gzip/))
    it('[3f] a tar archive without gzip', () => refuses(Buffer.concat([own, END]), /not gzip/))
    it('[3f] gzip of something else', () => refuses(gzip(Buffer.alloc(2048, 'x')), /checksum/))
    it('[3f] gzip of gzip', () => refuses(zlib.gzipSync(npmPacked), /cut short|checksum/))
    it('[3f] gzip cut short', () => refuses(npmPacked.subarray(0, -10), /not gzip/))
    it('[3f] gzip with a bit turned', () => refuses(turned(npmPacked), /not gzip|checksum/))
    it('[3f] archive cut in a body', () => refuses(gzip(own.subarray(0, 530)), /cut short/))
    it('[3f] archive cut in a header', () => refuses(gzip(own, own.subarray(0, 100)), /cut short/))
    it('[3f] header with a wrong checksum', () => refuses(gzip(turned(own, 3), END), /checksum/))
    it('[3f] no member at all', () => refuses(gzip(END), /no package\.json|Unrecognized/))
    it('[3f] no package.json', () => refuses(gzip(member({ name: 'package/index.js', body: 'x' }), END), /no package\.json/))
    it('[3f] package.json that npm would strip away', () =>
      refuses(gzip(member({ name: 'package.json', body: manifest() }), END), /another spelling/))
    it('[3f] package.json that is not JSON', () =>
      refuses(gzip(member({ name: 'package/package.json', body: '{' }), END), /not JSON/))
    it('[3f] package.json that is a list', () =>
      refuses(gzip(member({ name: 'package/package.json', body: '[]' }), END), /not an object/))
    it('[17b] package.json nested too deep', () =>
      refuses(gzip(member({ name: 'package/package.json', body: `${'['.repeat(9999)}${']'.repeat(9999)}` }), END), /not JSON/))
  })

  describe('one reading only', () => {
    const second = (name: string): Promise<void> =>
      refuses(gzip(own, member({ name, body: evil }), END), /several members|another spelling|warn|tar:/)
    for (const name of [
      'package/package.json',
      'other/package.json',
      'package/PACKAGE.JSON',
      './package/package.json',
      'package/./package.json',
      'package//package.json',
      'package/lib/../package.json',
      'package\\package.json',
      'package/lib/..\\package.json',
      '/package/package.json',
      'package.json',
      'package/package.json.',
      'package/package.json. .',
      'package/PACKAG~12.JSO',
      'package/package.json ',
      'package/package.json::$DATA',
      'package/PACKAG~1.JSO',
      'package/pac\u212aage.json',
      'package/package.j\u017fon',
      'package/package\u200c.json',
      'package/ｐackage.json',
    ]) {
      it(`[20] a second package.json spelled ${JSON.stringify(name)}`, () => second(name))
    }

    it('[20] a directory named package.json', () =>
      refuses(gzip(own, member({ name: 'package/package.json/', type: '5' }), END), /several/))
    for (const type of ['1', '2']) {
      it(`[20] package.json is a link of type ${type}`, () =>
        refuses(gzip(member({ name: 'package/package.json', type, link: 'package/evil.json' }), END), /not a file/))
    }
    it('[20] a file below a link', () => {
      const link = member({ name: 'package/lib', type: '2', link: '.' })
      return refuses(gzip(own, link, member({ name: 'package/lib/package.json', body: evil }), END), /below a link/)
    })
    it('[20] a file below a hard link', () => {
      const link = member({ name: 'package/lib', type: '1', link: 'package' })
      return refuses(gzip(own, link, member({ name: 'package/lib/a', body: 'x' }), END), /below a link/)
    })
    it('[20] a file in the place of a link', () => {
      const link = member({ name: 'package/a', type: '2', link: '../b' })
      return refuses(gzip(own, link, member({ name: 'package/a', body: 'x' }), END), /below a link/)
    })
    it('[20] an empty package.json before ours', () =>
      refuses(gzip(member({ name: 'package/package.json' }), own, END), /several/))
    it('[20] what only the reader of npm warns about', () =>
      refuses(gzip(own, member({ name: 'package/a', type: '2' }), END), /^tar: /))
    it('[20] bytes without a zero behind the end', () => refuses(gzip(own, END, Buffer.alloc(512, 'x')), /follow the end/))
    it('[20] package.json of a type that only some extract', () =>
      refuses(gzip(member({ name: 'package/package.json', type: '7', body: manifest() }), END), /not a file/))
    it('[20] a type nobody knows beside ours', () =>
      refuses(gzip(own, member({ name: 'package/package.json', type: 'Q', body: evil }), END), /several/))
    it('[20] a member after one empty block', () =>
      refuses(gzip(own, Buffer.alloc(512), member({ name: 'package/a', body: 'x' }), END), /empty block/))
    it('[20] a second archive after the end', () => refuses(gzip(own, END, own, END), /follow the end/))
    it('[20] a second archive in a second gzip member', () =>
      refuses(Buffer.concat([gzip(own), gzip(member({ name: 'package/package.json', body: evil }), END)]), /several/))
    it('[20] a pax header that renames a harmless member', () =>
      refuses(gzip(own, pax({ path: 'package/package.json' }), member({ name: 'package/a', body: evil }), END), /several/))
    it('[20] a pax size that is not the header’s', () => {
      const hidden = member({ name: 'package/package.json', body: evil })
      const carrier = member({ name: 'package/a', body: hidden, size: 0 })
      return refuses(gzip(own, pax({ size: String(hidden.length) }), carrier, END), /two sizes/)
    })
    it('[20] a pax size that is no number', () =>
      refuses(gzip(pax({ size: '0x10' }), member({ name: 'package/a', body: 'x'.repeat(16) }), own, END), /two sizes/))
    it('[20] a path hidden in a comment of several lines', () => {
      const comment = paxRecord('comment', `x\n${paxRecord('path', 'package/package.json')}`)
      return refuses(gzip(own, pax(comment), member({ name: 'package/a', body: evil }), END), /several lines/)
    })
    it('[20] a path cut at a NUL', () =>
      refuses(gzip(pax({ path: 'package/package.json\0.bak' }), member({ name: 'package/a', body: evil }), END), /several lines/))
    it('[20] a pax path given twice', () =>
      refuses(gzip(pax(paxRecord('path', 'package/a') + paxRecord('path', 'package/b')), own, END), /two readings/))
    it('[20] a sparse file’s own name', () =>
      refuses(
        gzip(pax({ 'GNU.sparse.name': 'package/package.json' }), member({ name: 'package/a', body: evil }), own, END),
        /two readings/,
      ))
    for (const [what, records] of [['too long', '99 path=x\n'], ['without a value', '9 comment\n'], ['without an end', '10 a=bcdef']] as const)
      it(`[20] malformed pax records: ${what}`, () => refuses(gzip(pax(records), own, END), /malformed/))
    it('[20] two pax headers for one member', () =>
      refuses(gzip(pax({ path: 'package/a' }), pax({ uid: '1' }), own, END), /several extended/))
    it('[20] a pax header and a GNU name for one member', () => {
      const gnu = member({ name: '././@LongLink', type: 'L', body: 'package/package.json\0' })
      return refuses(gzip(pax({ path: 'package/a' }), gnu, member({ name: 'b', body: evil }), own, END), /several extended/)
    })
    it('[20] a global header that renames', () => refuses(gzip(pax({ path: 'package/package.json' }, 'g'), own, END), /global/))
    for (const key of ['linkpath', 'size'])
      it(`[20] a global header with a ${key}`, () => refuses(gzip(pax({ [key]: '1' }, 'g'), own, END), /global/))
    it('[20] a directory with a body', () =>
      refuses(gzip(member({ name: 'package/lib/', type: '5', body: member({ name: 'package/a' }) }), own, END), /with a body/))
    it('[20] an old directory with a body', () => {
      const hidden = member({ name: 'package/a', body: 'x' })
      return refuses(gzip(own, member({ name: 'package/lib/', body: hidden }), END), /only some readers/)
    })
    it('[20] a size in binary', () => {
      const block = member({ name: 'package/a' }).subarray(0, 512)
      block.writeUInt8(0x80, 124)
      return refuses(gzip(withChecksum(block), own, END), /not octal/)
    })
    it('[20] an extended header before the end', () => refuses(gzip(own, pax({ path: 'package/a' }), END), /without a member/))
  })

  describe('keys that repeat', () => {
    const packed = (json: string): Buffer => gzip(member({ name: 'package/package.json', body: json }), END)
    for (const [what, json] of [
      ['the version', '{"name":"widget","version":"1.0.0","version":"1.0.1"}'],
      ['the version, escaped', '{"name":"widget","version":"1.0.0","vers\\u0069on":"1.0.1"}'],
      ['install scripts', '{"name":"widget","version":"1.0.0","scripts":{},"scripts":{"install":"x"}}'],
      ['a dependency', '{"name":"widget","version":"1.0.0","dependencies":{"a":"1","a":"2"}}'],
    ] as const) {
      it(`[4e] refused where it decides: ${what}`, () => refuses(packed(json), /repeats a key/))
    }
    for (const [what, json] of [
      ['a test script', '{"name":"widget","version":"1.0.0","scripts":{"test":"a","test":"b"}}'],
      ['keywords', '{"name":"widget","version":"1.0.0","keywords":[],"keywords":["a"]}'],
      ['a dependency, the same twice', '{"name":"widget","version":"1.0.0","dependencies":{"a":"1","a":"1"}}'],
    ] as const) {
      it(`accepted where it does not: ${what}`, async () => {
        assert.equal((await inspect(packed(json))).name, 'widget')
      })
    }
  })

  describe('limits', () => {
    const bomb = gzip(own, member({ name: 'package/zeros', body: Buffer.alloc(4_000_000) }), END)
    it('[17c] gzip bomb', () => refuses(bomb, /unpacks to more/, { unpacked: 1_000_000 }))
    it('[17d] too many entries', () =>
      refuses(gzip(own, ...Array.from({ length: 20 }, () => member({ name: 'a/b' })), END), /more entries/, { entries: 20 }))
    it('too many extended headers', () =>
      refuses(gzip(...Array.from({ length: 20 }, () => pax({ uid: '1' }, 'g')), own, END), /more entries/, { entries: 20 }))
    it('package.json too large', () => refuses(npmPacked, /larger than the limit/, { manifest: 10 }))
    it('names too long', () =>
      refuses(gzip(own, pax({ path: `package/${'a'.repeat(5000)}` }), member({ name: 'a' }), END), /names/, { names: 4000 }))
    it('an extended header that some would not read', () =>
      refuses(gzip(pax({ comment: 'x'.repeat(1_100_000) }), own, END), /too large/))
  })
})

/** The same bytes with one bit turned. */
function turned(bytes: Buffer, at = bytes.length - 20): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
  return copy
}
