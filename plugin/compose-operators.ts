/** What operators are shown of a mirror: metrics, and whether it is ready. */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { mirrorMetrics, type MetricsSource } from './audit/metrics.ts'
import type { Telemetry } from './compose-telemetry.ts'
import { signingKeysOf } from './compose-trust.ts'
import type { Configuration } from './config/configuration.ts'
import type { HookState } from './domain/notification.ts'
import type { Clock } from './domain/ports.ts'
import type { CacheUsage, LogState, Problem, QueueState, ReplicaState, StoreState, UplinkState } from './domain/state.ts'
import type { Work } from './domain/work.ts'
import type { MetricsOptions } from './http/metrics.ts'
import type { Rollout } from './rollout/rollout.ts'
import { freeOn, StoreHealth } from './store/health.ts'
import type { TrustKeeper } from './verify/index.ts'
import { VERSION } from './version.ts'

/** The parts of a mirror, as far as they are watched. */
export interface WatchedParts {
  readonly work: Work
  readonly clock: Clock
  readonly clients: readonly { readonly state: UplinkState }[]
  /** By what waits in them. */
  readonly loads: Readonly<Record<string, { readonly load: QueueState }>>
  readonly packuments: { readonly usage: CacheUsage }
  readonly facts: { readonly usage: CacheUsage }
  /** Of stores on servers that several mirrors share, and what is to be said of them. */
  readonly stores: () => readonly StoreState[]
  readonly storeWarnings: () => readonly string[]
  /** Of the access log. */
  readonly lostLines: () => number
  readonly bytes: { readonly usage: CacheUsage }
  readonly trustKeeper: Pick<TrustKeeper, 'problems' | 'warnings' | 'states' | 'instances' | 'refreshes'>
  readonly rollout: Pick<Rollout, 'policy' | 'state'>
  readonly ledger: { assertWritable(): void }
  readonly log: { readonly state: LogState }
  readonly notifications: () => readonly HookState[]
  /** Undefined where the ledger is not shared. */
  readonly replicas: () => ReplicaState | undefined
  readonly isClosed: () => boolean
  /** Files by what they hold. */
  readonly databases: Readonly<Record<string, string>>
}

export function operatorsOf(parts: WatchedParts, configuration: Pick<Configuration, 'metrics' | 'cache' | 'database' | 'decisions' | 'keysDir'>, telemetry: Telemetry): OperatorsView {
  const { clients, loads, packuments, facts, bytes, trustKeeper, rollout, ledger, log, clock, replicas } = parts
  const { cache, database, decisions } = configuration
  const health = new StoreHealth({ dirs: new Map([['caches', cache.dir], ['ledger', path.dirname(database)]]), ledger: () => { ledger.assertWritable() }, clock })
  const operated: Operated = {
    ...parts,
    databases: { ...parts.databases, ...(decisions.isFile ? { decisions: decisions.store } : {}) },
    now: () => clock.now(),
    uplinks: () => clients.map(({ state }) => state),
    queues: () => Object.fromEntries(Object.entries(loads).map(([name, { load }]) => [name, load])),
    caches: () => ({ packuments: packuments.usage, facts: facts.usage, tarballs: bytes.usage }),
    trust: () => trustKeeper,
    signingKeys: signingKeysOf(configuration, clock),
    policy: () => ({ ...rollout.policy, ...rollout.state }),
    log: () => log.state,
    trustProblems: () => trustKeeper.problems,
    trustWarnings: () => [...trustKeeper.warnings, ...replicaWarnings(replicas()), ...parts.storeWarnings()],
    storeProblems: () => [...health.problems, ...replicaProblems(replicas())],
  }
  return operatorsView(operated, configuration, telemetry)
}

/** Nothing is served meanwhile. */
const replicaProblems = (state: ReplicaState | undefined): readonly string[] =>
  state?.state === 'behind' ? [`what the mirrors of the shared ledger know could not be learned yet: ${state.problem ?? ''}`]
  : state?.state === 'halted' ? [`the shared ledger cannot be trusted: ${state.problem ?? ''}`]
  : []

/** What was verified is served, so nobody is to take the mirror away: the others are as alone. */
const replicaWarnings = (state: ReplicaState | undefined): readonly string[] =>
  state?.state === 'alone' ? [`the shared ledger cannot be reached, and nothing new is let in: ${state.problem ?? ''}`] : []

export interface Operated extends Omit<MetricsSource, 'version' | 'measures' | 'problems' | 'disk'> {
  /** Sentences. */
  readonly trustProblems: () => readonly string[]
  /** Of what the mirror cannot judge, beside all that it can. */
  readonly trustWarnings?: () => readonly string[]
  readonly storeProblems: () => readonly string[]
  readonly isClosed: () => boolean
  /** Files by what they hold. */
  readonly databases: Readonly<Record<string, string>>
}

/** What routes for operators are given. */
export interface OperatorsView {
  readonly notReady: () => readonly Problem[]
  readonly warnings: () => readonly string[]
  readonly metrics: MetricsOptions | undefined
}

export function operatorsView(operated: Operated, { metrics, cache }: Pick<Configuration, 'metrics' | 'cache'>, { measures }: Pick<Telemetry, 'measures'>): OperatorsView {
  const { trustProblems, trustWarnings = () => [], storeProblems, isClosed, databases } = operated
  // Stores of a mirror that closes are closed.
  const notReady = (): readonly Problem[] => isClosed()
    ? [{ check: 'running', message: 'the mirror is shutting down' }]
    : [
        ...trustProblems().map((message) => ({ check: 'trust' as const, message })),
        ...storeProblems().map((message) => ({ check: 'stores' as const, message })),
      ]
  const disk = async (): ReturnType<MetricsSource['disk']> => {
    const sizes = await Promise.all(Object.entries(databases).map(async ([name, file]) => [name, await sizeOf(file)] as const))
    return { databases: Object.fromEntries(sizes), free: await freeOn(path.resolve(cache.dir)).catch(() => undefined) }
  }
  const shown = mirrorMetrics({ ...operated, version: VERSION, measures, problems: notReady, disk })
  return { notReady, warnings: trustWarnings, metrics: metrics && { ...metrics, ...shown } }
}

/** With SQLite's log beside it. */
async function sizeOf(file: string): Promise<number> {
  const sizes = await Promise.all([file, `${file}-wal`].map((one) => stat(one).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
