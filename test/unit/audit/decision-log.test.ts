import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { mock } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { DecisionLogStore, type DecisionLogOptions } from '../../../plugin/audit/decision-log.ts'
import { JsonLines } from '../../../plugin/audit/json-lines.ts'
import { RecordQueue } from '../../../plugin/audit/queue.ts'
import { RecordedDecisions } from '../../../plugin/audit/recorded.ts'
import { Repetitions } from '../../../plugin/audit/repetitions.ts'
import { cleaned } from '../../../plugin/audit/clean.ts'
import { SqliteLogStore } from '../../../plugin/audit/sqlite-store.ts'
import type { DecisionRecord, LogEntry } from '../../../plugin/domain/decision.ts'
import type { Decision } from '../../../plugin/domain/ports.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import { AT, recordOf, refusalOf, signerOf } from '../../support/decision-log.ts'

describe('decision log', function () {
  this.timeout(20_000)
  let dir: string
  let warnings: string[]
  const open: DecisionLogStore[] = []
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'decision-log-'))
    warnings = []
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((log) => log.close()))
    rmSync(dir, { recursive: true, force: true })
  })
  const logOf = (options: Partial<DecisionLogOptions> = {}): DecisionLogStore => {
    const log = new DecisionLogStore({
      store: path.join(dir, 'log.db'),
      log: 'mirror',
      keysDir: path.join(dir, 'keys'),
      jsonl: undefined,
      environment: {},
      keep: 1e12,
      maxRows: undefined,
      clock: { now: () => new Date(AT) },
      warn: (message) => warnings.push(message),
      ...options,
    })
    open.push(log)
    return log
  }

  it('an answer is never behind what was recorded before', async () => {
    const log = logOf()
    for (let number = 1; number <= 1200; number++) log.add(recordOf({ version: `${String(number)}.0.0` }))
    const { entries, cursor } = await log.find({ limit: 1000 })
    assert.equal(entries[0]?.version, '1200.0.0')
    assert.notEqual(cursor, undefined)
    let count = 0
    for await (const _entry of log.each({})) count++
    assert.equal(count, 1200)
  })
  describe('with what is counted', () => {
    const counting = (): { readonly log: DecisionLogStore; readonly serve: () => void } => {
      const log = logOf()
      const decisions = new RecordedDecisions(log, { now: () => new Date(AT) })
      log.giveBefore(() => { decisions.write() })
      const verdict = { outcome: 'allow', rule: 'all', reasons: [] } as const
      return { log, serve: () => { decisions.record({ kind: 'served', ref: { name: 'widget', version: '1.0.0' }, uplink: 'main', integrity: 'sha512-AAAA', verdict, policyRevision: 'p1', at: new Date(AT), asker: { address: '192.0.2.7' } }) } }
    }
    const sum = (entries: readonly LogEntry[]): number => entries.reduce((all, { times }) => all + times, 0)

    it('answers are never behind: find, each, summary', async () => {
      const { log, serve } = counting()
      for (let round = 0; round < 5; round++) serve()
      assert.equal(sum((await log.find({})).entries), 5)
      for (let round = 0; round < 3; round++) serve()
      const all: LogEntry[] = []
      for await (const entry of log.each({})) all.push(entry)
      assert.deepEqual([all.length, sum(all)], [3, 8])
      serve()
      const { series, rules, coverage } = await log.summary({ from: '2026-05-01', to: '2026-05-02', bucket: 86_400 })
      assert.deepEqual([series[0]?.counts, rules[0]?.counts, coverage.served], [{ served: 9 }, { served: 9 }, 9])
      assert.equal(log.state.entries.served, 9)
    })
    it('a long question makes no entries while it is read', async () => {
      const { log, serve } = counting()
      for (let number = 0; number < 600; number++) log.add(recordOf())
      let count = 0
      for await (const _entry of log.each({ order: 'oldest' })) {
        serve()
        count++
      }
      assert.ok(count <= 601, String(count))
    })
    it('closing keeps it', async () => {
      const { log, serve } = counting()
      for (let round = 0; round < 5; round++) serve()
      await log.close()
      assert.equal(sum((await logOf().find({})).entries), 5)
    })
  })
  it('closing keeps all that was given', async () => {
    const log = logOf()
    for (let number = 0; number < 700; number++) log.add(recordOf())
    await log.close()
    assert.equal((await logOf().find({ limit: 1000 })).entries.length, 700)
  })
  it('those who follow are told of the kinds they asked for', async () => {
    const log = logOf()
    const told: string[] = []
    const got = new Promise<void>((resolve) => {
      log.follow((entries) => {
        told.push(...entries.map(({ kind }) => kind))
        resolve()
      }, ['refused'])
    })
    log.add(recordOf())
    log.add(refusalOf('signature-absent'))
    await got
    assert.deepEqual(told, ['refused'])
  })
  it('those who follow are told of what another process writes', async () => {
    const [log, other] = [logOf(), logOf()]
    await log.open()
    const got = new Promise<LogEntry | undefined>((resolve) => { log.follow((entries) => { resolve(entries[0]) }) })
    await log.find({})
    other.add(refusalOf('recalled'))
    assert.equal((await got)?.kind, 'refused')
  })
  it('those who only ask write nothing', async () => {
    const log = logOf({ readOnly: true })
    log.add(recordOf())
    await log.close()
    assert.deepEqual((await logOf().find({})).entries, [])
  })
  it('a database of a later version is found out at start', async () => {
    await new SqliteLogStore(path.join(dir, 'log.db')).close()
    const database = new DatabaseSync(path.join(dir, 'log.db'))
    database.exec('PRAGMA user_version = 99')
    database.close()
    await assert.rejects(logOf().open(), { name: 'LogUnavailable' })
  })
  it('what cannot be written waits, a line says so, and it is kept once it can', async () => {
    const lock = new DatabaseSync(path.join(dir, 'log.db'), { timeout: 5000 })
    const log = logOf()
    await log.open()
    lock.exec('DROP TABLE decision_checkpoint')
    log.add(recordOf())
    await log.flush()
    assert.equal(warnings.length, 1)
    assert.equal(log.state.waiting, 1)
    lock.exec('CREATE TABLE decision_checkpoint (id INTEGER PRIMARY KEY, chain INTEGER NOT NULL, sequence INTEGER NOT NULL, kind TEXT NOT NULL, kept INTEGER NOT NULL, at INTEGER NOT NULL, envelope TEXT NOT NULL) STRICT')
    lock.close()
    assert.equal((await log.find({})).entries.length, 1)
  })
  it('an entry that nobody can sign for is kept, and a line says so', async () => {
    mkdirSync(path.join(dir, 'keys'))
    writeFileSync(path.join(dir, 'keys', 'log-signing.json'), 'no key')
    chmodSync(path.join(dir, 'keys', 'log-signing.json'), 0o600)
    const log = logOf()
    log.add(recordOf())
    assert.equal((await log.find({})).entries.length, 1)
    assert.match(warnings.join(), /signed/)
  })
  it('removes what is too old', async () => {
    const log = logOf({ keep: 86_400_000, clock: { now: () => new Date(Date.parse(AT) + 3 * 86_400_000) } })
    log.add(recordOf())
    log.add(recordOf({ at: new Date(Date.parse(AT) + 3 * 86_400_000).toISOString(), version: '2.0.0' }))
    await log.flush()
    await log.cut()
    assert.deepEqual((await log.find({})).entries.map(({ version }) => version), ['2.0.0'])
  })

  describe('JSON Lines', () => {
    it('lose nothing where files are full within one millisecond, or the clock is set back', async () => {
      mock.timers.enable({ apis: ['Date'], now: Date.parse(AT) })
      try {
        const store = new SqliteLogStore(path.join(dir, 'log.db'))
        const lines = new JsonLines({ file: path.join(dir, 'log.jsonl'), maxSize: 1, files: 9 }, 'mirror')
        for (let number = 1; number <= 6; number++) {
          if (number === 4) mock.timers.setTime(Date.parse(AT) - 60_000)
          await store.append('mirror', [recordOf({ version: `${String(number)}.0.0` })], signerOf().checkpoint, Date.parse(AT))
          await lines.catchUp(store)
        }
        const again = new JsonLines({ file: path.join(dir, 'log.jsonl'), maxSize: 1, files: 9 }, 'mirror')
        await again.catchUp(store)
        await store.close()
        const versions = readdirSync(dir).filter((name) => name.startsWith('log.jsonl')).map((name) => /"version":"(\d)/.exec(readFileSync(path.join(dir, name), 'utf8'))?.[1])
        assert.deepEqual(versions.toSorted(), ['1', '2', '3', '4', '5', '6'])
      } finally {
        mock.timers.reset()
      }
    })
    it('are rotated by size, and the oldest removed', async () => {
      const file = path.join(dir, 'log.jsonl')
      const store = new SqliteLogStore(path.join(dir, 'log.db'))
      const lines = new JsonLines({ file, maxSize: 1500, files: 2 }, 'mirror')
      for (let number = 1; number <= 8; number++) {
        await store.append('mirror', [recordOf({ version: `${String(number)}.0.0` })], signerOf().checkpoint, Date.parse(AT))
        await lines.catchUp(store)
      }
      await store.close()
      assert.equal(readdirSync(dir).filter((name) => name.startsWith('log.jsonl')).length, 3)
      assert.match(readFileSync(file, 'utf8'), /"8\.0\.0"/)
    })
  })
})

describe('decision log: what waits', () => {
  it('is bounded, drops what was served first, and says how much', () => {
    const queue = new RecordQueue()
    for (let number = 0; number < 40_003; number++) queue.add(recordOf())
    assert.equal(queue.size, 40_000)
    assert.equal(queue.add(refusalOf('recalled')), true)
    const batch = queue.take(Infinity, AT)
    assert.equal(batch.length, 40_002)
    assert.deepEqual([batch.at(-1)?.kind, batch.at(-1)?.detail?.count], ['entries-dropped', 3])
    assert.equal(queue.take(Infinity, AT).length, 0)
  })
  it('counts what an entry stood for', () => {
    const queue = new RecordQueue()
    for (let number = 0; number < 40_000; number++) queue.add(recordOf())
    queue.add(recordOf({ times: 7 }))
    assert.equal(queue.droppedEver, 7)
    assert.equal(queue.take(Infinity, AT).at(-1)?.detail?.count, 7)
  })
  it('is bounded for all else too', () => {
    const queue = new RecordQueue()
    for (let number = 0; number < 50_002; number++) queue.add(refusalOf('recalled'))
    assert.equal(queue.size, 50_000)
    assert.equal(queue.dropped, 2)
  })
})

describe('decision log: an entry', () => {
  it('holds no e-mail address of those who ask', () => {
    const { asker } = cleaned(recordOf({ asker: { address: null, client: 'npm (jo@example.org)', user: 'jo@example.org', token: null } }))
    assert.deepEqual([asker.client, asker.user], ['npm ([e-mail address])', '[e-mail address]'])
  })
  it('holds no e-mail address in what people wrote', () => {
    assert.doesNotMatch(JSON.stringify(cleaned(recordOf({ detail: { approvedBy: 'jo@example.org', deep: [{ why: 'ask jo@example.org' }] } }))), /jo@/)
  })
  it('names versions as they are', () => {
    assert.equal(cleaned(refusalOf('recalled', { reasons: [{ code: 'recalled', message: 'widget@1.0.0-canary.abc is recalled' }] })).reasons[0]?.message, 'widget@1.0.0-canary.abc is recalled')
  })
  it('is bounded whatever an upstream or a client says', () => {
    const long = 'x'.repeat(100_000)
    const reasons = Array.from({ length: 1000 }, () => ({ code: 'recalled', message: long }))
    assert.ok(JSON.stringify(cleaned(recordOf({ package: long, version: long, rule: long, reasons, asker: { address: long, client: long, user: long, token: long }, detail: { a: long, b: Array.from({ length: 1000 }, () => long) } }))).length < 100_000)
  })
})

describe('decision log: decisions of the pipeline', () => {
  const records: DecisionRecord[] = []
  let now: number
  let decisions: RecordedDecisions
  let scheduled: (() => void)[]
  const opened = (max?: number): void => {
    decisions = new RecordedDecisions({ add: (record) => records.push(record) }, {
      now: () => new Date(now),
      schedule: (run) => {
        scheduled.push(run)
        return () => { scheduled = scheduled.filter((one) => one !== run) }
      },
      max,
    })
  }
  beforeEach(() => {
    records.length = 0
    now = Date.parse(AT)
    scheduled = []
    opened()
  })
  const decide = (changes: Partial<Decision>): void => {
    decisions.record({ kind: 'served', ref: { name: 'widget', version: '1.0.0' }, uplink: 'main', integrity: 'sha512-AAAA', verdict: { outcome: 'allow', rule: 'all', reasons: [] }, policyRevision: 'p1', at: new Date(now), ...changes })
  }
  it('come with who asked, and what was verified', () => {
    const evidence = { signature: true, publishAttestation: true, provenance: true, pinned: true }
    decide({ asker: { address: '192.0.2.7', client: 'npm/11', user: 'jo', token: 'key' }, evidence })
    assert.deepEqual([records[0]?.asker, records[0]?.evidence], [{ address: '192.0.2.7', client: 'npm/11', user: 'jo', token: 'key' }, evidence])
  })
  it('name the Sigstore instance that vouched, where it is not the default one', () => {
    decide({ sigstore: 'acme' })
    decide({ ref: { name: 'gadget', version: '1.0.0' } })
    assert.deepEqual(records.map(({ detail }) => detail), [{ sigstore: 'acme' }, null])
  })
  it('of what is withheld are told once, of what could not be decided each time', () => {
    const verdict = { outcome: 'deny', rule: 'all', reasons: [reason('signature-absent', 'it is absent')] } as const
    for (let round = 0; round < 3; round++) {
      decide({ kind: 'withheld', verdict })
      decide({ kind: 'unavailable', verdict: { outcome: 'unavailable', rule: '', reasons: [] } })
    }
    assert.deepEqual(records.map(({ kind }) => kind), ['withheld', 'unavailable', 'unavailable', 'unavailable'])
  })
  it('that needed a waiver tell of its first use', () => {
    const verdict = { outcome: 'warn', rule: 'all', reasons: [], waivers: ['w1'] } as const
    decide({ kind: 'warned', verdict })
    decide({ kind: 'warned', verdict })
    assert.deepEqual(records.map(({ kind, waivers }) => `${kind} ${waivers.join()}`), ['warned w1', 'waiver-used w1'])
  })
  it('on a publish are no refusals of a download', () => {
    decide({ kind: 'refused', isPublication: true })
    decide({ kind: 'warned', isPublication: true })
    assert.deepEqual(records.map(({ kind }) => kind), ['publish-refused'])
  })

  describe('that come again', () => {
    const verdict = { outcome: 'allow', rule: 'all', reasons: [] } as const
    const evidence = { signature: true, publishAttestation: true, provenance: true, pinned: true }
    const asker = { address: '192.0.2.7', client: 'npm/11', user: 'jo', token: 'key' }
    /** As a verdict that is kept is given again: the same object, and another asker object each time. */
    const serve = (changes: Partial<Decision> = {}): void => { decide({ verdict, evidence, asker: { ...asker }, ...changes }) }
    const told = (): readonly string[] => records.map(({ kind, times, at }) => `${kind} ${String(times)} ${String((Date.parse(at) - Date.parse(AT)) / 1000)}`)

    it('are written at once the first time, and then as their number with the time of the last', () => {
      for (let round = 0; round < 5; round++) {
        serve()
        now += 1000
      }
      assert.deepEqual(told(), ['served 1 0'])
      decisions.write()
      assert.deepEqual(told(), ['served 1 0', 'served 4 4'])
      const [first, second] = records.map(({ at: _at, times: _times, ...rest }) => rest)
      assert.deepEqual(second, first)
    })
    it('are counted by another verdict that says the same', () => {
      serve()
      for (let round = 0; round < 20; round++) serve({ verdict: { ...verdict }, evidence: { ...evidence } })
      decisions.write()
      assert.deepEqual(told(), ['served 1 0', 'served 20 0'])
    })
    it('are found without their digest once a verdict was come to, also where another said the same before', () => {
      const repetitions = new Repetitions({ write: () => undefined, now: () => new Date(now), schedule: () => () => undefined })
      const again = (): Decision => ({ kind: 'served', ref: { name: 'widget', version: '1.0.0' }, uplink: 'main', integrity: 'sha512-AAAA', verdict, policyRevision: 'p1', at: new Date(now), asker: { ...asker }, evidence })
      const { at: _at, times: _times, ...rest } = recordOf()
      const record = { ...rest, at: AT, times: 1, asker, evidence: { ...evidence } }
      assert.equal(repetitions.countedOrBegun({ ...again(), verdict: { ...verdict }, evidence: { ...evidence } }, record), false)
      assert.equal(repetitions.counted(again()), false)
      assert.equal(repetitions.countedOrBegun(again(), { ...record }), true)
      assert.equal(repetitions.counted(again()), true)
    })
    it('are counted for each asker, however they take turns', () => {
      for (let round = 0; round < 3; round++)
        for (const user of ['jo', 'ada', 'lin']) serve({ asker: { ...asker, user } })
      decisions.write()
      assert.deepEqual(records.map(({ asker: { user }, times }) => `${String(user)} ${String(times)}`), ['jo 1', 'ada 1', 'lin 1', 'jo 2', 'ada 2', 'lin 2'])
    })
    for (const [what, changes] of [
      ['address', { asker: { ...asker, address: '192.0.2.8' } }],
      ['client', { asker: { ...asker, client: 'npm/12' } }],
      ['user', { asker: { ...asker, user: undefined } }],
      ['token', { asker: { ...asker, token: undefined } }],
      ['version', { ref: { name: 'widget', version: '2.0.0' } }],
      ['package', { ref: { name: 'gadget', version: '1.0.0' } }],
      ['integrity', { integrity: 'sha512-BBBB' }],
      ['uplink', { uplink: 'other' }],
      ['policy', { policyRevision: 'p2' }],
      ['kind', { kind: 'warned' }],
      ['evidence', { evidence: { ...evidence, pinned: false } }],
      ['Sigstore instance', { sigstore: 'acme' }],
      ['rule', { verdict: { ...verdict, rule: 'other' } }],
      ['reason', { verdict: { ...verdict, reasons: [reason('signature-absent', 'it is absent')] } }],
    ] as const)
      it(`are not the same with another ${what}`, () => {
        serve()
        serve(changes)
        serve(changes)
        assert.deepEqual(records.map(({ times }) => times), [1, 1])
      })
    it('are not the same by an asker whose fields join to the same', () => {
      serve({ asker: { ...asker, client: 'npm\n11', user: 'jo' } })
      serve({ asker: { ...asker, client: 'npm', user: '11\njo' } })
      assert.deepEqual(records.map(({ asker: { user } }) => user), ['jo', '11\njo'])
    })
    it('are written when their minute is over, by the clock; the next is the first again', () => {
      serve()
      serve()
      now += 59_999
      scheduled.splice(0).forEach((run) => { run() })
      assert.deepEqual(told(), ['served 1 0'])
      now += 1
      scheduled.splice(0).forEach((run) => { run() })
      assert.deepEqual(told(), ['served 1 0', 'served 1 0'])
      serve()
      assert.deepEqual(told().at(-1), 'served 1 60')
      assert.equal(records.length, 3)
    })
    it('are written when their minute is over, also where nothing was called back', () => {
      serve()
      serve()
      now += 60_000
      serve()
      assert.deepEqual(told(), ['served 1 0', 'served 1 0', 'served 1 60'])
    })
    it('begin anew where the clock was set back', () => {
      serve()
      now -= 1000
      serve()
      assert.deepEqual(told(), ['served 1 0', 'served 1 -1'])
    })
    it('are written a few in a turn of the event loop', () => {
      for (let number = 0; number < 1200; number++)
        for (let round = 0; round < 2; round++) serve({ ref: { name: 'widget', version: `${String(number)}.0.0` } })
      now += 60_000
      const counts: number[] = []
      while (scheduled.length > 0) {
        scheduled.splice(0).forEach((run) => { run() })
        counts.push(records.length - 1200)
      }
      assert.deepEqual(counts, [500, 1000, 1200])
    })
    it('hold nothing on, and are entries each, once it is closed', () => {
      serve()
      serve()
      decisions.close()
      assert.equal(scheduled.length, 0)
      serve()
      serve()
      assert.deepEqual([scheduled.length, records.map(({ times }) => times)], [0, [1, 1, 1, 1]])
    })
    it('are counted for so many; what is more is written each time', () => {
      opened(2)
      for (let round = 0; round < 3; round++)
        for (const version of ['1.0.0', '2.0.0', '3.0.0']) serve({ ref: { name: 'widget', version } })
      decisions.write()
      assert.deepEqual(records.map(({ version, times }) => `${String(version)} ${String(times)}`), ['1.0.0 1', '2.0.0 1', '3.0.0 1', '3.0.0 1', '3.0.0 1', '1.0.0 2', '2.0.0 2'])
    })
    it('are counted where they are refused: whoever hammers fills no database', () => {
      for (let round = 0; round < 100; round++) decide({ kind: 'refused', asker, verdict: { outcome: 'deny', rule: 'all', reasons: [reason('recalled', 'it is recalled')] } })
      assert.equal(records.length, 1)
      decisions.write()
      assert.deepEqual(told(), ['refused 1 0', 'refused 99 0'])
    })
  })
})
