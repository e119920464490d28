import assert from 'node:assert/strict'
import { chart } from '../../../bench/report/chart.ts'
import { report } from '../../../bench/report/document.ts'
import { section, table, targetsTable } from '../../../bench/report/markdown.ts'
import { atLeast, atMost } from '../../../bench/report/section.ts'

describe('report of the benchmark', () => {
  it('a table names its rows on the left and has figures on the right', () => {
    const text = table({ title: 'T', columns: ['', 'req/s'], rows: [['raw', '10'], ['serve', '9']] })
    assert.equal(text, '### T\n\n|  | req/s |\n|---|---:|\n| raw | 10 |\n| serve | 9 |\n')
  })

  it('a target is met at its bound, and missed beyond it', () => {
    const met = [...atLeast('a', 0.9, 0.9, String), ...atLeast('b', 0.9, 0.89, String), ...atMost('c', 6, 6, String), ...atMost('d', 6, 6.1, String)]
    assert.deepEqual(met.map((target) => target.met), [true, false, true, false])
    assert.match(targetsTable(met), /\| b \| ≥ 0\.9 \| 0\.89 \| \*\*no\*\* \|/)
  })

  it('what was not measured is no target', () => {
    assert.deepEqual([...atLeast('a', 1, NaN, String), ...atMost('a', 1, NaN, String)], [])
  })

  it('a section has its tables and notes', () => {
    const text = section('Title', { tables: [{ title: 'T', columns: [''], rows: [] }], targets: [], notes: ['Why.'] })
    assert.match(text, /^## Title\n\n### T\n[^]*\nWhy\.\n/)
  })

  it('says of a run that was not whole what it was', () => {
    const text = report([], { quick: true, rounds: 1, only: ['herd'], missing: ['`x` is not installed'], seconds: 1 })
    for (const said of ['**A quick run**', 'Only: herd.', '`x` is not installed', 'One round']) assert.ok(text.includes(said), said)
  })
})

describe('chart of growth', () => {
  const growth = [
    { name: 'raw', points: [[50, 10_000], [3000, 1000]] as const },
    { name: 'a <b> & c', points: [[50, 100], [3000, 10]] as const },
  ]
  const heights = (svg: string): readonly number[] => [...svg.matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y))

  it('is logarithmic: ten times as many are as far apart everywhere', () => {
    const [a = 0, b = 0, c = 0, d = 0] = heights(chart(growth))
    assert.ok(a < b && b < c && c < d)
    assert.ok(Math.abs(b - a - (d - c)) < 0.2)
    assert.ok(Math.abs(c - a - 2 * (b - a)) < 0.3)
  })

  it('names are text, not markup', () => {
    assert.match(chart(growth), />a &lt;b&gt; &amp; c</)
  })

  it('names do not lie on one another', () => {
    const svg = chart(growth.map(({ name }) => ({ name, points: [[50, 10], [600, 10]] as const })))
    const [first = 0, second = 0] = [...svg.matchAll(/<text x="560" y="([\d.]+)" fill/g)].map(([, y]) => Number(y))
    assert.ok(second - first >= 16)
  })

  it('leaves out what was not answered, and draws nothing from nothing', () => {
    assert.equal(heights(chart([{ name: 'x', points: [[50, 5], [600, 0], [3000, NaN]] }])).length, 1)
    assert.throws(() => chart([{ name: 'x', points: [[50, 0]] }]), RangeError)
  })
})
