import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import type { VersionRecord } from '../../plugin/domain/ports.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { KEY, onPostgres, type Replica } from '../support/replicas.ts'

const R = 'https://registry.example'
const NEXT = { id: 'two', secret: Buffer.alloc(32, 2) }
const record = (version: string): VersionRecord => ({
  version, integrity: 'sha512-first', recordedAt: new Date(0), because: 'signature', signatures: [], attestations: undefined, had: { publishAttestation: false, provenance: false },
})

describe('replicas: snapshots of the shared ledger', () => {
  const db = onPostgres('snapshots')
  const begun = async (...versions: readonly string[]): Promise<Replica> => {
    const a = await db.replicas.open(db.url)
    a.ledger.record(R, 'widget', versions.map(record))
    await a.replication.settled()
    return a
  }
  /** As after very many operations. */
  const pruned = async (): Promise<void> => { await db.sql('DELETE FROM ledger_operation') }

  it('a mirror that begins takes the newest, and does what came after', async () => {
    const a = await begun('1.0.0')
    await a.snapshots.make()
    await pruned()
    a.ledger.record(R, 'widget', [record('1.1.0')])
    await a.replication.settled()
    const b = await db.replicas.open(db.url)
    assert.deepEqual([...b.ledger.records(R, 'widget').keys()], ['1.0.0', '1.1.0'])
    assert.equal(b.replication.state.sequence, 2)
  })

  it('a mirror that was away for too long takes it too, and goes on with the same file', async () => {
    const file = db.replicas.file('away')
    const [a, b] = [await begun('1.0.0'), await db.replicas.open(db.url, { file })]
    await b.close()
    a.ledger.record(R, 'widget', [record('1.1.0')])
    await a.replication.settled()
    await a.snapshots.make()
    await pruned()
    const again = await db.replicas.open(db.url, { file, started: false })
    again.replication.start()
    await again.until(() => again.replication.state.state === 'current')
    assert.deepEqual([...again.ledger.records(R, 'widget').keys()], ['1.0.0', '1.1.0'])
  })

  it('leaves nothing behind on the disk', async () => {
    const a = await begun('1.0.0')
    await a.snapshots.make()
    const file = await a.snapshots.fetch()
    assert.equal(typeof file, 'string')
    const copy = new SqliteLedger({ file: file ?? '' })
    assert.equal(copy.records(R, 'widget').size, 1)
    copy.close()
    assert.equal(existsSync(`${db.replicas.file('copy-1')}.snapshot`), false)
  })

  for (const [what, statement] of [
    ['[18a] whose bytes were altered', "UPDATE ledger_snapshot_part SET body = set_byte(body, 100, 7)"],
    ['[18b] whose seal is of somebody else', "UPDATE ledger_snapshot SET seal = 'AAAA'"],
    ['[18c] that is said to be of another place in the log', 'ALTER TABLE ledger_snapshot_part DROP CONSTRAINT ledger_snapshot_part_sequence_fkey; UPDATE ledger_snapshot SET sequence = 9; UPDATE ledger_snapshot_part SET sequence = 9'],
  ] as const)
    it(`one ${what} is not taken`, async () => {
      const a = await begun('1.0.0')
      await a.snapshots.make()
      await db.sql(statement)
      const b = await db.replicas.open(db.url)
      assert.equal(b.replication.state.state, 'halted')
      assert.equal(b.ledger.records(R, 'widget').size, 0)
    })

  it('[18d] an earlier one is as good as it was: what came after follows, or it is not taken', async () => {
    const a = await begun('1.0.0')
    await a.snapshots.make()
    a.ledger.record(R, 'widget', [record('1.1.0')])
    await a.replication.settled()
    const b = await db.replicas.open(db.url)
    assert.equal(b.ledger.records(R, 'widget').size, 2)
    await pruned()
    const c = await db.replicas.open(db.url, { started: false })
    c.replication.start()
    await c.until(() => c.warnings.length > 0)
    assert.notEqual(c.replication.state.state, 'current')
  })

  describe('when the key changes', () => {
    it('mirrors that know both understand each other, whichever signs', async () => {
      const a = await begun('1.0.0')
      const b = await db.replicas.open(db.url, { keys: [NEXT, KEY] })
      b.ledger.record(R, 'widget', [record('1.1.0')])
      await b.replication.settled()
      const c = await db.replicas.open(db.url, { keys: [KEY, NEXT] })
      assert.equal(c.ledger.records(R, 'widget').size, 2)
      await a.until(() => a.replication.state.state === 'halted')
    })

    it('the old one can go once a snapshot was made with the new one', async () => {
      await (await begun('1.0.0')).close()
      const b = await db.replicas.open(db.url, { keys: [NEXT, KEY] })
      b.ledger.record(R, 'widget', [record('1.1.0')])
      await b.replication.settled()
      await b.snapshots.make()
      const c = await db.replicas.open(db.url, { keys: [NEXT] })
      assert.equal(c.replication.state.state, 'current')
      assert.equal(c.ledger.records(R, 'widget').size, 2)
    })
  })
})
