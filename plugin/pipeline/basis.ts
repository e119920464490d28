import type { FoundHead, Ledger, Policy, TrustMaterial } from '../domain/ports.ts'

/**
 * What verdicts on a package rest on, beside the clock, in one text: the document, the policy, the trust material, and what of the
 * ledger changes without them.
 * @param age milliseconds for which another process' word in the ledger may be overlooked
 */
export function basisOf(
  name: string,
  { upstream, document: { digest } }: FoundHead,
  policy: Pick<Policy, 'revision'>,
  trust: TrustMaterial,
  { ledger, age }: { readonly ledger: Ledger; readonly age: number },
): string {
  const look = (): string => {
    const isOwner = (ledger.origin(name) ?? upstream.registry) === upstream.registry
    return `${ledger.signs(upstream.registry)} ${ledger.lastReset(name)} ${ledger.recalls.revision(name)} ${ledger.identities.revision(name)} ${isOwner}`
  }
  const memory = ledger.glance === undefined ? look() : ledger.glance(look, age)
  return `${digest} ${policy.revision} ${trust.revision} ${upstream.name} ${memory}`
}
