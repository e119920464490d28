import type { ReactNode } from 'react'
import type { PolicyProblem } from '../answers.ts'
import { shown } from '../text.ts'

interface ProblemsProps {
  readonly problems: readonly PolicyProblem[]
  /** Shows the line, where it can be shown. */
  readonly onLine?: (line: number) => void
}

export const Problems = ({ problems, onLine }: ProblemsProps): ReactNode => (
  <ul className="plain stack-tight" style={{ marginTop: 8 }}>
    {problems.map((problem, index) => (
      <li key={`${String(index)} ${problem.path}`}>
        <Place problem={problem} {...(onLine === undefined ? {} : { onLine })} /> {shown(problem.message)} <span className="muted">{shown(problem.remedy)}</span>
      </li>
    ))}
  </ul>
)

function Place({ problem: { file, line, path }, onLine }: { readonly problem: PolicyProblem; readonly onLine?: (line: number) => void }): ReactNode {
  const where = line === null ? '' : `line ${String(line)}`
  const name = [file === null || onLine !== undefined ? '' : shown(file), where].filter((part) => part !== '').join(', ')
  return (
    <>
      {line !== null && onLine !== undefined ? <button type="button" className="linklike" onClick={() => { onLine(line) }}>{name}</button> : <strong>{name}</strong>}
      {path === '' ? null : <> <code>{shown(path)}</code></>}:
    </>
  )
}
