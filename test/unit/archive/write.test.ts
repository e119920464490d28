import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { writeArchive } from '../../../plugin/archive/write.ts'

const CREATED = new Date('2026-01-01T00:00:00.000Z')

describe('writing an archive', () => {
  let dir: string
  beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'write-')) })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  it('a blob that left the cache meanwhile fails the export, and neither the process nor the file of before', async () => {
    const output = path.join(dir, 'packages.tar')
    writeFileSync(output, 'before')
    writeFileSync(path.join(dir, 'there'), 'here')
    const blobs = [{ sha256: 'ab'.repeat(32), size: 4, file: path.join(dir, 'there') }, { sha256: 'cd'.repeat(32), size: 4, file: path.join(dir, 'gone') }]
    await assert.rejects(writeArchive(output, {}, blobs, CREATED), { code: 'ENOENT' })
    assert.deepEqual(readdirSync(dir).sort(), ['packages.tar', 'there'])
  })
  it('a blob is opened when its turn has come, and its header is written: a stream that fails before anybody reads it ends the process', async () => {
    const file = path.join(dir, 'there')
    writeFileSync(file, 'here')
    let written = 0
    const blob = { sha256: 'ab'.repeat(32), size: 4, get file() { written = statSync(path.join(dir, readdirSync(dir).find((name) => name.endsWith('.partial')) ?? '')).size; return file } }
    await writeArchive(path.join(dir, 'packages.tar'), {}, [blob], CREATED)
    assert.equal(written, 3 * 512)
  })
  it('a blob that changed its size fails the export', async () => {
    writeFileSync(path.join(dir, 'there'), 'longer')
    await assert.rejects(writeArchive(path.join(dir, 'packages.tar'), {}, [{ sha256: 'ab'.repeat(32), size: 4, file: path.join(dir, 'there') }], CREATED), /changed/)
    assert.deepEqual(readdirSync(dir), ['there'])
  })
})
