/** One suite for every store of the decision log. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DecisionLogStore } from '../../../plugin/audit/decision-log.ts'
import { cleaned } from '../../../plugin/audit/clean.ts'
import { columnsOf } from '../../../plugin/audit/columns.ts'
import { chained, GENESIS } from '../../../plugin/audit/entry.ts'
import { cursorOf, filterOf } from '../../../plugin/audit/filter.ts'
import { PostgresLogStore } from '../../../plugin/audit/postgres-store.ts'
import { POSTGRES_STEPS, SQLITE_STEPS } from '../../../plugin/audit/schema.ts'
import { SqliteLogStore } from '../../../plugin/audit/sqlite-store.ts'
import type { LogStore } from '../../../plugin/audit/store.ts'
import { storeSource } from '../../../plugin/audit/verify-source.ts'
import { verifyLog } from '../../../plugin/audit/verify.ts'
import { BadQuery, type DecisionRecord } from '../../../plugin/domain/decision.ts'
import { askable, AT, found, recordOf, refusalOf, signerOf } from '../../support/decision-log.ts'
import { hasPostgres, startPostgres, type Postgres } from '../../support/postgres.ts'

const signer = signerOf()
const NOW = Date.parse(AT)
const day = (number: number): string => new Date(NOW + number * 86_400_000).toISOString()
const faults = async (store: LogStore): Promise<readonly (readonly string[])[]> =>
  Promise.all((await storeSource(askable(store))).map(async (source) => (await verifyLog(source, { keys: [signer.key] })).problems.map(({ fault }) => fault)))

function contract(open: () => Promise<() => LogStore>): void {
  let again: () => LogStore
  let store: LogStore
  const add = (...records: Parameters<LogStore['append']>[1]) => store.append('mirror', records, signer.checkpoint, NOW)
  beforeEach(async () => {
    again = await open()
    store = again()
  })
  afterEach(() => store.close())

  it('gives entries as they were given, chained', async () => {
    const [first, second] = await add(recordOf(), refusalOf('signature-absent', { detail: { a: [1, 'b', null] } }))
    assert.equal(first?.sequence, 1)
    assert.equal(second?.previous, first.hash)
    assert.deepEqual((await store.find(filterOf({ order: 'oldest' }))).map(({ entry }) => entry), JSON.parse(JSON.stringify([first, second])))
    assert.deepEqual(await faults(store), [[]])
  })
  it('goes on where it ended', async () => {
    await add(recordOf())
    await store.close()
    store = again()
    assert.equal((await add(recordOf()))[0]?.sequence, 2)
    assert.deepEqual(await faults(store), [[]])
  })
  it('says once what is said once, also after it was opened anew', async () => {
    const withheld = refusalOf('signature-absent', { kind: 'withheld' })
    assert.equal((await add(withheld, withheld)).length, 1)
    await store.close()
    store = again()
    assert.equal((await add(withheld, { ...withheld, at: day(1) })).length, 0)
    assert.equal((await add({ ...withheld, policyRevision: 'p2' }, refusalOf('trust-downgrade', { kind: 'withheld' }), recordOf(), recordOf())).length, 4)
    assert.deepEqual(await faults(store), [[]])
  })
  it('two that write to one log take turns', async () => {
    const other = again()
    try {
      for (let round = 0; round < 5; round++) await Promise.all([add(recordOf()), other.append('mirror', [recordOf()], signer.checkpoint, NOW)])
      assert.deepEqual((await store.chains()).map(({ sequence }) => sequence), [10])
      assert.deepEqual(await faults(store), [[]])
    } finally {
      await other.close()
    }
  })
  it('keeps the logs of two mirrors apart, and finds in both', async () => {
    await add(recordOf())
    await store.append('other', [recordOf({ package: 'gadget' })], signer.checkpoint, NOW)
    assert.deepEqual((await store.chains()).map(({ log, sequence }) => `${log} ${String(sequence)}`), ['mirror 1', 'other 1'])
    assert.deepEqual(new Set(await found(store, {})), new Set(['widget@1.0.0', 'gadget@1.0.0']))
    assert.deepEqual(await faults(store), [[], []])
  })
  it('takes words that a database does not like', async () => {
    const nasty = '\u0000\ud800\u202e"; DROP TABLE decision_entry; --'
    await add(cleaned(recordOf({ package: nasty, rule: nasty, detail: { [nasty]: nasty } })))
    assert.equal((await found(store, { text: 'drop table' })).length, 1)
    assert.deepEqual(await faults(store), [[]])
  })

  describe('is asked', () => {
    beforeEach(() =>
      add(
        recordOf({ at: day(1) }),
        recordOf({ at: day(2), package: '@acme/ui', version: '2.0.0', asker: { address: '198.51.100.1', client: null, user: 'jo', token: 't1' } }),
        refusalOf('signature-absent', { at: day(3), package: 'left_pad', rule: 'Strict one', policyRevision: 'p2' }),
        refusalOf('trust-downgrade', { at: day(4), package: 'leftXpad', version: '3.0.0', outcome: 'unavailable', kind: 'unavailable' }),
      ))
    for (const [what, query, expected] of [
      ['for all, newest first', {}, ['leftXpad@3.0.0', 'left_pad@1.0.0', '@acme/ui@2.0.0', 'widget@1.0.0']],
      ['oldest first', { order: 'oldest', limit: 1 }, ['widget@1.0.0']],
      ['by kinds', { kinds: ['refused', 'unavailable'] }, ['leftXpad@3.0.0', 'left_pad@1.0.0']],
      ['by outcome', { outcomes: ['deny'] }, ['left_pad@1.0.0']],
      ['by package', { package: 'widget' }, ['widget@1.0.0']],
      ['by a glob, whose other characters are themselves', { package: 'left_*' }, ['left_pad@1.0.0']],
      ['by a glob over a scope', { package: '@acme/*' }, ['@acme/ui@2.0.0']],
      ['by version', { version: '3.0.0' }, ['leftXpad@3.0.0']],
      ['by any of several reasons', { reasons: ['signature-absent', 'recalled'] }, ['left_pad@1.0.0']],
      ['by a reason that is the beginning of another', { reasons: ['signature'] }, []],
      ['by rule', { rule: 'Strict one' }, ['left_pad@1.0.0']],
      ['by user', { user: 'jo' }, ['@acme/ui@2.0.0']],
      ['by address', { address: '198.51.100.1' }, ['@acme/ui@2.0.0']],
      ['by policy', { policyRevision: 'p2' }, ['left_pad@1.0.0']],
      ['for a word, whatever its case', { text: 'STRICT' }, ['left_pad@1.0.0']],
      ['from then on', { from: day(3) }, ['leftXpad@3.0.0', 'left_pad@1.0.0']],
      ['before then', { to: day(2) }, ['widget@1.0.0']],
    ] as const)
      it(what, async () => { assert.deepEqual(await found(store, query), expected) })
    it('in pages', async () => {
      const seen: string[] = []
      for (let cursor: string | undefined, page = 0; page < 3; page++) {
        const entries = await store.find(filterOf({ limit: 2, cursor }))
        seen.push(...entries.map(({ entry }) => String(entry.sequence)))
        cursor = entries.length === 2 ? cursorOf(entries[1]!.place) : undefined
        if (cursor === undefined) break
      }
      assert.deepEqual(seen, ['4', '3', '2', '1'])
    })
    it('for a summary, by how often each happened', async () => {
      await add(recordOf({ at: day(1), times: 4 }), refusalOf('signature-absent', { at: day(3), package: 'left_pad', times: 2 }))
      const { series, reasons, packages, coverage } = await store.summary({ from: day(1), to: day(5), bucket: 2 * 86_400 })
      assert.deepEqual([reasons, packages, coverage.served, coverage.provenance], [[{ code: 'signature-absent', count: 3 }], [{ package: 'left_pad', count: 3 }], 6, 6])
      assert.equal(series.flatMap(({ counts }) => Object.values(counts)).reduce((a, b) => a + b), 10)
      assert.deepEqual(await faults(store), [[]])
    })
    it('for a summary', async () => {
      const { series, reasons, packages, rules, coverage } = await store.summary({ from: day(1), to: day(5), bucket: 2 * 86_400 })
      assert.equal(series.flatMap(({ counts }) => Object.values(counts)).reduce((a, b) => a + b), 4)
      assert.deepEqual(reasons, [{ code: 'signature-absent', count: 1 }])
      assert.deepEqual(packages, [{ package: 'left_pad', count: 1 }])
      assert.deepEqual(rules[0], { rule: 'everything', counts: { served: 2, unavailable: 1 } })
      assert.deepEqual(coverage, { served: 2, signature: 2, publishAttestation: 0, provenance: 2, pinned: 0 })
    })
  })

  describe('cuts', () => {
    const cut = (before: string, maxRows?: number) => store.cut('mirror', { before: Date.parse(before), maxRows, limit: 1000 }, signer.cut)
    beforeEach(() => add(...[1, 2, 3, 4].map((number) => recordOf({ at: day(number), version: `${String(number)}.0.0` }))))
    it('what is older, and the rest is proved still', async () => {
      assert.equal(await cut(day(3)), 2)
      assert.deepEqual(await found(store, { order: 'oldest' }), ['widget@3.0.0', 'widget@4.0.0'])
      await add(recordOf({ at: day(5) }))
      assert.deepEqual(await faults(store), [[]])
    })
    it('what is more than there may be', async () => {
      assert.equal(await cut(day(0), 1), 3)
      assert.deepEqual(await faults(store), [[]])
    })
    it('everything, and goes on', async () => {
      assert.equal(await cut(day(9)), 4)
      assert.equal((await add(recordOf()))[0]?.sequence, 5)
      assert.deepEqual(await faults(store), [[]])
    })
    it('nothing that it cannot sign for', async () => {
      assert.equal(await store.cut('mirror', { before: NOW + 1e12, maxRows: undefined, limit: 1000 }, () => undefined), 0)
      assert.equal((await found(store, {})).length, 4)
    })
    it('twice, so much at a time', async () => {
      assert.equal(await store.cut('mirror', { before: Date.parse(day(4)), maxRows: undefined, limit: 2 }, signer.cut), 2)
      assert.equal(await store.cut('mirror', { before: Date.parse(day(4)), maxRows: undefined, limit: 2 }, signer.cut), 1)
      assert.deepEqual(await faults(store), [[]])
    })
  })
  it('of many checkpoints keeps the last, and one in a thousand entries', async () => {
    for (let batch = 0; batch < 5; batch++) await add(...Array.from({ length: 300 }, () => recordOf()))
    assert.deepEqual((await store.checkpoints('mirror')).map(({ sequence }) => sequence), [300, 1500])
  })
}

describe('decision log: a store in SQLite', () => {
  let dir: string
  beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'log-store-')) })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })
  contract(() => Promise.resolve(() => new SqliteLogStore(path.join(dir, 'log.db'))))

  it('takes a file of the first version: its entries count once each, and verify as they were written', async () => {
    const file = path.join(dir, 'old.db')
    const database = new DatabaseSync(file)
    database.exec(SQLITE_STEPS[0]!)
    database.exec('PRAGMA user_version = 1')
    const { times: _times, ...old } = recordOf()
    const [first] = chained([old as DecisionRecord], 'mirror', { sequence: 0, hash: GENESIS })
    const { at, times: _column, ...columns } = columnsOf(first!.entry)
    const row = { chain: 1, sequence: 1, at, ...columns, body: first!.body, hash: first!.entry.hash }
    database.prepare(`INSERT INTO decision_entry (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row).map(() => '?').join(', ')})`).run(...Object.values(row))
    database.prepare("INSERT INTO decision_chain (chain, log, sequence, hash) VALUES (1, 'mirror', 1, ?)").run(first!.entry.hash)
    database.close()
    const store = new SqliteLogStore(file)
    await store.append('mirror', [recordOf({ times: 3 })], signer.checkpoint, NOW)
    assert.deepEqual(await faults(store), [[]])
    assert.equal((await store.summary({ from: day(0), to: day(1), bucket: 86_400 })).coverage.served, 4)
    await store.close()
  })
  it('refuses a file of a later version', async () => {
    const file = path.join(dir, 'log.db')
    await new SqliteLogStore(file).close()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    assert.throws(() => new SqliteLogStore(file), { name: 'LogSchemaError' })
  })
})

describe('decision log: a store in PostgreSQL', function () {
  this.timeout(60_000)
  let postgres: Postgres | undefined
  let databases = 0
  before(async function () {
    if (!hasPostgres()) return this.skip()
    postgres = await startPostgres()
  })
  after(() => postgres?.close())
  const server = (): Postgres => postgres ?? assert.fail('it was started before')
  contract(async () => {
    const url = await server().database(`log_${String(++databases)}`)
    return () => new PostgresLogStore(url)
  })

  it('refuses a database of a later version', async () => {
    const { default: pg } = await import('pg')
    const url = await server().database('later')
    const first = new PostgresLogStore(url)
    await first.chains()
    await first.close()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('UPDATE decision_schema SET version = 99')
    await client.end()
    const store = new PostgresLogStore(url)
    await assert.rejects(store.chains(), { name: 'LogSchemaError' })
    await store.close()
  })
  it('takes a database of the first version', async () => {
    const { default: pg } = await import('pg')
    const url = await server().database('first')
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(POSTGRES_STEPS[0]!)
    await client.query('CREATE TABLE decision_schema (version INTEGER NOT NULL); INSERT INTO decision_schema (version) VALUES (1)')
    await client.end()
    const store = new PostgresLogStore(url)
    await store.append('mirror', [recordOf({ times: 3 })], signer.checkpoint, NOW)
    assert.equal((await store.summary({ from: day(0), to: day(1), bucket: 86_400 })).coverage.served, 3)
    await store.close()
  })
  it('works again after the server was down', async () => {
    const store = new PostgresLogStore(await server().database('down'))
    await store.append('mirror', [recordOf()], signer.checkpoint, NOW)
    await server().stop()
    await assert.rejects(store.append('mirror', [recordOf()], signer.checkpoint, NOW))
    await server().start()
    assert.equal((await store.append('mirror', [recordOf()], signer.checkpoint, NOW))[0]?.sequence, 2)
    await store.close()
  })
})

describe('decision log: two mirrors with one PostgreSQL', function () {
  this.timeout(60_000)
  let postgres: Postgres | undefined
  let dir: string
  const open: DecisionLogStore[] = []
  before(async function () {
    if (!hasPostgres()) return this.skip()
    postgres = await startPostgres()
    dir = mkdtempSync(path.join(tmpdir(), 'two-mirrors-'))
  })
  after(async () => {
    await Promise.all(open.map((log) => log.close()))
    await postgres?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('each finds the entries of both; while the server is down entries wait, and no mirror does', async () => {
    const server = postgres ?? assert.fail('it was started before')
    const url = await server.database('shared')
    const warnings: string[] = []
    const logOf = (name: string): DecisionLogStore => {
      const options = { store: url, log: name, keysDir: path.join(dir, name), jsonl: undefined, environment: {}, keep: 1e12, maxRows: undefined, clock: { now: () => new Date(AT) } }
      const log = new DecisionLogStore({ ...options, warn: (message) => warnings.push(message) })
      open.push(log)
      return log
    }
    const [one, two] = [logOf('one'), logOf('two')]
    await one.open()
    one.add(recordOf({ package: 'from-one' }))
    two.add(recordOf({ package: 'from-two' }))
    await Promise.all([one.flush(), two.flush()])
    for (const log of [one, two]) assert.deepEqual(new Set((await log.find({})).entries.map(({ package: name }) => name)), new Set(['from-one', 'from-two']))

    await server.stop()
    one.add(refusalOf('recalled'))
    await one.flush()
    assert.equal(one.state.waiting, 1)
    assert.equal(warnings.length, 1)
    assert.doesNotMatch(warnings.join(), /mirror@/)
    const late = logOf('late')
    await late.open()
    await assert.rejects(late.find({}), { name: 'LogUnavailable' })
    await server.start()
    assert.equal((await one.find({ kinds: ['refused'] })).entries.length, 1)
    assert.deepEqual((await storeSource(one)).map(({ log }) => log).toSorted(), ['one', 'two'])
  })
})

describe('decision log: a question', () => {
  for (const [what, query] of [
    ['too many', { limit: 1001 }],
    ['half an entry', { limit: 1.5 }],
    ['no time', { from: 'yesterday' }],
    ['no cursor', { cursor: "1' OR 1=1" }],
    ['no order', { order: 'best' as 'newest' }],
    ['a text without end', { text: 'x'.repeat(1000) }],
  ] as const)
    it(`that makes no sense is refused: ${what}`, () => { assert.throws(() => filterOf(query), BadQuery) })
})
