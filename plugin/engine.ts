/** What a mirror consists of, once it is put together (`compose.ts`). */
import type { StructuredLogger } from './audit/decisions.ts'
import type { DecisionLogStore } from './audit/decision-log.ts'
import type { Configuration } from './config/configuration.ts'
import type { TrustMaterial, Upstreams } from './domain/ports.ts'
import type { Work } from './domain/work.ts'
import type { PackageRef } from './domain/package-ref.ts'
import type { OpenLocal } from './compose-local.ts'
import type { Notifier } from './compose-notify.ts'
import type { Attached } from './compose-s3.ts'
import type { Replicas } from './compose-replicas.ts'
import type { RouterDeps } from './http/router.ts'
import type { RequestLogger } from './http/access-log.ts'
import type { Observation } from './http/observed.ts'
import type { LocalSigner } from './keys/local-signer.ts'
import type { Pipeline } from './pipeline/pipeline.ts'
import type { TrustPolicy } from './policy/index.ts'
import type { PolicyReading, PolicySource } from './rollout/policy-source.ts'
import type { Rollout } from './rollout/rollout.ts'
import type { DurableLedger } from './store/replicated-ledger.ts'
import type { Probe } from './upstream/probe.ts'
import type { RegistryClient } from './upstream/registry-client.ts'
import type { TrustKeeper, TrustBasis } from './verify/index.ts'

/** What was configured, read and found usable. Nothing is open yet. */
export interface Prepared {
  readonly configuration: Configuration
  /** In an opened mirror: the one in force now. */
  readonly policy: TrustPolicy
  readonly policySource: PolicySource
  readonly firstPolicy: Extract<PolicyReading, { readonly policy: TrustPolicy }>
  /** By uplink; an uplink is missing while there is none. */
  readonly trust: ReadonlyMap<string, TrustMaterial>
  readonly trustBasis: TrustBasis
}

/** A mirror's insides, opened. */
export interface Engine extends Prepared {
  readonly pipeline: Pipeline
  readonly upstreams: Upstreams
  /** By name. */
  readonly clients: ReadonlyMap<string, RegistryClient>
  readonly ledger: DurableLedger
  /** Where the ledger is shared. */
  readonly replicas: Replicas | undefined
  /** The decision log. */
  readonly log: DecisionLogStore
  /** `trust` is what it holds now; `start` it where the mirror is to run for long. */
  readonly trustKeeper: TrustKeeper
  readonly work: Work
  /** Tells people what is new; `start` it likewise. Undefined where nobody is to be told. */
  readonly notifier: Notifier | undefined
  /** What requests are measured and traced with. */
  readonly observation: Observation
  readonly logger: StructuredLogger & RequestLogger
  /** The policy and its reloads; `start` it likewise. */
  readonly rollout: Rollout
  /** Signs what is published here. */
  readonly localSigner: LocalSigner
  readonly routes: Omit<RouterDeps, 'auth' | 'storage' | 'logger' | 'unfiltered' | 'local'>
  /** Packages published here, once Verdaccio has handed out its storage. */
  readonly openLocal: OpenLocal
  /** Judges by another policy; nothing of what is in force, and nothing that is remembered of builders, changes. */
  whatIf(policy: TrustPolicy): Pipeline
  /** Asks every uplink what evidence it publishes. Never rejects. */
  probeUplinks(): Promise<ReadonlyMap<string, Probe>>
  /** Whether a version was verified before and its bytes are here, by `integrity` where that is given; asks no uplink. */
  isKept(ref: PackageRef, integrity: string | undefined): Promise<boolean>
  /** Runs what answers requests over a made-up package, so that nobody waits until it is compiled. Leaves nothing behind. Resolves to the statuses. */
  rehearse(): Promise<readonly number[]>
  /** Resolves when nothing is done behind answers any more. */
  settled(): Promise<void>
  /** From now on it says that it is not ready, and does all it did. */
  drain(): void
  /** What ends with it. */
  attach(part: Attached): void
  close(): Promise<void>
}
