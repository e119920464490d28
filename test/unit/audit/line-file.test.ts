import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LineFile, type LineFileOptions } from '../../../plugin/audit/line-file.ts'

describe('file of lines', () => {
  let dir: string
  let file: string
  let due: (() => void)[]
  let failures: unknown[]
  const open = (more: Partial<LineFileOptions> = {}, place: { readonly maxSize?: number; readonly files?: number } = {}): LineFile =>
    new LineFile({ file, maxSize: 1000, files: 2, ...place }, { onFailure: (error) => { failures.push(error) }, later: (write) => { due.push(write) }, ...more })
  const add = (lines: LineFile, text: string): void => { lines.add([Buffer.from(text.slice(0, 1)), Buffer.from(text.slice(1))], '\n') }
  const text = (): string => readFileSync(file, 'utf8')
  /** What became due is written. */
  const moment = async (lines: LineFile): Promise<void> => {
    for (const write of due.splice(0)) write()
    await lines.written()
  }

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'lines-'))
    file = path.join(dir, 'logs/access.log')
    due = []
    failures = []
  })
  afterEach(() => { rmSync(dir, { recursive: true }) })

  it('is there at once, for its owner alone', async () => {
    const lines = open()
    assert.equal(statSync(file).mode & 0o777, 0o600)
    await lines.close()
  })
  it('cannot be opened: throws', () => {
    assert.throws(() => new LineFile({ file: dir, maxSize: 1, files: 1 }, { onFailure: () => undefined }), { code: 'EISDIR' })
  })
  it('has what came until a moment later, in its order, in one piece', async () => {
    const pieces: number[] = []
    const lines = open({ append: (_file, written) => { pieces.push(written.length); return Promise.resolve() } })
    for (const one of ['one', 'two', 'thrée']) add(lines, one)
    assert.equal(due.length, 1)
    assert.deepEqual(pieces, [])
    await moment(lines)
    assert.deepEqual(pieces, [1])
    await lines.close()
  })
  it('goes on where it was', async () => {
    for (const one of ['one', 'twö']) {
      const lines = open()
      add(lines, one)
      await lines.close()
    }
    assert.equal(text(), 'one\ntwö\n')
  })
  it('is made anew when somebody moved it away', async () => {
    const lines = open()
    add(lines, 'one')
    await moment(lines)
    renameSync(file, `${file}.old`)
    add(lines, 'two')
    await moment(lines)
    assert.equal(text(), 'two\n')
    await lines.close()
  })
  it('is moved aside when it is full, and the oldest is removed', async () => {
    const lines = open({}, { maxSize: 4 })
    for (const one of ['1111', '2222', '3333', '4444']) {
      add(lines, one)
      await moment(lines)
    }
    assert.equal(text(), '4444\n')
    const aside = readdirSync(path.dirname(file)).filter((name) => name !== 'access.log').toSorted((a, b) => Number(a.slice(-16)) - Number(b.slice(-16)))
    assert.deepEqual(aside.map((name) => readFileSync(path.join(path.dirname(file), name), 'utf8')), ['2222\n', '3333\n'])
    await lines.close()
  })
  it('keeps none of those that were moved aside where none is wanted', async () => {
    const lines = open({}, { maxSize: 1, files: 0 })
    for (const one of ['one', 'two', 'three']) {
      add(lines, one)
      await moment(lines)
    }
    assert.deepEqual(readdirSync(path.dirname(file)), ['access.log'])
    await lines.close()
  })
  it('loses lines that cannot be written, counts them, tells it once, and is well again', async () => {
    let isFull = true
    const lines = open({ append: () => (isFull ? Promise.reject(new Error('ENOSPC')) : Promise.resolve()) })
    for (let count = 0; count < 2; count++) {
      add(lines, 'one')
      add(lines, 'two')
      await moment(lines)
    }
    assert.equal(lines.lost, 4)
    assert.equal(failures.length, 1)
    assert.equal((lines.failure as Error).message, 'ENOSPC')
    isFull = false
    add(lines, 'four')
    await moment(lines)
    assert.deepEqual([lines.failure, lines.lost], [undefined, 4])
    isFull = true
    add(lines, 'five')
    await moment(lines)
    assert.equal(failures.length, 2)
    await lines.close()
  })
  it('keeps no more than it may while nothing can be written', async () => {
    let release = (): void => undefined
    const lines = open({ append: () => new Promise((resolve) => { release = resolve }) })
    const long = 'x'.repeat(200_000)
    for (let count = 0; count < 100; count++) add(lines, long)
    assert.ok(lines.lost > 30 && lines.lost < 40, String(lines.lost))
    assert.equal(failures.length, 1)
    const closed = lines.close()
    for (let count = 0; count < 10; count++) {
      release()
      await Promise.resolve()
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    await closed
  })
  it('what came while the disk was slow is written without another line', async () => {
    const written: string[] = []
    let release = (): void => undefined
    const lines = open({ append: (_file, pieces) => { written.push(Buffer.concat(pieces).toString()); return new Promise((resolve) => { release = resolve }) } })
    const long = 'x'.repeat(200_000)
    for (const one of [long, long, long, 'last']) add(lines, one)
    for (const write of due.splice(0)) write()
    for (let count = 0; count < 5; count++) {
      release()
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    assert.ok(written.join('').endsWith('last\n'))
    await lines.close()
  })
  it('pieces end before a line that might not fit', async () => {
    const lines = open({}, { maxSize: 1e9 })
    const half = 2 ** 17
    for (const one of ['x'.repeat(half), 'y'.repeat(half - 6)]) lines.add([Buffer.from(one)], '\u2028\n')
    await lines.close()
    assert.equal(text().length, 2 * half - 6 + 4)
    assert.ok(text().endsWith('y\u2028\n'))
  })
  it('a line longer than any piece is lost, and no other', async () => {
    const lines = open()
    add(lines, 'x'.repeat(2 ** 20))
    add(lines, 'one')
    await lines.close()
    assert.equal(lines.lost, 1)
    assert.equal(text(), 'one\n')
  })
  it('what is no file (`/dev/stdout`) is written to and never moved', async () => {
    file = path.join(dir, 'pipe')
    execFileSync('mkfifo', [file])
    const reader = openSync(file, 'r+')
    const lines = open({}, { maxSize: 0 })
    add(lines, 'one')
    await lines.close()
    assert.equal(readSync(reader, Buffer.alloc(10)), 4)
    closeSync(reader)
    assert.deepEqual([lines.lost, readdirSync(dir)], [0, ['pipe']])
  })
})
