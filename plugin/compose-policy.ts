/** The wiring of the policy in force: of a file, or the one that was published to all mirrors of a shared ledger. */
import { decisionSinks } from './compose-log.ts'
import type { StructuredLogger } from './audit/decisions.ts'
import type { DecisionLogStore } from './audit/decision-log.ts'
import type { Replacements } from './compose-replacements.ts'
import type { TrustPolicy } from './policy/index.ts'
import type { Clock } from './domain/ports.ts'
import type { PolicyReading, PolicySource } from './rollout/policy-source.ts'
import { readConfiguredPolicy, Rollout, type RolloutOptions } from './rollout/rollout.ts'
import type { DurableLedger } from './store/replicated-ledger.ts'

export interface PreparedPolicy {
  readonly policySource: PolicySource
  readonly firstPolicy: Extract<PolicyReading, { readonly policy: TrustPolicy }>
}

export interface PolicyParts {
  readonly ledger: Pick<DurableLedger, 'policies'>
  readonly log: DecisionLogStore
  readonly logger: StructuredLogger & RolloutOptions['log']
  readonly clock: Clock
  readonly replacements: Pick<Replacements, 'decisions' | 'rollout'>
}

/** The ledger that policies are published in is open before the policy is, and tells of them from then on. */
export class PolicyInForce {
  readonly #prepared: PreparedPolicy
  #rollout: Rollout | undefined
  #isKnown = true
  #isPublishedInForce = false

  constructor(prepared: PreparedPolicy) {
    this.#prepared = prepared
  }

  get revision(): string {
    return (this.#rollout?.policy ?? this.#prepared.firstPolicy.policy).revision
  }

  /** False where the policy that was published cannot be read, and none that was is in force: nothing is to be served by less. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Another was published. */
  published(): void {
    if (this.#rollout === undefined) return
    const { outcome } = this.#rollout.reload('published')
    this.#isPublishedInForce ||= outcome !== 'refused'
    this.#isKnown = this.#isPublishedInForce
  }

  open({ ledger, log, logger, clock, replacements }: PolicyParts): Rollout {
    const { policySource, firstPolicy } = this.#prepared
    const source = { ...policySource, published: () => ledger.policies.latest }
    const first = source.place === 'shared' ? readConfiguredPolicy(source, clock.now()) : firstPolicy
    this.#isKnown = first.error === undefined
    this.#isPublishedInForce = this.#isKnown && ledger.policies.latest !== undefined
    this.#rollout = new Rollout({
      source,
      first: first.error === undefined ? first : firstPolicy,
      clock,
      log: logger,
      decisions: decisionSinks(log, { logger, clock }, replacements.decisions),
      events: log,
      replacements: replacements.rollout,
    })
    // Said aloud.
    if (!this.#isKnown) this.#rollout.reload('published')
    return this.#rollout
  }
}
