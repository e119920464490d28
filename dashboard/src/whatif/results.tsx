import Button from '@mui/material/Button'
import ToggleButton from '@mui/material/ToggleButton'
import { useMemo, useState, type ReactNode } from 'react'
import type { CheckAnswer, CheckResult, SaidVerdict } from '../answers.ts'
import { Badge, Card } from '../components/bits.tsx'
import { Empty } from '../components/states.tsx'
import { Link, packagePath } from '../router.tsx'
import { count, plural, shown } from '../text.ts'
import { outcomeWord, reasonLabel } from '../words.ts'

const STEP = 200
const WORST = ['deny', 'unavailable', 'warn', 'allow']

interface Row extends CheckResult {
  /** `reasons`: it comes out the same, for other reasons. */
  readonly changes: 'outcome' | 'reasons' | undefined
}

/** Now and then, side by side: what changes first, then what is refused. */
export function Results({ answer }: { readonly answer: CheckAnswer }): ReactNode {
  const [onlyChanges, setOnlyChanges] = useState(false)
  const [amount, setAmount] = useState(STEP)
  const inForce = answer.before?.policyRevision
  const compares = inForce !== undefined
  const rows = useMemo(() => sorted(answer.results), [answer])
  const changes = rows.filter((row) => row.changes === 'outcome').length
  const others = rows.filter((row) => row.changes === 'reasons').length
  const refused = rows.filter(({ verdict }) => verdict?.outcome === 'deny').length
  const found = onlyChanges ? rows.filter((row) => row.changes !== undefined) : rows
  return (
    <div className="stack">
      <div className="row" role="status">
        <strong>{plural(rows.length, 'version')} judged</strong>
        <Badge tone={refused === 0 ? 'allow' : 'deny'}>{refused === 0 ? 'none refused' : `${count(refused)} refused`}</Badge>
        {compares ? <Badge tone={changes === 0 ? 'neutral' : 'warn'}>{changes === 0 ? 'no verdict changes' : plural(changes, 'verdict changes', 'verdicts change')}</Badge> : null}
        {others === 0 ? null : <Badge tone="neutral">{count(others)} for other reasons</Badge>}
        <span className="muted">policy <code>{shown(answer.policyRevision)}</code>{compares ? <> instead of <code>{shown(inForce)}</code></> : null}</span>
        {compares ? <ToggleButton value="changes" selected={onlyChanges} onChange={() => { setOnlyChanges(!onlyChanges) }}>Changes only</ToggleButton> : null}
      </div>
      <Card title="Verdicts">
        {found.length === 0 ? <Empty>{onlyChanges ? 'No verdict changes.' : 'Nothing was judged.'}</Empty> : (
          <table className="table cards results">
            <thead><tr><th scope="col">Package</th>{compares ? <th scope="col">Now</th> : null}<th scope="col">{compares ? 'With this policy' : 'Verdict'}</th><th scope="col">Why</th></tr></thead>
            <tbody>{found.slice(0, amount).map((row) => <ResultRow key={`${row.package}@${row.version}`} row={row} compares={compares} />)}</tbody>
          </table>
        )}
        {found.length > amount ? <Button onClick={() => { setAmount(amount + STEP) }}>Show {Math.min(STEP, found.length - amount)} more of {found.length}</Button> : null}
      </Card>
      {answer.notCovered.length === 0 ? null : (
        <Card title="Not judged: it comes past this mirror">
          <ul className="plain">{answer.notCovered.slice(0, STEP).map((one, index) => <li key={`${String(index)} ${one.name ?? ''}`}><span className="mono">{shown(one.name)}{one.version === null || one.version === undefined ? '' : `@${shown(one.version)}`}</span> <span className="muted">{shown(one.message ?? reasonLabel(one.code ?? one.reason ?? ''))}</span></li>)}</ul>
        </Card>
      )}
    </div>
  )
}

function ResultRow({ row, compares }: { readonly row: Row; readonly compares: boolean }): ReactNode {
  const { package: name, version, verdict, before, status, nearestAllowed, changes } = row
  const why = verdict?.reasons ?? []
  return (
    <tr className={changes === 'outcome' ? 'is-change' : undefined}>
      <th scope="row" className="mono"><Link to={packagePath(name, version)}>{shown(name)}@{shown(version)}</Link></th>
      {compares ? <td data-label="Now">{before === undefined ? '–' : <Outcome verdict={before} />}</td> : null}
      <td data-label={compares ? 'Then' : 'Verdict'}>{verdict === undefined ? <span className="muted">{status === 404 ? 'nobody has it' : 'you may not see it'}</span> : <Outcome verdict={verdict} />}{changes === undefined ? null : <span className="hidden">{changes === 'outcome' ? ' changes' : ' for other reasons'}</span>}</td>
      <td>
        {why.map(({ code, message }) => <div key={code}><strong>{reasonLabel(shown(code))}</strong> <span className="muted">{shown(message)}</span></div>)}
        {nearestAllowed === undefined ? null : <div className="muted">nearest that is served: <Link to={packagePath(name, nearestAllowed)}>{shown(nearestAllowed)}</Link></div>}
      </td>
    </tr>
  )
}

const Outcome = ({ verdict }: { readonly verdict: SaidVerdict }): ReactNode => {
  const { label, tone } = outcomeWord(verdict.outcome)
  return <Badge tone={tone}>{verdict.outcome === 'warn' ? 'Warning' : label}</Badge>
}

function sorted(results: readonly CheckResult[]): readonly Row[] {
  const rank = ({ verdict }: CheckResult): number => (verdict === undefined ? 1 : Math.max(0, WORST.indexOf(verdict.outcome)))
  return results
    .map((one) => ({ ...one, changes: changeOf(one) }))
    .toSorted((a, b) => CHANGES.indexOf(a.changes) - CHANGES.indexOf(b.changes) || rank(a) - rank(b) || a.package.localeCompare(b.package))
}

const CHANGES: readonly Row['changes'][] = ['outcome', 'reasons', undefined]

function changeOf({ before, verdict }: CheckResult): Row['changes'] {
  if (before === undefined || verdict === undefined) return undefined
  if (before.outcome !== verdict.outcome) return 'outcome'
  return codesOf(before) === codesOf(verdict) ? undefined : 'reasons'
}

const codesOf = ({ reasons }: SaidVerdict): string => reasons.map(({ code }) => code).join(' ')
