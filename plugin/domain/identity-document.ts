import type { IdentityPin } from './history.ts'
import type { IdentityMemory, PendingChange, PinDecision } from './identity-memory.ts'
import { inForce, type BuiltBy } from './pins.ts'

/** An identity as people and programs read it; null where its certificate does not say. */
export interface IdentityDocument {
  readonly issuer: string
  readonly sourceRepository: string | null
  readonly sourceRepositoryId: string | null
  readonly sourceOwnerId: string | null
  readonly workflow: string | null
}
/** Times are ISO 8601. */
export interface PinDocument extends IdentityDocument {
  readonly version: string
  readonly since: string
  readonly latest: string
  readonly because: IdentityPin['because']
  /** Null while it counts. */
  readonly until: string | null
}
export interface ChangeDocument {
  readonly registry: string
  readonly from: IdentityDocument
  readonly to: IdentityDocument
  readonly firstSeen: string
  readonly versions: readonly string[]
}
export interface DecisionDocument {
  readonly decision: PinDecision['decision']
  readonly registry: string
  readonly identity: IdentityDocument
  readonly reason: string
  readonly by: string | null
  readonly at: string
}
/** Who built a package, what waits for an operator, and what operators decided. */
export interface BuildersDocument {
  readonly package: string
  readonly pins: readonly PinDocument[]
  readonly pending: readonly ChangeDocument[]
  readonly decisions: readonly DecisionDocument[]
}

/** `show` makes what people wrote fit for those it is shown to. */
export function buildersOf(identities: IdentityMemory, registries: readonly string[], name: string, show = (text: string): string => text): BuildersDocument {
  return {
    package: name,
    pins: registries.flatMap((registry) => inForce(identities.pins(registry, name), undefined).map(pinDocument)),
    pending: identities.changes(name).map(changeDocument),
    decisions: identities.decisions(name).map(({ reason, by, ...one }) => decisionDocument({ ...one, reason: show(reason), by: by === undefined ? by : show(by) })),
  }
}

export const identityDocument = ({ issuer, sourceRepository, sourceRepositoryId, sourceOwnerId, workflow }: BuiltBy): IdentityDocument => ({
  issuer,
  sourceRepository: sourceRepository ?? null,
  sourceRepositoryId: sourceRepositoryId ?? null,
  sourceOwnerId: sourceOwnerId ?? null,
  workflow: workflow ?? null,
})

export const pinDocument = (pin: IdentityPin): PinDocument => ({
  ...identityDocument(pin),
  version: pin.version,
  since: pin.since.toISOString(),
  latest: pin.latest.toISOString(),
  because: pin.because,
  until: pin.until?.toISOString() ?? null,
})

export const changeDocument = ({ registry, from, to, firstSeen, versions }: PendingChange): ChangeDocument => ({
  registry,
  from: identityDocument(from),
  to: identityDocument(to),
  firstSeen: firstSeen.toISOString(),
  versions,
})

export const decisionDocument = ({ decision, registry, identity, reason, by, at }: PinDecision): DecisionDocument => ({
  decision,
  registry,
  identity: identityDocument(identity),
  reason,
  by: by ?? null,
  at: at.toISOString(),
})
