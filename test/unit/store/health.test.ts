import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { StoreHealth, type StoreHealthOptions } from '../../../plugin/store/health.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'
import { openDatabase } from '../../../plugin/store/sqlite.ts'
import { settableClock } from '../../support/mirror.ts'

describe('health of the stores', () => {
  const clock = settableClock(new Date('2026-03-01T00:00:00Z'))
  let dir: string
  beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'health-')) })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
  const healthOf = (more: Partial<StoreHealthOptions> = {}): StoreHealth => new StoreHealth({ dirs: new Map([['caches', dir]]), ledger: () => undefined, clock, ...more })
  const found = async (more: Partial<StoreHealthOptions>): Promise<readonly string[]> => {
    const health = healthOf(more)
    await health.look()
    return health.problems
  }

  it('nothing is wrong, and nothing is left behind', async () => {
    assert.deepEqual(await found({}), [])
    assert.deepEqual(readdirSync(dir), [])
  })
  it('a disk that is nearly full', async () => assert.match((await found({ free: () => Promise.resolve(12 * 1024 ** 2) })).join(), /disk of the caches is full: 12 MiB/))
  it('a directory that is gone', async () => assert.match((await found({ dirs: new Map([['caches', path.join(dir, 'none')]]) })).join(), /directory of the caches/))
  it('a directory in which nothing can be made', async () => {
    assert.match((await found({ dirs: new Map([['caches', '/proc/self']]), free: () => Promise.resolve(Infinity) })).join(), /directory of the caches cannot be written/)
  })
  it('a ledger that cannot be written', async () => assert.deepEqual(await found({ ledger: () => { throw new Error('disk I/O error') } }), ['the ledger cannot be used: disk I/O error']))
  it('all of it at once', async () => assert.equal((await found({ free: () => Promise.reject(new Error('no such disk')), ledger: () => { throw new Error('closed') } })).length, 2))
  it('who asks is told at once what the last look found; the next look is behind the answer', async () => {
    let free = 0
    let looks = 0
    const health = healthOf({ free: () => { looks++; return Promise.resolve(free) } })
    assert.deepEqual([health.problems, health.problems, looks], [[], [], 1])
    await health.look()
    assert.deepEqual([health.problems.length, looks], [1, 1])
    free = Infinity
    clock.advance(1_500)
    assert.deepEqual([health.problems.length, looks], [1, 1])
    clock.advance(1_000)
    assert.deepEqual([health.problems.length, looks], [1, 2])
    await health.look()
    assert.deepEqual([health.problems, looks], [[], 2])
  })
  it('a clock that is set back does not keep an old look', async () => {
    const health = healthOf({ free: () => { looks++; return Promise.resolve(Infinity) } })
    let looks = 0
    await health.look()
    clock.advance(-86_400_000)
    assert.deepEqual([health.problems, looks], [[], 2])
    await health.look()
  })

  describe('a ledger', () => {
    it('can be written, also while another process writes', () => {
      const file = path.join(dir, 'ledger.db')
      const ledger = new SqliteLedger({ file })
      ledger.assertWritable()
      const other = openDatabase(file, 'FULL')
      other.exec('BEGIN IMMEDIATE')
      const began = performance.now()
      ledger.assertWritable()
      assert.ok(performance.now() - began < 1000)
      other.exec('ROLLBACK')
      other.close()
      // And waits for others again.
      ledger.setSigns('https://registry.example')
      ledger.close()
    })
    it('that is closed cannot', () => {
      const ledger = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
      ledger.close()
      assert.throws(() => { ledger.assertWritable() })
    })
  })
})
