import Button from '@mui/material/Button'
import Dialog from '@mui/material/Dialog'
import DialogActions from '@mui/material/DialogActions'
import DialogContent from '@mui/material/DialogContent'
import DialogTitle from '@mui/material/DialogTitle'
import { useState, type SyntheticEvent, type ReactNode } from 'react'
import type { IdentityDocument } from '../answers.ts'
import { json } from '../api.ts'
import { TextField } from '../components/fields.tsx'
import { Problem } from '../components/states.tsx'
import { IdentityText } from '../packages/pins.tsx'
import { useSession } from '../session.tsx'
import { shown } from '../text.ts'

export interface Wish {
  readonly decision: 'approve' | 'drop'
  readonly name: string
  readonly identity: IdentityDocument
}

interface DecideProps {
  readonly wish: Wish
  /** With words when it was done. */
  readonly onClose: (said?: string) => void
}

const WORDS = {
  approve: { title: 'Approve a builder', does: 'From now on versions that this repository builds count as the package’s own: what was withheld for it is served.', done: 'Approved' },
  drop: { title: 'Drop a builder', does: 'From now on it counts no longer, and does not come back by itself: versions that only it has built may be refused.', done: 'Dropped' },
} as const

export default function Decide({ wish: { decision, name, identity }, onClose }: DecideProps): ReactNode {
  const { user } = useSession()
  const [reason, setReason] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [missing, setMissing] = useState(false)
  const [busy, setBusy] = useState(false)
  const { title, does, done } = WORDS[decision]
  const to = identity.sourceRepositoryId ?? identity.sourceRepository
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    setMissing(reason.trim() === '')
    if (reason.trim() === '' || to === null) return
    setBusy(true)
    setError(undefined)
    json(`v1/pins/${encodeURIComponent(name)}/${decision}`, { method: 'POST', body: { to, reason: reason.trim(), ...(identity.workflow === null ? {} : { workflow: identity.workflow }) } }).then(
      () => { onClose(`${done}: ${shown(identity.sourceRepository ?? to)} for ${shown(name)}.`) },
      (failure: unknown) => {
        setBusy(false)
        setError(failure)
      },
    )
  }
  return (
    <Dialog open onClose={() => { onClose() }} maxWidth="sm" fullWidth aria-labelledby="decide-title">
      <form onSubmit={submit} noValidate>
        <DialogTitle id="decide-title">{title}</DialogTitle>
        <DialogContent>
          <div className="stack">
            <div><span className="mono">{shown(name)}</span><br /><IdentityText identity={identity} /></div>
            <p>{does}</p>
            {to === null ? <Problem title="This identity names no repository" remedy="Nobody can be held to it, so it cannot be approved." /> : null}
            <TextField label="Why (it is logged, with your name)" value={reason} onChange={setReason} multiline autoFocus />
            {missing ? <p role="alert" className="tone-deny">Say why, in a few words.</p> : null}
            {error === undefined ? null : <Problem error={error} doing={decision === 'approve' ? 'approve it' : 'drop it'} />}
            <p className="muted">Decided by {shown(user)}.</p>
          </div>
        </DialogContent>
        <DialogActions>
          <Button onClick={() => { onClose() }}>Cancel</Button>
          <Button type="submit" variant="contained" color={decision === 'drop' ? 'error' : 'primary'} disabled={busy || to === null}>{decision === 'approve' ? 'Approve' : 'Drop'}</Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
