import type { ReactNode } from 'react'
import type { ExplainedVersion } from '../../../plugin/cli/explained.ts'
import { Badge } from '../components/bits.tsx'
import { Reasons } from '../components/reasons.tsx'
import { Link, packagePath } from '../router.tsx'
import { moment, relative, shown } from '../text.ts'
import { outcomeWord } from '../words.ts'

/** Whether it is served, why not, and what to do. */
export function VerdictCard({ version }: { readonly version: ExplainedVersion }): ReactNode {
  const { outcome, reasons, monitored, waiver, rule, validUntil, nearestAllowed, notBefore, policyRevision } = version
  const { label, tone } = outcomeWord(outcome)
  return (
    <section className="card" aria-label="Verdict">
      <div className={`verdict ${outcome}`}>
        <div className="stack">
          <div className="stack-tight">
            <div className="row"><h2 className={`figure tone-${tone}`} style={{ fontSize: '1.25rem' }}>{label}</h2>{monitored ? <Badge tone="warn">served all the same: the mirror only monitors</Badge> : null}</div>
            {outcome === 'allow' ? <p>Its evidence is what the policy asks for.</p> : null}
            {nearestAllowed === undefined || nearestAllowed === version.version ? null : (
              <p>Nearest version that is served: <Link to={packagePath(version.package, nearestAllowed)} className="mono">{shown(nearestAllowed)}</Link> <span className="muted">· install it with</span> <code>npm install {shown(version.package)}@{shown(nearestAllowed)}</code></p>
            )}
          </div>
          <Reasons reasons={reasons} />
          {waiver === undefined ? null : <p><Badge tone="warn">Waiver</Badge> {shown(waiver.reason)}; approved by {shown(waiver.approvedBy)}, ends {moment(waiver.expires)} ({relative(waiver.expires)})</p>}
          <p className="muted">
            {rule === undefined ? '' : `Decided by the rule “${shown(rule)}”`}{policyRevision === undefined ? '' : ` of policy ${shown(policyRevision)}`}.
            {notBefore === undefined ? '' : ` Published not before ${moment(notBefore)}.`}
            {validUntil === undefined ? '' : ` This changes with time alone, ${relative(validUntil)}.`}
          </p>
        </div>
      </div>
    </section>
  )
}
