import type { ReactNode } from 'react'
import { textOf, type ExplainedVersion } from '../../../plugin/cli/explained.ts'
import { linksOf, logLink, workflowOf } from '../../../plugin/cli/links.ts'
import { Card, Facts, OutLink } from '../components/bits.tsx'
import { Empty } from '../components/states.tsx'
import { shown } from '../text.ts'

/** Who built it, by its certificate; the links are made of what that says, and of nothing a package says of itself. */
export function Builder({ version }: { readonly version: ExplainedVersion }): ReactNode {
  const { builder, evidence } = version
  if (builder === undefined || evidence === undefined)
    return <Card title="Built by" span={6}><Empty>Nothing verified says who built this version.</Empty></Card>
  const links = linksOf(builder)
  const [index, instance] = [textOf(evidence.provenance.facts, 'logIndex'), textOf(evidence.provenance.facts, 'instance')]
  const ids = [
    ...(builder.sourceRepositoryId === undefined ? [] : [`repository ${builder.sourceRepositoryId}`]),
    ...(builder.sourceOwnerId === undefined ? [] : [`owner ${builder.sourceOwnerId}`]),
  ]
  return (
    <Card title="Built by" span={6} aside={<span className="muted">as its verified certificate says</span>}>
      <Facts
        of={[
          ['Repository', <OutLink key="repository" href={builder.sourceRepository} />],
          ['Certified ids', ids.join(', ')],
          ['Commit', builder.sourceDigest === undefined ? undefined : <OutLink key="commit" href={links.commit}><code>{shown(builder.sourceDigest.slice(0, 12))}</code></OutLink>],
          ['Ref', builder.sourceRef === undefined ? undefined : <OutLink key="ref" href={links.ref}>{shown(builder.sourceRef)}</OutLink>],
          ['Workflow', <OutLink key="workflow" href={links.workflow}>{shown(workflowOf(builder) ?? builder.subjectAlternativeName)}</OutLink>],
          ['Run', links.run === undefined ? undefined : <OutLink key="run" href={links.run} />],
          ['Started by', [builder.trigger, builder.runner].filter((part) => part !== undefined).map(shown).join(', on ')],
          ['Issuer', shown(builder.issuer)],
          ['Log entry', index === undefined ? undefined : instance !== undefined ? `${shown(index)}, of the Sigstore instance ${shown(instance)}` : <span key="log"><OutLink href={logLink(index)}>{shown(index)}</OutLink> <span className="muted">if it is of the public Sigstore</span></span>],
        ]}
      />
    </Card>
  )
}
