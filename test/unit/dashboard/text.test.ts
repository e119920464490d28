/** How values of others are shown. */
import assert from 'node:assert/strict'
import { duration, percent, relative, safeHref, shown } from '../../../dashboard/src/text.ts'

describe('dashboard: text', () => {
  it('makes visible what hides or turns the direction of what stands beside it', () => {
    assert.equal(shown('a\u202eb\u0000\u200bc\n'), 'a[U+202E]b[U+0000][U+200B]c[U+000A]')
  })

  it('cuts what is endless', () => {
    assert.equal(shown('x'.repeat(100_000)).length, 2_001)
  })

  it('shows what is no text without failing', () => {
    assert.deepEqual([shown(null), shown(undefined), shown(7), shown({ a: [1] })], ['', '', '7', '{"a":[1]}'])
  })

  it('links to https addresses, without credentials, and to nothing else', () => {
    assert.equal(safeHref('https://host.example/a'), 'https://host.example/a')
    for (const bad of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'http://host.example', 'https://user:password@host.example', '//host.example', 'nonsense', '', null, undefined]) assert.equal(safeHref(bad), undefined, String(bad))
  })

  it('says neither 100 % where one is missing nor 0 % where there is one', () => {
    assert.deepEqual([percent(999, 1000), percent(1, 1000), percent(0, 10), percent(10, 10), percent(0, 0)], ['>99 %', '<1 %', '0 %', '100 %', '–'])
  })

  it('says how long, and how long ago', () => {
    const now = new Date('2026-06-01T12:00:00Z').getTime()
    assert.deepEqual([duration(90_061), duration(59), duration(0)], ['1 day 1 hour', '59 seconds', '0 seconds'])
    assert.deepEqual(
      ['2026-06-01T11:59:58Z', '2026-06-01T11:00:00Z', '2026-06-03T12:00:00Z', 'nonsense'].map((at) => relative(at, now)),
      ['just now', '60 minutes ago', 'in 2 days', ''],
    )
  })
})
