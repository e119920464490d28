import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { LaterSync } from '../../../plugin/store/later-sync.ts'
import { LedgerDatabase } from '../../../plugin/store/ledger-database.ts'

describe('store: what is synced to disk a moment later', () => {
  let synced: number
  let fails: boolean
  let ran: () => void
  const sync = (): Promise<void> => {
    synced++
    ran()
    return fails ? Promise.reject(new Error('EIO')) : Promise.resolve()
  }
  /** Resolves when the next sync has begun. */
  const next = (): Promise<void> => new Promise((resolve) => { ran = resolve })
  beforeEach(() => {
    synced = 0
    fails = false
    ran = () => undefined
  })

  it('many writes of one moment, once', async () => {
    const later = new LaterSync('a', 1, sync)
    const once = next()
    for (let count = 0; count < 100; count++) later.soon()
    await once
    assert.equal(synced, 1)
  })
  it('what was written since, once more', async () => {
    const later = new LaterSync('a', 1, sync)
    for (let count = 1; count <= 2; count++) {
      const once = next()
      later.soon()
      await once
      await turn()
    }
    assert.equal(synced, 2)
  })
  it('a disk that does not do it is not passed over in silence', async () => {
    fails = true
    const later = new LaterSync('a', 1, sync)
    const once = next()
    later.soon()
    await once
    await turn()
    assert.equal(later.hasFailed, true)
    later.done()
    assert.equal(later.hasFailed, false)
  })

  describe('the ledger', () => {
    let dir: string
    let database: LedgerDatabase
    let said: string[]
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the database it is asked of
    const { exec } = DatabaseSync.prototype
    beforeEach(() => {
      dir = mkdtempSync(path.join(tmpdir(), 'ledger-'))
      database = new LedgerDatabase(path.join(dir, 'ledger.db'), sync)
      said = []
      DatabaseSync.prototype.exec = function (sql) {
        if (sql.startsWith('PRAGMA synchronous')) said.push(sql.replace(/.*= /, ''))
        exec.call(this, sql)
      }
    })
    afterEach(() => {
      DatabaseSync.prototype.exec = exec
      database.close()
      rmSync(dir, { recursive: true, force: true })
    })
    const write = (durability?: 'now' | 'soon'): void => {
      database.transaction(() => { database.run('INSERT OR REPLACE INTO maintainers VALUES (?, ?)', 'a', '[]') }, durability)
    }

    it('what can be seen again does not wait for the disk, and is synced a moment later', async () => {
      const once = next()
      write('soon')
      await once
      assert.deepEqual([said, synced], [['NORMAL'], 1])
    })
    it('what people decide does, and takes with it what waited', () => {
      write('soon')
      write()
      assert.deepEqual([said, synced], [['NORMAL', 'FULL'], 0])
    })
    it('after a sync that failed everything waits for the disk', async () => {
      fails = true
      const once = next()
      write('soon')
      await once
      await turn()
      write('soon')
      assert.deepEqual(said, ['NORMAL', 'FULL'])
    })
    it('what is written is seen by others at once', () => {
      write('soon')
      const other = new LedgerDatabase(path.join(dir, 'ledger.db'))
      assert.equal(other.all('SELECT * FROM maintainers').length, 1)
      other.close()
    })
  })
})
