import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { LedgerReset, VersionRecord } from '../../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const R = 'https://registry.example'
const OTHER = 'https://other.example'
const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))
const record = (version: string, integrity = 'sha512-first'): VersionRecord => ({
  version,
  integrity,
  recordedAt: at(0),
  because: 'signature',
  signatures: [],
  attestations: undefined,
  had: { publishAttestation: false, provenance: false },
})
const forget = (name: string, version?: string): LedgerReset => ({ name, version, reason: 'republished with our consent', at: at(30) })

describe('store: ledger, reset', () => {
  let dir: string
  let ledger: SqliteLedger
  let other: SqliteLedger

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'ledger-'))
    ledger = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
    other = new SqliteLedger({ file: path.join(dir, 'ledger.db') })
  })
  afterEach(async () => {
    ledger.close()
    other.close()
    await rm(dir, { recursive: true, force: true })
  })
  const learn = (): void => {
    ledger.sight(R, 'widget', ['1.0.0'], at(1))
    ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(2))
    ledger.record(R, 'widget', [record('1.0.0'), record('2.0.0')])
    ledger.record(R, 'gadget', [record('1.0.0')])
    ledger.setSigns(R)
    ledger.setOrigin('widget', R)
  }

  it('of a version forgets its integrity and evidence, and nothing of another', () => {
    learn()
    assert.deepEqual(ledger.reset(forget('widget', '2.0.0')), [R])
    assert.deepEqual([...ledger.records(R, 'widget').keys()], ['1.0.0'])
    assert.equal(ledger.records(R, 'gadget').size, 1)
    assert.equal(ledger.origin('widget'), R)
  })

  it('of a version forgets when it appeared, and not that it is known: it must not look as if it only just came', () => {
    learn()
    ledger.reset(forget('widget', '2.0.0'))
    ledger.sight(R, 'widget', ['1.0.0', '2.0.0'], at(40))
    assert.deepEqual(ledger.sighting(R, 'widget', '2.0.0'), { firstSeen: at(1), lastAbsent: undefined })
  })

  it('of a package forgets all of it, from every registry, and not that the registry signs', () => {
    learn()
    ledger.record(OTHER, 'widget', [record('1.0.0')])
    assert.deepEqual([...ledger.reset(forget('widget'))].sort(), [OTHER, R].sort())
    for (const registry of [R, OTHER]) assert.equal(ledger.records(registry, 'widget').size, 0)
    assert.deepEqual(ledger.versions(R, 'widget'), [])
    assert.deepEqual([ledger.origin('widget'), other.origin('widget')], [undefined, undefined])
    assert.equal(ledger.signs(R), true)
  })

  it('lets the next answer be the first', () => {
    learn()
    ledger.reset(forget('widget', '1.0.0'))
    ledger.record(R, 'widget', [record('1.0.0', 'sha512-second')])
    assert.equal(ledger.records(R, 'widget').get('1.0.0')?.integrity, 'sha512-second')
  })

  it('is seen by another process that had read it all before', () => {
    learn()
    assert.equal(other.records(R, 'widget').size, 2)
    assert.equal(other.lastReset('widget'), 0)
    ledger.reset(forget('widget', '2.0.0'))
    assert.deepEqual([...other.records(R, 'widget').keys()], ['1.0.0'])
    assert.equal(other.lastReset('widget'), 1)
    ledger.reset(forget('widget'))
    other.sight(R, 'widget', ['2.0.0'], at(50))
    assert.deepEqual(other.sighting(R, 'widget', '2.0.0'), { firstSeen: at(50), lastAbsent: undefined })
    assert.equal(other.lastReset('gadget'), 0)
  })

  it('of what another process writes back from memory stays forgotten', () => {
    learn()
    other.records(R, 'widget')
    ledger.reset(forget('widget', '2.0.0'))
    other.record(R, 'widget', [record('3.0.0')])
    assert.deepEqual([...ledger.records(R, 'widget').keys()].sort(), ['1.0.0', '3.0.0'])
  })

  it('is kept, with its time and reason', () => {
    learn()
    ledger.reset(forget('widget', '2.0.0'))
    ledger.reset(forget('widget'))
    assert.deepEqual(other.resets('widget'), [forget('widget', '2.0.0'), forget('widget')])
    assert.deepEqual(other.resets('gadget'), [])
  })

  it('of what is not known writes nothing', () => {
    learn()
    assert.deepEqual(ledger.reset(forget('nothing')), [])
    assert.deepEqual(ledger.reset(forget('widget', '9.9.9')), [])
    assert.deepEqual([ledger.resets('nothing'), ledger.resets('widget')], [[], []])
  })

  it('which registries know a package or a version', () => {
    learn()
    assert.deepEqual([ledger.registriesOf('widget'), ledger.registriesOf('widget', '2.0.0')], [[R], [R]])
    assert.deepEqual([ledger.registriesOf('nothing'), ledger.registriesOf('widget', '9.9.9')], [[], []])
    ledger.sight(OTHER, 'seen', ['1.0.0'], at(1))
    assert.deepEqual(ledger.registriesOf('seen', '1.0.0'), [OTHER])
  })

  it('a file of the first version of the schema is migrated with what it holds', () => {
    learn()
    ledger.close()
    other.close()
    const file = path.join(dir, 'ledger.db')
    const database = new DatabaseSync(file)
    database.exec('DROP TABLE resets; PRAGMA user_version = 1')
    for (const { name } of database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all())
      if (!['package', 'appearance', 'record', 'registry'].includes(String(name))) database.exec(`DROP TABLE "${String(name)}"`)
    database.close()
    ledger = new SqliteLedger({ file })
    assert.equal(ledger.records(R, 'widget').size, 2)
    assert.deepEqual(ledger.reset(forget('widget')), [R])
  })
})
