import type { CSSProperties, ReactNode } from 'react'
import { isObject } from '../../../plugin/domain/json.ts'
import type { OverviewAnswer } from '../answers.ts'
import { Link, packagePath } from '../router.tsx'
import { count, moment, percent, relative, shown } from '../text.ts'
import { reasonLabel } from '../words.ts'
import { Badge, Card, Facts, type Tone } from './bits.tsx'
import { Empty } from './states.tsx'

interface Of {
  readonly overview: OverviewAnswer
  /** The time shown, for links to the decisions behind a figure. */
  readonly query: string
}

const part = (value: number, most: number): CSSProperties => ({ '--part': `${String((100 * value) / Math.max(1, most))}%` }) as CSSProperties

export function TopReasons({ overview: { reasons }, query }: Of): ReactNode {
  const most = Math.max(0, ...reasons.map(({ count: one }) => one))
  return (
    <Card title="Why versions were refused or warned about" span={6}>
      {reasons.length === 0 ? <Empty>Nothing was refused or warned about in this time.</Empty> : (
        <ol className="plain bars">
          {reasons.slice(0, 8).map(({ code, count: one }) => (
            <li key={code} style={{ display: 'contents' }}>
              <span className="bar" style={part(one, most)}><Link className="label" to={`decisions?reason=${encodeURIComponent(code)}&${query}`}>{reasonLabel(shown(code))}</Link></span>
              <span className="number">{count(one)}</span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}

export function TopPackages({ overview: { packages } }: Of): ReactNode {
  const most = Math.max(0, ...packages.map(({ count: one }) => one))
  return (
    <Card title="Packages refused most" span={6}>
      {packages.length === 0 ? <Empty>No package was refused in this time.</Empty> : (
        <ol className="plain bars">
          {packages.slice(0, 8).map(({ package: name, count: one }) => (
            <li key={name} style={{ display: 'contents' }}>
              <span className="bar" style={part(one, most)}><Link className="label" to={packagePath(name)}>{shown(name)}</Link></span>
              <span className="number">{count(one)}</span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}

const KINDS = [
  ['signature', 'Registry signature', 'Signed by a key of the registry that this mirror trusts'],
  ['publishAttestation', 'Publish attestation', 'The registry attests that it took these bytes'],
  ['provenance', 'Provenance', 'It is proven where and from what it was built'],
  ['pinned', 'Known builder', 'Provenance, of an identity that a rule or a pin holds it to'],
] as const

export const Coverage = ({ coverage }: { readonly coverage: OverviewAnswer['coverage'] }): ReactNode => (
  <Card title="Evidence behind what was served" span={6} aside={<span className="muted">{count(coverage.served)} tarballs</span>}>
    {coverage.served === 0 ? <Empty>Nothing was served in this time.</Empty> : (
      <ul className="plain stack-tight">
        {KINDS.map(([key, label, means]) => (
          <li key={key}>
            <div className="row" style={{ justifyContent: 'space-between' }}><span title={means}>{label}</span><span className="number" title={`${count(coverage[key])} of ${count(coverage.served)}`}>{percent(coverage[key], coverage.served)}</span></div>
            <div className="meter" style={{ marginTop: 3 }} aria-hidden="true"><span style={{ width: `${String((100 * coverage[key]) / coverage.served)}%` }} /></div>
          </li>
        ))}
      </ul>
    )}
  </Card>
)

export const Trust = ({ trust, alarms = [] }: { readonly trust: OverviewAnswer['trust']; readonly alarms?: OverviewAnswer['trustAlarms'] }): ReactNode => (
  <Card title="Trust material" span={6}>
    <table className="table cards">
      <thead><tr><th scope="col">Uplink</th><th scope="col">From</th><th scope="col">Known current</th><th scope="col">State</th></tr></thead>
      <tbody>
        {trust.map(({ uplink, source, fetchedAt, expires, problems }) => (
          <tr key={uplink}>
            <th scope="row">{shown(uplink)}</th>
            <td data-label="From">{sourceText(source)}</td>
            <td data-label="Known current"><span title={moment(fetchedAt)}>{fetchedAt === null ? 'not told' : relative(fetchedAt)}</span>{expires === null || expires === undefined ? null : <div className="muted">ends {relative(expires)}</div>}</td>
            <td>{problems.length === 0 ? <Badge tone="allow">Good</Badge> : problems.map((problem) => <div key={problem} className="tone-deny">{shown(problem)}</div>)}</td>
          </tr>
        ))}
      </tbody>
    </table>
    {alarms.map(({ of, kind, stage, text }) => <p key={`${of} ${kind}`} className={stage > 7 ? 'tone-warn' : 'tone-deny'}>{shown(text)}</p>)}
  </Card>
)

const SOURCES = [['trustedRoot', 'Sigstore'], ['registryKeys', 'keys']] as const
const sourceText = (source: OverviewAnswer['trust'][number]['source']): ReactNode =>
  isObject(source) ? SOURCES.map(([key, label]) => (source[key] === undefined ? null : <div key={key}><span className="muted">{label}:</span> {shown(source[key])}</div>)) : shown(source)

const STATES: ReadonlyMap<string, readonly [words: string, tone: Tone]> = new Map<string, readonly [string, Tone]>([
  ['asked', ['Good', 'allow']],
  ['left-alone', ['Left alone, after too many failures', 'deny']],
  ['offline', ['Offline, as configured', 'neutral']],
])

export const Uplinks = ({ uplinks }: { readonly uplinks: OverviewAnswer['uplinks'] }): ReactNode => (
  <Card title="Uplinks" span={6}>
    {uplinks.length === 0 ? <Empty>None is configured.</Empty> : (
      <table className="table cards">
        <thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col" className="number">On their way</th><th scope="col" className="number">Waiting</th></tr></thead>
        <tbody>
          {uplinks.map(({ name, state, running, waiting, lastError }) => (
            <tr key={name}>
              <th scope="row">{shown(name)}</th>
              <td><Badge tone={STATES.get(state)?.[1] ?? 'unsure'}>{STATES.get(state)?.[0] ?? shown(state)}</Badge>{lastError === null || lastError === undefined ? null : <div className="tone-deny">{shown(lastError)}</div>}</td>
              <td data-label="On their way" className="number">{count(running)}</td>
              <td data-label="Waiting" className="number">{count(waiting)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </Card>
)

const REPLICA: ReadonlyMap<string, readonly [words: string, tone: Tone]> = new Map<string, readonly [string, Tone]>([
  ['current', ['Knows what all know', 'allow']],
  ['alone', ['Alone: serves what it knows, lets nothing new in', 'warn']],
  ['behind', ['Serves nothing until it knows what it missed', 'deny']],
  ['halted', ['Serves nothing: the shared ledger cannot be trusted', 'deny']],
])

/** Mirrors that share a ledger; one that differs from this one in version or policy is shown so. */
export const Mirrors = ({ replicas, revision }: { readonly replicas: NonNullable<OverviewAnswer['replicas']>; readonly revision: string }): ReactNode => (
  <Card title="Mirrors" span={6} aside={<Badge tone={REPLICA.get(replicas.state)?.[1] ?? 'unsure'}>{REPLICA.get(replicas.state)?.[0] ?? shown(replicas.state)}</Badge>}>
    {replicas.problem === null ? null : <p className="tone-deny">{shown(replicas.problem)}</p>}
    {replicas.mirrors.length === 0 ? <Empty>None has greeted in the last minute.</Empty> : (
      <table className="table cards">
        <thead><tr><th scope="col">Name</th><th scope="col">Version</th><th scope="col">Policy</th><th scope="col" className="number">Operation</th></tr></thead>
        <tbody>
          {replicas.mirrors.map(({ name, version, policy, sequence }) => (
            <tr key={name}>
              <th scope="row">{shown(name)}</th>
              <td data-label="Version">{shown(version)}</td>
              <td data-label="Policy"><code className={policy === revision ? '' : 'tone-warn'}>{shown(policy)}</code></td>
              <td data-label="Operation" className="number">{count(sequence)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
  </Card>
)

export const Mirror = ({ overview: { policy, mode, version } }: { readonly overview: OverviewAnswer }): ReactNode => (
  <Card title="Policy and version" span={6} aside={<Link to="policy">Show the policy</Link>}>
    <Facts
      of={[
        ['Policy', <code key="revision">{shown(policy.revision)}</code>],
        ['Mode', shown(mode)],
        ['In force since', `${moment(policy.loadedAt)} (${relative(policy.loadedAt)})`],
        ['Last reload', policy.lastReload === null ? 'none since the start' : `${shown(policy.lastReload.outcome)}, ${relative(policy.lastReload.at)}`],
        ['Mirror', `verdaccio-provenance ${shown(version)}`],
      ]}
    />
  </Card>
)
