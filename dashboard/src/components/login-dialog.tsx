import Button from '@mui/material/Button'
import Dialog from '@mui/material/Dialog'
import DialogContent from '@mui/material/DialogContent'
import DialogTitle from '@mui/material/DialogTitle'
import type { ReactNode } from 'react'
import { useSession } from '../session.tsx'
import { LoginForm } from './login-form.tsx'

/** Over the page, which stays as it is. */
export default function LoginDialog(): ReactNode {
  const { dismiss } = useSession()
  return (
    <Dialog open aria-labelledby="expired" maxWidth="xs" fullWidth>
      <DialogTitle id="expired">Your login has ended</DialogTitle>
      <DialogContent>
        <div className="stack-tight">
          <p className="muted">Log in again to go on where you are.</p>
          <LoginForm autoFocus />
          <div><Button onClick={dismiss}>Go on without an account</Button></div>
        </div>
      </DialogContent>
    </Dialog>
  )
}
