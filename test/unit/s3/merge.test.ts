import assert from 'node:assert/strict'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { mergeManifest } from '../../../plugin/s3/merge.ts'

const BASE = { name: 'acme', versions: { '1.0.0': { a: 1 } }, 'dist-tags': { latest: '1.0.0' }, time: { modified: 'then' }, _attachments: {}, readme: '', _rev: '1-a' } as const

const changed = (more: JsonObject): JsonObject => ({ ...BASE, ...more })

describe('two changes of one manifest', () => {
  it('versions that both added are there', () => {
    const merged = mergeManifest(BASE, changed({ versions: { ...BASE.versions, '1.1.0': {} }, _rev: '2-b' }), changed({ versions: { ...BASE.versions, '1.2.0': {} }, _rev: '2-c' }))
    assert.deepEqual(merged, { ...BASE, versions: { '1.0.0': { a: 1 }, '1.2.0': {}, '1.1.0': {} }, _rev: '2-b' })
  })
  it('what one removed stays removed, what the other added stays', () => {
    assert.deepEqual((mergeManifest(BASE, changed({ versions: {} }), changed({ versions: { ...BASE.versions, '2.0.0': {} } })) as JsonObject).versions, { '2.0.0': {} })
  })
  it('one version, or one file, that both added is a conflict', () => {
    assert.equal(mergeManifest(BASE, changed({ versions: { '2.0.0': { by: 'me' } } }), changed({ versions: { ...BASE.versions, '2.0.0': { by: 'them' } } })), 'conflict')
    assert.equal(mergeManifest(BASE, changed({ _attachments: { 'a.tgz': { shasum: '1' } } }), changed({ _attachments: { 'a.tgz': { shasum: '2' } } })), 'conflict')
  })
  it('a version that one changed and the other removed is a conflict', () => {
    assert.equal(mergeManifest(BASE, changed({ versions: { '1.0.0': { a: 1, deprecated: 'old' } } }), changed({ versions: {} })), 'conflict')
  })
  it('tags, times and the readme are of whoever was last', () => {
    const merged = mergeManifest(BASE, changed({ 'dist-tags': { latest: '2.0.0' }, time: { modified: 'now' }, readme: 'mine' }), changed({ 'dist-tags': { latest: '3.0.0', next: '3.0.0' }, time: { modified: 'later' }, readme: 'theirs' })) as JsonObject
    assert.deepEqual([merged['dist-tags'], merged.time, merged.readme], [{ latest: '2.0.0', next: '3.0.0' }, { modified: 'now' }, 'mine'])
  })
  it('[16b] names that are properties are data', () => {
    const mine = JSON.parse('{"versions":{"1.0.0":{"a":1},"__proto__":{"x":1},"constructor":{}}}') as JsonObject
    const merged = mergeManifest(BASE, { ...BASE, ...mine }, BASE) as JsonObject
    assert.deepEqual(Object.keys(merged.versions as JsonObject).toSorted(), ['1.0.0', '__proto__', 'constructor'])
    assert.equal(({} as Record<string, unknown>).x, undefined)
  })
})
