import type { ReactNode } from 'react'
import type { ChangeDocument, DecisionDocument, IdentityDocument, PinDocument } from '../answers.ts'
import { Badge, Card, OutLink } from '../components/bits.tsx'
import { Empty } from '../components/states.tsx'
import { Link } from '../router.tsx'
import { day, moment, plural, shown } from '../text.ts'

export function IdentityText({ identity }: { readonly identity: IdentityDocument }): ReactNode {
  const { issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow } = identity
  const ids = [...(sourceRepositoryId === null ? [] : [`id ${sourceRepositoryId}`]), ...(sourceOwnerId === null ? [] : [`owner ${sourceOwnerId}`])]
  return (
    <span>
      {sourceRepository === null ? `a repository of ${shown(issuer)}` : <OutLink href={sourceRepository} />}
      {ids.length === 0 ? null : <span className="muted"> ({shown(ids.join(', '))})</span>}
      {workflow === null ? null : <div className="muted mono">{shown(workflow)}</div>}
    </span>
  )
}

const BECAUSE: Readonly<Record<string, string>> = { found: 'found with the package', settled: 'settled, seven days old', approved: 'approved', dropped: 'dropped' }

interface BuildersProps {
  readonly builders: { readonly pins: readonly PinDocument[]; readonly pending: readonly ChangeDocument[]; readonly decisions: readonly DecisionDocument[] }
}

/** Who a package is held to, what waits, and what was decided. */
export const Builders = ({ builders: { pins, pending, decisions } }: BuildersProps): ReactNode => (
  <Card title="Known builders" span={6} aside={pending.length === 0 ? undefined : <Link to="pins">{plural(pending.length, 'change')} to approve</Link>}>
    {pins.length === 0 ? <Empty>None yet: a builder is remembered once versions of it are seven days old.</Empty> : (
      <ul className="plain stack-tight">
        {pins.map((pin) => (
          <li key={JSON.stringify([pin.sourceRepository, pin.sourceRepositoryId, pin.sourceOwnerId, pin.workflow, pin.since])}>
            <IdentityText identity={pin} />
            <div className="muted">since {shown(pin.version)} ({day(pin.since)}), {BECAUSE[pin.because] ?? shown(pin.because)}{pin.until === null ? '' : `, until ${day(pin.until)}`}</div>
          </li>
        ))}
      </ul>
    )}
    {pending.map((change) => (
      <p key={JSON.stringify(change.to)} style={{ marginTop: 10 }}><Badge tone="warn">Waits for approval</Badge> <IdentityText identity={change.to} /> <span className="muted">{change.versions.slice(0, 5).map(shown).join(', ')}</span></p>
    ))}
    {decisions.map((one) => (
      <p key={`${one.at} ${one.decision}`} className="muted" style={{ marginTop: 10 }}>{moment(one.at)}: {one.decision === 'approve' ? 'approved' : 'dropped'}{one.by === null ? '' : ` by ${shown(one.by)}`}, {shown(one.identity.sourceRepository)}: {shown(one.reason)}</p>
    ))}
  </Card>
)
