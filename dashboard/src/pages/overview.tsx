import LinearProgress from '@mui/material/LinearProgress'
import Typography from '@mui/material/Typography'
import { useTheme } from '@mui/material/styles'
import { useEffect, useMemo, type ReactNode } from 'react'
import type { OverviewAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { queryOf } from '../query.ts'
import { Badge } from '../components/bits.tsx'
import { Coverage, Mirror, Mirrors, TopPackages, TopReasons, Trust, Uplinks } from '../components/overview-cards.tsx'
import { Plot, PlotTable } from '../components/plot.tsx'
import { RangePicker, useRange } from '../components/range.tsx'
import { Loading, Problem } from '../components/states.tsx'
import { Link } from '../router.tsx'
import { count } from '../text.ts'
import { useData } from '../use-data.ts'

const REFRESH_MS = 60_000

/** Each asks of its own how often: what is refused would be a line at the bottom of what is served. */
const PLOTS = [
  ['Requests', '--plot-served', ['served', 'warned', 'refused', 'unavailable'], 'kind=served&kind=warned&kind=refused&kind=unavailable'],
  ['Refused', '--plot-refused', ['refused', 'publish-refused'], 'kind=refused&kind=publish-refused'],
  ['Served with a warning', '--plot-warned', ['warned'], 'kind=warned'],
  ['Could not be decided', '--plot-unsure', ['unavailable'], 'kind=unavailable'],
] as const

export default function Overview(): ReactNode {
  const range = useRange()
  const { value, error, isLoading, reload } = useData(`overview ${range.key}`, (signal) => json<OverviewAnswer>(`v1/overview${queryOf(range.at(Date.now()))}`, { signal }), { keep: true })
  useEffect(() => {
    const timer = setInterval(() => { if (document.visibilityState === 'visible') reload() }, REFRESH_MS)
    return () => { clearInterval(timer) }
  }, [reload])
  return (
    <>
      <div className="page-head">
        <div className="row">
          <Typography variant="h1">Overview</Typography>
          {value === undefined ? null : <Mode mode={value.mode} />}
        </div>
        <RangePicker onRefresh={reload} />
      </div>
      <div style={{ height: 4, marginBottom: 8 }}>{isLoading && value !== undefined ? <LinearProgress aria-label="Loading the overview" /> : null}</div>
      {error === undefined ? null : <div style={{ marginBottom: 16 }}><Problem error={error} doing="load the overview" onRetry={reload} /></div>}
      {value !== undefined ? <Shown overview={value} /> : error === undefined ? <Loading what="the overview" /> : null}
    </>
  )
}

const Mode = ({ mode }: { readonly mode: string }): ReactNode =>
  mode === 'enforce' ? <Badge tone="allow" icon="shield">Enforcing</Badge> : <Badge tone="warn">{mode === 'monitor' ? 'Monitoring only: what policy refuses is served' : mode}</Badge>

function Shown({ overview }: { readonly overview: OverviewAnswer }): ReactNode {
  const { palette } = useTheme()
  const { times, byKind } = useMemo(() => filled(overview), [overview])
  const columns = useMemo(() => PLOTS.map(([title, , kinds]) => [title, sumOf(kinds, byKind, times.length)] as const), [byKind, times])
  const withheld = (byKind.get('withheld') ?? []).reduce((sum, value) => sum + value, 0)
  const query = new URLSearchParams({ from: overview.from, to: overview.to }).toString()
  return (
    <div className="grid">
      {PLOTS.map(([title, colour, , filter], index) => {
        const values = columns[index]?.[1] ?? []
        const total = values.reduce((sum, value) => sum + value, 0)
        return (
          <section key={title} className="card span-6" aria-label={title}>
            <h2 className="card-title muted">{title}</h2>
            <div className="row" style={{ marginTop: 2 }}>
              <Link to={`decisions?${filter}&${query}`} className="figure" style={{ color: 'inherit', textDecoration: 'none' }}>{count(total)}<span className="hidden"> in this time; show them</span></Link>
              {title === 'Refused' && withheld > 0 ? <Link to={`decisions?kind=withheld&${query}`}>and {count(withheld)} withheld from listings</Link> : null}
            </div>
            <Plot title={title} colour={colour} times={times} values={values} bucket={overview.bucket} mode={palette.mode} />
          </section>
        )
      })}
      <div className="span-12"><PlotTable caption="Requests, refusals and warnings over time" times={times} columns={columns} /></div>
      <TopReasons overview={overview} query={query} />
      <TopPackages overview={overview} query={query} />
      <Coverage coverage={overview.coverage} />
      <Trust trust={overview.trust} alarms={overview.trustAlarms} />
      <Uplinks uplinks={overview.uplinks} />
      <Mirror overview={overview} />
      {overview.replicas === null || overview.replicas === undefined ? null : <Mirrors replicas={overview.replicas} revision={overview.policy.revision} />}
    </div>
  )
}

/** One value for every bucket, those with nothing in them too. */
function filled({ from, to, bucket, series }: OverviewAnswer): { readonly times: readonly number[]; readonly byKind: ReadonlyMap<string, readonly number[]> } {
  const step = Math.max(1, bucket)
  const slot = (iso: string): number => Math.floor(new Date(iso).getTime() / 1000 / step)
  const first = slot(from)
  const length = Math.min(2_000, Math.max(1, Math.ceil(new Date(to).getTime() / 1000 / step) - first))
  const byKind = new Map<string, number[]>()
  for (const { at, counts } of series) {
    const index = slot(at) - first
    if (index < 0 || index >= length) continue
    for (const [kind, value] of Object.entries(counts)) {
      const values = byKind.get(kind) ?? new Array<number>(length).fill(0)
      values[index] = (values[index] ?? 0) + value
      byKind.set(kind, values)
    }
  }
  return { times: Array.from({ length }, (_, index) => (first + index) * step), byKind }
}

const sumOf = (kinds: readonly string[], byKind: ReadonlyMap<string, readonly number[]>, length: number): readonly number[] =>
  Array.from({ length }, (_, index) => kinds.reduce((sum, kind) => sum + (byKind.get(kind)?.[index] ?? 0), 0))
