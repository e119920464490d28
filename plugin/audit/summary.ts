import { BadQuery, type DecisionSummary, type EntryEvidence } from '../domain/decision.ts'
import { hasEvidence } from './columns.ts'
import { timeOf } from './filter.ts'
import type { Dialect, Statement } from './sql.ts'
import type { SummaryRange } from './store.ts'

const MAX_BUCKETS = 5000
const TOP = 20
const AGAINST: ReadonlySet<string> = new Set(['refused', 'withheld', 'warned'])
const SERVED: ReadonlySet<string> = new Set(['served', 'warned'])

export interface CheckedRange {
  readonly range: SummaryRange
  readonly from: number
  readonly to: number
  /** Milliseconds */
  readonly width: number
}

/** @throws BadQuery */
export function checkedRange(range: SummaryRange): CheckedRange {
  const [from, to, width] = [timeOf('from', range.from), timeOf('to', range.to), range.bucket * 1000]
  if (from === undefined || to === undefined || from >= to) throw new BadQuery('from is not before to')
  if (!Number.isInteger(range.bucket) || range.bucket < 1) throw new BadQuery('bucket is no number of seconds')
  if ((to - from) / width > MAX_BUCKETS) throw new BadQuery(`more than ${String(MAX_BUCKETS)} buckets: give a larger bucket, or a shorter time`)
  return { range, from, to, width }
}

/** Everything but packages in one pass over one index. */
export const countsOf = ({ from, to, width }: CheckedRange, dialect: Dialect): Statement => ({
  sql: `SELECT at - at % ${dialect.parameter(1)} AS slot, kind, rule, codes, evidence, sum(times) AS n FROM decision_entry WHERE at >= ${dialect.parameter(2)} AND at < ${dialect.parameter(3)} GROUP BY 1, 2, 3, 4, 5`,
  values: [width, from, to],
})

export const refusedPackages = ({ from, to }: CheckedRange, dialect: Dialect): Statement => ({
  sql: `SELECT package, sum(times) AS n FROM decision_entry WHERE kind = 'refused' AND at >= ${dialect.parameter(1)} AND at < ${dialect.parameter(2)} GROUP BY package ORDER BY n DESC, package LIMIT ${dialect.parameter(3)}`,
  values: [from, to, TOP],
})

export interface Count {
  readonly slot: number
  readonly kind: string
  readonly rule: string
  readonly codes: string
  readonly evidence: number
  readonly n: number
}

export function summaryOf({ range }: CheckedRange, counts: readonly Count[], packages: DecisionSummary['packages']): DecisionSummary {
  const series = new Map<number, Map<string, number>>()
  const rules = new Map<string, Map<string, number>>()
  const reasons = new Map<string, number>()
  const coverage = { served: 0, signature: 0, publishAttestation: 0, provenance: 0, pinned: 0 }
  for (const { slot, kind, rule, codes, evidence, n } of counts) {
    add(inner(series, slot), kind, n)
    if (rule !== '') add(inner(rules, rule), kind, n)
    if (AGAINST.has(kind)) for (const code of new Set(codes.split(' ').filter((one) => one !== ''))) add(reasons, code, n)
    if (!SERVED.has(kind)) continue
    coverage.served += n
    for (const name of EVIDENCE) if (hasEvidence(evidence, name)) coverage[name] += n
  }
  return {
    ...range,
    series: [...series].toSorted(([a], [b]) => a - b).map(([slot, found]) => ({ at: new Date(slot).toISOString(), counts: Object.fromEntries(found) })),
    reasons: ranked(reasons).map(([code, count]) => ({ code, count })),
    packages,
    rules: [...rules].toSorted(([, a], [, b]) => total(b) - total(a)).map(([rule, found]) => ({ rule, counts: Object.fromEntries(found) })),
    coverage,
  }
}

const EVIDENCE = ['signature', 'publishAttestation', 'provenance', 'pinned'] as const satisfies readonly (keyof EntryEvidence)[]

const add = (counts: Map<string, number>, key: string, n: number): void => void counts.set(key, (counts.get(key) ?? 0) + n)
const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((sum, n) => sum + n, 0)
const ranked = (counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] => [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))

function inner<Key>(outer: Map<Key, Map<string, number>>, key: Key): Map<string, number> {
  const found = outer.get(key) ?? new Map<string, number>()
  outer.set(key, found)
  return found
}
