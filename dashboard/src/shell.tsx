import Button from '@mui/material/Button'
import IconButton from '@mui/material/IconButton'
import type { ReactNode, RefObject } from 'react'
import { Icon } from './components/icons.tsx'
import { Link, type Route } from './router.tsx'
import { useSession } from './session.tsx'
import { shown } from './text.ts'

interface ShellProps {
  readonly mode: 'light' | 'dark'
  readonly onMode: () => void
  readonly page: Route['page']
  readonly main: RefObject<HTMLElement | null>
  readonly children: ReactNode
}

const NAV = [
  ['', 'Overview', ['overview']],
  ['decisions', 'Decisions', ['decisions']],
  ['packages', 'Packages', ['packages', 'package']],
  ['policy', 'Policy', ['policy']],
  ['pins', 'Pins', ['pins']],
  ['recalls', 'Recalls', ['recalls']],
  ['what-if', 'What if', ['what-if']],
] as const satisfies readonly (readonly [string, string, readonly Route['page'][]])[]

export function Shell({ mode, onMode, page, main, children }: ShellProps): ReactNode {
  const skip = (): void => { main.current?.focus() }
  return (
    <>
      <a className="skip" href={`${window.location.pathname}${window.location.search}#main`} onClick={(event) => { event.preventDefault(); skip() }}>Skip to content</a>
      <header className="header">
        <div className="header-inner">
          <Link to="" className="brand"><Icon name="shield" size={22} /><span>Provenance mirror</span></Link>
          <nav className="nav" aria-label="Pages">
            <ul className="plain">
              {NAV.map(([to, label, pages]) => (
                <li key={to}><Link to={to} {...((pages as readonly string[]).includes(page) ? { 'aria-current': 'page' as const } : {})}>{label}</Link></li>
              ))}
            </ul>
          </nav>
          <div className="header-end">
            <User />
            <IconButton color="inherit" size="small" onClick={onMode} aria-label={mode === 'dark' ? 'Use light colours' : 'Use dark colours'} title={mode === 'dark' ? 'Light' : 'Dark'}>
              <Icon name={mode === 'dark' ? 'sun' : 'moon'} size={18} />
            </IconButton>
          </div>
        </div>
      </header>
      <main className="page" id="main" ref={main} tabIndex={-1}>{children}</main>
      <footer className="footer">Verified by the mirror means: against its own trust material, before any byte was served. Times are in your time zone.</footer>
    </>
  )
}

function User(): ReactNode {
  const { user, logOut } = useSession()
  if (user === null) return null
  return (
    <>
      <span className="user" title={shown(user)}><span className="hidden">Signed in as </span>{shown(user)}</span>
      <Button color="inherit" size="small" onClick={logOut}>Log out</Button>
    </>
  )
}
