import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { count, moment } from '../text.ts'

interface PlotProps {
  readonly title: string
  /** Name of a colour in styles.css. */
  readonly colour: string
  /** Seconds since 1970. */
  readonly times: readonly number[]
  readonly values: readonly number[]
  /** Seconds that a bar covers. */
  readonly bucket: number
  readonly mode: string
}

const HEIGHT = 118
const compact = new Intl.NumberFormat('en', { notation: 'compact' })

/** Bars over time. The canvas is one picture to a screen reader; what it shows stands in the table below. */
export function Plot({ title, colour, times, values, bucket, mode }: PlotProps): ReactNode {
  const host = useRef<HTMLDivElement>(null)
  const [at, setAt] = useState<number | null>(null)
  useEffect(() => {
    const element = host.current
    if (element === null) return undefined
    const css = getComputedStyle(document.documentElement)
    const [stroke, line, muted] = [css.getPropertyValue(colour), css.getPropertyValue('--line'), css.getPropertyValue('--muted')]
    const axis = { stroke: muted, font: '11px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false } }
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        padding: [6, 2, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: 'overview' }, points: { show: false }, y: false, drag: { x: false, y: false } },
        scales: { x: { range: (_self, min, max) => [min - bucket / 2, max + bucket / 2] }, y: { range: (_self, _min, max) => [0, Math.max(1, max)] } },
        axes: [
          { ...axis, grid: { show: false }, size: 34, gap: 4, space: 70, values: TIMES },
          { ...axis, size: 38, gap: 4, space: 32, values: (_self, splits) => splits.map((value) => (Number.isInteger(value) ? compact.format(value) : '')) },
        ],
        series: [{}, { label: title, stroke, fill: stroke, width: 0, points: { show: false }, ...(uPlot.paths.bars === undefined ? {} : { paths: uPlot.paths.bars({ size: [0.8, 40], align: 0 }) }) }],
        hooks: { setCursor: [(self) => { setAt(self.cursor.idx ?? null) }] },
      },
      [[...times], [...values]],
      element,
    )
    const observer = new ResizeObserver(() => { plot.setSize({ width: element.clientWidth, height: HEIGHT }) })
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.destroy()
    }
  }, [times, values, bucket, colour, title, mode])
  const time = at === null ? undefined : times[at]
  return (
    <figure style={{ position: 'relative' }}>
      <span className="muted" aria-hidden="true" style={{ position: 'absolute', right: 0, top: -34, fontSize: '0.857rem' }}>
        {time === undefined || at === null ? '' : `${moment(new Date(time * 1000).toISOString()).slice(0, 16)}: ${count(values[at] ?? 0)}`}
      </span>
      <div className="plot" ref={host} role="img" aria-label={`${title} over time, as bars; the table below has the figures`} />
    </figure>
  )
}

const TIMES: uPlot.Axis.Values = [
  [86_400, '{MMM} {D}', null, null, null, null, null, null, 1],
  [3_600, '{HH}:{mm}', '\n{MMM} {D}', null, null, null, null, null, 1],
  [60, '{HH}:{mm}', null, null, null, null, null, null, 1],
]

interface TableProps {
  readonly caption: string
  readonly times: readonly number[]
  readonly columns: readonly (readonly [title: string, values: readonly number[]])[]
}

export function PlotTable({ caption, times, columns }: TableProps): ReactNode {
  const id = useId()
  const rows = times.map((time, index) => [time, columns.map(([, values]) => values[index] ?? 0)] as const).filter(([, values]) => values.some((value) => value > 0))
  return (
    <details>
      <summary>The same as a table</summary>
      <div className="scroll-x" style={{ maxHeight: 320, overflow: 'auto' }} tabIndex={0} role="region" aria-labelledby={id}>
        <table className="table">
          <caption id={id} className="hidden">{caption}</caption>
          <thead><tr><th scope="col">From</th>{columns.map(([title]) => <th key={title} scope="col" className="number">{title}</th>)}</tr></thead>
          <tbody>
            {rows.map(([time, values]) => (
              <tr key={time}>
                <th scope="row">{moment(new Date(time * 1000).toISOString())}</th>
                {values.map((value, index) => <td key={columns[index]?.[0]} className="number">{count(value)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 ? <p className="muted">Nothing in this time.</p> : null}
      </div>
    </details>
  )
}
