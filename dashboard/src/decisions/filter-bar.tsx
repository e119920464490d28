import Button from '@mui/material/Button'
import ToggleButton from '@mui/material/ToggleButton'
import { useEffect, useState, type ReactNode } from 'react'
import { REASON_CODES } from '../../../plugin/domain/reason.ts'
import { SelectField, TextField } from '../components/fields.tsx'
import { useQuery } from '../router.tsx'
import { useSession } from '../session.tsx'
import { KINDS, OUTCOME_OPTIONS, reasonLabel } from '../words.ts'
import { filtersOf } from './filters.ts'

const VERSION_KINDS = ['served', 'warned', 'refused', 'withheld', 'unavailable'] as const
const EVENT_KINDS = Object.keys(KINDS).filter((kind) => !(VERSION_KINDS as readonly string[]).includes(kind))
const TYPING_MS = 300
const REASONS = [['', 'Any'] as const, ...REASON_CODES.map((code) => [code, reasonLabel(code)] as const)]
const OUTCOMES = [['', 'Any'] as const, ...OUTCOME_OPTIONS]
const ORDERS = [['', 'Newest first'], ['oldest', 'Oldest first']] as const

export function FilterBar(): ReactNode {
  const [search, change] = useQuery()
  const { canWrite } = useSession()
  const filters = filtersOf(search)
  const kinds = new Set(filters.kind)
  const [showsMore, setShowsMore] = useState(() => ['version', 'rule', 'address', 'policyRevision', 'order', 'outcome'].some((name) => search.has(name)))
  const toggle = (of: readonly string[]): void => {
    const isOn = of.every((kind) => kinds.has(kind))
    change({ kind: isOn ? filters.kind.filter((kind) => !of.includes(kind)) : [...new Set([...filters.kind, ...of])] })
  }
  const text = (name: 'text' | 'package' | 'user' | 'version' | 'rule' | 'address' | 'policyRevision', label: string, placeholder?: string, className = ''): ReactNode => (
    <Typed key={name} label={label} value={filters[name] ?? ''} onChange={(value) => { change({ [name]: value }) }} className={className} placeholder={placeholder} />
  )
  const time = (name: 'from' | 'to', label: string): ReactNode => (
    <TextField label={label} type="datetime-local" value={localOf(filters[name])} onChange={(value) => { change({ [name]: value === '' ? undefined : new Date(value).toISOString() }) }} />
  )
  return (
    <form className="stack-tight" role="search" aria-label="Decisions" onSubmit={(event) => { event.preventDefault() }}>
      <div className="row" role="group" aria-label="Kinds of decisions">
        {VERSION_KINDS.map((kind) => <ToggleButton key={kind} value={kind} selected={kinds.has(kind)} onChange={() => { toggle([kind]) }}>{KINDS[kind].label}</ToggleButton>)}
        <ToggleButton value="events" selected={EVENT_KINDS.every((kind) => kinds.has(kind))} onChange={() => { toggle(EVENT_KINDS) }}>Events</ToggleButton>
        <span style={{ marginLeft: 'auto' }}>
          {[...search.keys()].length === 0 ? null : <Button onClick={() => { change(Object.fromEntries([...search.keys()].map((key) => [key, undefined]))) }}>Clear filters</Button>}
          <Button onClick={() => { setShowsMore(!showsMore) }} aria-expanded={showsMore}>{showsMore ? 'Fewer filters' : 'More filters'}</Button>
        </span>
      </div>
      <div className="filters">
        {text('text', 'Search', 'package, version, rule, reason', 'wide')}
        {text('package', 'Package', '@acme/*')}
        <SelectField label="Reason" value={filters.reason[0] ?? ''} onChange={(value) => { change({ reason: value }) }} options={REASONS} />
        {canWrite ? text('user', 'User') : null}
        {time('from', 'From')}
        {time('to', 'To')}
        {showsMore ? (
          <>
            {text('version', 'Version')}
            {text('rule', 'Rule')}
            <SelectField label="Outcome" value={filters.outcome[0] ?? ''} onChange={(value) => { change({ outcome: value }) }} options={OUTCOMES} />
            {canWrite ? text('address', 'Address') : null}
            {text('policyRevision', 'Policy')}
            <SelectField label="Order" value={filters.order ?? ''} onChange={(value) => { change({ order: value }) }} options={ORDERS} />
          </>
        ) : null}
      </div>
    </form>
  )
}

interface TypedProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly className: string
  readonly placeholder: string | undefined
}

/** Nothing is asked at each letter. */
function Typed({ label, value, onChange, className, placeholder }: TypedProps): ReactNode {
  const [typed, setTyped] = useState(value)
  useEffect(() => { setTyped(value) }, [value])
  useEffect(() => {
    if (typed === value) return undefined
    const timer = setTimeout(() => { onChange(typed) }, TYPING_MS)
    return () => { clearTimeout(timer) }
  }, [typed])
  return <TextField label={label} value={typed} onChange={setTyped} className={className} {...(placeholder === undefined ? {} : { placeholder })} />
}

/** As the browser's field wants it: local, to the minute. */
function localOf(iso: string | undefined): string {
  const date = new Date(iso ?? NaN)
  if (Number.isNaN(date.getTime())) return ''
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
