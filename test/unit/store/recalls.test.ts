import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const AT = new Date('2026-06-01T00:00:00Z')
const ONE = { name: 'widget', range: '1.2.0', reason: 'stolen token', by: 'ann', at: AT } as const
const WHY = { reason: 'cleared', by: undefined, at: new Date('2026-06-02T00:00:00Z') }

describe('store: recalls', () => {
  let dir: string
  let ledger: SqliteLedger
  let other: SqliteLedger
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'recalls-'))
    const open = (): SqliteLedger => new SqliteLedger({ file: path.join(dir, 'provenance.db') })
    ledger = open()
    other = open()
  })
  afterEach(() => {
    ledger.close()
    other.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('a recall is in force until it is lifted, and stays in the books', () => {
    const made = ledger.recalls.add(ONE)
    assert.deepEqual(made, { id: 1, ...ONE, lifted: undefined })
    assert.deepEqual(ledger.recalls.of('widget'), [made])
    assert.deepEqual(ledger.recalls.lift(1, WHY), { ...made, lifted: WHY })
    assert.deepEqual(ledger.recalls.of('widget'), [])
    assert.deepEqual(ledger.recalls.all(), [{ ...made, lifted: WHY }])
  })
  it('the same one again is that one; lifted, it is a new one', () => {
    assert.equal(ledger.recalls.add(ONE).id, ledger.recalls.add({ ...ONE, reason: 'again' }).id)
    assert.equal(ledger.recalls.all()[0]?.reason, 'stolen token')
    ledger.recalls.lift(1, WHY)
    assert.equal(ledger.recalls.add(ONE).id, 2)
  })
  it('one that is not there, or lifted, cannot be lifted', () => {
    assert.equal(ledger.recalls.lift(1, WHY), undefined)
    ledger.recalls.add(ONE)
    ledger.recalls.lift(1, WHY)
    assert.equal(ledger.recalls.lift(1, WHY), undefined)
  })
  it('another process sees it with its next look, and its lifting', () => {
    assert.deepEqual(other.recalls.of('widget'), [])
    ledger.recalls.add(ONE)
    assert.equal(other.recalls.of('widget').length, 1)
    other.recalls.lift(1, WHY)
    assert.deepEqual(ledger.recalls.of('widget'), [])
  })
  it('the revision of a package changes with each change of its recalls, and of no other', () => {
    const revisions = [ledger.recalls.revision('widget')]
    const note = (): void => void revisions.push(ledger.recalls.revision('widget'))
    ledger.recalls.add(ONE)
    note()
    ledger.recalls.add({ ...ONE, name: 'gadget' })
    assert.equal(ledger.recalls.revision('widget'), revisions[1])
    ledger.recalls.lift(1, WHY)
    note()
    ledger.recalls.add(ONE)
    note()
    assert.equal(new Set(revisions).size, 4)
  })
  it('a reset of the package leaves it', () => {
    ledger.sight('https://registry.example', 'widget', ['1.2.0'], AT)
    ledger.recalls.add(ONE)
    assert.equal(ledger.reset({ name: 'widget', version: undefined, reason: 'x', at: AT }).length, 1)
    assert.equal(ledger.recalls.of('widget').length, 1)
  })
  for (const name of ['__proto__', 'constructor']) it(`[16a] ${name} is a name like others`, () => {
    assert.deepEqual([ledger.recalls.of(name), ledger.recalls.revision(name)], [[], 0])
    ledger.recalls.add({ ...ONE, name })
    assert.equal(ledger.recalls.of(name).length, 1)
  })
})
