/** Entries of the decision log for what is decided beside versions. */
import type { Asker, DecisionRecord, EventKind } from './decision.ts'
import { decisionDocument, identityDocument } from './identity-document.ts'
import type { PinDecision } from './identity-memory.ts'
import type { JsonObject } from './json.ts'
import type { LedgerReset } from './ports.ts'

export interface Event {
  readonly at: Date
  readonly kind: EventKind
  readonly package?: string | undefined
  readonly version?: string | undefined
  readonly policyRevision?: string | undefined
  readonly asker?: Asker | undefined
  readonly detail?: JsonObject | undefined
}

export const askerOf = ({ address, client, user, token }: Asker = {}): DecisionRecord['asker'] => ({
  address: address ?? null,
  client: client ?? null,
  user: user ?? null,
  token: token ?? null,
})

export const eventRecord = ({ at, kind, package: name, version, policyRevision, asker, detail }: Event): DecisionRecord => ({
  at: at.toISOString(),
  kind,
  package: name ?? null,
  version: version ?? null,
  integrity: null,
  uplink: null,
  outcome: null,
  monitored: false,
  reasons: [],
  rule: null,
  policyRevision: policyRevision ?? null,
  waivers: [],
  evidence: null,
  asker: askerOf(asker),
  detail: detail ?? null,
  times: 1,
})

/** `pins approve` and `pins drop`, from wherever. */
export const pinRecord = (decision: PinDecision, asker?: Asker): DecisionRecord =>
  eventRecord({ at: decision.at, kind: decision.decision === 'approve' ? 'pin-approved' : 'pin-dropped', package: decision.name, asker, detail: { ...decisionDocument(decision), identity: { ...identityDocument(decision.identity) } } })

export const resetRecord = ({ name, version, reason, at }: LedgerReset, registries: readonly string[], asker?: Asker): DecisionRecord =>
  eventRecord({ at, kind: 'ledger-reset', package: name, version, asker, detail: { reason, registries } })
