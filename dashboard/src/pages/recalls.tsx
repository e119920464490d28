import Button from '@mui/material/Button'
import ToggleButton from '@mui/material/ToggleButton'
import Typography from '@mui/material/Typography'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import type { RecallAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { Badge, Card } from '../components/bits.tsx'
import { Empty, Loading, Problem } from '../components/states.tsx'
import type { RecallWish } from '../recalls/dialog.tsx'
import { Link, packagePath, useQuery } from '../router.tsx'
import { useSession } from '../session.tsx'
import { moment, shown } from '../text.ts'
import { useData } from '../use-data.ts'

const RecallDialog = lazy(() => import('../recalls/dialog.tsx'))

export default function Recalls(): ReactNode {
  const { canWrite } = useSession()
  const [search, change] = useQuery()
  const all = search.get('all') === 'true'
  const { value, error, isLoading, reload } = useData(`recalls ${String(all)}`, (signal) => json<{ readonly recalls: readonly RecallAnswer[] }>(`v1/recalls${all ? '?all=true' : ''}`, { signal }), { keep: true })
  const [wish, setWish] = useState<RecallWish | undefined>(undefined)
  const [said, setSaid] = useState('')
  return (
    <div className="stack">
      <div className="page-head" style={{ marginBottom: 0 }}>
        <Typography variant="h1">Recalls</Typography>
        <div className="row">
          <ToggleButton value="all" selected={all} onChange={() => { change({ all: all ? undefined : 'true' }) }}>With those that were lifted</ToggleButton>
          {canWrite ? <Button variant="contained" onClick={() => { setWish({ kind: 'recall' }) }}>Recall versions</Button> : null}
        </div>
      </div>
      <p className="muted">Versions that turned bad later: refused from the moment they are recalled, cached copies included, whatever the policy says.</p>
      <span role="status" className={said === '' ? 'hidden' : 'tone-allow'}>{said}</span>
      {error === undefined ? null : <Problem error={error} doing="load the recalls" onRetry={reload} />}
      {value === undefined ? (isLoading ? <Loading what="the recalls" /> : null) : (
        <Card title={all ? 'All there were' : 'In force'}>
          {value.recalls.length === 0 ? <Empty>Nothing is recalled.</Empty> : (
            <ul className="plain">
              {value.recalls.map((recall) => (
                <li key={recall.id} className="rule">
                  <div className="card-head">
                    <h3><Link to={packagePath(recall.package)} className="mono">{shown(recall.package)}</Link> <code>{shown(recall.range)}</code> {recall.lifted === null ? <Badge tone="deny">recalled</Badge> : <Badge tone="neutral">lifted</Badge>}</h3>
                    <span className="row">
                      <Link to={`decisions?package=${encodeURIComponent(recall.package)}&kind=served&kind=warned`}>Who fetched the package</Link>
                      {canWrite && recall.lifted === null ? <Button variant="outlined" onClick={() => { setWish({ kind: 'lift', recall }) }}>Lift<span className="hidden"> the recall of {shown(recall.package)} {shown(recall.range)}</span></Button> : null}
                    </span>
                  </div>
                  <p>{shown(recall.reason)}</p>
                  <p className="muted">{moment(recall.at)}{recall.by === null ? '' : ` by ${shown(recall.by)}`}{recall.lifted === null ? '' : `; lifted ${moment(recall.lifted.at)}${recall.lifted.by === null ? '' : ` by ${shown(recall.lifted.by)}`}: ${shown(recall.lifted.reason)}`}</p>
                </li>
              ))}
            </ul>
          )}
        </Card>
      )}
      {wish === undefined ? null : (
        <Suspense fallback={null}>
          <RecallDialog
            wish={wish}
            onClose={(words) => {
              setWish(undefined)
              if (words === undefined) return
              setSaid(words)
              reload()
            }}
          />
        </Suspense>
      )}
    </div>
  )
}
