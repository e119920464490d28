import assert from 'node:assert/strict'
import { inOwnMemory } from '../../../plugin/domain/own-memory.ts'

describe('bytes in memory of their own', () => {
  it('a slice is copied out of what it shares', () => {
    const shared = Buffer.alloc(1000, 'x')
    const own = inOwnMemory(shared.subarray(10, 20))
    shared.fill('y')
    assert.deepEqual([own.toString(), own.buffer.byteLength], ['x'.repeat(10), 10])
  })
  it('what has its own is taken as it is', () => {
    const own = Buffer.allocUnsafeSlow(10)
    assert.equal(inOwnMemory(own), own)
  })
  it('nothing is nothing', () => assert.equal(inOwnMemory(Buffer.alloc(0)).length, 0))
})
