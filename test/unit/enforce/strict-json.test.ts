import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseBothWays, parseStrict } from '../../../plugin/domain/strict-json.ts'

describe('strict JSON', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"b":0,"\\u0061":1}',
    '[{"b":{"a":[],"a":{}}}]',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":2}',
    '{ "a" : "}" , "a" : 1 }',
  ]) {
    it(`[4e] refuses the repeated key in ${text}`, () => {
      assert.throws(() => parseStrict(text), SyntaxError)
    })
  }

  for (const text of ['{"a":{"a":{"a":"a"}},"b":["a","a"],"c":"\\"a\\":"}', '"a"', 'null', '[]', '[{"a":1},{"a":1}]']) {
    it(`reads ${text}`, () => {
      assert.deepEqual(parseStrict(text), JSON.parse(text))
    })
  }

  it('[17b] refuses depth beyond the limit', () => {
    assert.deepEqual(parseStrict('[[1]]', { maxDepth: 2 }), [[1]])
    assert.throws(() => parseStrict('[[[1]]]', { maxDepth: 2 }), SyntaxError)
    assert.throws(() => parseStrict('['.repeat(1_000_000) + ']'.repeat(1_000_000), { maxDepth: 2 }), SyntaxError)
  })

  it('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        assert.deepEqual(parseStrict(text), JSON.parse(text))
      }),
    )
  })

  it('gives both readings', () => {
    const { last, first } = parseBothWays('{"a":1,"b":{"c":1,"c":2},"a":{"d":1,"d":2},"e":3,"a":4}')
    assert.deepEqual(last, { a: 4, b: { c: 2 }, e: 3 })
    assert.deepEqual(first, { a: 1, b: { c: 1 }, e: 3 })
  })
})
