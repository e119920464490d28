import Button from '@mui/material/Button'
import Typography from '@mui/material/Typography'
import { useState, type SyntheticEvent, type ReactNode } from 'react'
import { splitSpec } from '../../../plugin/domain/package-ref.ts'
import type { OverviewAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { queryOf } from '../query.ts'
import { Card } from '../components/bits.tsx'
import { TextField } from '../components/fields.tsx'
import { Empty } from '../components/states.tsx'
import { Link, navigate, packagePath } from '../router.tsx'
import { useSession } from '../session.tsx'
import { plural, shown } from '../text.ts'
import { useData } from '../use-data.ts'

const MONTH_MS = 30 * 86_400_000

export default function Packages(): ReactNode {
  const { canRead } = useSession()
  const [spec, setSpec] = useState('')
  const { value } = useData(canRead ? 'refused packages' : undefined, (signal) => {
    const now = Date.now()
    return json<OverviewAnswer>(`v1/overview${queryOf({ from: new Date(now - MONTH_MS).toISOString(), to: new Date(now).toISOString(), bucket: 86_400 })}`, { signal })
  })
  const open = (event: SyntheticEvent): void => {
    event.preventDefault()
    const { name, version } = splitSpec(spec.trim())
    if (name !== '') navigate(packagePath(name, version))
  }
  return (
    <div className="stack">
      <Typography variant="h1">Packages</Typography>
      <section className="card" aria-label="Open a package">
        <form onSubmit={open} className="row" style={{ alignItems: 'end' }} role="search">
          <div style={{ flex: '1 1 260px', maxWidth: 520 }}><TextField label="Name, or name@version" value={spec} onChange={setSpec} placeholder="@acme/widget@1.2.0" /></div>
          <Button type="submit" variant="contained">Open</Button>
        </form>
        <p className="muted" style={{ marginTop: 10 }}>Every version with its evidence, who built it, and why it is served or refused. A refused install prints the address of such a page.</p>
      </section>
      {canRead ? (
        <Card title="Refused most in the last 30 days">
          {(value?.packages.length ?? 0) === 0 ? <Empty>None was.</Empty> : (
            <ul className="plain stack-tight">
              {value?.packages.map(({ package: name, count }) => <li key={name} className="row" style={{ justifyContent: 'space-between' }}><Link to={packagePath(name)} className="mono">{shown(name)}</Link><span className="muted">{plural(count, 'refusal')}</span></li>)}
            </ul>
          )}
        </Card>
      ) : null}
    </div>
  )
}
