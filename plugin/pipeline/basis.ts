import type { FoundPackument, Ledger, Policy, TrustMaterial } from '../domain/ports.ts'

/**
 * What verdicts on a package rest on, beside the clock, in one text: the document, the policy, the trust material, and what of the
 * ledger changes without them.
 * @param age milliseconds for which another process' word in the ledger may be overlooked
 */
export function basisOf({ upstream, document }: FoundPackument, policy: Policy, trust: TrustMaterial, { ledger, age }: { readonly ledger: Ledger; readonly age: number }): string {
  const { packument: { name }, digest } = document
  const look = (): string => {
    const isOwner = (ledger.origin(name) ?? upstream.registry) === upstream.registry
    return `${ledger.signs(upstream.registry)} ${ledger.lastReset(name)} ${ledger.identities.revision(name)} ${isOwner}`
  }
  const memory = ledger.glance === undefined ? look() : ledger.glance(look, age)
  return `${digest} ${policy.revision} ${trust.revision} ${upstream.name} ${memory}`
}
