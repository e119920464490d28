import assert from 'node:assert/strict'
import { Recent } from '../../../plugin/http/recent.ts'

describe('http: answers kept under addresses that clients choose', () => {
  it('only the last few are kept', () => {
    const recent = new Recent<string, number>(2)
    for (const [index, key] of ['a', 'b', 'a', 'c'].entries()) recent.set(key, index)
    assert.deepEqual(['a', 'b', 'c'].map((key) => recent.get(key)), [2, undefined, 3])
  })
})
