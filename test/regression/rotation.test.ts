/** Facts after a rotation of trust material. */
import assert from 'node:assert/strict'
import type { StoredFact } from '../../plugin/domain/ports.ts'
import { FactCache } from '../../plugin/store/facts.ts'

describe('regression: facts after a rotation', () => {
  it('a fact that rests on new anchors takes the place of the one that rested on old ones', async () => {
    const store = new FactCache({ storage: ':memory:' })
    const facts = (...anchors: string[]): ReadonlyMap<string, StoredFact> => new Map([['signature:x', { anchors, value: ['verified'] }]])
    await store.add('widget', facts('key, no end'))
    await store.add('widget', facts('key, ends tomorrow'))
    assert.deepEqual(await store.load('widget'), facts('key, ends tomorrow'))
    await store.close()
  })
})
