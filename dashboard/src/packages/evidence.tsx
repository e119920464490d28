import type { ReactNode } from 'react'
import { EVIDENCE, textOf, type EvidenceName, type ExplainedEvidence, type ExplainedVersion } from '../../../plugin/cli/explained.ts'
import { Badge, Facts, type Tone } from '../components/bits.tsx'
import type { IconName } from '../components/icons.tsx'
import { moment, shown } from '../text.ts'

const NAMES: Readonly<Record<EvidenceName, { readonly short: string; readonly name: string; readonly says: string }>> = {
  signature: { short: 'Signature', name: 'Registry signature', says: 'The registry signed name, version and bytes' },
  publishAttestation: { short: 'Publish', name: 'Publish attestation', says: 'The registry attests that it took these bytes' },
  provenance: { short: 'Provenance', name: 'Provenance', says: 'A certified build service says from what, and how, it was built' },
}

interface State {
  readonly words: string
  readonly tone: Tone
  readonly icon: IconName
}

const STATES: ReadonlyMap<string, State> = new Map<string, State>([
  ['verified', { words: 'verified', tone: 'allow', icon: 'check' }],
  ['claimed', { words: 'announced, not looked at yet', tone: 'neutral', icon: 'question' }],
  ['absent', { words: 'none', tone: 'neutral', icon: 'dash' }],
  ['invalid', { words: 'invalid', tone: 'deny', icon: 'cross' }],
  ['unknown-key', { words: 'by an unknown key', tone: 'warn', icon: 'question' }],
  ['unavailable', { words: 'cannot be had now', tone: 'unsure', icon: 'question' }],
])
/** What is not understood was not verified. */
const stateOf = (state: string): State => STATES.get(state) ?? { words: shown(state), tone: 'unsure', icon: 'question' }

export function EvidenceBadges({ evidence }: { readonly evidence: Readonly<Record<EvidenceName, string>> | undefined }): ReactNode {
  if (evidence === undefined) return <span />
  return (
    <span className="row" style={{ gap: 4 }}>
      {EVIDENCE.map((name) => {
        const { words, tone, icon } = stateOf(evidence[name])
        return <Badge key={name} tone={tone} icon={icon} outline={evidence[name] === 'absent'} title={`${NAMES[name].name}: ${words}`}>{NAMES[name].short}<span className="hidden">: {words}</span></Badge>
      })}
    </span>
  )
}

interface ListProps {
  readonly evidence: NonNullable<ExplainedVersion['evidence']>
  readonly integrity: string | undefined
}

export const EvidenceList = ({ evidence, integrity }: ListProps): ReactNode => (
  <ul className="plain stack">
    {EVIDENCE.map((name) => <li key={name}><One name={name} evidence={evidence[name]} /></li>)}
    <li className="stack-tight"><h3>Bytes</h3><p>{integrity === undefined ? 'The registry gives no usable integrity for it.' : <code>{shown(integrity)}</code>}</p></li>
  </ul>
)

function One({ name, evidence }: { readonly name: EvidenceName; readonly evidence: ExplainedEvidence }): ReactNode {
  const { state, facts, withdrawn, reasons } = evidence
  const { words, tone, icon } = stateOf(state)
  const [keyid, predicate, instance, logged] = [textOf(facts, 'keyid'), textOf(facts, 'predicateType'), textOf(facts, 'instance'), textOf(facts, 'loggedAt')]
  return (
    <div className="stack-tight">
      <div className="row"><h3>{NAMES[name].name}</h3><Badge tone={tone} icon={icon}>{words}</Badge>{withdrawn ? <Badge tone="warn">gone upstream, kept here</Badge> : null}</div>
      {state === 'verified' ? (
        <Facts of={[
          ['Says', NAMES[name].says],
          ['Key', keyid === undefined ? undefined : <code key="key">{shown(keyid)}</code>],
          ['Kind', predicate === undefined ? undefined : shown(predicate)],
          ['Sigstore instance', instance === undefined ? undefined : shown(instance)],
          ['Logged', logged === undefined ? undefined : moment(logged)],
        ]} />
      ) : null}
      {reasons.map(({ code, message }) => <p key={code}>{shown(message)} <code className="muted">{shown(code)}</code></p>)}
    </div>
  )
}
