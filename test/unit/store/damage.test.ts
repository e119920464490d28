import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { assertWholeLedger, damageOf, isDamage, moveAsideIfDamaged } from '../../../plugin/store/damage.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'
import { openDatabase } from '../../../plugin/store/sqlite.ts'
import { recordOf } from '../../support/killed-stores.ts'

const REGISTRY = 'https://registry.example'

describe('damaged databases', () => {
  let dir: string
  let file: string
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'damage-'))
    file = path.join(dir, 'ledger.db')
    const ledger = new SqliteLedger({ file })
    for (let one = 0; one < 50; one++) ledger.record(REGISTRY, `package-${String(one)}`, [recordOf('1.0.0')])
    ledger.close()
  })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
  const scribble = (from: number): void => {
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xa5, from))
  }

  it('a whole one, one that is not there yet, and one in memory are none', () => {
    for (const whole of [file, path.join(dir, 'none.db'), ':memory:']) {
      assert.equal(damageOf(whole), undefined)
      assertWholeLedger(whole)
    }
    assert.equal(existsSync(path.join(dir, 'none.db')), false)
  })
  it('one that another process makes just now is none', async () => {
    const made = path.join(dir, 'made.db')
    writeFileSync(made, '')
    const worker = new Worker(`const { parentPort } = require('node:worker_threads'); parentPort.postMessage(''); setTimeout(() => require('node:fs').copyFileSync(${JSON.stringify(file)}, ${JSON.stringify(made)}), 20)`, { eval: true })
    await once(worker, 'message')
    assert.equal(damageOf(made), undefined)
    await worker.terminate()
  })
  it('one that another process writes to just now is none', () => {
    const other = openDatabase(file, 'FULL')
    other.exec('BEGIN IMMEDIATE')
    assert.equal(damageOf(file), undefined)
    assertWholeLedger(file)
    other.close()
  })
  for (const [what, spoil] of [
    ['no database', () => { scribble(0) }],
    ['garbage behind the first page', () => { scribble(4096) }],
    ['cut off', () => { truncateSync(file, 8192) }],
    ['of zero length', () => { truncateSync(file, 0) }],
    ['gone, and its log is there', () => {
      rmSync(file)
      writeFileSync(`${file}-wal`, 'x')
    }],
  ] as const)
    it(`${what}: the ledger is refused with what to do, and not touched; facts are moved aside`, () => {
      spoil()
      const before = existsSync(file) ? readFileSync(file) : undefined
      assert.throws(() => { assertWholeLedger(file) }, (error) => error instanceof ConfigurationError && error.file === file && /damaged.*Restore it from a backup/.test(error.message))
      assert.deepEqual(existsSync(file) ? readFileSync(file) : undefined, before)
      const said: string[] = []
      moveAsideIfDamaged(file, 'the cache', (message) => said.push(message))
      assert.match(said.join(), /^the cache is damaged: .*\.damaged, and a new one is made$/)
      assert.equal(damageOf(file), undefined)
      assert.deepEqual(existsSync(`${file}.damaged`) ? readFileSync(`${file}.damaged`) : undefined, before)
      new SqliteLedger({ file }).close()
    })
  it('of a copy the remedy is another', () => {
    truncateSync(file, 0)
    assert.throws(() => { assertWholeLedger(file, true) }, /damaged: it is empty\. When the other mirrors are well, move it away/)
  })
  it('an earlier one that was moved aside makes room for the next', () => {
    for (const _time of [1, 2]) {
      writeFileSync(file, 'no database at all, and long enough to be one')
      moveAsideIfDamaged(file, 'the cache', () => undefined)
      assert.equal(existsSync(file), false)
    }
  })
  it('damage that shows while it is open stays a problem', () => {
    const ledger = new SqliteLedger({ file })
    ledger.assertWritable()
    scribble(8192)
    assert.throws(() => { for (let one = 0; one < 50; one++) ledger.records(REGISTRY, `package-${String(one)}`) }, isDamage)
    assert.throws(() => { ledger.assertWritable() }, isDamage)
    try {
      ledger.close()
    } catch {
      // Nothing can be written to it any more.
    }
  })
  it('a disk that is full, or busy, is no damage', () => {
    for (const errcode of [5, 8, 10, 13, 14]) assert.equal(isDamage(Object.assign(new Error('x'), { errcode })), false)
    // SQLITE_CORRUPT_INDEX, and SQLITE_NOTADB within another
    assert.equal(isDamage(Object.assign(new Error('x'), { errcode: 779 })), true)
    assert.equal(isDamage(new Error('file', { cause: Object.assign(new Error('x'), { errcode: 26 }) })), true)
    assert.equal(isDamage('x'), false)
  })
})
