import Alert from '@mui/material/Alert'
import Typography from '@mui/material/Typography'
import type { ReactNode } from 'react'
import type { PinsAnswer, PolicyAnswer } from '../answers.ts'
import { json } from '../api.ts'
import { Badge, Card } from '../components/bits.tsx'
import { Loading, Problem } from '../components/states.tsx'
import { PinList } from '../pins/pin-list.tsx'
import { Problems } from '../policy/problems.tsx'
import { Rules } from '../policy/rules.tsx'
import { Waivers } from '../policy/waivers.tsx'
import { Link } from '../router.tsx'
import { count, moment, relative, shown } from '../text.ts'
import { useData } from '../use-data.ts'

const LISTING: Readonly<Record<string, string>> = { claimed: 'versions whose evidence is announced; verified before the first byte', verified: 'verified versions only' }
const WITHHELD: Readonly<Record<string, string>> = { hidden: 'not listed', marked: 'listed, deprecated with the reason; their tarballs are refused' }
const UNAVAILABLE: Readonly<Record<string, string>> = { deny: 'nothing is served on a guess (503)', allow: 'served with a warning, where it is ifPresent' }

export default function Policy(): ReactNode {
  const policy = useData('policy', (signal) => json<PolicyAnswer>('v1/policy', { signal }))
  const pins = useData('pending pins', (signal) => json<PinsAnswer>('v1/pins?pending=true', { signal }), { keep: true })
  const { value } = policy
  return (
    <div className="stack">
      <div className="row"><Typography variant="h1">Policy</Typography>{value === undefined ? null : <Badge tone="neutral" outline><code>{shown(value.revision)}</code></Badge>}</div>
      {policy.error === undefined ? null : <Problem error={policy.error} doing="load the policy" onRetry={policy.reload} />}
      {value === undefined ? (policy.isLoading ? <Loading what="the policy" /> : null) : <Shown policy={value} />}
      <Card title="Changes of builders that wait for approval" aside={<Link to="pins">All pins</Link>}>
        {pins.error === undefined ? null : <Problem error={pins.error} doing="load the pins" onRetry={pins.reload} />}
        {pins.value === undefined ? (pins.isLoading ? <Loading what="the pins" /> : null) : <PinList packages={pins.value.packages} onlyPending onChanged={pins.reload} />}
      </Card>
    </div>
  )
}

function Shown({ policy }: { readonly policy: PolicyAnswer }): ReactNode {
  const { lastReload, warnings } = policy
  const problems = lastReload !== null && typeof lastReload.problems !== 'number' ? lastReload.problems : []
  return (
    <>
      {problems.length === 0 ? null : <Alert severity="error"><strong>The policy was changed {relative(lastReload?.at)} and not taken</strong>; the one below is still in force.<Problems problems={problems} /></Alert>}
      {warnings.length === 0 ? null : <Alert severity="warning"><strong>Worth a look</strong><Problems problems={warnings} /></Alert>}
      <Card title="In force">
        <dl className="thirds">
          {([
            ['Mode', policy.mode === 'enforce' ? 'enforce' : <Badge key="mode" tone="warn">{shown(policy.mode)}: what it refuses is served</Badge>],
            ['Preset', shown(policy.preset)],
            ['Listings have', LISTING[policy.listing] ?? shown(policy.listing)],
            ['Refused versions are', WITHHELD[policy.withheld] ?? shown(policy.withheld)],
            ['Evidence cannot be had', UNAVAILABLE[policy.onUnavailable] ?? shown(policy.onUnavailable)],
            ['Read from', shown(policy.place)],
            ['In force since', `${moment(policy.loadedAt)} (${relative(policy.loadedAt)})`],
          ] as const).map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{value}</dd></div>)}
        </dl>
      </Card>
      <Card title="Rules, the first that matches decides" aside={policy.hitsSince === null || policy.hitsSince === undefined ? undefined : <span className="muted">decisions counted since {moment(policy.hitsSince).slice(0, 10)}</span>}>
        <Rules rules={policy.rules} />
      </Card>
      <Card title="Waivers" aside={<span className="muted">{count(policy.waivers.length)}</span>}><Waivers waivers={policy.waivers} /></Card>
    </>
  )
}
