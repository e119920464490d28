import Button from '@mui/material/Button'
import ToggleButton from '@mui/material/ToggleButton'
import ToggleButtonGroup from '@mui/material/ToggleButtonGroup'
import type { ReactNode } from 'react'
import { useQuery } from '../router.tsx'
import { TextField } from './fields.tsx'

const HOUR = 3_600
const RANGES = [
  ['1h', 'Hour', HOUR, 60],
  ['24h', 'Day', 24 * HOUR, 1_800],
  ['7d', 'Week', 7 * 24 * HOUR, 3 * HOUR],
  ['30d', 'Month', 30 * 24 * HOUR, 12 * HOUR],
] as const

export interface Range {
  /** Changes when another is chosen. */
  readonly key: string
  /** As of now: the end of a range moves with the clock. */
  at(now: number): { readonly from: string; readonly to: string; readonly bucket: number }
}

const BARS = 60
const STEPS = [60, 300, 900, 1_800, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 7 * 24 * HOUR]

/** From the address: `range=7d`, or `from` and `to`, local times. */
export function useRange(): Range {
  const [search] = useQuery()
  const [from, to] = [timeOf(search.get('from')), timeOf(search.get('to'))]
  if (from !== undefined) {
    return {
      key: `${String(from)} ${String(to)}`,
      at: (now) => {
        const end = Math.max(to ?? now, from + 60_000)
        const bucket = STEPS.find((step) => (end - from) / 1000 / step <= BARS) ?? 30 * 24 * HOUR
        return { from: new Date(from).toISOString(), to: new Date(end).toISOString(), bucket }
      },
    }
  }
  const [key, , length, bucket] = RANGES.find(([name]) => name === search.get('range')) ?? RANGES[1]
  return { key, at: (now) => ({ from: new Date(now - length * 1000).toISOString(), to: new Date(now).toISOString(), bucket }) }
}

const timeOf = (text: string | null): number | undefined => {
  const time = new Date(text ?? NaN).getTime()
  return Number.isNaN(time) ? undefined : time
}

export function RangePicker({ onRefresh }: { readonly onRefresh: () => void }): ReactNode {
  const [search, change] = useQuery()
  const [from, to] = [search.get('from') ?? '', search.get('to') ?? '']
  const isOwn = from !== '' || search.get('range') === 'own'
  const chosen = isOwn ? 'own' : (RANGES.find(([name]) => name === search.get('range'))?.[0] ?? '24h')
  const choose = (value: string | null): void => {
    if (value !== null) change({ range: value === '24h' ? undefined : value, from: undefined, to: undefined })
  }
  return (
    <div className="row">
      {isOwn ? (
        <>
          <TextField label="From" type="datetime-local" value={from} onChange={(value) => { change({ from: value }) }} />
          <TextField label="To" type="datetime-local" value={to} onChange={(value) => { change({ to: value }) }} />
        </>
      ) : null}
      <ToggleButtonGroup exclusive value={chosen} onChange={(_event, value: string | null) => { choose(value) }} aria-label="Time shown">
        {RANGES.map(([name, label]) => <ToggleButton key={name} value={name}>{label}</ToggleButton>)}
        <ToggleButton value="own">Other</ToggleButton>
      </ToggleButtonGroup>
      <Button onClick={onRefresh}>Refresh</Button>
    </div>
  )
}
