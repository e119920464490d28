import Button from '@mui/material/Button'
import { useMemo, useState, type CSSProperties, type ReactNode } from 'react'
import { builderChange, builderName, type BuilderChange, type BuiltVersion } from '../../../plugin/cli/builder-change.ts'
import type { EvidenceName, ExplainedOutcome } from '../../../plugin/cli/explained.ts'
import { Badge, Card } from '../components/bits.tsx'
import { TextField } from '../components/fields.tsx'
import { Empty } from '../components/states.tsx'
import { Link, packagePath } from '../router.tsx'
import { day, moment, plural, shown } from '../text.ts'
import { outcomeWord, reasonLabel } from '../words.ts'
import { EvidenceBadges } from './evidence.tsx'

export interface TimelineVersion extends BuiltVersion {
  readonly version: string
  readonly outcome: ExplainedOutcome
  /** As the registry claims. */
  readonly published: string | undefined
  readonly codes: readonly string[]
  readonly tags: readonly string[]
  /** State of each; undefined where the mirror does not tell it of a list. */
  readonly evidence: Readonly<Record<EvidenceName, string>> | undefined
}

interface TimelineProps {
  readonly name: string
  /** Newest first. */
  readonly versions: readonly TimelineVersion[]
  readonly selected: string | undefined
}

const STEP = 20

export function Timeline({ name, versions, selected }: TimelineProps): ReactNode {
  const [amount, setAmount] = useState(STEP)
  const [wanted, setWanted] = useState('')
  const found = useMemo(() => versions.filter(({ version, tags, codes }) => [version, ...tags, ...codes].some((text) => text.includes(wanted.trim()))), [versions, wanted])
  const visible = found.slice(0, amount)
  return (
    <Card title="Versions" aside={<span className="muted">{plural(versions.length, 'version')}, newest first</span>}>
      {versions.length > STEP ? <div style={{ maxWidth: 280, marginBottom: 10 }}><TextField label="Version, tag or reason" value={wanted} onChange={setWanted} /></div> : null}
      {found.length === 0 ? <Empty>{versions.length === 0 ? 'There is no version.' : 'No version matches.'}</Empty> : null}
      <ol className="plain timeline">
        {visible.map((one, index) => {
          const { version, outcome, published, codes, tags, evidence, builder } = one
          // Between versions that are shown beside each other because somebody searched for them, nothing changed.
          const change = wanted === '' ? builderChange(one, versions.slice(index + 1)) : undefined
          const { label, tone } = outcomeWord(outcome)
          return [
            <li key={version} style={{ '--dot': `var(--${tone})` } as CSSProperties}>
              <div className={`version${version === selected ? ' is-shown' : ''}`}>
                <span className="row"><Link to={packagePath(name, version)} className="mono" {...(version === selected ? { 'aria-current': 'true' as const } : {})}>{shown(version)}</Link>{tags.map((tag) => <Badge key={tag} tone="neutral" outline>{shown(tag)}</Badge>)}</span>
                <span className="muted nowrap" title={published === undefined ? undefined : `${moment(published)}, as the registry says`}>{published === undefined ? 'no time told' : day(published)}</span>
                <span><Badge tone={tone}>{outcome === 'warn' ? 'Warning' : label}</Badge></span>
                <EvidenceBadges evidence={evidence} />
                <span className="muted">{codes.length > 0 ? codes.map((code) => reasonLabel(shown(code))).join(', ') : shown(builderName(builder))}</span>
              </div>
            </li>,
            change === undefined ? null : <li key={`${version} change`} className="change" style={{ '--dot': `var(--${change.kind === 'builder' ? 'deny' : 'warn'})` } as CSSProperties}><div className={`change-note tone-${change.kind === 'builder' ? 'deny' : 'warn'}`}>{changeText(change)}</div></li>,
          ]
        })}
      </ol>
      {found.length > visible.length ? <Button onClick={() => { setAmount(amount + STEP) }}>Show {Math.min(STEP, found.length - visible.length)} older</Button> : null}
    </Card>
  )
}

function changeText({ kind, before = 'none told', now = 'none told' }: BuilderChange): string {
  switch (kind) {
    case 'ends':
      return `Provenance ends above: the version below has it, of ${shown(before)}`
    case 'builder':
      return `Built by somebody else above: ${shown(now)}; below, ${shown(before)}`
    case 'owner':
      return `Another owner of the repository above (${shown(now)}); below, ${shown(before)}`
    case 'workflow':
      return `Another workflow above: ${shown(now)}; below, ${shown(before)}`
  }
}
