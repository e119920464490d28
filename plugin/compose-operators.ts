/** What operators are shown of a mirror: metrics, and whether it is ready. */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { mirrorMetrics, type MetricsSource } from './audit/metrics.ts'
import type { Telemetry } from './compose-telemetry.ts'
import type { Configuration } from './config/configuration.ts'
import type { HookState } from './domain/notification.ts'
import type { Clock } from './domain/ports.ts'
import type { CacheUsage, LogState, Problem, QueueState, TrustState, UplinkState } from './domain/state.ts'
import type { Work } from './domain/work.ts'
import type { MetricsOptions } from './http/metrics.ts'
import type { Rollout } from './rollout/rollout.ts'
import { freeOn, StoreHealth } from './store/health.ts'
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
  readonly bytes: { readonly usage: CacheUsage }
  readonly trustKeeper: { readonly problems: readonly string[]; readonly states: readonly TrustState[]; readonly refreshes: Readonly<Record<'succeeded' | 'failed', number>> }
  readonly rollout: Pick<Rollout, 'policy' | 'state'>
  readonly ledger: { assertWritable(): void }
  readonly log: { readonly state: LogState }
  readonly notifications: () => readonly HookState[]
  readonly isClosed: () => boolean
  /** Files by what they hold. */
  readonly databases: Readonly<Record<string, string>>
}

export function operatorsOf(parts: WatchedParts, configuration: Pick<Configuration, 'metrics' | 'cache' | 'database' | 'decisions'>, telemetry: Telemetry): OperatorsView {
  const { clients, loads, packuments, facts, bytes, trustKeeper, rollout, ledger, log, clock } = parts
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
    policy: () => ({ ...rollout.policy, ...rollout.state }),
    log: () => log.state,
    trustProblems: () => trustKeeper.problems,
    storeProblems: () => health.problems,
  }
  return operatorsView(operated, configuration, telemetry)
}

export interface Operated extends Omit<MetricsSource, 'version' | 'measures' | 'problems' | 'disk'> {
  /** Sentences. */
  readonly trustProblems: () => readonly string[]
  readonly storeProblems: () => readonly string[]
  readonly isClosed: () => boolean
  /** Files by what they hold. */
  readonly databases: Readonly<Record<string, string>>
}

/** What routes for operators are given. */
export interface OperatorsView {
  readonly notReady: () => readonly Problem[]
  readonly metrics: MetricsOptions | undefined
}

export function operatorsView(operated: Operated, { metrics, cache }: Pick<Configuration, 'metrics' | 'cache'>, { measures }: Pick<Telemetry, 'measures'>): OperatorsView {
  const { trustProblems, storeProblems, isClosed, databases } = operated
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
  return { notReady, metrics: metrics && { ...metrics, ...shown } }
}

/** With SQLite's log beside it. */
async function sizeOf(file: string): Promise<number> {
  const sizes = await Promise.all([file, `${file}-wal`].map((one) => stat(one).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}
