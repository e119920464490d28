/** What stands where there is nothing yet, nothing at all, or something went wrong. */
import Alert from '@mui/material/Alert'
import Button from '@mui/material/Button'
import LinearProgress from '@mui/material/LinearProgress'
import type { ReactNode } from 'react'
import { ApiError } from '../api.ts'
import { shown } from '../text.ts'

export const Loading = ({ what }: { readonly what: string }): ReactNode => (
  <div role="status" className="stack-tight">
    <LinearProgress aria-label={`Loading ${what}`} />
    <span className="muted">Loading {what} …</span>
  </div>
)

export const Empty = ({ children }: { readonly children: ReactNode }): ReactNode => <p className="muted">{children}</p>

interface ProblemProps {
  readonly error?: unknown
  /** As in "could not …". */
  readonly doing?: string
  readonly title?: string
  readonly remedy?: string
  readonly onRetry?: () => void
}

export function Problem({ error, doing, title, remedy, onRetry }: ProblemProps): ReactNode {
  const [said, what] = error === undefined ? [undefined, undefined] : wordsOf(error)
  return (
    <Alert severity="error" {...(onRetry === undefined ? {} : { action: <Button color="inherit" onClick={onRetry}>Try again</Button> })}>
      <strong>{title ?? `Could not ${doing ?? 'do this'}`}</strong>
      {said === undefined ? null : <>: {shown(said)}</>}
      {(remedy ?? what) === undefined ? null : <div>{remedy ?? what}</div>}
    </Alert>
  )
}

/** What happened, and what to do. */
function wordsOf(error: unknown): readonly [string, string | undefined] {
  if (!(error instanceof ApiError)) return [error instanceof Error ? error.message : 'the page failed', 'Load the page again; if that does not help, tell whoever runs this mirror.']
  return [error.message, REMEDIES.get(error.status) ?? (error.status >= 500 ? 'Try again in a moment; the log of the mirror says more.' : undefined)]
}

const REMEDIES: ReadonlyMap<number, string> = new Map([
  [0, 'Look at your connection, or ask whoever runs this mirror whether it is up.'],
  [401, 'Log in, with the name and password you give npm for this mirror.'],
  [403, 'Your account may not see this; whoever runs this mirror grants it (dashboard.read, dashboard.write, or access of the package).'],
  [413, 'It is larger than the 5 MB the mirror takes.'],
  [429, 'Too much is asked at once; wait a moment.'],
])
