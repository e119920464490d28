/** What browsers keep for a page, and refuse to. */
import assert from 'node:assert/strict'
import { kept } from '../../../dashboard/src/storage.ts'

describe('dashboard: storage', () => {
  it('keeps what it is given, and takes it away', () => {
    const held = new Map<string, string>()
    const storage = { getItem: (key: string) => held.get(key) ?? null, setItem: (key: string, value: string) => held.set(key, value), removeItem: (key: string) => held.delete(key) }
    const token = kept(() => storage as never, 'token')
    token.set('abc')
    assert.deepEqual([token.get(), held.get('token')], ['abc', 'abc'])
    token.set(null)
    assert.deepEqual([token.get(), held.size], [null, 0])
  })

  it('where the browser lets nothing be kept, lasts as long as the page', () => {
    const token = kept(() => { throw new Error('SecurityError') }, 'token')
    assert.equal(token.get(), null)
    token.set('abc')
    assert.equal(token.get(), 'abc')
    token.set(null)
    assert.equal(token.get(), null)
  })
})
