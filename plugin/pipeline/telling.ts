import type { VersionKind } from '../domain/decision.ts'
import { eventRecord } from '../domain/decision-record.ts'
import { identityDocument } from '../domain/identity-document.ts'
import type { SeenChange } from '../domain/identity-memory.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { Decision, Policy } from '../domain/ports.ts'
import type { Reason } from '../domain/reason.ts'
import type { Verdict } from '../domain/verdict.ts'
import { withdrawnReason } from '../domain/withdrawn.ts'
import type { PipelineDeps } from './deps.ts'
import type { Judgement, Requested } from './judgement.ts'

/** What a pipeline tells the decision log. */
export class Telling {
  readonly #deps: Pick<PipelineDeps, 'decisions' | 'events' | 'clock'>

  constructor(deps: Pick<PipelineDeps, 'decisions' | 'events' | 'clock'>) {
    this.#deps = deps
  }

  /** These bytes are about to be sent, unless he who asks takes others only. */
  served(judgement: Judgement, sha512: string, requested: Requested): void {
    const other = requested.refuses?.(sha512)
    if (other === undefined) this.#judged(judgement.verdict.outcome === 'warn' ? 'warned' : 'served', judgement, requested)
    else this.#judged('refused', { ...judgement, verdict: against(other) }, requested)
  }

  refused(judgement: Judgement, requested: Requested): void {
    this.#judged(judgement.verdict.outcome === 'unavailable' ? 'unavailable' : 'refused', judgement, requested)
  }

  withheld(judgement: Judgement, at: Date): void {
    this.#judged('withheld', judgement, {}, at)
  }

  /** Known before, and gone upstream. */
  withdrawn(ref: PackageRef, from: { readonly uplink: string; readonly integrity: string | undefined }, { revision }: Policy, requested: Requested): void {
    this.#tell({ kind: 'refused', ref, ...from, verdict: against(withdrawnReason(ref)), policyRevision: revision }, requested)
  }

  /** Whose version it is could not even be found out. */
  unavailable(name: string, reason: Reason, { revision }: Policy, requested: Requested): void {
    const verdict: Verdict = { outcome: 'unavailable', rule: '', reasons: [reason] }
    this.#tell({ kind: 'unavailable', ref: { name, version: '' }, uplink: '', integrity: undefined, verdict, policyRevision: revision }, requested)
  }

  /** Somebody else built versions than built the package before: an operator has to say whether he may. */
  pending(from: { readonly registry: string; readonly name: string }, changes: readonly SeenChange[], { revision }: Policy, at: Date): void {
    for (const { version, to, from: pinned } of changes) {
      const detail = { registry: from.registry, from: { ...identityDocument(pinned) }, to: { ...identityDocument(to) } }
      this.#deps.events?.add(eventRecord({ at, kind: 'pin-pending', package: from.name, version, policyRevision: revision, detail }))
    }
  }

  #judged(kind: VersionKind, { ref, candidate, verdict, policyRevision, evidence }: Judgement, { asker }: Requested, at = this.#deps.clock.now()): void {
    const integrity = candidate.integrity.state === 'ok' ? candidate.integrity.sri : undefined
    const { provenance } = candidate
    const named = provenance.state === 'verified' && provenance.facts.instance !== undefined ? { sigstore: provenance.facts.instance } : {}
    this.#deps.decisions.record({ kind, ref, uplink: candidate.uplink, integrity, verdict, policyRevision, at, asker, evidence, ...named })
  }

  #tell(decision: Omit<Decision, 'at' | 'asker'>, { asker }: Requested): void {
    this.#deps.decisions.record({ ...decision, at: this.#deps.clock.now(), asker })
  }
}

const against = (reason: Reason): Verdict => ({ outcome: 'deny', rule: '', reasons: [reason] })
