import Button from '@mui/material/Button'
import Dialog from '@mui/material/Dialog'
import DialogActions from '@mui/material/DialogActions'
import DialogContent from '@mui/material/DialogContent'
import DialogTitle from '@mui/material/DialogTitle'
import { useState, type SyntheticEvent, type ReactNode } from 'react'
import type { RecallAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { TextField } from '../components/fields.tsx'
import { Problem } from '../components/states.tsx'
import { useSession } from '../session.tsx'
import { shown } from '../text.ts'

export type RecallWish = { readonly kind: 'recall' } | { readonly kind: 'lift'; readonly recall: RecallAnswer }

interface DialogProps {
  readonly wish: RecallWish
  /** With words when it was done. */
  readonly onClose: (said?: string) => void
}

export default function RecallDialog({ wish, onClose }: DialogProps): ReactNode {
  const { user } = useSession()
  const [spec, setSpec] = useState('')
  const [reason, setReason] = useState('')
  const [error, setError] = useState<unknown>(undefined)
  const [missing, setMissing] = useState(false)
  const [busy, setBusy] = useState(false)
  const lifts = wish.kind === 'lift'
  const of = lifts ? `${wish.recall.package}@${wish.recall.range}` : spec.trim()
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    setMissing(reason.trim() === '' || of === '')
    if (reason.trim() === '' || of === '') return
    setBusy(true)
    setError(undefined)
    const asked = lifts ? json(`v1/recalls/${String(wish.recall.id)}`, { method: 'DELETE', body: { reason: reason.trim() } }) : json('v1/recalls', { method: 'POST', body: { package: of, reason: reason.trim() } })
    asked.then(
      () => { onClose(lifts ? `The recall of ${shown(of)} is lifted.` : `${shown(of)} is recalled.`) },
      (failure: unknown) => {
        setBusy(false)
        setError(failure)
      },
    )
  }
  return (
    <Dialog open onClose={() => { onClose() }} maxWidth="sm" fullWidth aria-labelledby="recall-title">
      <form onSubmit={submit} noValidate>
        <DialogTitle id="recall-title">{lifts ? 'Lift a recall' : 'Recall versions'}</DialogTitle>
        <DialogContent>
          <div className="stack">
            {lifts ? <p><code>{shown(of)}</code> is judged by the policy again, and served where that allows it.</p> : <TextField label="Versions, as name@range" value={spec} onChange={setSpec} placeholder="left-pad@>=1.3.0 <1.3.3" autoFocus />}
            {lifts ? null : <p>From now on they are refused to everybody, whatever the policy says.</p>}
            <TextField label="Why (it is logged, with your name, and told to whoever is refused)" value={reason} onChange={setReason} multiline autoFocus={lifts} />
            {missing ? <p role="alert" className="tone-deny">{of === '' ? 'Say which versions.' : 'Say why, in a few words.'}</p> : null}
            {error === undefined ? null : <Problem error={error} doing={lifts ? 'lift it' : 'recall them'} />}
            <p className="muted">Decided by {shown(user)}.</p>
          </div>
        </DialogContent>
        <DialogActions>
          <Button onClick={() => { onClose() }}>Cancel</Button>
          <Button type="submit" variant="contained" color={lifts ? 'primary' : 'error'} disabled={busy}>{lifts ? 'Lift' : 'Recall'}</Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
