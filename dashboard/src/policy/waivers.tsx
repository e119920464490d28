import type { ReactNode } from 'react'
import type { WaiverAnswer } from '../answers.ts'
import { Badge } from '../components/bits.tsx'
import { Empty } from '../components/states.tsx'
import { count, duration, moment, relative, shown } from '../text.ts'
import { reasonLabel } from '../words.ts'

const SOON_SECONDS = 14 * 86_400

export function Waivers({ waivers }: { readonly waivers: readonly WaiverAnswer[] }): ReactNode {
  if (waivers.length === 0) return <Empty>Nothing is waived.</Empty>
  return (
    <table className="table cards">
      <thead><tr><th scope="col">Package</th><th scope="col">Excuses</th><th scope="col">Why</th><th scope="col">Approved by</th><th scope="col">Time left</th><th scope="col" className="number">Used</th></tr></thead>
      <tbody>
        {waivers.map(({ id, package: spec, integrity, waives, reason, approvedBy, expires, secondsLeft, uses, lastUsed }) => (
          <tr key={id}>
            <th scope="row" className="mono">{shown(spec)}{integrity === undefined ? null : <div className="muted">these bytes only</div>}</th>
            <td data-label="Excuses">{waives.map((code) => reasonLabel(shown(code))).join(', ')}</td>
            <td data-label="Why">{shown(reason)}</td>
            <td data-label="Approved by">{shown(approvedBy)}</td>
            <td data-label="Time left" title={moment(expires)}>{secondsLeft === 0 ? <Badge tone="deny">ended</Badge> : secondsLeft < SOON_SECONDS ? <Badge tone="warn">{duration(secondsLeft)}</Badge> : duration(secondsLeft)}</td>
            <td data-label="Used" className="number">{count(uses)}{lastUsed === null ? null : <div className="muted">{relative(lastUsed)}</div>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
