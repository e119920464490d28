import assert from 'node:assert/strict'
import { PackageFacts, openPackage } from '../../../plugin/pipeline/context.ts'
import { ABSENT, CLAIMED, MemoryFacts, World, attested, documentOf, failed, signed, trustOf } from './support.ts'

describe('facts of a package', () => {
  const load = (store: MemoryFacts, trust = trustOf()): Promise<PackageFacts> => PackageFacts.load(store, 'scope', trust)
  let store: MemoryFacts
  beforeEach(() => { store = new MemoryFacts() })

  it('are there at once, and after they were saved', async () => {
    const facts = await load(store)
    facts.put('a', 1, ['key'])
    assert.equal(facts.get('a'), 1)
    await facts.save()
    assert.equal((await load(store)).get('a'), 1)
  })
  it('are not there before they were saved', async () => {
    ;(await load(store)).put('a', 1, [])
    assert.equal((await load(store)).get('a'), undefined)
  })
  it('nothing added is nothing written', async () => {
    await (await load(store)).save()
    assert.equal(store.adds, 0)
  })
  it('an unknown key is undefined', async () => assert.equal((await load(store)).get('a'), undefined))
  it('end when any of their anchors is no longer trusted', async () => {
    store.stored.set('a', { anchors: ['key', 'gone'], value: 1 })
    assert.equal((await load(store)).get('a'), undefined)
  })
  it('stand while all their anchors are trusted, whatever else was added', async () => {
    store.stored.set('a', { anchors: ['key', 'ca'], value: 1 })
    assert.equal((await load(store, trustOf({ revision: 'r2', anchors: new Set(['key', 'ca', 'new']) }))).get('a'), 1)
  })
  it('without anchors stand for good', async () => {
    store.stored.set('a', { anchors: [], value: 1 })
    assert.equal((await load(store, trustOf({ anchors: new Set() }))).get('a'), 1)
  })

  it('of another mirror are news here too; what it only has under anchors that are not trusted is none', async () => {
    const facts = await load(store)
    store.look = () => Promise.resolve(new Map([['a', { anchors: ['key'], value: 1 }], ['b', { anchors: ['theirs'], value: 2 }]]))
    assert.deepEqual([await facts.find('a'), await facts.find('b'), await facts.find('c'), facts.added], [1, undefined, undefined, 1])
    await facts.save()
    assert.equal(store.adds, 0)
  })
  it('that are known are not looked up elsewhere', async () => {
    store.stored.set('a', { anchors: ['key'], value: 1 })
    store.look = () => Promise.reject(new Error('asked'))
    const facts = await load(store)
    assert.deepEqual([await facts.find('a'), facts.added], [1, 0])
  })

  describe('settling evidence', () => {
    const anchorsOf = async (...evidence: Parameters<PackageFacts['settle']>[1]): Promise<readonly string[] | undefined> => {
      const facts = await load(store)
      facts.settle('a', evidence, ['key'])
      await facts.save()
      return store.stored.get('a')?.anchors
    }
    it('verified rests on its anchors', async () => assert.deepEqual(await anchorsOf(signed), ['key']))
    it('verified beside absent too', async () => assert.deepEqual(await anchorsOf(ABSENT, attested), ['key']))
    it('invalid rests on all trust material: it may verify under other', async () => {
      assert.deepEqual(await anchorsOf(failed('invalid', 'provenance-invalid')), ['revision:r1'])
    })
    it('verified beside invalid rests on all trust material', async () => {
      assert.deepEqual(await anchorsOf(signed, failed('invalid', 'provenance-invalid')), ['revision:r1'])
    })
    it('unavailable is not kept', async () => assert.equal(await anchorsOf(failed('unavailable', 'evidence-unavailable')), undefined))
    it('an unknown key is not kept', async () => assert.equal(await anchorsOf(failed('unknown-key', 'signature-key-unknown')), undefined))
    it('a claim is not kept', async () => assert.equal(await anchorsOf(CLAIMED), undefined))
    it('nor what verified beside any of them', async () => assert.equal(await anchorsOf(signed, failed('unavailable', 'evidence-unavailable')), undefined))
    it('invalid is gone under another revision, and there under the same', async () => {
      await anchorsOf(failed('invalid', 'provenance-invalid'))
      assert.equal((await load(store, trustOf({ revision: 'r2' }))).get('a'), undefined)
      assert.notEqual((await load(store)).get('a'), undefined)
    })
    it('the revision cannot be had as an anchor of the material itself', async () => {
      await anchorsOf(failed('invalid', 'provenance-invalid'))
      assert.equal((await load(store, trustOf({ revision: 'r2', anchors: new Set(['r1', 'key']) }))).get('a'), undefined)
    })
  })
})

describe('opening a package', () => {
  it('notes which versions an answer had', async () => {
    const world = new World()
    await world.open(documentOf({ '1.0.0': {}, '1.1.0': {} }))
    assert.deepEqual(world.ledger.sighted, [['1.0.0', '1.1.0']])
  })
  it('notes nothing of an answer kept from before: it says nothing about now', async () => {
    const world = new World()
    await world.open(documentOf({ '1.0.0': {} }, {}, { stale: true }))
    assert.deepEqual(world.ledger.sighted, [])
  })
  it('facts of one registry\'s package are not another\'s', async () => {
    const world = new World()
    const scopes: string[] = []
    world.facts.load = (scope?: string) => {
      scopes.push(scope ?? '')
      return Promise.resolve(new Map())
    }
    await world.open()
    const other = { ...world.upstream.port, name: 'other', registry: 'https://other.example' }
    await openPackage(other, documentOf({ '1.0.0': {} }), trustOf(), { facts: world.facts, ledger: world.ledger.port })
    assert.equal(new Set(scopes).size, 2)
  })
})
