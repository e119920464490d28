import assert from 'node:assert/strict'
import { inTurns, mapInTurns } from '../../../plugin/domain/turns.ts'

const spin = (milliseconds: number): void => {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

describe('turns of the event loop', () => {
  it('everything is done, in order', async () => {
    assert.deepEqual(await inTurns([3, 1, 2], (item, index) => [index, item]), [[0, 3], [1, 1], [2, 2]])
    assert.deepEqual(await mapInTurns([['a', 1], ['b', 2], ['a', 3]]), new Map([['a', 3], ['b', 2]]))
  })
  it('others have their turn in the middle of long work, and short work is not interrupted', async () => {
    const others = async (work: () => Promise<unknown>): Promise<number> => {
      let turns = 0
      let isOver = false
      const count = (): void => { if (!isOver) { turns++; setImmediate(count) } }
      setImmediate(count)
      await work()
      isOver = true
      return turns
    }
    const items = Array.from({ length: 64 }, (_, index) => index)
    assert.ok((await others(() => inTurns(items, () => { spin(0.3) }))) >= 2)
    assert.equal(await others(() => inTurns(items.slice(0, 10), (item) => item)), 0)
  })
  it('what is thrown ends it', async () => {
    await assert.rejects(inTurns([1], () => { throw new RangeError('no') }), RangeError)
  })
})
