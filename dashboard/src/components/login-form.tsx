import Alert from '@mui/material/Alert'
import Button from '@mui/material/Button'
import { useState, type SyntheticEvent, type ReactNode } from 'react'
import { ApiError } from '../api.ts'
import { useSession } from '../session.tsx'
import { shown } from '../text.ts'
import { TextField } from './fields.tsx'

export function LoginForm({ autoFocus = false }: { readonly autoFocus?: boolean }): ReactNode {
  const { logIn } = useSession()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const [busy, setBusy] = useState(false)
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    if (name === '' || password === '') {
      setProblem('Both name and password are needed.')
      return
    }
    setBusy(true)
    setProblem(undefined)
    logIn(name, password).then(
      () => { setBusy(false) },
      (error: unknown) => {
        setBusy(false)
        setProblem(error instanceof ApiError && error.status === 401 ? 'This name and password are not known here.' : shown(error instanceof Error ? error.message : error))
      },
    )
  }
  return (
    <form onSubmit={submit} className="stack-tight" noValidate>
      <TextField label="Name" value={name} onChange={setName} autoComplete="username" autoFocus={autoFocus} />
      <TextField label="Password" type="password" value={password} onChange={setPassword} autoComplete="current-password" />
      {problem === undefined ? null : <Alert severity="error">{problem}</Alert>}
      <div><Button type="submit" variant="contained" disabled={busy}>Log in</Button></div>
    </form>
  )
}
