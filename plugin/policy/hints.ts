/**
 * What an upstream says of a version without signing it, and triggers that run a foreigner's code with a project's rights. A hint
 * can only refuse: whoever controls the registry writes it as he likes.
 */
import { deny, warn, type Check } from './finding.ts'
import type { RequireDocument } from './schema.ts'
import { hintAbsent, riskyTrigger } from './words.ts'

export const DANGEROUS_TRIGGERS: readonly string[] = ['pull_request_target', 'issue_comment']

export const hintChecks = ({ stagedPublish, trustedPublisher }: RequireDocument): readonly Check[] => [
  ...(stagedPublish === 'required' ? [hintCheck('stagedPublish')] : []),
  ...(trustedPublisher === 'required' ? [hintCheck('trustedPublisher')] : []),
]

const hintCheck =
  (hint: 'stagedPublish' | 'trustedPublisher'): Check =>
  ({ claims }) =>
    claims[hint] ? [] : [deny(hintAbsent(hint))]

/** Of the certified trigger, wherever provenance is looked at at all. */
export function triggerChecks({ dangerousTriggers, provenance, anyOf }: RequireDocument): readonly Check[] {
  const looks = [provenance, ...(anyOf ?? []).map((branch) => branch.provenance)].some((want) => want !== undefined && want !== 'ignore')
  if (!looks || dangerousTriggers === undefined || dangerousTriggers === 'ignore') return []
  // Triggers that the rule names are compared already, and none of these is among them.
  const named = typeof provenance === 'object' ? [provenance.trigger ?? []].flat() : []
  if (named.length > 0 && !named.some((trigger) => DANGEROUS_TRIGGERS.includes(trigger))) return []
  const say = dangerousTriggers === 'deny' ? deny : warn
  return [
    ({ provenance: evidence }) => {
      const trigger = evidence.state === 'verified' ? evidence.facts.identity.trigger : undefined
      return trigger !== undefined && DANGEROUS_TRIGGERS.includes(trigger) ? [say(riskyTrigger(trigger))] : []
    },
  ]
}
