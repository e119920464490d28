import Button from '@mui/material/Button'
import Dialog from '@mui/material/Dialog'
import DialogActions from '@mui/material/DialogActions'
import DialogContent from '@mui/material/DialogContent'
import DialogTitle from '@mui/material/DialogTitle'
import useMediaQuery from '@mui/material/useMediaQuery'
import type { ReactNode } from 'react'
import type { EntryEvidence, LogEntry } from '../../../plugin/domain/decision.ts'
import { Badge, Facts } from '../components/bits.tsx'
import { Reasons } from '../components/reasons.tsx'
import { Link, packagePath } from '../router.tsx'
import { moment, relative, shown } from '../text.ts'
import { kindWord } from '../words.ts'

interface EntryProps {
  readonly entry: LogEntry
  readonly onClose: () => void
}

export default function Entry({ entry, onClose }: EntryProps): ReactNode {
  const isNarrow = useMediaQuery('(max-width: 700px)')
  const { label, tone } = kindWord(entry.kind)
  const { asker } = entry
  return (
    <Dialog open onClose={onClose} fullScreen={isNarrow} maxWidth="md" fullWidth aria-labelledby="entry-title">
      <DialogTitle id="entry-title">
        <span className="row"><Badge tone={tone}>{shown(label)}</Badge><span className="mono">{entry.package === null ? 'the mirror' : shown(entry.version === null ? entry.package : `${entry.package}@${entry.version}`)}</span></span>
      </DialogTitle>
      <DialogContent>
        <div className="stack">
          {entry.monitored ? <p><Badge tone="warn">Served all the same</Badge> The policy refuses it, and the mirror only monitors.</p> : null}
          <Reasons reasons={entry.reasons} />
          <Facts
            of={[
              ['When', `${moment(entry.at)} (${relative(entry.at)})`],
              ['Times', entry.times > 1 ? `${String(entry.times)} within a minute; this is the time of the last` : undefined],
              ['Package', entry.package === null ? undefined : <Link key="package" to={packagePath(entry.package, entry.version ?? undefined)}>{shown(entry.package)}{entry.version === null ? '' : ` ${shown(entry.version)}`}: evidence and verdict as of now</Link>],
              ['Evidence', entry.evidence === null ? undefined : <Verified key="evidence" evidence={entry.evidence} />],
              ['Rule', shown(entry.rule)],
              ['Waivers', entry.waivers.map(shown).join(', ')],
              ['Policy', entry.policyRevision === null ? undefined : <code key="policy">{shown(entry.policyRevision)}</code>],
              ['Uplink', shown(entry.uplink)],
              ['User', shown(asker.user)],
              ['Address', shown(asker.address)],
              ['Client', shown(asker.client)],
              ['Token', shown(asker.token)],
              ['Integrity', entry.integrity === null ? undefined : <code key="integrity">{shown(entry.integrity)}</code>],
              ...Object.entries(entry.detail ?? {}).map(([key, value]) => [shown(key), shown(value)] as const),
              ['Place in the log', `${shown(entry.log)}, ${String(entry.sequence)}`],
            ]}
          />
        </div>
      </DialogContent>
      <DialogActions><Button onClick={onClose} variant="outlined">Close</Button></DialogActions>
    </Dialog>
  )
}

const NAMES = { signature: 'Signature', publishAttestation: 'Publish attestation', provenance: 'Provenance', pinned: 'Known builder' } as const

const Verified = ({ evidence }: { readonly evidence: EntryEvidence }): ReactNode => (
  <span className="row">
    {(Object.keys(NAMES) as (keyof typeof NAMES)[]).map((key) => <Badge key={key} tone={evidence[key] ? 'allow' : 'neutral'} icon={evidence[key] ? 'check' : 'dash'}>{NAMES[key]}<span className="hidden">{evidence[key] ? ' verified' : ' not verified'}</span></Badge>)}
  </span>
)
