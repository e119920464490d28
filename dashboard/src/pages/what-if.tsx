import Alert from '@mui/material/Alert'
import Button from '@mui/material/Button'
import Typography from '@mui/material/Typography'
import { useRef, useState, type ReactNode } from 'react'
import { isObject } from '../../../plugin/domain/json.ts'
import type { CheckAnswer, PolicyAnswer, PolicyProblem } from '../answers.ts'
import { ApiError, json } from '../api.ts'
import { Card } from '../components/bits.tsx'
import { TextField } from '../components/fields.tsx'
import { Loading, Problem } from '../components/states.tsx'
import { Problems } from '../policy/problems.tsx'
import { useSession } from '../session.tsx'
import { LockfileField, type Lockfile } from '../whatif/lockfile.tsx'
import { useData } from '../use-data.ts'
import { goToLine, PolicyField } from '../whatif/policy-field.tsx'
import { Results } from '../whatif/results.tsx'

/** What stands in the fields outlasts a login and another page, for as long as the tab does. */
const kept: { lockfile: Lockfile | undefined; specs: string; policy: string } = { lockfile: undefined, specs: '', policy: '' }

export default function WhatIf(): ReactNode {
  const { user, canRead } = useSession()
  const [lockfile, setLockfile] = useState(kept.lockfile)
  const [specs, setSpecs] = useState(kept.specs)
  const [policy, setPolicy] = useState(kept.policy)
  const [answer, setAnswer] = useState<CheckAnswer | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [busy, setBusy] = useState(false)
  const inForce = useData(canRead ? 'policy' : undefined, (signal) => json<PolicyAnswer>('v1/policy', { signal }))
  const field = useRef<HTMLTextAreaElement>(null)
  Object.assign(kept, { lockfile, specs, policy })

  const list = specs.split(/[\s,]+/).filter((spec) => spec !== '')
  const hasSubject = lockfile !== undefined || list.length > 0
  const check = (): void => {
    setBusy(true)
    setError(undefined)
    const body = {
      ...(lockfile === undefined ? {} : { lockfile: lockfile.text, fileName: lockfile.fileName }),
      ...(list.length === 0 ? {} : { specs: list }),
      ...(policy.trim() === '' ? {} : { policy }),
    }
    json<CheckAnswer>('v1/check', { method: 'POST', body }).then(
      (found) => {
        setAnswer(found)
        setBusy(false)
      },
      (failure: unknown) => {
        setAnswer(undefined)
        setError(failure)
        setBusy(false)
      },
    )
  }
  const problems = problemsOf(error)
  return (
    <div className="stack">
      <Typography variant="h1">What if</Typography>
      <p className="muted">See the verdict on everything a project locks, and how verdicts change with another policy. Nothing here changes the mirror.</p>
      <div className="grid">
        <Card title="What is judged" span={6}>
          <div className="stack">
            <LockfileField lockfile={lockfile} onChange={setLockfile} />
            <TextField label="And, or instead, these packages" value={specs} onChange={setSpecs} multiline placeholder="left-pad@1.3.0 @acme/widget@^2" maxLength={20_000} />
            {user === null ? <Alert severity="info">You are not logged in: the mirror judges by what it knows already, and asks no registry.</Alert> : null}
          </div>
        </Card>
        <Card title="By which policy" span={6}>
          {canRead ? <PolicyField inForce={inForce.value} value={policy} onChange={setPolicy} field={field} /> : <p className="muted">By the policy in force. Trying out another is for accounts that may read the policy.</p>}
        </Card>
      </div>
      <div className="row">
        <Button variant="contained" size="medium" onClick={check} disabled={busy || (!hasSubject && policy.trim() === '')}>{policy.trim() === '' ? 'Judge' : 'Judge by both policies'}</Button>
        {hasSubject || policy.trim() === '' ? null : <span className="muted">With a lockfile or packages, verdicts are compared too.</span>}
      </div>
      {busy ? <Loading what="the verdicts" /> : null}
      {problems.length > 0 ? (
        <Alert severity="error"><strong>This policy would not be taken</strong><Problems problems={problems} onLine={(line) => { if (field.current !== null) goToLine(field.current, line) }} /></Alert>
      ) : error === undefined ? null : <Problem error={error} doing="judge them" />}
      {answer === undefined || busy ? null : answer.results.length === 0 && !hasSubject ? <Alert severity="success">This policy is a good one: it would be taken, as <code>{answer.policyRevision}</code>.</Alert> : <Results answer={answer} />}
    </div>
  )
}

const problemsOf = (error: unknown): readonly PolicyProblem[] => {
  if (!(error instanceof ApiError) || !Array.isArray(error.body.problems)) return []
  return error.body.problems.filter(isObject).map(({ file, line, path, message, remedy }) => ({
    file: typeof file === 'string' ? file : null,
    line: typeof line === 'number' ? line : null,
    path: typeof path === 'string' ? path : '',
    message: typeof message === 'string' ? message : '',
    remedy: typeof remedy === 'string' ? remedy : '',
  }))
}
