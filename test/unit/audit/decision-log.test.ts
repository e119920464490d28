import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DecisionLogStore, type DecisionLogOptions } from '../../../plugin/audit/decision-log.ts'
import { JsonLines } from '../../../plugin/audit/json-lines.ts'
import { RecordQueue } from '../../../plugin/audit/queue.ts'
import { RecordedDecisions } from '../../../plugin/audit/recorded.ts'
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
    it('are rotated by size, and the oldest removed', async () => {
      const file = path.join(dir, 'log.jsonl')
      const store = new SqliteLogStore(path.join(dir, 'log.db'))
      const lines = new JsonLines({ file, maxSize: 1500, files: 2 }, 'mirror')
      for (let number = 1; number <= 8; number++) {
        await store.append('mirror', [recordOf({ version: `${String(number)}.0.0` })], signerOf().checkpoint, Date.parse(AT))
        await lines.catchUp(store)
        await new Promise((resolve) => { setTimeout(resolve, 2) })
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
  const decisions = new RecordedDecisions({ add: (record) => records.push(record) })
  beforeEach(() => { records.length = 0 })
  const decide = (changes: Partial<Decision>): void => {
    decisions.record({ kind: 'served', ref: { name: 'widget', version: '1.0.0' }, uplink: 'main', integrity: 'sha512-AAAA', verdict: { outcome: 'allow', rule: 'all', reasons: [] }, policyRevision: 'p1', at: new Date(AT), ...changes })
  }
  it('come with who asked, and what was verified', () => {
    const evidence = { signature: true, publishAttestation: true, provenance: true, pinned: true }
    decide({ asker: { address: '192.0.2.7', client: 'npm/11', user: 'jo', token: 'key' }, evidence })
    assert.deepEqual([records[0]?.asker, records[0]?.evidence], [{ address: '192.0.2.7', client: 'npm/11', user: 'jo', token: 'key' }, evidence])
  })
  it('of what is withheld are told once, of what is refused each time', () => {
    const verdict = { outcome: 'deny', rule: 'all', reasons: [reason('signature-absent', 'it is absent')] } as const
    for (let round = 0; round < 3; round++) {
      decide({ kind: 'withheld', verdict })
      decide({ kind: 'refused', verdict })
    }
    assert.deepEqual(records.map(({ kind }) => kind), ['withheld', 'refused', 'refused', 'refused'])
  })
  it('that needed a waiver tell of its first use', () => {
    const verdict = { outcome: 'warn', rule: 'all', reasons: [], waivers: ['w1'] } as const
    decide({ kind: 'warned', verdict })
    decide({ kind: 'warned', verdict })
    assert.deepEqual(records.map(({ kind, waivers }) => `${kind} ${waivers.join()}`), ['warned w1', 'waiver-used w1', 'warned w1'])
  })
  it('on a publish are no refusals of a download', () => {
    decide({ kind: 'refused', isPublication: true })
    decide({ kind: 'warned', isPublication: true })
    assert.deepEqual(records.map(({ kind }) => kind), ['publish-refused'])
  })
})
