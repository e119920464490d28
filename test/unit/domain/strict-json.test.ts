import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseStrictJson, StrictJsonError, type JsonFault } from '../../../plugin/domain/strict-json.ts'

const read = (text: string, depth?: number): unknown => parseStrictJson(Buffer.from(text), depth)
const assertFault = (run: () => unknown, fault: JsonFault): void => {
  assert.throws(run, (error) => error instanceof StrictJsonError && error.fault === fault)
}

describe('verify: strict JSON', () => {
  it('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent)
        assert.deepEqual(read(text), JSON.parse(text))
      }),
    )
  })
  it('accepts what JSON.parse accepts, but for duplicates and depth', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', 'u', 'a', '1', ' ', '-', '.', 'e', '\n') }),
        (text) => {
          let accepted: unknown
          try {
            accepted = read(text)
          } catch (error) {
            assert.ok(error instanceof StrictJsonError)
            if (error.fault !== 'malformed') return
            assert.throws(() => JSON.parse(text) as unknown)
            return
          }
          assert.deepEqual(accepted, JSON.parse(text))
        },
      ),
      { numRuns: 2000 },
    )
  })

  const duplicates = [
    '{"a":1,"a":1}',
    '{"b":{"a":1,"c":[{"a":2},{}],"a":3}}',
    '[{"a":[],"b":"}","a":1}]',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
  ]
  for (const text of duplicates)
    it(`[4e] refuses ${text}`, () => {
      assertFault(() => read(text), 'duplicate-key')
    })
  const distinct = [
    '{"a":{"a":{"a":1}},"b":["a","a"]}',
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":"a"}',
    '{"a\\"":1,"a":2}',
    '{"a":"{\\"a\\":1}"}',
    '{"constructor":1,"__proto__":2}',
  ]
  for (const text of distinct)
    it(`reads ${text}`, () => {
      assert.deepEqual(read(text), JSON.parse(text))
    })

  it('a name of a property is data', () => {
    const value = read('{"__proto__":{"polluted":true}}') as object
    assert.ok(Object.hasOwn(value, '__proto__'))
    assert.equal((value as { polluted?: boolean }).polluted, undefined)
  })
  it('[17b] counts depth in objects and lists', () => {
    assert.deepEqual(read('[{"a":[]}]', 3), [{ a: [] }])
    assertFault(() => read('[{"a":[[]]}]', 3), 'too-deep')
    assertFault(() => read('['.repeat(1_000_000)), 'too-deep')
  })
  for (const [name, bytes] of [
    ['not UTF-8', Buffer.of(0x22, 0xff, 0x22)],
    ['a byte order mark', Buffer.from('\ufeff{}')],
    ['nothing', Buffer.alloc(0)],
    ['an open string', Buffer.from('{"a')],
  ] as const)
    it(`refuses ${name}`, () => {
      assertFault(() => parseStrictJson(bytes), 'malformed')
    })
})
