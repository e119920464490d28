import type { JsonObject } from '../domain/json.ts'
import { policyDocument, problemDocument, type TrustPolicy } from '../policy/index.ts'
import type { PolicyState, Reload } from './keeper.ts'
import type { PolicySource } from './policy-source.ts'
import type { WaiverReport } from './waiver-use.ts'

/** For probes: nothing of what a policy, or a refused one, says. */
export const briefStatus = ({ revision, loadedAt, lastReload, reloads }: PolicyState): JsonObject => ({
  revision,
  loadedAt: loadedAt.toISOString(),
  lastReload: lastReload === undefined ? null : { ...reloadOf(lastReload), problems: lastReload.problems.length },
  reloads: { ...reloads },
})

/** `/-/provenance/v1/policy`. */
export function fullStatus(state: PolicyState, policy: TrustPolicy, { place }: PolicySource, waivers: readonly WaiverReport[]): JsonObject {
  const { lastReload } = state
  return {
    ...briefStatus(state),
    lastReload: lastReload === undefined ? null : { ...reloadOf(lastReload), problems: lastReload.problems.map(problemDocument) },
    place,
    ...policyDocument(policy),
    waivers: waivers.map(waiverDocument),
  }
}

const reloadOf = ({ at, cause, outcome }: Reload): JsonObject => ({ at: at.toISOString(), cause, outcome })

const waiverDocument = ({ expires, left, uses, lastUsed, ...waiver }: WaiverReport): JsonObject => ({
  ...(waiver as unknown as JsonObject),
  expires: expires.toISOString(),
  secondsLeft: Math.floor(left / 1000),
  uses,
  lastUsed: lastUsed?.toISOString() ?? null,
})
