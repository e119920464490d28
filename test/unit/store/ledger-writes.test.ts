import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { VersionRecord } from '../../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const REGISTRY = 'https://registry.example'
const AT = new Date('2026-06-01T00:00:00Z')
const record = (version: string): VersionRecord => ({
  version,
  integrity: `sha512-${version}`,
  recordedAt: AT,
  because: 'signature',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
})

describe('store: writes of the ledger', () => {
  let dir: string
  let ledger: SqliteLedger
  const open = (): SqliteLedger => new SqliteLedger({ file: path.join(dir, 'ledger.db'), gather: 60_000 })
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'ledger-'))
    ledger = open()
  })
  afterEach(() => {
    ledger.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('a record takes what was gathered with it, in one wait for the disk', () => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the database it is asked of
    const { exec } = DatabaseSync.prototype
    let commits = 0
    DatabaseSync.prototype.exec = function (sql) {
      if (sql === 'COMMIT') commits++
      exec.call(this, sql)
    }
    try {
      for (const name of ['a', 'b', 'c']) ledger.sight(REGISTRY, name, ['1.0.0'], AT)
      ledger.record(REGISTRY, 'a', [record('1.0.0'), record('2.0.0')])
      assert.equal(commits, 1)
    } finally {
      DatabaseSync.prototype.exec = exec
    }
    const other = open()
    assert.deepEqual([other.versions(REGISTRY, 'c'), other.records(REGISTRY, 'a').size], [['1.0.0'], 2])
    other.close()
  })

  it('where it cannot be written, what was gathered is written alone', () => {
    ledger.sight(REGISTRY, 'a', ['1.0.0'], AT)
    assert.throws(() => { ledger.record(REGISTRY, 'a', [record('1.0.0'), { ...record('2.0.0'), integrity: undefined as never }]) })
    const other = open()
    assert.deepEqual([ledger, other].map((one) => [one.versions(REGISTRY, 'a'), one.records(REGISTRY, 'a').size]), [[['1.0.0'], 0], [['1.0.0'], 0]])
    other.close()
  })

  it('who looks at records sees none that come later; who asks again sees all', () => {
    const given = ledger.records(REGISTRY, 'a')
    ledger.record(REGISTRY, 'a', [record('1.0.0')])
    const then = ledger.records(REGISTRY, 'a')
    ledger.record(REGISTRY, 'a', [record('2.0.0')])
    ledger.record(REGISTRY, 'a', [record('3.0.0')])
    assert.deepEqual([given, then, ledger.records(REGISTRY, 'a')].map((records) => [...records.keys()]), [[], ['1.0.0'], ['1.0.0', '2.0.0', '3.0.0']])
    assert.equal(ledger.records(REGISTRY, 'a'), ledger.records(REGISTRY, 'a'))
  })
  it('of records that could not be written memory knows nothing', () => {
    ledger.record(REGISTRY, 'a', [record('1.0.0')])
    assert.throws(() => { ledger.record(REGISTRY, 'a', [record('2.0.0'), { ...record('3.0.0'), integrity: null as unknown as string }]) })
    assert.deepEqual([...ledger.records(REGISTRY, 'a').keys()], ['1.0.0'])
  })
  it('batches of one package are not copied one with the other', () => {
    const all = Array.from({ length: 4000 }, (_, index) => record(`${String(index)}.0.0`))
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the map it is asked of
    const { set } = Map.prototype
    let sets = 0
    Map.prototype.set = function (key: unknown, value: unknown) {
      if (value !== null && typeof value === 'object' && 'integrity' in value) sets++
      set.call(this, key, value)
      return this
    }
    try {
      ledger.records(REGISTRY, 'a')
      for (let from = 0; from < all.length; from += 200) ledger.record(REGISTRY, 'a', all.slice(from, from + 200))
    } finally {
      Map.prototype.set = set
    }
    assert.ok(sets <= 2 * all.length, String(sets))
  })
})
