import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'

const A = 'https://a.example'
const B = 'https://b.example'

describe('store: who owns a name', () => {
  let dir: string
  const open: SqliteLedger[] = []
  const ledgerOn = (name = 'ledger.db'): SqliteLedger => {
    const made = new SqliteLedger({ file: path.join(dir, name) })
    open.push(made)
    return made
  }
  beforeEach(async () => { dir = await mkdtemp(path.join(tmpdir(), 'origins-')) })
  afterEach(async () => {
    for (const made of open.splice(0)) made.close()
    await rm(dir, { recursive: true, force: true })
  })
  const reset = (ledger: SqliteLedger, version?: string): readonly string[] =>
    ledger.reset({ name: 'widget', version, reason: 'moved', at: new Date() })

  it('nobody, before anything was verified or served', () => assert.equal(ledgerOn().origin('widget'), undefined))
  it('whose records say so, in one write with them; and nobody by records alone', () => {
    const ledger = ledgerOn()
    const record = { version: '1.0.0', integrity: 'sha512-x', recordedAt: new Date(0), because: 'signature', signatures: [], attestations: undefined, had: { publishAttestation: false, provenance: false } } as const
    ledger.record(A, 'other', [record])
    ledger.record(A, 'widget', [record], true)
    ledger.record(B, 'widget', [record], true)
    assert.deepEqual([ledger.origin('other'), ledger.origin('widget'), ledgerOn().origin('widget')], [undefined, A, A])
  })
  it('the first, for good', () => {
    const ledger = ledgerOn()
    assert.equal(ledger.setOrigin('widget', A), A)
    assert.equal(ledger.setOrigin('widget', B), A)
    assert.equal(ledger.origin('widget'), A)
    assert.equal(ledger.origin('gadget'), undefined)
  })
  it('[16a] names that are properties own nothing', () => assert.equal(ledgerOn().origin('__proto__'), undefined))
  it('is on disk when it was set', () => {
    const ledger = ledgerOn()
    ledger.setOrigin('widget', A)
    ledger.close()
    assert.equal(ledgerOn().origin('widget'), A)
  })
  it('two processes agree on the first', () => {
    const [one, other] = [ledgerOn(), ledgerOn()]
    assert.deepEqual([one.origin('widget'), other.origin('widget')], [undefined, undefined])
    assert.deepEqual([one.setOrigin('widget', A), other.setOrigin('widget', B)], [A, A])
  })
  it('is forgotten with the package, by every process, and not with a version', () => {
    const [one, other] = [ledgerOn(), ledgerOn()]
    one.setOrigin('widget', A)
    one.sight(A, 'widget', ['1.0.0'], new Date())
    assert.equal(other.origin('widget'), A)
    reset(one, '1.0.0')
    assert.equal(one.origin('widget'), A)
    assert.deepEqual(reset(one), [A])
    assert.deepEqual([one.origin('widget'), other.origin('widget')], [undefined, undefined])
  })
  it('a ledger of an earlier version is read: who vouched for something first', () => {
    const ledger = ledgerOn()
    const record = { version: '1.0.0', integrity: 'sha512-x', because: 'bytes', signatures: [], attestations: undefined } as const
    const had = { publishAttestation: false, provenance: false }
    ledger.record(B, 'widget', [{ ...record, had, recordedAt: new Date(2000) }])
    ledger.record(A, 'widget', [{ ...record, had, recordedAt: new Date(1000) }])
    ledger.close()
    const database = new DatabaseSync(path.join(dir, 'ledger.db'))
    const base = ['package', 'appearance', 'record', 'registry']
    for (const row of database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all())
      if (!base.includes(String(row.name))) database.exec(`DROP TABLE ${String(row.name)}`)
    database.exec('PRAGMA user_version = 1')
    database.close()
    assert.equal(ledgerOn().origin('widget'), A)
  })
})
