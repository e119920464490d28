/** What is exported, what is documented, and what the dashboard and the alerts ask for, are the same metrics. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { mirrorMetrics } from '../../../plugin/audit/metrics.ts'
import { busySource, declaredIn } from '../../support/metrics.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')
const NAME = /\b(?:provenance|process|nodejs)_[a-z0-9_]+/g

interface Panel { readonly type: string; readonly title: string; readonly datasource?: { readonly uid: string }; readonly targets?: readonly { readonly expr: string }[]; readonly gridPos: Readonly<Record<'h' | 'w' | 'x' | 'y', number>> }
interface Rule { readonly alert: string; readonly expr: string; readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> }

describe('docs: metrics', () => {
  let types: ReadonlyMap<string, string>
  before(async () => { types = declaredIn(await mirrorMetrics(busySource()).text()) })
  const page = read('docs/metrics.md')
  const rows = new Map([...page.matchAll(/^\| `(provenance_[a-z_]+)` \| (\w+) \|([^|]*)\|/gm)].map(([, name = '', type = '', labels = '']) => [name, { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) }]))
  const dashboard = JSON.parse(read('docker/grafana/dashboard.json')) as { readonly panels: readonly Panel[]; readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] } }
  const { groups } = parse(read('docker/prometheus/alerts.yaml')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)

  /** Of a series: a histogram has three. */
  const familyOf = (series: string): string => (types.has(series) ? series : series.replace(/_(?:bucket|sum|count)$/, ''))
  const namesIn = (text: string): readonly string[] => [...new Set([...text.matchAll(NAME)].map(([name]) => familyOf(name)))]
  const unknown = (expr: string): readonly string[] => namesIn(expr).filter((name) => !types.has(name))

  it('every metric of the mirror is documented, with its type', () => {
    const own = [...types].filter(([name]) => name.startsWith('provenance_'))
    assert.deepEqual(own.map(([name]) => [name, rows.get(name)?.type]), own)
  })
  it('and with its labels', async () => {
    const text = await mirrorMetrics(busySource()).text()
    for (const [name, { labels }] of rows) {
      const series = new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? ''
      const found = [...series.matchAll(/(\w+)=/g)].map(([, label]) => label).filter((label) => label !== 'le')
      assert.deepEqual(found.toSorted(), labels.toSorted(), name)
    }
  })
  it('every metric of the process is documented', () => assert.deepEqual([...types.keys()].filter((name) => !page.includes(`\`${name}\``)), []))
  it('nothing is documented that is not exported', () => assert.deepEqual(namesIn(page).filter((name) => !types.has(name)), []))
  it('the dashboard asks for nothing else, and for every metric of the mirror', () => {
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n')
    assert.deepEqual(unknown(asked), [])
    assert.deepEqual([...types.keys()].filter((name) => name.startsWith('provenance_') && !namesIn(asked).includes(name)), [])
  })
  it('every panel has a title, a question, the chosen data source, and a place of its own', () => {
    const shown = dashboard.panels.filter(({ type }) => type !== 'row')
    assert.ok(shown.every(({ title, targets = [], datasource }) => title !== '' && targets.length > 0 && datasource?.uid === '${datasource}'))
    assert.ok(dashboard.templating.list.some(({ name, type }) => name === 'datasource' && type === 'datasource'))
    const overlapping = dashboard.panels.filter((one, index) => dashboard.panels.slice(0, index).some((other) => overlap(one.gridPos, other.gridPos)))
    assert.deepEqual(overlapping.map(({ title }) => title), [])
  })
  it('alerts ask for nothing else, say what to do, and how soon', () => {
    for (const { alert, expr, labels, annotations } of rules) {
      assert.deepEqual(unknown(expr), [], alert)
      assert.ok(['page', 'ticket'].includes(labels.severity ?? ''), alert)
      assert.ok((annotations.summary ?? '') !== '' && (annotations.description ?? '') !== '', alert)
    }
  })
  it('every alert has a test in which it fires', () => {
    const tests = read('docker/prometheus/alerts.test.yaml')
    assert.deepEqual(rules.map(({ alert }) => alert).filter((alert) => !tests.includes(`alertname="${alert}"`)), [])
  })
  it('alerts fire when they should (promtool)', function () {
    this.timeout(20_000)
    const promtool = process.env.PROMTOOL ?? 'promtool'
    try {
      execFileSync(promtool, ['--version'], { stdio: 'ignore' })
    } catch {
      // Debian's `prometheus` has it, with 100 MB of what nobody needs here.
      this.skip()
    }
    const run = (...words: readonly string[]): string => execFileSync(promtool, words, { cwd: path.join(ROOT, 'docker/prometheus'), encoding: 'utf8', stdio: 'pipe' })
    run('check', 'rules', 'alerts.yaml')
    run('check', 'config', '--syntax-only', 'prometheus.yaml')
    run('test', 'rules', 'alerts.test.yaml')
  })
})

type Place = Panel['gridPos']
const overlap = (a: Place, b: Place): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
