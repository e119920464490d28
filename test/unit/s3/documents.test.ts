import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Document, Documents } from '../../../plugin/s3/documents.ts'
import { BucketUnavailable } from '../../../plugin/s3/objects.ts'
import { FakeS3, type FakeObject } from '../../support/s3.ts'
import { documentsOf, KEY, type Opened } from './support.ts'

const OTHER = { id: 'two', secret: Buffer.alloc(48, 'o') }
const AT = 'acme/package.json'

describe('documents of the bucket', () => {
  let s3: FakeS3
  let here: Opened
  let there: Opened
  before(async () => { s3 = await FakeS3.start() })
  after(() => s3.stop())
  beforeEach(() => {
    s3.objects.clear()
    s3.fault = undefined
    here = documentsOf(s3)
    there = documentsOf(s3)
  })
  const made = async (documents: Documents, text: string, previous: Document | 'absent' = 'absent'): Promise<Document> => {
    const written = await documents.write(AT, text, previous)
    assert.notEqual(written, 'conflict')
    return written as Document
  }
  const read = async (documents: Documents, stale = false): Promise<string> => {
    const document = await documents.read(AT, { stale })
    return document === 'absent' ? document : document.text
  }
  const object = (key = AT): FakeObject => {
    const found = s3.objects.get(key)
    assert.ok(found)
    return found
  }

  it('what one writes the other reads, and asks again only whether it is still so', async () => {
    await made(here.documents, 'one')
    assert.equal(await read(there.documents), 'one')
    s3.requests.length = 0
    assert.equal(await read(there.documents), 'one')
    assert.deepEqual(s3.requests.map(({ status }) => status), [304])
  })
  it('of two that write at one time, one is told', async () => {
    const first = await made(here.documents, 'one')
    assert.equal(await there.documents.write(AT, 'other', 'absent'), 'conflict')
    await made(there.documents, 'two', await there.documents.read(AT))
    assert.equal(await here.documents.write(AT, 'three', first), 'conflict')
    assert.equal(await read(here.documents), 'two')
  })
  it('likewise where the bucket itself does not care', async () => {
    const loose = documentsOf(s3, { isConditional: false })
    const first = await made(here.documents, 'one')
    assert.equal(await loose.documents.write(AT, 'other', 'absent'), 'conflict')
    await made(here.documents, 'two', first)
    assert.equal(await loose.documents.write(AT, 'three', first), 'conflict')
  })
  it('a later version has a higher revision, also by a clock that goes back', async () => {
    const first = await made(here.documents, 'one')
    there.clock.set(new Date('2020-01-01'))
    const second = await made(there.documents, 'two', await there.documents.read(AT))
    assert.ok(second.revision > first.revision)
  })
  it('[18a] an altered one is none, and told of', async () => {
    await made(here.documents, '{"a":1}')
    s3.overwrite(AT, '{"a":2}')
    await assert.rejects(read(there.documents), BucketUnavailable)
    assert.deepEqual(there.told, [{ kind: 'altered', key: AT }])
  })
  it('[18a] its revision cannot be raised', async () => {
    await made(here.documents, 'one')
    s3.objects.set(AT, { ...object(), metadata: { ...object().metadata, revision: '9999999999999' } })
    await assert.rejects(read(there.documents), BucketUnavailable)
  })
  it('[18b] one without a mark, or with that of another key, is none', async () => {
    await made(documentsOf(s3, { keys: [OTHER] }).documents, 'one')
    await assert.rejects(read(there.documents), BucketUnavailable)
    s3.overwrite(AT, 'planted', {})
    await assert.rejects(read(there.documents), BucketUnavailable)
    assert.deepEqual(there.told.map(({ kind }) => kind), ['altered', 'altered'])
  })
  it('[18c] that of another package is none', async () => {
    await here.documents.write('other/package.json', 'one', 'absent')
    s3.objects.set(AT, object('other/package.json'))
    await assert.rejects(read(there.documents), BucketUnavailable)
  })
  it('[18d] an older one than was seen is none, and told of', async () => {
    const first = await made(here.documents, 'one')
    const old = object()
    await made(here.documents, 'two', first)
    assert.equal(await read(there.documents), 'two')
    s3.objects.set(AT, old)
    await assert.rejects(read(there.documents), BucketUnavailable)
    assert.deepEqual(there.told, [{ kind: 'replayed', key: AT }])
  })
  it('[18d] nor one from before this mirror removed it', async () => {
    await made(here.documents, 'one')
    const old = object()
    await here.documents.delete(AT)
    assert.equal(await read(here.documents), 'absent')
    s3.objects.set(AT, old)
    await assert.rejects(read(here.documents), BucketUnavailable)
  })
  it('[18d] what somebody deleted may be restored as it was, and no older', async () => {
    const first = await made(here.documents, 'one')
    const older = object()
    await made(here.documents, 'two', first)
    const last = object()
    assert.equal(await read(there.documents), 'two')
    s3.objects.delete(AT)
    assert.equal(await read(there.documents), 'absent')
    s3.objects.set(AT, older)
    await assert.rejects(read(there.documents), BucketUnavailable)
    s3.objects.set(AT, last)
    assert.equal(await read(there.documents), 'two')
  })
  it('an answer that another write overtook is no replay', async () => {
    const first = await made(here.documents, 'one')
    let release = (): void => undefined
    const held = new Promise<undefined>((resolve) => { release = () => { resolve(undefined) } })
    const reading = { isHeld: false }
    s3.fault = ({ method }) => {
      if (method !== 'GET' || reading.isHeld) return undefined
      reading.isHeld = true
      return held
    }
    const old = object()
    const slow = read(there.documents)
    while (!reading.isHeld) await new Promise(setImmediate)
    await made(here.documents, 'two', first)
    assert.equal(await read(there.documents), 'two')
    s3.objects.set(AT, old)
    release()
    assert.equal(await slow, 'one')
    assert.deepEqual(there.told, [])
  })
  it('a key that is rotated: written by the new one, read by both', async () => {
    const first = await made(here.documents, 'one')
    const rotating = documentsOf(s3, { keys: [OTHER, KEY] })
    assert.equal(await read(rotating.documents), 'one')
    await made(rotating.documents, 'two', first)
    assert.equal(await read(documentsOf(s3, { keys: [OTHER] }).documents), 'two')
  })

  describe('while the bucket does not answer', () => {
    it('what was read goes for a week where that is asked for, and not else', async () => {
      await made(here.documents, 'one')
      assert.equal(await read(there.documents), 'one')
      s3.fault = () => 500
      assert.equal(await read(there.documents, true), 'one')
      await assert.rejects(read(there.documents), BucketUnavailable)
      there.clock.advance(7 * 86_400_000 + 1)
      await assert.rejects(read(there.documents, true), BucketUnavailable)
    })
    it('it is never absent: a missing bucket, and no permission, are no answers', async () => {
      for (const status of [403, 404, 500, 503]) {
        s3.fault = () => status
        await assert.rejects(read(there.documents), BucketUnavailable)
      }
    })
  })

  describe('kept on this machine', () => {
    let dir: string
    beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'copies-')) })
    afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
    const kept = async (files = 1): Promise<void> => {
      while (readdirSync(dir).filter((name) => name.endsWith('.json')).length < files) await new Promise(setImmediate)
    }

    it('a mirror that is started anew goes on without the bucket', async () => {
      await made(documentsOf(s3, { dir }).documents, 'one')
      await kept()
      s3.fault = () => 500
      assert.equal(await read(documentsOf(s3, { dir }).documents, true), 'one')
    })
    it('[18d] and still knows what is older than what it has seen', async () => {
      const first = await made(here.documents, 'one')
      const old = object()
      await made(here.documents, 'two', first)
      assert.equal(await read(documentsOf(s3, { dir }).documents), 'two')
      await kept()
      s3.objects.set(AT, old)
      const anew = documentsOf(s3, { dir })
      await assert.rejects(read(anew.documents), BucketUnavailable)
      assert.deepEqual(anew.told, [{ kind: 'replayed', key: AT }])
    })
    it('[18a] what somebody wrote into its files is none', async () => {
      await made(documentsOf(s3, { dir }).documents, 'one')
      await kept()
      const [file = ''] = readdirSync(dir)
      for (const text of ['', '{}', JSON.stringify({ text: 'planted', etag: '"x"', revision: '9', keyid: 'one', mac: 'AAAA' })]) {
        writeFileSync(path.join(dir, file), text)
        assert.equal(await read(documentsOf(s3, { dir }).documents), 'one')
        s3.fault = () => 500
        await assert.rejects(read(documentsOf(s3, { dir }).documents, true), BucketUnavailable)
        s3.fault = undefined
      }
    })
    it('a disk that is full costs the copy and nothing else', async () => {
      writeFileSync(path.join(dir, 'file'), '')
      const opened = documentsOf(s3, { dir: path.join(dir, 'file', 'below') })
      await made(opened.documents, 'one')
      assert.equal(await read(opened.documents), 'one')
    })
  })
})
