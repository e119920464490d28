/** Mirrors of two versions on one shared ledger: what the one before says and does where it cannot know better. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { LEDGER_SCHEMA } from '../../plugin/store/ledger-schema.ts'
import { encodeOperation } from '../../plugin/store/operations.ts'
import type { VersionRecord } from '../../plugin/domain/ports.ts'
import { fileOfSchema, R as OLDER } from '../support/ledger-files.ts'
import { onPostgres, type Replica } from '../support/replicas.ts'

const R = 'https://registry.example'
/** The first that could be the copy of a shared ledger. */
const FIRST_COPY = 10
const record = (version: string): VersionRecord => ({
  version, integrity: 'sha512-first', recordedAt: new Date(0), because: 'signature', signatures: [], attestations: undefined, had: { publishAttestation: false, provenance: false },
})

describe('replicas: upgrading', function () {
  this.timeout(20_000)
  const db = onPostgres('upgrading')
  const recorded = async (one: Replica, version: string): Promise<void> => {
    one.ledger.record(R, 'widget', [record(version)])
    await one.replication.settled()
  }
  const versions = (one: Replica): readonly string[] => [...one.ledger.records(R, 'widget').keys()]
  /** What a mirror of a later version writes, which has the key. */
  const later = async (one: Replica, body: string): Promise<void> => {
    const position = one.copy.copy.position!
    await one.log.append(position, (others) => ({ position: others.at(-1)?.position ?? position, operations: [{ number: 1_000_000, body }] }))
  }
  const isHalted = (one: Replica): Promise<void> => one.until(() => one.replication.state.state === 'halted')

  describe('an operation of a later version', () => {
    it('halts a mirror that does not know it, which then decides nothing and says why', async () => {
      const [a, b] = [await db.replicas.open(db.url), await db.replicas.open(db.url)]
      await recorded(a, '1.0.0')
      await later(a, '["forgetOwners","widget"]')
      await Promise.all([isHalted(a), isHalted(b)])
      assert.equal(b.replication.isUsable, false)
      assert.match(b.replication.state.problem ?? '', /forgetOwners/)
      await assert.rejects(b.ledger.decided(() => undefined), { name: 'Unavailable' })
    })

    it('leaves its copy at what came before, also when it is started again', async () => {
      const a = await db.replicas.open(db.url, { file: db.replicas.file('a') })
      await recorded(a, '1.0.0')
      const { sequence } = a.replication.state
      await later(a, '["forgetOwners","widget"]')
      await isHalted(a)
      await a.close()
      const again = await db.replicas.open(db.url, { file: db.replicas.file('a') })
      await isHalted(again)
      assert.deepEqual([versions(again), again.replication.state.sequence], [['1.0.0'], sequence])
    })

    it('is not passed over for what comes after it', async () => {
      const a = await db.replicas.open(db.url)
      await recorded(a, '1.0.0')
      await later(a, '["forgetOwners","widget"]')
      await later(a, encodeOperation({ do: 'record', with: [R, 'widget', [record('1.1.0')]] }))
      const b = await db.replicas.open(db.url, { started: false })
      b.replication.start()
      await isHalted(b)
      assert.ok(b.replication.state.sequence <= 1)
      assert.equal(versions(b).includes('1.1.0'), false)
    })

    it('known again (the mirror is upgraded, or the database is as before the upgrade), it goes on by itself', async () => {
      const a = await db.replicas.open(db.url, { file: db.replicas.file('a') })
      await recorded(a, '1.0.0')
      await db.sql('CREATE TABLE saved_log AS TABLE ledger_log')
      await later(a, '["forgetOwners","widget"]')
      await isHalted(a)
      await db.sql('TRUNCATE ledger_log; INSERT INTO ledger_log TABLE saved_log; DELETE FROM ledger_operation WHERE sequence > 1')
      await a.until(() => a.replication.state.state === 'current')
      await recorded(a, '1.1.0')
      assert.deepEqual(versions(a), ['1.0.0', '1.1.0'])
    })
  })

  describe('tables of a later version', () => {
    const upgraded = async (): Promise<void> => { await db.sql('INSERT INTO ledger_schema (version) VALUES (99)') }

    it('do not stop a mirror that runs', async () => {
      const a = await db.replicas.open(db.url)
      await upgraded()
      await recorded(a, '1.0.0')
      assert.equal(a.replication.state.state, 'current')
    })

    it('keep one of before that starts from serving, which says that it has to be upgraded', async () => {
      const a = await db.replicas.open(db.url)
      await recorded(a, '1.0.0')
      await upgraded()
      const b = await db.replicas.open(db.url, { started: false })
      b.replication.start()
      await b.until(() => b.warnings.length > 0)
      assert.deepEqual([b.replication.state.state, b.replication.isUsable], ['behind', false])
      assert.match(b.replication.state.problem ?? '', /schema 99; this version knows \d+: upgrade this mirror/)
    })

    it('gone again, it goes on by itself', async () => {
      const a = await db.replicas.open(db.url)
      await recorded(a, '1.0.0')
      await upgraded()
      const b = await db.replicas.open(db.url, { started: false })
      b.replication.start()
      await b.until(() => b.warnings.length > 0)
      await db.sql('DELETE FROM ledger_schema WHERE version = 99')
      await b.until(() => b.replication.state.state === 'current')
      assert.deepEqual(versions(b), ['1.0.0'])
    })
  })

  describe('a snapshot', () => {
    /** As a mirror of that schema made it, at the place in the log where `one` is; and nothing is kept one by one. */
    const snapshotOf = async (one: Replica, schema: number): Promise<void> => {
      const file = db.replicas.file(`of-${String(schema)}`)
      fileOfSchema(file, schema)
      const { log, sequence, mac } = one.copy.copy.position!
      const database = new DatabaseSync(file)
      database.prepare('UPDATE position SET log = ?, sequence = ?, mac = ?').run(log, sequence, mac)
      database.close()
      await one.snapshots.make(file)
      await db.sql('DELETE FROM ledger_operation')
    }

    for (let schema = FIRST_COPY; schema <= LEDGER_SCHEMA; schema++)
      it(`of schema ${String(schema)} is taken with all it has`, async () => {
        const a = await db.replicas.open(db.url)
        await recorded(a, '1.0.0')
        await snapshotOf(a, schema)
        const b = await db.replicas.open(db.url)
        assert.equal(b.replication.state.state, 'current')
        assert.equal(b.ledger.records(OLDER, 'widget').size, 1)
        assert.equal(b.ledger.recalls.of('stolen').length, 1)
        assert.deepEqual(b.copy.copy.position, a.copy.copy.position)
      })
  })

  it('the copy of a later version is not opened by the one before, and left as it is', async () => {
    const file = db.replicas.file('a')
    const a = await db.replicas.open(db.url, { file })
    await recorded(a, '1.0.0')
    await a.close()
    const database = new DatabaseSync(file)
    database.exec(`PRAGMA user_version = ${String(LEDGER_SCHEMA + 1)}`)
    await assert.rejects(db.replicas.open(db.url, { file }), /this version knows/)
    database.exec(`PRAGMA user_version = ${String(LEDGER_SCHEMA)}`)
    database.close()
    assert.deepEqual(versions(await db.replicas.open(db.url, { file })), ['1.0.0'])
  })
})
