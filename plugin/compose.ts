/** The only wiring, and the only reader of process.env. */
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pLimit from 'p-limit'
import { LoggedDecisions, type StructuredLogger } from './audit/decisions.ts'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from './config/configuration.ts'
import type { Clock, DecisionLog, TrustMaterial } from './domain/ports.ts'
import { createTarballInspector } from './enforce/tarball.ts'
import type { RouterDeps } from './http/router.ts'
import { Pipeline } from './pipeline/pipeline.ts'
import { parsePolicy, presetPolicy, type TrustPolicy } from './policy/index.ts'
import { FileByteStore } from './store/bytes.ts'
import { FactCache } from './store/facts.ts'
import { SqliteLedger } from './store/ledger.ts'
import { PackumentCache } from './upstream/packument-cache.ts'
import { probe, type Probe } from './upstream/probe.ts'
import { RegistryClient } from './upstream/registry-client.ts'
import { RoutedUpstreams } from './upstream/upstreams.ts'
import { createVerifier, loadTrustMaterial } from './verify/index.ts'
import { VERSION } from './version.ts'

export { describePolicy, parsePolicy, presetPolicy, PRESETS, type PresetName, type TrustPolicy } from './policy/index.ts'

/** What a test replaces; the rest is real. */
export interface Replacements {
  readonly clock?: Clock
  /** First wait before an upstream is asked again, in milliseconds. */
  readonly retryWait?: number
  /** How long a first answer waits for provenance, in milliseconds. */
  readonly deadline?: number
  readonly decisions?: DecisionLog
}

/** What was configured, read and found usable. Nothing is open yet. */
export interface Prepared {
  readonly configuration: Configuration
  readonly policy: TrustPolicy
  /** By uplink. */
  readonly trust: ReadonlyMap<string, TrustMaterial>
}

/** A mirror's insides, opened. */
export interface Engine extends Prepared {
  readonly pipeline: Pipeline
  readonly routes: Omit<RouterDeps, 'auth' | 'storage' | 'logger'>
  /** Asks every uplink what evidence it publishes. Never rejects. */
  probeUplinks(): Promise<ReadonlyMap<string, Probe>>
  close(): Promise<void>
}

const CONCURRENT_QUESTIONS = 16
const FIRST_ANSWER_MS = 5_000
const MIN_DISK_FOR_PACKUMENTS = 1024 ** 3

/**
 * Reads and checks everything a person wrote: configuration, policy, keys and roots.
 * @throws ConfigurationError
 */
export function prepare(core: VerdaccioConfiguration): Prepared {
  const configuration = readConfiguration(core, process.env)
  const policy = configuration.policy === undefined ? presetPolicy() : parsePolicy(configuration.policy.source, configuration.policy.file)
  const trust = configuration.uplinks.map(({ name, registry, registryKeysFile }) => {
    const { trustedRootFile } = configuration
    return [name, loadTrustMaterial({ registry, registryKeysFile, trustedRootFile })] as const
  })
  return { configuration, policy, trust: new Map(trust) }
}

/** Opens the stores and puts the parts together. */
export async function open(prepared: Prepared, logger: StructuredLogger, replacements: Replacements = {}): Promise<Engine> {
  const { configuration, policy, trust } = prepared
  const { cache, database } = configuration
  const clock = replacements.clock ?? { now: () => new Date() }
  const onError = (error: unknown): void => {
    logger.warn({ err: error }, 'work behind a request failed: @{err.message}')
  }

  const packuments = await PackumentCache.open({
    dir: path.join(cache.dir, 'packuments'),
    memory: cache.memory / 2,
    disk: Math.max(cache.disk / 4, Math.min(cache.disk, MIN_DISK_FOR_PACKUMENTS)),
    onError,
  })
  const bytes = await FileByteStore.open({ dir: cache.dir, maxBytes: cache.disk })
  const ledger = new SqliteLedger({ file: database, onError })
  const facts = new FactCache({ storage: database.replace(/(\.db)?$/, '-facts.db'), memory: cache.memory / 4, onError })
  const verifier = createVerifier()
  const clients = configuration.uplinks.map(
    (uplink) =>
      new RegistryClient(uplink, {
        cache: packuments,
        clock,
        userAgent: `verdaccio-provenance/${VERSION}`,
        onError,
        ...(replacements.retryWait === undefined ? {} : { retryWait: replacements.retryWait }),
      }),
  )
  const signing = new Set(configuration.uplinks.filter(({ signsAlways }) => signsAlways).map(({ name }) => name))
  const pipeline = new Pipeline({
    upstreams: new RoutedUpstreams(clients, configuration.uplinksFor),
    verifier,
    facts,
    ledger,
    bytes,
    inspector: createTarballInspector(),
    policy: () => policy,
    trustOf: (uplink) => trustOf(trust, uplink),
    signsAlways: (uplink) => signing.has(uplink),
    decisions: replacements.decisions ?? new LoggedDecisions(logger),
    clock,
    limit: pLimit(CONCURRENT_QUESTIONS),
    deadline: () => wait(replacements.deadline ?? FIRST_ANSWER_MS, undefined, { ref: false }),
    onBackgroundError: onError,
  })

  let closed = false
  return {
    ...prepared,
    pipeline,
    routes: {
      pipeline,
      policy: () => policy,
      registryKeys: () => [...trust.values()].flatMap(({ registryKeys }) => registryKeys),
      addresses: { urls: configuration.publicUrls, prefix: configuration.urlPrefix },
      mayShadow: configuration.mayShadow,
      serverId: configuration.serverId,
      notReady: () => (closed ? ['the mirror is shutting down'] : []),
    },
    probeUplinks: async () => new Map(await Promise.all(clients.map(async (client) => [client.name, await probe(client)] as const))),
    close: async () => {
      closed = true
      await Promise.all(clients.map((client) => client.close()))
      await verifier.close()
      await facts.close()
      await bytes.close()
      ledger.close()
    },
  }
}

function trustOf(trust: ReadonlyMap<string, TrustMaterial>, uplink: string): TrustMaterial {
  const material = trust.get(uplink)
  if (material === undefined) throw new Error(`no trust material for the uplink ${uplink}`)
  return material
}
