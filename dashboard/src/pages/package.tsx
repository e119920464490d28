import Alert from '@mui/material/Alert'
import Button from '@mui/material/Button'
import Typography from '@mui/material/Typography'
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react'
import { isObject, type JsonObject } from '../../../plugin/domain/json.ts'
import { explainedPackage, explainedVersion } from '../../../plugin/cli/explained.ts'
import type { BuildersDocument } from '../answers.ts'
import { ApiError, json } from '../api.ts'
import { Badge, Card } from '../components/bits.tsx'
import { Loading, Problem } from '../components/states.tsx'
import { Builder } from '../packages/builder.tsx'
import { addressOf, versionsOf } from '../packages/document.ts'
import { EvidenceList } from '../packages/evidence.tsx'
import { Fetched } from '../packages/fetched.tsx'
import { Builders } from '../packages/pins.tsx'
import { Timeline } from '../packages/timeline.tsx'
import { VerdictCard } from '../packages/verdict.tsx'
import { Link, packagePath } from '../router.tsx'
import { useSession } from '../session.tsx'
import { shown } from '../text.ts'
import { useData } from '../use-data.ts'

const LoginDialogForm = lazy(() => import('../components/login-panel.tsx'))

interface PackageProps {
  readonly name: string
  readonly version: string | undefined
}

export default function PackagePage({ name, version }: PackageProps): ReactNode {
  const { user } = useSession()
  const all = useData(`package ${name}`, (signal) => json<JsonObject>(addressOf(name), { signal }))
  const [asksLogin, setAsksLogin] = useState(false)
  const document = all.value
  const versions = useMemo(() => (document === undefined ? [] : versionsOf(document)), [document])
  const mayNot = all.error instanceof ApiError && (all.error.status === 401 || all.error.status === 403)
  return (
    <div className="stack">
      <div className="page-head" style={{ marginBottom: 0 }}>
        <div>
          <div className="muted"><Link to="packages">Packages</Link>{version === undefined ? null : <> / <Link to={packagePath(name)}>{shown(name)}</Link></>}</div>
          <Typography variant="h1">{shown(name)}{version === undefined ? null : <span className="muted">@{shown(version)}</span>}</Typography>
        </div>
        {document === undefined ? null : <span className="row"><Source document={document} /></span>}
      </div>
      {version === undefined ? null : <Version name={name} version={version} />}
      {all.isLoading && document === undefined ? <Loading what="the versions" /> : null}
      {mayNot && user === null ? (
        asksLogin ? <Suspense fallback={null}><LoginDialogForm title={shown(name)} /></Suspense> : <Alert severity="info" action={<Button color="inherit" onClick={() => { setAsksLogin(true) }}>Log in</Button>}>Whoever is not logged in may not see this package.</Alert>
      ) : all.error === undefined ? null : all.error instanceof ApiError && all.error.status === 404 ? (
        <Problem title={`${shown(name)} is not known here`} remedy="Look at the spelling; no uplink of this mirror has a package of this name, and none is published here." />
      ) : <Problem error={all.error} doing="load the package" onRetry={all.reload} />}
      {document === undefined ? null : (
        <div className="grid">
          {version === undefined && isObject(document.builtBy) ? <Builders builders={buildersOf(document)} /> : null}
          {version === undefined ? <Fetched name={name} version={undefined} /> : null}
          {Object.hasOwn(document, 'versions') ? <Timeline name={name} versions={versions} selected={version} /> : version === undefined ? <Withdrawn document={document} /> : null}
        </div>
      )}
    </div>
  )
}

const buildersOf = (document: JsonObject): Omit<BuildersDocument, 'package'> => {
  const { pins, pending, decisions } = document.builtBy as Partial<BuildersDocument>
  return { pins: pins ?? [], pending: pending ?? [], decisions: decisions ?? [] }
}

function Source({ document }: { readonly document: JsonObject }): ReactNode {
  const { uplink } = explainedPackage(document)
  return (
    <>
      {uplink === undefined ? null : <Badge tone="neutral" outline>from {shown(uplink)}</Badge>}
      {document.stale === true ? <Badge tone="warn">the uplink does not answer: this is its last good answer</Badge> : null}
    </>
  )
}

const Withdrawn = ({ document }: { readonly document: JsonObject }): ReactNode => <div className="span-12"><VerdictCard version={explainedVersion(document)} /></div>

function Version({ name, version }: { readonly name: string; readonly version: string }): ReactNode {
  const { value, error, isLoading, reload } = useData(`version ${name} ${version}`, (signal) => json<JsonObject>(addressOf(name, version), { signal }))
  const explained = useMemo(() => (value === undefined ? undefined : explainedVersion(value)), [value])
  if (error instanceof ApiError && error.status === 404) return <Problem title={`${shown(name)} has no version ${shown(version)}`} remedy="Choose one of those below." />
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return null
  if (error !== undefined) return <Problem error={error} doing="load the version" onRetry={reload} />
  if (explained === undefined) return isLoading ? <Loading what={`${shown(name)}@${shown(version)}`} /> : null
  return (
    <>
      <VerdictCard version={explained} />
      <div className="grid">
        {explained.evidence === undefined ? null : <Card title="Evidence" span={6}><EvidenceList evidence={explained.evidence} integrity={explained.integrity} /></Card>}
        <Builder version={explained} />
        <Fetched name={name} version={version} />
      </div>
    </>
  )
}
