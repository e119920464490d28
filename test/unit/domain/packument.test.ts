import assert from 'node:assert/strict'
import type { Dist, Packument } from '../../../plugin/domain/packument.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'

const NAME = 'widget'
const parse = (more: object): Packument => parsePackument({ name: NAME, versions: {}, ...more }, NAME)
const dist = (value: unknown): Dist => {
  const version = parse({ versions: { '1.0.0': { dist: value } } }).versions.get('1.0.0')
  assert.ok(version)
  return version.dist
}
const NOTHING: Dist = { integrity: undefined, shasum: undefined, tarball: undefined, signatures: undefined, attestations: undefined }

describe('reading a packument', () => {
  for (const [what, document] of [
    ['null', null], ['a list', []], ['a string', 'x'], ['undefined', undefined],
    ['another package\'s', { name: 'other', versions: {} }], ['nameless', { versions: {} }],
    ['one without versions', { name: NAME }], ['one whose versions are a list', { name: NAME, versions: [] }], ['one whose versions are null', { name: NAME, versions: null }],
    ['[16] one whose versions are inherited', Object.create({ versions: {} }, { name: { value: NAME, enumerable: true } }) as object],
  ] as const)
    it(`${what} is none`, () => assert.throws(() => parsePackument(document, NAME), TypeError))

  it('one broken version does not condemn the others, and is there with nothing in it', () => {
    const { versions } = parse({ versions: { '1.0.0': null, '1.1.0': [], '1.2.0': 'x', '1.3.0': { dist: { integrity: 'sha512-x' } } } })
    assert.deepEqual([...versions].map(([version, entry]) => [version, entry.dist.integrity]), [
      ['1.0.0', undefined], ['1.1.0', undefined], ['1.2.0', undefined], ['1.3.0', 'sha512-x'],
    ])
    assert.deepEqual(versions.get('1.0.0'), { version: '1.0.0', raw: {}, dist: NOTHING })
  })
  it('[16b] versions, tags and times may be named like properties', () => {
    const text = `{"name":"${NAME}","versions":{"__proto__":{},"constructor":{}},"dist-tags":{"__proto__":"1.0.0"},"time":{"toString":"t"}}`
    const { versions, distTags, time } = parsePackument(JSON.parse(text), NAME)
    assert.deepEqual([[...versions.keys()], [...distTags], [...time]], [['__proto__', 'constructor'], [['__proto__', '1.0.0']], [['toString', 't']]])
  })
  it('tags and times that are no strings are left out', () => {
    const { distTags, time } = parse({ 'dist-tags': { a: '1.0.0', b: 1, c: null }, time: { x: 't', y: { unpublished: true } } })
    assert.deepEqual([[...distTags.keys()], [...time.keys()]], [['a'], ['x']])
  })
  for (const value of [null, [], 'x', undefined]) it(`tags and times that are ${JSON.stringify(value)} are empty`, () => {
    const { distTags, time } = parse({ 'dist-tags': value, time: value })
    assert.deepEqual([distTags.size, time.size], [0, 0])
  })

  describe('dist', () => {
    for (const value of [undefined, null, [], 'x', 1]) it(`${JSON.stringify(value)} says nothing`, () => assert.deepEqual(dist(value), NOTHING))
    it('fields of another type say nothing', () => assert.deepEqual(dist({ integrity: ['sha512-x'], shasum: 1, tarball: {} }), NOTHING))
    it('fields as they are', () => assert.deepEqual(dist({ integrity: 'i', shasum: 's', tarball: 't' }), { ...NOTHING, integrity: 'i', shasum: 's', tarball: 't' }))
  })

  describe('signatures: what is there and not understood does not count as absent', () => {
    const good = { keyid: 'k', sig: 's' }
    for (const [what, value, expected] of [
      ['none', undefined, undefined],
      ['null', null, undefined],
      ['[1g] an empty list', [], undefined],
      ['one', [good], [good]],
      ['one with more fields', [{ ...good, x: 1 }], [good]],
      ['an object', {}, 'malformed'],
      ['a string', 'x', 'malformed'],
      ['false', false, 'malformed'],
      ['a list with null', [null], 'malformed'],
      ['a list with a list', [[]], 'malformed'],
      ['without a key id', [{ sig: 's' }], 'malformed'],
      ['without a signature', [{ keyid: 'k' }], 'malformed'],
      ['a signature that is no string', [{ keyid: 'k', sig: 1 }], 'malformed'],
      ['[1h] one good, one malformed', [good, {}], 'malformed'],
    ] as const)
      it(what, () => assert.deepEqual(dist({ signatures: value }).signatures, expected))
    it('[16d] a key id may be named like a property', () => {
      assert.deepEqual(dist({ signatures: [{ keyid: '__proto__', sig: 's' }] }).signatures, [{ keyid: '__proto__', sig: 's' }])
    })
  })

  describe('attestations: anything at all is an announcement', () => {
    const url = 'https://registry.example/x'
    for (const [what, value, expected] of [
      ['none', undefined, undefined],
      ['null', null, undefined],
      ['npm\'s', { url, provenance: { predicateType: 'p' } }, { url, provenance: 'p' }],
      ['without provenance', { url }, { url, provenance: undefined }],
      ['with a provenance that is null', { url, provenance: null }, { url, provenance: undefined }],
      ['without a url', { provenance: { predicateType: 'p' } }, { url: undefined, provenance: 'p' }],
      ['an empty object', {}, { url: undefined, provenance: undefined }],
      ['a string', 'x', { url: undefined, provenance: 'malformed' }],
      ['a list', [], { url: undefined, provenance: 'malformed' }],
      ['false', false, { url: undefined, provenance: 'malformed' }],
      ['a provenance that is a string', { url, provenance: 'p' }, { url, provenance: 'malformed' }],
      ['a provenance without a type', { url, provenance: {} }, { url, provenance: 'malformed' }],
      ['a provenance with a type that is no string', { url, provenance: { predicateType: 1 } }, { url, provenance: 'malformed' }],
      ['a provenance that is false', { url, provenance: false }, { url, provenance: 'malformed' }],
    ] as const)
      it(what, () => assert.deepEqual(dist({ attestations: value }).attestations, expected))
  })
})
