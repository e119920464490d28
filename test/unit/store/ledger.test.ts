import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { VersionRecord } from '../../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const R = 'https://registry.example'
const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))
const FULL = { publishAttestation: true, provenance: true }
const LESS = { publishAttestation: true, provenance: false }
const record = (version: string, overrides: Partial<VersionRecord> = {}): VersionRecord => ({
  version,
  integrity: 'sha512-first',
  recordedAt: at(0),
  because: 'signature',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
  ...overrides,
})

describe('store: ledger', () => {
  let dir: string
  let file: string
  const open: SqliteLedger[] = []
  const ledgerOn = (name: string): SqliteLedger => {
    const made = new SqliteLedger({ file: name })
    open.push(made)
    return made
  }
  let ledger: SqliteLedger
  /** What a process sees that starts on the same file. */
  const reopen = (): SqliteLedger => {
    ledger.close()
    return ledgerOn(file)
  }
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'ledger-'))
    file = path.join(dir, 'ledger.db')
    ledger = ledgerOn(file)
  })
  afterEach(async () => {
    for (const made of open.splice(0)) made.close()
    await rm(dir, { recursive: true, force: true })
  })

  describe('sightings', () => {
    it('are read again from the file where they take more memory than they may', () => {
      const small = new SqliteLedger({ file, memory: 1000 })
      open.push(small)
      for (const name of ['a', 'b']) small.sight(R, name, ['1.0.0'], at(1))
      const first = small.firstSeen(R, 'b')
      assert.equal(small.firstSeen(R, 'b'), first)
      small.firstSeen(R, 'a')
      assert.notEqual(small.firstSeen(R, 'b'), first)
      assert.deepEqual(small.firstSeen(R, 'b'), first)
    })
    it('of a package never seen', () => {
      assert.equal(ledger.sighting(R, 'widget', '1.0.0'), undefined)
      assert.deepEqual(ledger.versions(R, 'widget'), [])
    })

    it('a version of the first answer was never absent', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      assert.deepEqual(ledger.sighting(R, 'widget', '1.0.0'), { firstSeen: at(1), lastAbsent: undefined })
      assert.equal(ledger.sighting(R, 'widget', '2.0.0'), undefined)
      assert.equal(ledger.sighting(R, 'gadget', '1.0.0'), undefined)
      assert.equal(ledger.sighting('https://other.example', 'widget', '1.0.0'), undefined)
    })

    it('[1i] a version that appears was absent from the answer before, backdated or not', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      ledger.sight(R, 'widget', ['1.0.0'], at(5))
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(9))
      const expected = { firstSeen: at(9), lastAbsent: at(5) }
      assert.deepEqual(ledger.sighting(R, 'widget', '2.0.0'), expected)
      assert.deepEqual(reopen().sighting(R, 'widget', '2.0.0'), expected)
    })

    it('one answer that lacks a known version does not make it young', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(2))
      ledger.sight(R, 'widget', [], at(3))
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(4))
      assert.deepEqual(ledger.sighting(R, 'widget', '1.0.0'), { firstSeen: at(1), lastAbsent: undefined })
      assert.deepEqual(ledger.sighting(R, 'widget', '2.0.0'), { firstSeen: at(2), lastAbsent: at(1) })
    })

    it('the same answer twice changes nothing', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(2))
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(2))
      assert.deepEqual(ledger.sighting(R, 'widget', '2.0.0'), { firstSeen: at(2), lastAbsent: at(1) })
    })

    it('an answer older than the last one seen changes nothing', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(5))
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(1))
      assert.equal(ledger.sighting(R, 'widget', '2.0.0'), undefined)
      ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(6))
      assert.deepEqual(ledger.sighting(R, 'widget', '2.0.0'), { firstSeen: at(6), lastAbsent: at(5) })
    })

    it('[16b] versions named like properties, and names no encoding can hold', () => {
      ledger.sight(R, 'constructor', ['__proto__'], at(1))
      ledger.sight(R, 'constructor', ['__proto__', 'toString', '\ud800', '\ud801'], at(2))
      assert.deepEqual(ledger.sighting(R, 'constructor', 'toString')?.firstSeen, at(2))
      assert.equal(ledger.sighting(R, 'constructor', 'valueOf'), undefined)
      assert.deepEqual(reopen().sighting(R, 'constructor', '__proto__'), { firstSeen: at(1), lastAbsent: undefined })
    })

    it('every version that any answer had is listed', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      ledger.sight(R, 'widget', ['2.0.0'], at(2))
      assert.deepEqual(reopen().versions(R, 'widget'), ['1.0.0', '2.0.0'])
    })

    it('two ledgers on one file lose none of each other\'s', () => {
      const other = ledgerOn(file)
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      ledger.close()
      ledger = ledgerOn(file)
      other.sight(R, 'widget', ['1.0.0', '2.0.0'], at(2))
      ledger.sight(R, 'widget', ['1.0.0', '3.0.0'], at(3))
      other.close()
      const after = reopen()
      assert.deepEqual(after.versions(R, 'widget').toSorted(), ['1.0.0', '2.0.0', '3.0.0'])
      assert.deepEqual(after.sighting(R, 'widget', '2.0.0')?.lastAbsent, at(1))
    })

    it('are on disk a moment later without a close', (done) => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      const other = ledgerOn(file)
      const look = (): void => {
        if (other.sighting(R, 'widget', '1.0.0') === undefined) setTimeout(look, 5)
        else done()
      }
      look()
    })
  })

  describe('records', () => {
    it('are read again from the file where they take more memory than they may', () => {
      const small = new SqliteLedger({ file, memory: 4000 })
      open.push(small)
      for (const name of ['a', 'b']) small.record(R, name, [record('1.0.0')])
      const first = small.records(R, 'b')
      assert.equal(small.records(R, 'b'), first)
      small.records(R, 'a')
      assert.notEqual(small.records(R, 'b'), first)
      assert.deepEqual(small.records(R, 'b'), first)
    })
    it('are on disk when `record` returns', () => {
      const full = record('1.0.0', {
        signatures: [{ keyid: 'k', sig: 's' }],
        attestations: 'ab'.repeat(32),
        had: FULL,
      })
      ledger.record(R, 'widget', [full, record('2.0.0', { because: 'bytes' })])
      const database = new DatabaseSync(file, { readOnly: true })
      assert.equal(database.prepare('SELECT count(*) AS n FROM record').get()?.n, 2)
      database.close()
      assert.deepEqual(ledger.records(R, 'widget').get('1.0.0'), full)
      assert.deepEqual(reopen().records(R, 'widget').get('1.0.0'), full)
    })

    it('[3d] another integrity is not written, nor what came with it', () => {
      ledger.record(R, 'widget', [record('1.0.0')])
      ledger.record(R, 'widget', [record('1.0.0', { integrity: 'sha512-second', attestations: 'ff', recordedAt: at(9) })])
      assert.deepEqual(reopen().records(R, 'widget').get('1.0.0'), record('1.0.0'))
    })

    it('[6h] evidence is added and never taken away', () => {
      const [one, two] = [{ keyid: 'k', sig: '1' }, { keyid: 'k', sig: '2' }]
      ledger.record(R, 'widget', [record('1.0.0', { signatures: [one] })])
      ledger.record(R, 'widget', [
        record('1.0.0', { signatures: [one, two], attestations: 'full', had: FULL, recordedAt: at(5), because: 'bytes' }),
      ])
      ledger.record(R, 'widget', [record('1.0.0', { attestations: 'less', had: LESS })])
      ledger.record(R, 'widget', [record('1.0.0')])
      assert.deepEqual(
        reopen().records(R, 'widget').get('1.0.0'),
        record('1.0.0', { signatures: [one, two], attestations: 'full', had: FULL }),
      )
    })

    it('a document with more evidence takes the place of one with less', () => {
      ledger.record(R, 'widget', [record('1.0.0', { attestations: 'less', had: LESS })])
      ledger.record(R, 'widget', [record('1.0.0', { attestations: 'full', had: FULL })])
      assert.equal(ledger.records(R, 'widget').get('1.0.0')?.attestations, 'full')
    })

    it('a batch that fails leaves nothing of it, here or on disk, and the sightings before it', () => {
      ledger.sight(R, 'widget', ['1.0.0'], at(1))
      const broken = record('2.0.0', { integrity: null as unknown as string })
      assert.throws(() => { ledger.record(R, 'widget', [record('1.0.0'), broken]) })
      assert.equal(ledger.records(R, 'widget').size, 0)
      const after = reopen()
      assert.equal(after.records(R, 'widget').size, 0)
      assert.deepEqual(after.sighting(R, 'widget', '1.0.0')?.firstSeen, at(1))
    })

    it('two ledgers on one file see each other and lose nothing', () => {
      const other = ledgerOn(file)
      for (let i = 0; i < 20; i++) {
        const one = i % 2 === 0 ? ledger : other
        one.record(R, 'widget', [record(`1.0.${i}`)])
      }
      other.record(R, 'widget', [record('1.0.0', { integrity: 'sha512-second' })])
      assert.equal(ledger.records(R, 'widget').size, 20)
      assert.equal(other.records(R, 'widget').get('1.0.0')?.integrity, 'sha512-first')
    })
  })

  it('whether a registry signs is remembered, of that registry', () => {
    assert.equal(ledger.signs(R), false)
    ledger.setSigns(R)
    ledger.setSigns(R)
    const after = reopen()
    assert.deepEqual([after.signs(R), after.signs('https://other.example')], [true, false])
  })

  it('that a registry signs, found by another process, is known with the next look at a package', () => {
    assert.equal(ledger.signs(R), false)
    ledgerOn(file).setSigns(R)
    ledger.records(R, 'widget')
    assert.equal(ledger.signs(R), true)
  })

  it('works in memory', () => {
    const memory = ledgerOn(':memory:')
    memory.setSigns(R)
    assert.equal(memory.signs(R), true)
  })

  it('a file of a later version is not touched', () => {
    ledger.close()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    assert.throws(() => ledgerOn(file))
  })

  it('closing twice is closing', () => {
    ledger.close()
    ledger.close()
  })
})
