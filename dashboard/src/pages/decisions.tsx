import Button from '@mui/material/Button'
import Typography from '@mui/material/Typography'
import { lazy, Suspense, useCallback, useMemo, useState, type ReactNode } from 'react'
import type { LogEntry } from '../../../plugin/domain/decision.ts'
import { Empty, Loading, Problem } from '../components/states.tsx'
import { Export } from '../decisions/export.tsx'
import { FilterBar } from '../decisions/filter-bar.tsx'
import { filtersOf } from '../decisions/filters.ts'
import { Grid } from '../decisions/grid.tsx'
import { useDecisions } from '../decisions/use-decisions.ts'
import { useLive, type Live, type LiveState } from '../decisions/use-live.ts'
import { useQuery } from '../router.tsx'
import { count, plural } from '../text.ts'

const Entry = lazy(() => import('../decisions/entry.tsx'))

export default function Decisions(): ReactNode {
  const [search] = useQuery()
  const filters = useMemo(() => filtersOf(search), [search])
  const { entries, hasMore, isLoading, error, loadMore, prepend } = useDecisions(filters)
  const canFollow = filters.order !== 'oldest' && filters.to === undefined
  const [follows, setFollows] = useState(true)
  const live = useLive(follows && canFollow, filters, prepend)
  const [opened, setOpened] = useState<LogEntry | undefined>(undefined)
  const open = useCallback((entry: LogEntry) => { setOpened(entry) }, [])
  const found = entries.length === 0 ? '' : hasMore ? `${count(entries.length)} loaded, more as you scroll` : plural(entries.length, 'decision')
  return (
    <div className="stack">
      <Typography variant="h1">Decisions</Typography>
      <FilterBar />
      <div className="stack-tight">
        <div className="row" style={{ justifyContent: 'space-between' }}>
          <span className="muted">{found}</span>
          <div className="row">
            {canFollow ? <Tail live={live} follows={follows} setFollows={setFollows} /> : null}
            <Export filters={filters} />
          </div>
        </div>
        {error === undefined ? null : <Problem error={error} doing="load the decisions" onRetry={loadMore} />}
        {entries.length > 0 ? <Grid entries={entries} hasMore={hasMore && error === undefined} onMore={loadMore} onOpen={open} /> : null}
        {entries.length === 0 && isLoading ? <Loading what="the decisions" /> : null}
        {entries.length === 0 && !isLoading && error === undefined ? <div className="card"><Empty>No decision matches. Take a filter away, or choose a longer time; new decisions appear here as they are made.</Empty></div> : null}
        <span className="hidden" role="status" aria-live="polite">{live.said}</span>
      </div>
      {opened === undefined ? null : <Suspense fallback={null}><Entry entry={opened} onClose={() => { setOpened(undefined) }} /></Suspense>}
    </div>
  )
}

const STATES: Readonly<Record<LiveState, string>> = { off: '', connecting: 'Connecting …', on: 'Live', lost: 'Connection lost, trying again' }

interface TailProps {
  readonly live: Live
  readonly follows: boolean
  readonly setFollows: (follows: boolean) => void
}

function Tail({ live, follows, setFollows }: TailProps): ReactNode {
  if (!follows) return <Button onClick={() => { setFollows(true) }}>Follow</Button>
  return (
    <>
      <span className={`live ${live.isPaused ? 'paused' : live.state}`}>{live.isPaused ? 'Paused' : STATES[live.state]}</span>
      <Button onClick={() => { live.setPaused(!live.isPaused) }} aria-pressed={live.isPaused}>{live.isPaused ? (live.waiting > 0 ? `Resume, ${count(live.waiting)} new` : 'Resume') : 'Pause'}</Button>
    </>
  )
}
