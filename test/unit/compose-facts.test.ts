/** The store of facts as a mirror opens it, in front of servers that go away, hang and come back. */
import assert from 'node:assert/strict'
import pg from 'pg'
import { factsOf, type OpenedFacts } from '../../plugin/compose-facts.ts'
import { GuardedStorage } from '../../plugin/store/guarded-storage.ts'
import { KeyvPostgres } from '../../plugin/store/keyv-postgres.ts'
import { KeyvRedis } from '../../plugin/store/keyv-redis.ts'
import { facts, fact, many } from '../support/fact-stores.ts'
import { hasPostgres, startPostgres } from '../support/postgres.ts'
import { hasRedis, startRedis } from '../support/redis.ts'

const KEYS = [{ id: 'k1', secret: Buffer.from('what only mirrors know, and nobody else does') }]
const PASSWORD = 'hunter2-of-the-server'

async function query(url: string, sql: string): Promise<readonly object[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('SET default_transaction_read_only = off')
    return (await client.query<object>(sql)).rows
  } finally {
    await client.end()
  }
}

interface Server {
  readonly url: string
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
  /** From now on nothing can be written; until `empty`. */
  fill(): Promise<unknown>
  empty(): Promise<unknown>
}

const SERVERS: readonly (readonly [title: string, isThere: () => boolean, start: () => Promise<Server>])[] = [
  ['Redis', hasRedis, async () => {
    const redis = await startRedis({ user: 'mirror', password: PASSWORD })
    const room = (bytes: number): Promise<unknown> => redis.command('CONFIG', 'SET', 'maxmemory', String(bytes))
    return { ...redis, url: redis.url(), fill: () => room(1), empty: () => room(0) }
  }],
  ['PostgreSQL', hasPostgres, async () => {
    const postgres = await startPostgres()
    const url = (await postgres.database('facts')).replace('mirror@', `mirror:${PASSWORD}@`)
    const readOnly = async (word: string): Promise<void> => {
      await query(url, `ALTER ROLE mirror SET default_transaction_read_only = ${word}`)
      await query(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%facts'")
    }
    return { ...postgres, url, fill: () => readOnly('on'), empty: () => readOnly('off') }
  }],
]

class Lines {
  readonly all: string[] = []
  readonly #waiting = new Set<() => void>()

  readonly warn = (fields: object, text: string): void => {
    this.all.push(`${text} ${JSON.stringify(fields)}`)
    for (const check of this.#waiting) check()
  }

  /** Resolves when a line says so. */
  said(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!this.all.some((line) => pattern.test(line))) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }
}

for (const [title, isThere, start] of SERVERS)
  describe(`compose: facts in ${title} that is not always there`, function () {
    this.timeout(30_000)
    let server: Server
    const opened: OpenedFacts[] = []
    const open = async (lines = new Lines()): Promise<OpenedFacts> => {
      const one = await factsOf({ facts: server.url, factsAreShared: true, keys: KEYS }, { memory: 1024 ** 2, measures: { memory: 0, disk: 0, miss: 0 }, clock: { now: () => new Date() }, logger: lines, onError: (error) => { throw error }, pace: { patience: 500, pause: 100 } })
      opened.push(one)
      return one
    }
    before(async function () {
      if (!isThere()) this.skip()
      server = await start()
    })
    after(async () => { if (isThere()) await server.close() })
    afterEach(async () => { for (const { facts: cache } of opened.splice(0)) await cache.close() })

    it('goes away and comes back: nothing is slow or lost, it is told, and what was verified meanwhile is written', async () => {
      const lines = new Lines()
      const one = await open(lines)
      await one.facts.add('before', many(0, 3))
      await one.facts.settled()
      assert.deepEqual([one.state()?.isUp, one.warnings(), lines.all], [true, [], []])

      await server.stop()
      const began = performance.now()
      for (let count = 0; count < 20; count++) {
        assert.equal((await one.facts.load(`package ${String(count)}`)).size, 0)
        await one.facts.add(`package ${String(count)}`, facts([`a ${String(count)}`, fact('1')]))
        await one.facts.look('before')
      }
      assert.ok(performance.now() - began < 5000, 'each question has an end, and after three nobody asks')
      await lines.said(/"up":false/)
      assert.equal((await one.facts.load('before')).size, 3)
      assert.deepEqual([one.state()?.isUp, one.warnings().length], [false, 1])
      await one.facts.settled()

      await server.start()
      await lines.said(/"up":true/)
      await one.facts.settled()
      const two = await open()
      for (let count = 0; count < 20; count++) assert.equal((await two.facts.load(`package ${String(count)}`)).size, 1, String(count))
      assert.deepEqual([one.state()?.isUp, one.warnings()], [true, []])
      assert.equal(lines.all.filter((line) => line.includes('"up":')).length, 2)
    })

    it('is not there at the start: the mirror starts, and finds it later', async () => {
      await server.stop()
      const lines = new Lines()
      const one = await open(lines)
      assert.deepEqual([one.state()?.isUp, (await one.facts.load('widget')).size], [false, 0])
      await one.facts.add('widget', many(0, 3))
      await server.start()
      await lines.said(/"up":true/)
      await one.facts.settled()
      assert.equal((await (await open()).facts.load('widget')).size, 3)
    })

    it('can be read alone: it is away, and says why', async () => {
      const lines = new Lines()
      const one = await open(lines)
      await server.fill()
      for (let count = 0; count < 10 && one.state()?.isUp === true; count++) {
        await one.facts.add(`written ${String(count)}`, many(0, 1))
        await one.facts.settled()
      }
      await lines.said(/"up":false/)
      assert.match(lines.all.join(), /OOM|read-only/)
      await server.empty()
      await lines.said(/"up":true/)
    })

    it('no password is told', async () => {
      await server.stop()
      const lines = new Lines()
      const one = await open(lines)
      await one.facts.load('widget')
      assert.ok(lines.all.length > 0)
      assert.ok(![...lines.all, ...one.warnings(), JSON.stringify(one.state())].some((line) => line.includes(PASSWORD)), lines.all.join('\n'))
      await server.start()
    })
  })

describe('compose: facts in a Redis that hangs, or is planted', function () {
  this.timeout(30_000)
  let redis: Awaited<ReturnType<typeof startRedis>>
  before(async function () {
    if (!hasRedis()) this.skip()
    redis = await startRedis()
  })
  after(async () => { if (hasRedis()) await redis.close() })

  const open = (lines: Lines): Promise<OpenedFacts> =>
    factsOf({ facts: redis.url().replace('redis', 'valkey'), factsAreShared: true, keys: KEYS }, { memory: 1024 ** 2, measures: { memory: 0, disk: 0, miss: 0 }, clock: { now: () => new Date() }, logger: lines, onError: (error) => { throw error }, pace: { patience: 500, pause: 100 } })

  it('hangs: it is a miss in time, and answers again by itself', async () => {
    const lines = new Lines()
    const one = await open(lines)
    await one.facts.add('widget', many(0, 3))
    await one.facts.settled()
    redis.suspend()
    const began = performance.now()
    for (let count = 0; count < 10; count++) assert.equal((await one.facts.load(`package ${String(count)}`)).size, 0)
    assert.ok(performance.now() - began < 3000)
    await lines.said(/"up":false/)
    redis.resume()
    await lines.said(/"up":true/)
    assert.equal((await (one.facts.forget('widget'), one.facts.load('widget'))).size, 3)
    await one.facts.close()
  })

  it('[18b] entries planted in it are told: in one line, by cause, and by the state', async () => {
    await redis.command('FLUSHALL')
    const lines = new Lines()
    const one = await open(lines)
    for (const name of ['a', 'b']) await redis.command('SET', `provenance:facts:${name}`, 'v1 k9 9999999999999 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {}')
    await redis.command('RPUSH', 'provenance:facts:c', 'a list')
    await redis.command('SETRANGE', 'provenance:facts:d', String(20 * 1024 ** 2), 'x')
    for (const name of ['a', 'b', 'c', 'd']) assert.equal((await one.facts.load(name)).size, 0)
    assert.deepEqual([one.state()?.isUp, one.state()?.rejected['unknown-key'], one.state()?.rejected.unreadable], [true, 2, 2])
    assert.deepEqual([lines.all.length, one.warnings().length], [1, 1])
    const storage = new KeyvRedis(redis.url())
    await new GuardedStorage({ storage }).open(2000)
    assert.deepEqual(await storage.getMany(['c', 'd']), ['?', '?'], 'no more of it is read than an entry may take')
    await storage.disconnect()
    // What is verified takes the place of what was planted.
    for (const name of ['a', 'b', 'c', 'd']) await one.facts.add(name, many(0, 1))
    await one.facts.settled()
    const two = await open(lines)
    for (const name of ['a', 'b', 'c', 'd']) assert.equal((await two.facts.load(name)).size, 1, name)
    await one.facts.close()
    await two.facts.close()
  })
})

describe('compose: facts in a PostgreSQL with what is not ours', function () {
  this.timeout(30_000)
  let postgres: Awaited<ReturnType<typeof startPostgres>>
  before(async function () {
    if (!hasPostgres()) this.skip()
    postgres = await startPostgres()
  })
  after(async () => { if (hasPostgres()) await postgres.close() })
  it('[18b] an entry larger than any of ours is not read into memory', async () => {
    const url = await postgres.database('large')
    const storage = new KeyvPostgres(url)
    await storage.set('a', '1')
    await query(url, "INSERT INTO fact_entry VALUES ('large', repeat('x', 17 * 1024 * 1024), NULL)")
    assert.deepEqual(await storage.getMany(['a', 'large']), ['1', ''])
    await storage.disconnect()
  })

  it('who writes removes what has expired', async () => {
    const url = await postgres.database('expired')
    const one = new KeyvPostgres(url)
    await one.ready()
    await query(url, "INSERT INTO fact_entry VALUES ('old', 'x', 1), ('young', 'x', NULL)")
    await one.set('a', '1')
    await one.disconnect()
    assert.deepEqual(await query(url, 'SELECT key FROM fact_entry ORDER BY key'), [{ key: 'a' }, { key: 'young' }])
  })
})
