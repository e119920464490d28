import { useVirtualizer, type Range } from '@tanstack/react-virtual'
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore, type KeyboardEvent, type ReactNode } from 'react'
import type { LogEntry } from '../../../plugin/domain/decision.ts'
import { Badge } from '../components/bits.tsx'
import { moment, shown } from '../text.ts'
import { kindWord, reasonLabel } from '../words.ts'
import { idOf } from './filters.ts'

interface GridProps {
  readonly entries: readonly LogEntry[]
  readonly hasMore: boolean
  readonly onMore: () => void
  readonly onOpen: (entry: LogEntry) => void
}

const narrow = window.matchMedia('(max-width: 700px)')
const subscribe = (changed: () => void): (() => void) => {
  narrow.addEventListener('change', changed)
  return () => { narrow.removeEventListener('change', changed) }
}
const COLUMNS = ['Time', 'Decision', 'Package', 'Why', 'Rule', 'Who'] as const
const AHEAD = 60

/** Rows that are in sight, of as many as there are (WAI-ARIA 1.2, grid, with `aria-activedescendant`). */
export function Grid({ entries, hasMore, onMore, onOpen }: GridProps): ReactNode {
  const scroller = useRef<HTMLDivElement>(null)
  const [active, setActive] = useState(0)
  const height = useSyncExternalStore(subscribe, () => narrow.matches) ? 84 : 34
  // Each the same from one rendering to the next: with another one, all rows there are would be measured again.
  const getScrollElement = useCallback(() => scroller.current, [])
  const estimateSize = useCallback(() => height, [height])
  const rangeExtractor = useCallback((range: Range) => rowsOf(range, active), [active])
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement,
    estimateSize,
    overscan: 12,
    rangeExtractor,
  })
  useLayoutEffect(() => { virtual.measure() }, [height, virtual])
  const onAdded = useCallback((added: number) => { setActive((before) => before + added) }, [])
  useStaying(scroller, entries, height, onAdded)
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => { if (hasMore && last >= entries.length - AHEAD) onMore() }, [last, entries.length, hasMore, onMore])

  const go = (index: number): void => {
    const next = Math.min(entries.length - 1, Math.max(0, index))
    setActive(next)
    virtual.scrollToIndex(next, { align: 'auto' })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / height) - 2)
    const moves: Readonly<Record<string, number>> = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: entries.length - 1 }
    const to = moves[event.key]
    const entry = entries[active]
    if (to !== undefined) go(to)
    else if ((event.key === 'Enter' || event.key === ' ') && entry !== undefined) onOpen(entry)
    else return
    event.preventDefault()
  }
  return (
    <div
      className="log log-scroll"
      role="grid"
      aria-label="Decisions, newest first; Enter shows all of one"
      aria-rowcount={hasMore ? -1 : entries.length + 1}
      aria-colcount={COLUMNS.length}
      aria-readonly="true"
      tabIndex={0}
      ref={scroller}
      onKeyDown={onKeyDown}
      {...(entries.length === 0 ? {} : { 'aria-activedescendant': `entry-${String(active)}` })}
    >
      <div role="rowgroup" className="log-top"><div role="row" className="log-head" aria-rowindex={1}>{COLUMNS.map((column) => <span key={column} role="columnheader">{column}</span>)}</div></div>
      <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {items.map(({ index, start }) => {
          const entry = entries[index]
          return entry === undefined ? null : <Row key={idOf(entry)} entry={entry} index={index} start={start} isActive={index === active} onOpen={onOpen} onActive={setActive} />
        })}
      </div>
    </div>
  )
}

/** The active row stays in the page, or its id would point nowhere. */
function rowsOf({ startIndex, endIndex, overscan, count }: Range, active: number): number[] {
  const [from, to] = [Math.max(0, startIndex - overscan), Math.min(count - 1, endIndex + overscan)]
  const rows = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
  return active < count && (active < from || active > to) ? [...rows, active].sort((a, b) => a - b) : rows
}

/** Whoever reads further down is not moved by what comes in at the top. */
function useStaying(scroller: { readonly current: HTMLDivElement | null }, entries: readonly LogEntry[], height: number, onAdded: (count: number) => void): void {
  const first = useRef<string | undefined>(undefined)
  useLayoutEffect(() => {
    const element = scroller.current
    const before = first.current
    first.current = entries[0] === undefined ? undefined : idOf(entries[0])
    if (element === null || before === undefined || before === first.current) return
    const added = entries.slice(0, 5_000).findIndex((entry) => idOf(entry) === before)
    if (added <= 0) return
    onAdded(added)
    if (element.scrollTop > height) element.scrollTop += added * height
  }, [entries, height, scroller, onAdded])
}

interface RowProps {
  readonly entry: LogEntry
  readonly index: number
  readonly start: number
  readonly isActive: boolean
  readonly onOpen: (entry: LogEntry) => void
  readonly onActive: (index: number) => void
}

const Row = memo(function Row({ entry, index, start, isActive, onOpen, onActive }: RowProps): ReactNode {
  const { at, kind, reasons, rule, asker } = entry
  const { label, tone } = kindWord(kind)
  const open = (): void => {
    onActive(index)
    onOpen(entry)
  }
  return (
    <div role="row" id={`entry-${String(index)}`} aria-rowindex={index + 2} aria-selected={isActive} className={`log-row${isActive ? ' is-active' : ''}`} style={{ transform: `translateY(${String(start)}px)` }} onClick={open}>
      <span role="gridcell" className="number-left">{moment(at)}</span>
      <span role="gridcell"><Badge tone={tone}>{shown(label)}</Badge>{entry.times > 1 ? <span className="muted"> ×{entry.times}</span> : null}</span>
      <span role="gridcell" className="mono">{subjectOf(entry)}</span>
      <span role="gridcell">{reasons.length === 0 ? <span className="muted">–</span> : reasons.map(({ code }) => reasonLabel(shown(code))).join(', ')}</span>
      <span role="gridcell" className="muted">{shown(rule)}</span>
      <span role="gridcell" className="muted">{shown(asker.user ?? asker.address)}</span>
    </div>
  )
}, (before, after) => before.entry === after.entry && before.index === after.index && before.start === after.start && before.isActive === after.isActive && before.onOpen === after.onOpen)

const subjectOf = ({ package: name, version }: LogEntry): ReactNode => {
  if (name === null) return <span className="muted">the mirror</span>
  return version === null ? shown(name) : <>{shown(name)}<span className="muted">@</span>{shown(version)}</>
}
