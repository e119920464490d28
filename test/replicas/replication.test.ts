import assert from 'node:assert/strict'
import { Unavailable } from '../../plugin/domain/errors.ts'
import type { VersionRecord } from '../../plugin/domain/ports.ts'
import { KEY, onPostgres, type Replica } from '../support/replicas.ts'

const R = 'https://registry.example'
const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute))
const record = (version: string, integrity = 'sha512-first'): VersionRecord => ({
  version, integrity, recordedAt: at(0), because: 'signature', signatures: [], attestations: undefined, had: { publishAttestation: false, provenance: false },
})
const isUnavailable = (error: unknown): boolean => error instanceof Unavailable && error.reason.code === 'evidence-unavailable'

describe('replicas: a ledger that mirrors share', () => {
  const db = onPostgres('replicas')
  const two = async (): Promise<readonly [Replica, Replica]> => [await db.replicas.open(db.url), await db.replicas.open(db.url)]

  describe('what one does', () => {
    it('is known to the other', async () => {
      const [a, b] = await two()
      a.ledger.record(R, 'widget', [record('1.0.0')], true)
      await b.until(() => b.ledger.records(R, 'widget').has('1.0.0'))
      assert.equal(b.ledger.origin('widget'), R)
    })

    it('counts at once where it was done', async () => {
      const a = await db.replicas.open(db.url)
      a.ledger.record(R, 'widget', [record('1.0.0')])
      assert.equal(a.ledger.records(R, 'widget').get('1.0.0')?.integrity, 'sha512-first')
    })

    it('is known to one that begins later', async () => {
      const a = await db.replicas.open(db.url)
      a.ledger.sight(R, 'widget', ['1.0.0'], at(1))
      a.ledger.sight(R, 'widget', ['1.0.0', '1.1.0'], at(10))
      await a.replication.settled()
      const b = await db.replicas.open(db.url)
      assert.deepEqual(b.ledger.sighting(R, 'widget', '1.1.0'), { firstSeen: at(10), lastAbsent: at(1) })
    })

    it('is known to one that comes back, before it is current', async () => {
      const file = db.replicas.file('returning')
      const [a, b] = [await db.replicas.open(db.url), await db.replicas.open(db.url, { file })]
      await b.close()
      await a.ledger.decided(() => a.ledger.recalls.add({ name: 'widget', range: '1.0.0', reason: 'r', by: undefined, at: at(1) }))
      const again = await db.replicas.open(db.url, { file })
      assert.equal(again.ledger.recalls.of('widget').length, 1)
    })

    it('is done in one order by all: the first integrity stays', async () => {
      const [a, b] = await two()
      a.ledger.record(R, 'widget', [record('1.0.0', 'sha512-a')])
      b.ledger.record(R, 'widget', [record('1.0.0', 'sha512-b')])
      await Promise.all([a.ledger.agreed(R, 'widget', '1.0.0'), b.ledger.agreed(R, 'widget', '1.0.0')])
      await a.until(() => a.replication.state.sequence === 2)
      await b.until(() => b.replication.state.sequence === 2)
      const [one, other] = [a, b].map(({ ledger }) => ledger.records(R, 'widget').get('1.0.0')?.integrity)
      assert.equal(one, other)
    })

    it('gives the same copies, whoever does it at one time', async () => {
      const all = [await db.replicas.open(db.url), await db.replicas.open(db.url), await db.replicas.open(db.url)]
      for (let round = 0; round < 20; round++)
        for (const [index, { ledger }] of all.entries()) {
          const name = `package-${String(round % 5)}`
          ledger.sight(R, name, ['1.0.0', `1.${String(round)}.${String(index)}`], at(round * 3 + index))
          ledger.record(R, name, [record('1.0.0', `sha512-${String(index)}`), record(`1.${String(round)}.${String(index)}`)])
          ledger.setOrigin(name, `https://${String(index)}.example`)
          if (round % 7 === index) ledger.reset({ name, version: undefined, reason: 'r', at: at(round) })
          await new Promise(setImmediate)
        }
      await Promise.all(all.map(({ replication }) => replication.settled()))
      const last = Math.max(...all.map(({ replication }) => replication.state.sequence))
      await Promise.all(all.map((one) => one.until(() => one.replication.state.sequence === last)))
      const states = all.map(({ ledger }) =>
        [0, 1, 2, 3, 4].map((n) => {
          const name = `package-${String(n)}`
          // Who met a version first keeps it in another order in memory.
          const records = [...ledger.records(R, name)].toSorted(([a], [b]) => (a < b ? -1 : 1))
          return [ledger.origin(name), ledger.lastReset(name), records, ledger.versions(R, name).map((version) => [version, ledger.sighting(R, name, version)])]
        }))
      assert.deepEqual(states[1], states[0])
      assert.deepEqual(states[2], states[0])
    })
  })

  describe('what a person decides', () => {
    it('is in the log when it is answered', async () => {
      const [a, b] = await two()
      const made = await a.ledger.decided(() => a.ledger.recalls.add({ name: 'widget', range: '1.0.0', reason: 'r', by: 'ann', at: at(1) }))
      const other = await b.ledger.decided(() => b.ledger.recalls.add({ name: 'gadget', range: '1.0.0', reason: 'r', by: 'bob', at: at(1) }))
      assert.deepEqual([made.id, other.id], [1, 2])
      assert.equal(b.ledger.recalls.of('widget').length, 1)
    })

    it('is refused while the shared ledger is away', async () => {
      const a = await db.replicas.open(db.url)
      await db.server.stop()
      try {
        await a.until(() => a.replication.state.state === 'alone')
        await assert.rejects(a.ledger.decided(() => a.ledger.recalls.add({ name: 'widget', range: '1.0.0', reason: 'r', by: undefined, at: at(1) })), isUnavailable)
        assert.deepEqual(a.ledger.recalls.of('widget'), [])
      } finally {
        await db.server.start()
      }
    })
  })

  describe('while the database is away', () => {
    it('what was agreed on is agreed on still, and nothing new is', async () => {
      const a = await db.replicas.open(db.url)
      a.ledger.record(R, 'widget', [record('1.0.0')])
      await a.ledger.agreed(R, 'widget', '1.0.0')
      await db.server.stop()
      try {
        await a.until(() => a.replication.state.state === 'alone')
        await a.ledger.agreed(R, 'widget', '1.0.0')
        a.ledger.record(R, 'widget', [record('1.0.1')])
        await assert.rejects(a.ledger.agreed(R, 'widget', '1.0.1'), isUnavailable)
      } finally {
        await db.server.start()
      }
    })

    it('what was done is known to all when it is back', async () => {
      const [a, b] = await two()
      await db.server.stop()
      await a.until(() => a.replication.state.state === 'alone')
      a.ledger.record(R, 'widget', [record('1.0.0')])
      await db.server.start()
      await b.until(() => b.ledger.records(R, 'widget').has('1.0.0'))
      await a.ledger.agreed(R, 'widget', '1.0.0')
    })

    it('a mirror that begins is behind until it is there', async () => {
      await (await db.replicas.open(db.url)).close()
      await db.server.stop()
      const a = await db.replicas.open(db.url, { started: false })
      a.replication.start()
      await a.until(() => a.replication.state.problem?.includes('not reached yet') === false)
      assert.equal(a.replication.state.state, 'behind')
      await db.server.start()
      await a.until(() => a.replication.state.state === 'current')
    })
  })

  describe('when the answer to a commit is lost', () => {
    /** The next writing is kept, and nobody hears of it. */
    const loseAnswer = ({ log }: Replica): void => {
      const append = log.append.bind(log)
      log.append = async (...given) => {
        log.append = append
        await append(...given)
        throw new Error('the connection was lost')
      }
    }

    it('what was done is done once', async () => {
      const [a, b] = await two()
      a.ledger.sight(R, 'widget', ['1.0.0'], at(1))
      await a.replication.settled()
      loseAnswer(a)
      a.ledger.reset({ name: 'widget', version: undefined, reason: 'r', at: at(2) })
      await b.until(() => b.ledger.lastReset('widget') === 1)
      await a.until(() => a.replication.state.state === 'current' && a.replication.state.pending === 0)
      assert.deepEqual([a.ledger.resets('widget').length, a.replication.state.sequence, b.replication.state.sequence], [1, 2, 2])
    })

    it('what was decided before the database was lost is not done later', async () => {
      const a = await db.replicas.open(db.url)
      const append = a.log.append.bind(a.log)
      a.log.append = async (position, prepare) => {
        a.log.append = append
        return append(position, (others) => {
          prepare(others)
          throw new Error('the connection was lost')
        })
      }
      await assert.rejects(a.ledger.decided(() => a.ledger.recalls.add({ name: 'widget', range: '1.0.0', reason: 'r', by: undefined, at: at(1) })), isUnavailable)
      a.ledger.setSigns(R)
      await a.until(() => a.replication.state.state === 'current' && a.replication.state.sequence === 1)
      assert.deepEqual(a.ledger.recalls.all(), [])
    })

    it('what was decided is not said to be kept, and is there all the same', async () => {
      const [a, b] = await two()
      loseAnswer(a)
      await assert.rejects(a.ledger.decided(() => a.ledger.recalls.add({ name: 'widget', range: '1.0.0', reason: 'r', by: undefined, at: at(1) })), isUnavailable)
      await b.until(() => b.ledger.recalls.of('widget').length === 1)
      await a.until(() => a.ledger.recalls.of('widget').length === 1)
    })
  })

  it('a ledger that was restored and went on without this mirror is not taken for the one it knows', async () => {
    const a = await db.replicas.open(db.url)
    a.ledger.setSigns(R)
    await a.replication.settled()
    await db.sql('CREATE TABLE saved_log AS TABLE ledger_log; CREATE TABLE saved_operation AS TABLE ledger_operation')
    a.ledger.setSigns('https://two.example')
    await a.replication.settled()
    const { position } = a.copy.copy
    await a.close()
    await db.sql('TRUNCATE ledger_log, ledger_operation; INSERT INTO ledger_log TABLE saved_log; INSERT INTO ledger_operation TABLE saved_operation')
    const b = await db.replicas.open(db.url)
    b.ledger.setSigns('https://three.example')
    await b.replication.settled()
    assert.equal(b.replication.state.sequence, position?.sequence)
    const again = await db.replicas.open(db.url, { file: db.replicas.file('copy-1') })
    assert.equal(again.replication.state.state, 'halted')
  })

  describe('who writes to the database without the key', () => {
    const begun = async (): Promise<Replica> => {
      const a = await db.replicas.open(db.url)
      for (const version of ['1.0.0', '1.0.1', '1.0.2']) {
        a.ledger.record(R, 'widget', [record(version)])
        await a.replication.settled()
      }
      return a
    }
    const isHalted = async (one: Replica): Promise<void> => {
      await one.until(() => one.replication.state.state === 'halted')
      assert.equal(one.warnings.some((line) => line.includes('CANNOT BE TRUSTED')), true)
    }

    it('[18a] alters an operation: a mirror that begins serves nothing', async () => {
      await begun()
      await db.sql("UPDATE ledger_operation SET body = replace(body, 'sha512-first', 'sha512-other') WHERE sequence = 2")
      await isHalted(await db.replicas.open(db.url))
    })

    it('[18b] plants an operation: mirrors that run halt', async () => {
      const a = await begun()
      await db.sql("INSERT INTO ledger_operation SELECT 4, writer, 99, body, keyid, mac FROM ledger_operation WHERE sequence = 3")
      await db.sql('UPDATE ledger_log SET sequence = 4')
      await isHalted(a)
      assert.equal(a.ledger.records(R, 'widget').size, 3)
    })

    it('[18c] moves an operation to another place', async () => {
      await begun()
      await db.sql('UPDATE ledger_operation SET sequence = 10 - sequence WHERE sequence > 1')
      await db.sql('UPDATE ledger_operation SET sequence = sequence - 5 WHERE sequence > 1')
      await isHalted(await db.replicas.open(db.url))
    })

    it('[18d] puts back an earlier state: mirrors that run halt', async () => {
      const a = await begun()
      await db.sql('UPDATE ledger_log SET sequence = 2, mac = (SELECT mac FROM ledger_operation WHERE sequence = 2)')
      await db.sql('DELETE FROM ledger_operation WHERE sequence = 3')
      await isHalted(a)
    })

    it('begins a log of his own', async () => {
      const other = { id: KEY.id, secret: Buffer.alloc(32, 9) }
      await (await db.replicas.open(db.url, { keys: [other] })).close()
      await isHalted(await db.replicas.open(db.url))
    })

    it('takes an operation out', async () => {
      await begun()
      await db.sql('DELETE FROM ledger_operation WHERE sequence = 2')
      await isHalted(await db.replicas.open(db.url))
    })
  })
})
