import Button from '@mui/material/Button'
import ToggleButton from '@mui/material/ToggleButton'
import Typography from '@mui/material/Typography'
import { useState, type ReactNode } from 'react'
import type { BuildersDocument, PinsAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { queryOf } from '../query.ts'
import { Card } from '../components/bits.tsx'
import { TextField } from '../components/fields.tsx'
import { Loading, Problem } from '../components/states.tsx'
import { PinList } from '../pins/pin-list.tsx'
import { useQuery } from '../router.tsx'
import { useData } from '../use-data.ts'

export default function Pins(): ReactNode {
  const [search, change] = useQuery()
  const [text, pending] = [search.get('text') ?? '', search.get('pending') === 'true']
  const filters = queryOf({ text, pending: pending ? 'true' : undefined })
  const { value, error, isLoading, reload } = useData(`pins ${filters}`, (signal) => json<PinsAnswer>(`v1/pins${filters}`, { signal }), { keep: true })
  return (
    <div className="stack">
      <Typography variant="h1">Pins</Typography>
      <p className="muted">Who built each package so far, by verified certificates. Where somebody else begins to build it, that waits here for approval.</p>
      <form role="search" className="row" style={{ alignItems: 'end' }} onSubmit={(event) => { event.preventDefault() }}>
        <div style={{ flex: '0 1 320px' }}><TextField label="Package" value={text} onChange={(next) => { change({ text: next }) }} /></div>
        <ToggleButton value="pending" selected={pending} onChange={() => { change({ pending: pending ? undefined : 'true' }) }}>Waiting only</ToggleButton>
      </form>
      {error === undefined ? null : <Problem error={error} doing="load the pins" onRetry={reload} />}
      {value === undefined ? (isLoading ? <Loading what="the pins" /> : null) : (
        <Card title="Packages">
          <PinList packages={value.packages} onlyPending={pending} onChanged={reload} />
          {value.cursor === null ? null : <More key={value.cursor} filters={filters} cursor={value.cursor} onlyPending={pending} />}
        </Card>
      )}
    </div>
  )
}

interface MoreProps {
  readonly filters: string
  readonly cursor: string
  readonly onlyPending: boolean
}

/** The pages after the first, once somebody asks for them. */
function More({ filters, cursor, onlyPending }: MoreProps): ReactNode {
  const [wanted, setWanted] = useState(false)
  const { value, error, reload } = useData(wanted ? `more pins ${filters} ${cursor}` : undefined, (signal) => json<PinsAnswer>(`v1/pins${filters === '' ? '?' : `${filters}&`}cursor=${encodeURIComponent(cursor)}`, { signal }))
  if (!wanted) return <Button onClick={() => { setWanted(true) }}>Show more</Button>
  if (error !== undefined) return <Problem error={error} doing="load more pins" onRetry={reload} />
  if (value === undefined) return <Loading what="more pins" />
  const packages: readonly BuildersDocument[] = value.packages
  return (
    <>
      <PinList packages={packages} onlyPending={onlyPending} onChanged={reload} />
      {value.cursor === null ? null : <More key={value.cursor} filters={filters} cursor={value.cursor} onlyPending={onlyPending} />}
    </>
  )
}
