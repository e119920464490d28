/** One suite for every storage of facts: what keyv asks of it, what several mirrors ask of it, and what whoever else writes to it gets. */
import assert from 'node:assert/strict'
import type { Clock } from '../../../plugin/domain/ports.ts'
import { MAX_ENTRY } from '../../../plugin/store/fact-storage.ts'
import { FactCache, type FactCacheOptions } from '../../../plugin/store/facts.ts'
import { FACT_STORES, fact, facts, keysOf, many, type AnyStorage, type FactPlace } from '../../support/fact-stores.ts'

const DAY = 24 * 60 * 60 * 1000
const systemClock: Clock = { now: () => new Date() }
const inDays = (days: number): Clock => ({ now: () => new Date(Date.now() + days * DAY) })

for (const kindOf of FACT_STORES) {
  const kind = kindOf()
  describe(`store: facts in ${kind.title}`, function () {
    this.timeout(20_000)
    let place: FactPlace
    const open: (FactCache | AnyStorage)[] = []
    before(async function () {
      if (!kind.isThere()) this.skip()
      await kind.before()
    })
    after(async () => { if (kind.isThere()) await kind.after() })
    beforeEach(async () => { place = await kind.place() })
    afterEach(async () => {
      for (const one of open.splice(0)) await ('close' in one ? one.close() : one.disconnect?.())
    })
    const connect = async (): Promise<AnyStorage> => {
      const storage = await place.connect()
      open.push(storage)
      return storage
    }

    describe('as keyv asks it', () => {
      let adapter: AnyStorage
      beforeEach(async () => { adapter = await connect() })

      it('declares that it takes absolute times', () => {
        assert.deepEqual([adapter.capabilities?.compatible, adapter.capabilities?.expires], [true, true])
      })
      it('sets, gets, has and deletes, one and many', async () => {
        assert.deepEqual(await adapter.setMany([{ key: 'a', value: '1' }, { key: 'b', value: '2' }]), [true, true])
        assert.equal(await adapter.set('c', '3'), true)
        assert.deepEqual(await adapter.getMany(['a', 'x', 'c']), ['1', undefined, '3'])
        assert.deepEqual(await adapter.hasMany(['a', 'x']), [true, false])
        assert.deepEqual([await adapter.delete('a'), await adapter.delete('a')], [true, false])
        assert.deepEqual(await adapter.deleteMany(['b', 'x']), [true, false])
        assert.deepEqual([await adapter.get('c'), await adapter.has('b')], ['3', false])
      })
      it('takes any key and any text', async () => {
        const texts = ['line\nline', 'ünïcode ☃ 😀', '"quoted" \\ $1 :', 'x'.repeat(300_000)]
        for (const text of texts) assert.equal(await adapter.set(`key ${text.slice(0, 100)}`, text), true)
        assert.deepEqual(await adapter.getMany(texts.map((text) => `key ${text.slice(0, 100)}`)), texts)
      })
      it('writes over what is there', async () => {
        await adapter.setMany([{ key: 'a', value: '1' }, { key: 'a', value: '2' }])
        await adapter.set('a', '3')
        assert.equal(await adapter.get('a'), '3')
      })
      it('lists and clears', async () => {
        await adapter.set('a', '1')
        await adapter.set('b', '2')
        const listed: string[][] = []
        for await (const entry of adapter.iterator()) listed.push(entry)
        assert.deepEqual(listed.toSorted(), [['a', '1'], ['b', '2']])
        await adapter.clear()
        assert.equal(await adapter.has('a'), false)
      })
      it('does not give what has expired', async () => {
        await adapter.set('a', '1', Date.now() + DAY)
        assert.equal(await adapter.get('a'), '1')
        await adapter.set('a', '2', Date.now() - 1)
        assert.deepEqual([await adapter.get('a'), await adapter.has('a')], [undefined, false])
      })
      it('a batch is written whole or not at all', async () => {
        const batch: { key: string; value: unknown }[] = [{ key: 'a', value: '1' }, { key: 'b', value: { not: 'a string' } }]
        await assert.rejects(adapter.setMany(batch), TypeError)
        assert.equal(await adapter.has('a'), false)
      })
    })

    describe('of several mirrors', () => {
      let rejected: string[]
      beforeEach(() => { rejected = [] })
      const mirror = async (options: Partial<FactCacheOptions> & { readonly clock?: Clock; readonly ids?: readonly [string, ...string[]] } = {}): Promise<FactCache> => {
        const { clock = systemClock, ids = ['k1'], ...more } = options
        const cache = new FactCache({ shared: { keys: keysOf(...ids), clock }, onRejected: (cause) => rejected.push(cause), elapsed: () => 0, ...more, storage: more.storage ?? (await place.connect()) })
        open.push(cache)
        return cache
      }
      const added = async (cache: FactCache, scope: string, some: ReadonlyMap<string, ReturnType<typeof fact>>): Promise<void> => {
        await cache.add(scope, some)
        await cache.settled()
      }
      /** Whoever can write to the storage, and has no key. */
      const rewrite = async (change: (key: string, value: string) => readonly [string, string][]): Promise<void> => {
        const storage = await connect()
        const entries: string[][] = []
        for await (const entry of storage.iterator()) entries.push(entry)
        await storage.clear()
        for (const [key = '', value = ''] of entries) for (const [name, text] of change(key, value)) await storage.set(name, text)
      }

      it('one verifies, all know', async () => {
        await added(await mirror(), 'widget', many(0, 700))
        assert.deepEqual(await (await mirror()).load('widget'), many(0, 700))
        assert.deepEqual(rejected, [])
      })

      it('one that has a package in memory learns what another added, when it looks', async () => {
        let time = 0
        const elapsed = (): number => time
        const [one, two] = [await mirror({ elapsed }), await mirror({ elapsed })]
        await added(one, 'widget', many(0, 200))
        assert.equal((await two.load('widget')).size, 200)
        await added(one, 'widget', many(200, 210))
        assert.equal((await two.load('widget')).size, 200)
        assert.equal(await two.look('widget'), undefined, 'it looked a moment ago')
        time = 1001
        assert.deepEqual(await two.look('widget'), many(0, 210))
        assert.deepEqual(await two.load('widget'), many(0, 210))
      })

      it('one that is told of it learns it with the next load', async () => {
        const [one, two] = [await mirror(), await mirror()]
        await added(one, 'widget', many(0, 5))
        await two.load('widget')
        await added(one, 'widget', many(5, 6))
        two.forget('widget')
        assert.equal((await two.load('widget')).size, 6)
      })

      it('one that looks asks for the parts that changed, and not for all', async () => {
        let time = 0
        const storage = await place.connect()
        const asked: string[] = []
        const [get, getMany] = [storage.get.bind(storage), storage.getMany.bind(storage)]
        storage.get = (key) => { asked.push(key); return get(key) }
        storage.getMany = (keys) => { asked.push(...keys); return getMany(keys) }
        const one = await mirror()
        await added(one, 'widget', many(0, 1000))
        const two = await mirror({ storage, elapsed: () => time })
        await two.load('widget')
        await added(one, 'widget', many(1000, 1001))
        asked.length = 0
        time = 1001
        assert.equal((await two.look('widget'))?.size, 1001)
        assert.deepEqual(asked.map((key) => key.split('\n')[1] ?? ''), ['', '6'])
      })

      it('writers in turn lose nothing of each other', async () => {
        const [one, two] = [await mirror(), await mirror()]
        for (let from = 0; from < 400; from += 40) await added(from % 80 === 0 ? one : two, 'widget', many(from, from + 40))
        assert.equal((await (await mirror()).load('widget')).size, 400)
      })

      it('writers at one moment lose facts at most: what is there is true, and who has the rest brings it back', async () => {
        const mirrors = [await mirror(), await mirror(), await mirror()]
        const batch = (index: number, round: number): ReadonlyMap<string, ReturnType<typeof fact>> => many((index * 5 + round) * 60, (index * 5 + round) * 60 + 90)
        for (let round = 0; round < 5; round++) {
          await Promise.all(mirrors.map((one, index) => one.add('widget', batch(index, round))))
          for (const one of mirrors) one.forget('widget')
        }
        await Promise.all(mirrors.map((one) => one.settled()))
        const all = many(0, 14 * 60 + 90)
        for (const [key, found] of await (await mirror()).load('widget')) assert.deepEqual(found, all.get(key))
        for (const one of mirrors) await added(one, 'widget', facts([`last ${String(mirrors.indexOf(one))}`, fact('1')]))
        for (const one of mirrors) assert.equal((await one.load('widget')).size > 300, true)
        assert.deepEqual(rejected, [])
      })

      it('what is known under older anchors gives way, for all', async () => {
        const [one, two] = [await mirror(), await mirror()]
        await added(one, 'widget', facts(['a', fact('1', 'old')]))
        await two.load('widget')
        await added(one, 'widget', facts(['a', fact('2', 'new')]))
        two.forget('widget')
        assert.deepEqual((await two.load('widget')).get('a'), fact('2', 'new'))
      })

      it('a storage that was emptied is filled again by the next who writes', async () => {
        const one = await mirror()
        await added(one, 'widget', many(0, 400))
        await (await connect()).clear()
        await added(one, 'widget', many(400, 401))
        assert.equal((await (await mirror()).load('widget')).size, 401)
      })

      it('a key is changed without losing an entry', async () => {
        await added(await mirror({ ids: ['k1'] }), 'widget', many(0, 3))
        assert.equal((await (await mirror({ ids: ['k1', 'k2'] })).load('widget')).size, 3)
        const next = await mirror({ ids: ['k2', 'k1'] })
        await added(next, 'gadget', many(0, 3))
        await added(next, 'widget', many(3, 4))
        const last = await mirror({ ids: ['k2'] })
        assert.deepEqual([(await last.load('gadget')).size, (await last.load('widget')).size], [3, 4])
        assert.deepEqual(rejected, [])
      })

      for (const [what, change, cause] of [
        ['altered', (value: string) => value.replace('genuine', 'altered'), 'altered'],
        ['cut short', (value: string) => value.slice(0, -10), 'altered'],
        ['given a later end', (value: string) => value.replace(/^v1 k1 (\d)/, 'v1 k1 9$1'), 'altered'],
        ['cut to its head', (value: string) => value.slice(0, 30), 'unreadable'],
      ] as const)
        it(`[18a] an entry that was ${what} is a miss, and told`, async () => {
          await added(await mirror(), 'widget', many(0, 3))
          await rewrite((key, value) => [[key, change(value)]])
          assert.equal((await (await mirror()).load('widget')).size, 0)
          assert.deepEqual(rejected, [cause])
        })

      for (const [what, ids, cause] of [['by another key', ['k9'], 'unknown-key'], ['by another secret', undefined, 'altered']] as const)
        it(`[18b] an entry that was planted ${what} is a miss, and told`, async () => {
          const planter = await mirror({ ids: ids ?? ['k1'] })
          await added(planter, 'widget', many(0, 3))
          if (ids === undefined) await rewrite((key, value) => [[key, value.replace(/^(v1 k1 \d+ )\S+/, `$1${'A'.repeat(43)}`)]])
          assert.equal((await (await mirror()).load('widget')).size, 0)
          assert.deepEqual(rejected, [cause])
        })

      it('[18b] an entry that was planted as a mirror alone writes it is a miss, and told', async () => {
        const alone = new FactCache({ storage: await place.connect() })
        open.push(alone)
        await alone.add('widget', many(0, 3))
        assert.equal((await (await mirror()).load('widget')).size, 0)
        assert.deepEqual(rejected, ['unreadable'])
      })

      it('[18b] an entry larger than any of ours is not read into memory', async () => {
        if (kind.title.startsWith('SQLite')) return
        const storage = await connect()
        await storage.set('widget', 'v1 k1 x')
        await added(await mirror(), 'gadget', many(0, 1))
        assert.equal(await storage.set('large', 'x'.repeat(MAX_ENTRY + 1)), true)
        assert.equal(await storage.get('large'), undefined)
      })

      it('[18c] an entry of another package is a miss, and told', async () => {
        await added(await mirror(), 'gadget', many(0, 3))
        await rewrite((key, value) => [[key, value], [key.replace('gadget', 'widget'), value]])
        const reader = await mirror()
        assert.deepEqual([(await reader.load('widget')).size, (await reader.load('gadget')).size], [0, 3])
        assert.deepEqual(rejected, ['altered'])
      })

      it('[18c] a part in the place of another is a miss, and told', async () => {
        await added(await mirror(), 'widget', many(0, 450))
        await rewrite((key, value) => (key.endsWith('\n2') ? [] : key.endsWith('\n1') ? [[key.replace(/1$/, '2'), value]] : [[key, value]]))
        assert.equal((await (await mirror()).load('widget')).size, 150)
        assert.deepEqual(rejected, ['altered'])
      })

      it('[18d] an old entry that was put back after its time is a miss, and told', async () => {
        await added(await mirror(), 'widget', many(0, 3))
        // Without its end in the storage.
        await rewrite((key, value) => [[key, value]])
        assert.equal((await (await mirror({ clock: inDays(89) })).load('widget')).size, 3)
        assert.deepEqual(rejected, [])
        assert.equal((await (await mirror({ clock: inDays(91) })).load('widget')).size, 0)
        assert.deepEqual(rejected, ['expired'])
      })

      it('[18d] an entry of a clock that was far ahead is a miss, and told', async () => {
        await added(await mirror({ clock: inDays(2) }), 'widget', many(0, 3))
        assert.equal((await (await mirror()).load('widget')).size, 0)
        assert.deepEqual(rejected, ['ahead'])
      })

      it('[18d] an old entry that was put back before its time loses facts and forges none; who has the others brings them back', async () => {
        const one = await mirror()
        await added(one, 'widget', many(0, 3))
        const older: string[][] = []
        for await (const entry of (await connect()).iterator()) older.push(entry)
        await added(one, 'widget', many(3, 6))
        await rewrite((key, value) => [[key, older.find(([name]) => name === key)?.[1] ?? value]])
        assert.deepEqual(await (await mirror()).load('widget'), many(0, 3))
        await added(one, 'widget', many(6, 7))
        assert.deepEqual(await (await mirror()).load('widget'), many(0, 7))
        assert.deepEqual(rejected, [])
      })
    })
  })
}
