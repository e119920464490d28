import Button from '@mui/material/Button'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import type { BuildersDocument, IdentityDocument } from '../answers.ts'
import { Badge } from '../components/bits.tsx'
import { Empty } from '../components/states.tsx'
import { IdentityText } from '../packages/pins.tsx'
import { Link, packagePath } from '../router.tsx'
import { useSession } from '../session.tsx'
import { day, moment, plural, shown } from '../text.ts'
import type { Wish } from './decide.tsx'

const Decide = lazy(() => import('./decide.tsx'))

interface PinListProps {
  readonly packages: readonly BuildersDocument[]
  readonly onlyPending?: boolean
  readonly onChanged: () => void
}

/** Who packages are held to, and what waits; with what to do about it, for those who may. */
export function PinList({ packages, onlyPending = false, onChanged }: PinListProps): ReactNode {
  const { canWrite } = useSession()
  const [wish, setWish] = useState<Wish | undefined>(undefined)
  const [said, setSaid] = useState('')
  const button = (of: Wish): ReactNode =>
    canWrite ? <Button variant={of.decision === 'approve' ? 'contained' : 'outlined'} onClick={() => { setWish(of) }}>{of.decision === 'approve' ? 'Approve' : 'Drop'}<span className="hidden"> {nameOf(of.identity)} for {of.name}</span></Button> : null
  return (
    <>
      <span role="status" className={said === '' ? 'hidden' : 'tone-allow'}>{said}</span>
      {packages.length === 0 ? <Empty>{onlyPending ? 'Nothing waits. Where a package begins to be built by somebody else, it is shown here.' : 'Nobody is pinned yet: a builder is remembered once versions of it are seven days old.'}</Empty> : null}
      <ul className="plain">
        {packages.map(({ package: name, pins, pending, decisions }) => (
          <li key={name} className="rule">
            <h3><Link to={packagePath(name)} className="mono">{shown(name)}</Link></h3>
            <ul className="plain stack-tight" style={{ marginTop: 6 }}>
              {pending.map((change) => (
                <li key={`pending ${keyOf(change.to)}`} className="change">
                  <div className="change-sides">
                    <div><div className="muted">Was built by</div><IdentityText identity={change.from} /></div>
                    <div><div className="muted">Now built by <Badge tone="warn">waits</Badge></div><IdentityText identity={change.to} /></div>
                  </div>
                  <div className="row">
                    <span className="muted">{plural(change.versions.length, 'version')}: {change.versions.slice(0, 6).map(shown).join(', ')}{change.versions.length > 6 ? ' …' : ''}; first seen {moment(change.firstSeen)}</span>
                    {button({ decision: 'approve', name, identity: change.to })}
                  </div>
                </li>
              ))}
              {onlyPending ? null : pins.map((pin) => (
                <li key={`pin ${keyOf(pin)} ${pin.since}`} className="row" style={{ justifyContent: 'space-between' }}>
                  <span><IdentityText identity={pin} /> <span className="muted">since {shown(pin.version)}, {day(pin.since)}{pin.until === null ? '' : `, until ${day(pin.until)}`}{pin.because === 'dropped' ? ', dropped' : ''}</span></span>
                  {pin.because === 'dropped' ? null : button({ decision: 'drop', name, identity: pin })}
                </li>
              ))}
              {onlyPending ? null : decisions.map((one) => (
                <li key={`${one.at} ${one.decision}`} className="muted">{moment(one.at)}: {one.decision === 'approve' ? 'approved' : 'dropped'}{one.by === null ? '' : ` by ${shown(one.by)}`}, {nameOf(one.identity)}: {shown(one.reason)}</li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {wish === undefined ? null : (
        <Suspense fallback={null}>
          <Decide
            wish={wish}
            onClose={(words) => {
              setWish(undefined)
              if (words === undefined) return
              setSaid(words)
              onChanged()
            }}
          />
        </Suspense>
      )}
    </>
  )
}

const keyOf = ({ issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow }: IdentityDocument): string =>
  JSON.stringify([issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow])
const nameOf = ({ sourceRepository, sourceRepositoryId, issuer }: IdentityDocument): string => shown(sourceRepository ?? sourceRepositoryId ?? issuer)
