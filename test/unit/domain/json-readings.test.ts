import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseBothWays, parseStrictJson } from '../../../plugin/domain/strict-json.ts'

describe('JSON in both readings', () => {
  it('differs where a key is repeated', () => {
    const { last, first } = parseBothWays('{"a":1,"b":{"c":1,"c":2},"a":{"d":1,"d":2},"e":3,"a":4}')
    assert.deepEqual(last, { a: 4, b: { c: 2 }, e: 3 })
    assert.deepEqual(first, { a: 1, b: { c: 1 }, e: 3 })
  })

  it('is one, and strict, for whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 20 }), (value) => {
        const text = JSON.stringify(value)
        const { last, first } = parseBothWays(text)
        assert.equal(first, last)
        assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text))
      }),
    )
  })
})
