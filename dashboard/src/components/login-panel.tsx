import Typography from '@mui/material/Typography'
import type { ReactNode } from 'react'
import { LoginForm } from './login-form.tsx'

export default function LoginPanel({ title }: { readonly title: string }): ReactNode {
  return (
    <div className="card" style={{ maxWidth: 400, margin: '32px auto' }}>
      <div className="stack-tight">
        <Typography variant="h1">{title}</Typography>
        <p className="muted">This page is for those who have an account at this mirror: log in with the name and password you give npm for it.</p>
        <LoginForm />
      </div>
    </div>
  )
}
