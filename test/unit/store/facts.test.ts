import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { StoredFact } from '../../../plugin/domain/ports.ts'
import { FactCache, type FactCacheOptions } from '../../../plugin/store/facts.ts'
import { KeyvSqlite } from '../../../plugin/store/keyv-sqlite.ts'

const fact = (value: string, ...anchors: string[]): StoredFact => ({ anchors, value: { value } })
const facts = (...entries: [string, StoredFact][]): ReadonlyMap<string, StoredFact> => new Map(entries)

describe('store: facts', () => {
  let dir: string
  let file: string
  const open: FactCache[] = []
  const cache = (options: Partial<FactCacheOptions> = {}): FactCache => {
    const made = new FactCache({ storage: file, ...options })
    open.push(made)
    return made
  }
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'facts-'))
    file = path.join(dir, 'facts.db')
  })
  afterEach(async () => {
    for (const made of open.splice(0)) await made.close()
    await rm(dir, { recursive: true, force: true })
  })

  it('an unknown package has none', async () => {
    assert.equal((await cache().load('widget')).size, 0)
  })

  it('gives back what was added', async () => {
    const store = cache()
    const added = facts(['a', fact('1', 'x', 'y')], ['b', fact('2', 'y')])
    await store.add('widget', added)
    assert.deepEqual(await store.load('widget'), added)
    assert.equal((await store.load('gadget')).size, 0)
  })

  it('after a restart too', async () => {
    const added = facts(['a', fact('1', 'x', 'y')], ['b', fact('2', 'y')], ['__proto__', fact('3')])
    const before = cache()
    await before.add('widget', added)
    await before.close()
    assert.deepEqual(await cache().load('widget'), added)
  })

  it('in memory alone', async () => {
    const store = cache({ storage: ':memory:' })
    await store.add('widget', facts(['a', fact('1')]))
    assert.equal((await store.load('widget')).size, 1)
  })

  it('what is there already stays', async () => {
    const store = cache()
    await store.add('widget', facts(['a', fact('first')]))
    await store.add('widget', facts(['a', fact('second')], ['b', fact('2')]))
    assert.deepEqual(await store.load('widget'), facts(['a', fact('first')], ['b', fact('2')]))
  })

  it('writers at one time lose nothing', async () => {
    const store = cache({ memory: 1 })
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.add('widget', facts([String(i), fact(String(i))]))))
    await store.close()
    assert.equal((await cache().load('widget')).size, 50)
  })

  it('works beyond the memory it was given', async () => {
    const store = cache({ memory: 100 })
    for (const name of ['a', 'b', 'c']) await store.add(name, facts(['key', fact(name.repeat(200))]))
    assert.deepEqual(await store.load('a'), facts(['key', fact('a'.repeat(200))]))
  })

  const tamper = (sql: string): void => {
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
  }

  for (const [what, sql] of [
    ['altered', `UPDATE entry SET value = replace(value, 'genuine', 'altered')`],
    ['cut short', 'UPDATE entry SET value = substr(value, 1, 40)'],
    ['empty', `UPDATE entry SET value = ''`],
    ['not JSON', `UPDATE entry SET value = 'garbage'`],
    ['of another package', `UPDATE entry SET key = 'widget' WHERE key = 'gadget'`],
  ] as const)
    it(`[18a] an entry that is ${what} is a miss, and told`, async () => {
      const before = cache()
      await before.add(sql.includes('gadget') ? 'gadget' : 'widget', facts(['a', fact('genuine')]))
      await before.close()
      tamper(sql)
      const rejected: string[] = []
      assert.equal((await cache({ onRejected: (cause) => rejected.push(cause) }).load('widget')).size, 0)
      assert.deepEqual(rejected, ['altered'])
    })

  it('a miss is repaired by the next addition', async () => {
    const before = cache()
    await before.add('widget', facts(['a', fact('1')]))
    await before.close()
    tamper(`UPDATE entry SET value = 'garbage'`)
    const after = cache()
    await after.add('widget', facts(['b', fact('2')]))
    assert.deepEqual(await after.load('widget'), facts(['b', fact('2')]))
  })

  describe('of a package with many versions', () => {
    const many = (from: number, to: number): ReadonlyMap<string, StoredFact> =>
      facts(...Array.from({ length: to - from }, (_, i): [string, StoredFact] => [`fact ${String(from + i)}`, fact(`genuine ${String(from + i)}`, 'x')]))
    /** The keys of an in-memory storage that were written. */
    const counting = (): { readonly storage: KeyvSqlite; readonly written: string[] } => {
      const storage = new KeyvSqlite(':memory:')
      const written: string[] = []
      const set = storage.set.bind(storage)
      storage.set = (key, value, expires) => {
        written.push(key)
        return set(key, value, expires)
      }
      return { storage, written }
    }

    it('all of them are there after a restart', async () => {
      const before = cache()
      await before.add('widget', many(0, 3000))
      await before.add('widget', many(2990, 3050))
      await before.close()
      assert.deepEqual(await cache().load('widget'), many(0, 3050))
    })

    it('a few more write a part or two of it, and not all', async () => {
      const { storage, written } = counting()
      const store = cache({ storage })
      await store.add('widget', many(0, 3000))
      assert.equal(written.length, 20)
      written.length = 0
      await store.add('widget', many(3000, 3050))
      // A new part, and the first, which says how many there are.
      assert.deepEqual(written.map((key) => key.split(':').at(-1)?.split('\n')[1] ?? ''), ['20', ''])
      written.length = 0
      await store.add('widget', many(3050, 3100))
      assert.equal(written.length, 1)
      await store.add('widget', many(0, 3100))
      assert.equal(written.length, 1)
    })

    it('one that rests on other anchors now writes its own part', async () => {
      const { storage, written } = counting()
      const store = cache({ storage })
      await store.add('widget', many(0, 450))
      written.length = 0
      await store.add('widget', facts(['fact 200', fact('newer', 'y')]))
      assert.equal(written.length, 1)
      await store.close()
      assert.equal((await store.load('widget')).size, 450)
    })

    for (const [what, sql, left] of [
      ['a part that was altered is a miss, and no other', `UPDATE entry SET value = replace(value, 'genuine', 'altered') WHERE key LIKE '%' || char(10) || '1'`, 300],
      ['a part in the place of another is a miss', `DELETE FROM entry WHERE key LIKE '%' || char(10) || '2'; UPDATE entry SET key = replace(key, char(10) || '1', char(10) || '2')`, 150],
      ['a part that is gone is a miss', `DELETE FROM entry WHERE key LIKE '%' || char(10) || '1'`, 300],
      ['without the first, nobody knows how many there are', `DELETE FROM entry WHERE key NOT LIKE '%' || char(10) || '%'`, 0],
    ] as const)
      it(`[18a] ${what}`, async () => {
        const before = cache()
        await before.add('widget', many(0, 450))
        await before.close()
        tamper(sql)
        const after = cache()
        assert.equal((await after.load('widget')).size, left)
        await after.add('widget', many(0, 450))
        assert.equal((await after.load('widget')).size, 450)
        await after.close()
        assert.equal((await cache().load('widget')).size, 450)
      })

    it('the oldest that went make room in their parts', async () => {
      const { storage, written } = counting()
      const store = cache({ storage, maxFacts: 300 })
      for (let from = 0; from < 3000; from += 100) await store.add('widget', many(from, from + 100))
      assert.deepEqual([...(await store.load('widget')).keys()], [...many(2700, 3000).keys()])
      assert.ok(new Set(written).size <= 3, String(new Set(written).size))
    })
  })

  it('a storage that fails is reported and costs nothing but the cache', async () => {
    const errors: unknown[] = []
    const storage = new KeyvSqlite(':memory:')
    const store = cache({ storage, onError: (error) => errors.push(error), memory: 1 })
    await storage.disconnect()
    assert.equal((await store.load('widget')).size, 0)
    await store.add('widget', facts(['a', fact('1')]))
    assert.equal(errors.length > 0, true)
  })
})
