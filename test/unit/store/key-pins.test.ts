import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const REGISTRY = 'https://registry.example'
const pinOf = (keyid: string, day: number) => ({ document: { keys: [{ keyid }] }, at: new Date(Date.UTC(2026, 0, day)) })
const [first, second] = [pinOf('a', 1), pinOf('b', 2)] as const

describe('store: keys pinned on first use', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'pins-'))
  const file = path.join(dir, 'provenance.db')
  let ledger: SqliteLedger
  beforeEach(() => { ledger = new SqliteLedger({ file: path.join(mkdtempSync(path.join(dir, 'x-')), 'provenance.db') }) })
  afterEach(() => { ledger.close() })
  after(() => { rmSync(dir, { recursive: true, force: true }) })

  it('none at first', () => { assert.equal(ledger.pinnedKeys(REGISTRY), undefined) })
  it('the first stay, and are what every later call returns', () => {
    assert.deepEqual(ledger.pinKeys(REGISTRY, first), first)
    assert.deepEqual(ledger.pinKeys(REGISTRY, second), first)
    assert.deepEqual(ledger.pinnedKeys(REGISTRY), first)
  })
  it('are of one registry', () => {
    ledger.pinKeys(REGISTRY, first)
    assert.equal(ledger.pinnedKeys(`${REGISTRY}:8443`), undefined)
  })
  it('stay over a restart, and for another process', () => {
    const one = new SqliteLedger({ file })
    const other = new SqliteLedger({ file })
    one.pinKeys(REGISTRY, first)
    assert.deepEqual(other.pinKeys(REGISTRY, second), first)
    one.close()
    other.close()
    const again = new SqliteLedger({ file })
    assert.deepEqual(again.pinnedKeys(REGISTRY), first)
    again.close()
  })
  it('do not make a registry one that signs', () => {
    ledger.pinKeys(REGISTRY, first)
    assert.equal(ledger.signs(REGISTRY), false)
  })
})
