import CssBaseline from '@mui/material/CssBaseline'
import Typography from '@mui/material/Typography'
import { ThemeProvider } from '@mui/material/styles'
import { lazy, Suspense, useEffect, useMemo, useRef, type ReactNode } from 'react'
import { Boundary } from './components/boundary.tsx'
import { Loading, Problem } from './components/states.tsx'
import { useMode } from './mode.ts'
import { useLocation, type Route } from './router.tsx'
import { SessionProvider, useSession } from './session.tsx'
import { Shell } from './shell.tsx'
import { themeFor } from './theme.ts'
import { shown } from './text.ts'

const Overview = lazy(() => import('./pages/overview.tsx'))
const Decisions = lazy(() => import('./pages/decisions.tsx'))
const PackagePage = lazy(() => import('./pages/package.tsx'))
const Packages = lazy(() => import('./pages/packages.tsx'))
const Policy = lazy(() => import('./pages/policy.tsx'))
const Pins = lazy(() => import('./pages/pins.tsx'))
const Recalls = lazy(() => import('./pages/recalls.tsx'))
const WhatIf = lazy(() => import('./pages/what-if.tsx'))
const LoginDialog = lazy(() => import('./components/login-dialog.tsx'))
const LoginPanel = lazy(() => import('./components/login-panel.tsx'))

export function App(): ReactNode {
  const { mode, toggle } = useMode()
  const theme = useMemo(() => themeFor(mode), [mode])
  return (
    <ThemeProvider theme={theme}>
      <CssBaseline />
      <SessionProvider>
        <Pages mode={mode} onMode={toggle} />
      </SessionProvider>
    </ThemeProvider>
  )
}

const TITLES: Readonly<Record<Route['page'], string>> = {
  overview: 'Overview',
  decisions: 'Decisions',
  policy: 'Policy',
  pins: 'Pins',
  recalls: 'Recalls',
  'what-if': 'What if',
  packages: 'Packages',
  package: 'Package',
  unknown: 'Not found',
}

function Pages({ mode, onMode }: { readonly mode: 'light' | 'dark'; readonly onMode: () => void }): ReactNode {
  const { route, path } = useLocation()
  const { hasExpired } = useSession()
  const main = useRef<HTMLElement>(null)
  const before = useRef(path)
  const title = route.page === 'package' ? shown(route.version === undefined ? route.name : `${route.name}@${route.version}`) : TITLES[route.page]
  useEffect(() => { document.title = `${title} · Provenance mirror` }, [title])
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    // As after the load of a page: whoever listens or tabs begins at its top.
    main.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [path])
  return (
    <Shell mode={mode} onMode={onMode} page={route.page} main={main}>
      <Boundary key={route.page}>
        <Suspense fallback={<Loading what="the page" />}>
          <Guarded route={route} />
          {hasExpired && <LoginDialog />}
        </Suspense>
      </Boundary>
    </Shell>
  )
}

const Titled = ({ title, children }: { readonly title: string; readonly children: ReactNode }): ReactNode => (
  <div className="stack">
    <Typography variant="h1">{title}</Typography>
    {children}
  </div>
)

const NEEDS_READER: ReadonlySet<Route['page']> = new Set(['overview', 'decisions', 'policy', 'pins', 'recalls'])

function Guarded({ route }: { readonly route: Route }): ReactNode {
  const { isKnown, problem, user, canRead, hasExpired } = useSession()
  if (NEEDS_READER.has(route.page) && !hasExpired) {
    if (!isKnown) return <Loading what="who is signed in" />
    if (problem !== undefined && user === null) return <Titled title={TITLES[route.page]}><Problem error={problem} doing="find out who is signed in" onRetry={() => { window.location.reload() }} /></Titled>
    if (user === null) return <LoginPanel title={TITLES[route.page]} />
    if (!canRead)
      return <Titled title={TITLES[route.page]}><Problem title="This page is not open to your groups" remedy="Ask whoever runs this mirror: dashboard.read in its configuration names the groups that may read." /></Titled>
  }
  switch (route.page) {
    case 'overview':
      return <Overview />
    case 'decisions':
      return <Decisions />
    case 'policy':
      return <Policy />
    case 'pins':
      return <Pins />
    case 'recalls':
      return <Recalls />
    case 'what-if':
      return <WhatIf />
    case 'packages':
      return <Packages />
    case 'package':
      return <PackagePage key={route.name} name={route.name} version={route.version} />
    case 'unknown':
      return <Titled title={TITLES.unknown}><Problem title="There is no such page" remedy="Choose one from the navigation at the top." /></Titled>
  }
}
