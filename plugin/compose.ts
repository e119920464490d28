/** The only wiring, and the only reader of process.env. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pLimit from 'p-limit'
import { LoggedDecisions, type StructuredLogger } from './audit/decisions.ts'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from './config/configuration.ts'
import { ConfigurationError, Unavailable } from './domain/errors.ts'
import { PUBLISHED_HERE, type Clock, type DecisionLog, type Ledger, type TrustMaterial } from './domain/ports.ts'
import { createTarballInspector, type TarballLimits } from './enforce/tarball.ts'
import type { RouterDeps } from './http/router.ts'
import { Behind } from './pipeline/behind.ts'
import { Pipeline } from './pipeline/pipeline.ts'
import { parsePolicy, presetPolicy, type TrustPolicy } from './policy/index.ts'
import { FileByteStore } from './store/bytes.ts'
import { FactCache } from './store/facts.ts'
import { SqliteLedger } from './store/ledger.ts'
import { PackumentCache } from './upstream/packument-cache.ts'
import { probe, type Probe } from './upstream/probe.ts'
import { RegistryClient } from './upstream/registry-client.ts'
import { RoutedUpstreams } from './upstream/upstreams.ts'
import { assembleTrust, createVerifier, readTrustBasis, TrustKeeper, type TrustBasis, type TrustKeeperOptions, type VerifierOptions } from './verify/index.ts'
import { VERSION } from './version.ts'

export {
  addWaiver,
  describePolicy,
  parseDuration,
  parsePolicy,
  policyJsonSchema,
  presetDocument,
  presetPolicy,
  PRESETS,
  runExamples,
  type ExampleResult,
  type PresetName,
  type TrustPolicy,
} from './policy/index.ts'

/** What a test replaces; the rest is real. */
export interface Replacements {
  readonly clock?: Clock
  /** First wait before an upstream is asked again, in milliseconds. */
  readonly retryWait?: number
  /** How long a first answer waits for provenance, in milliseconds. */
  readonly deadline?: number
  readonly decisions?: DecisionLog
  readonly limits?: Limits
  /** How the refresh of trust material waits. */
  readonly schedule?: TrustKeeperOptions['schedule']
}

/** Bounds of what upstreams send, where a test needs smaller ones; see docs/limits.md. Sizes in bytes, times in milliseconds. */
export interface Limits {
  readonly packument?: number
  readonly document?: number
  readonly tarball?: number
  readonly tarballDeadline?: number
  readonly inspection?: Partial<TarballLimits>
  readonly verification?: VerifierOptions
  readonly questions?: number
  readonly inFlight?: number
}

/** What was configured, read and found usable. Nothing is open yet. */
export interface Prepared {
  readonly configuration: Configuration
  readonly policy: TrustPolicy
  /** By uplink; an uplink is missing while there is none. */
  readonly trust: ReadonlyMap<string, TrustMaterial>
  readonly trustBasis: TrustBasis
}

/** A mirror's insides, opened. */
export interface Engine extends Prepared {
  readonly pipeline: Pipeline
  /** `trust` is what it holds now; `start` it where the mirror is to run for long. */
  readonly trustKeeper: TrustKeeper
  readonly routes: Omit<RouterDeps, 'auth' | 'storage' | 'logger' | 'unfiltered'>
  /** Asks every uplink what evidence it publishes. Never rejects. */
  probeUplinks(): Promise<ReadonlyMap<string, Probe>>
  /** Resolves when nothing is done behind answers any more. */
  settled(): Promise<void>
  close(): Promise<void>
}

const CONCURRENT_QUESTIONS = 16
const WAITING_QUESTIONS = 10_000
const FIRST_ANSWER_MS = 5_000
const MIN_DISK_FOR_PACKUMENTS = 1024 ** 3

/**
 * Reads and checks everything a person wrote: configuration, policy, keys and roots.
 * @throws ConfigurationError
 */
export function prepare(core: VerdaccioConfiguration): Prepared {
  const configuration = readConfiguration(core, process.env)
  const policy = configuration.policy === undefined ? presetPolicy() : parsePolicy(configuration.policy.source, configuration.policy.file, { readFile: (file) => readFileSync(file, 'utf8') })
  const trustBasis = readTrustBasis(configuration)
  return { configuration, policy, trust: assembleTrust(trustBasis), trustBasis }
}

/**
 * The ledger of a configuration without the rest of a mirror, also while one runs on the same file.
 * @throws ConfigurationError when there is none: an empty one made here would say that nothing was ever seen
 */
export function openLedger(core: VerdaccioConfiguration): { readonly ledger: Ledger; readonly file: string } {
  const { database: file, file: config } = readConfiguration(core, process.env)
  if (existsSync(file)) return { ledger: new SqliteLedger({ file }), file }
  const problem = { path: 'middlewares.provenance.store', message: `there is no ledger at ${file}`, remedy: 'Name the configuration of a mirror that has run.' }
  throw new ConfigurationError(config, [problem])
}

/** Opens the stores and puts the parts together. */
export async function open(prepared: Prepared, logger: StructuredLogger, replacements: Replacements = {}): Promise<Engine> {
  const { configuration, policy, trustBasis } = prepared
  const { cache, database } = configuration
  const { limits = {} } = replacements
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
  const bytes = await FileByteStore.open({ dir: cache.dir, maxBytes: cache.disk, limit: limits.tarball, onError })
  const ledger = new SqliteLedger({ file: database, onError })
  const facts = new FactCache({ storage: database.replace(/(\.db)?$/, '-facts.db'), memory: cache.memory / 4, onError })
  const verifier = createVerifier(limits.verification)
  const clients = configuration.uplinks.map(
    (uplink) =>
      new RegistryClient({ ...uplink, tarballDeadline: limits.tarballDeadline }, {
        limits,
        cache: packuments,
        clock,
        userAgent: `verdaccio-provenance/${VERSION}`,
        onError,
        ...(replacements.retryWait === undefined ? {} : { retryWait: replacements.retryWait }),
      }),
  )
  const byName = new Map(clients.map((client) => [client.name, client]))
  const trustKeeper = await TrustKeeper.open({
    basis: trustBasis,
    dir: path.join(cache.dir, 'tuf'),
    pins: ledger,
    askKeys: async (uplink) => (await byName.get(uplink)?.keys()) ?? 'absent',
    clock,
    schedule: replacements.schedule,
    warn: (message) => { logger.warn({ trust: message }, '@{trust}') },
  })
  const signing = new Set(configuration.uplinks.filter(({ signsAlways }) => signsAlways).map(({ name }) => name))
  // Each uplink its own: one that does not answer would keep the others' questions waiting.
  const waiting = limits.questions ?? WAITING_QUESTIONS
  const turns = new Map(clients.map(({ name }) => [name, boundedLimit(CONCURRENT_QUESTIONS, waiting)]))
  const behind = new Behind({ verifier, ledger, bytes }, onError)
  const pipeline = new Pipeline({
    upstreams: new RoutedUpstreams(clients, configuration.uplinksFor),
    verifier,
    facts,
    ledger,
    bytes,
    inspector: createTarballInspector(limits.inspection),
    policy: () => policy,
    trustOf: (uplink) => trustKeeper.material(uplink),
    renewal: trustKeeper,
    signsAlways: (uplink) => signing.has(uplink),
    decisions: replacements.decisions ?? new LoggedDecisions(logger),
    clock,
    limit: (task, uplink) => turns.get(uplink)?.(task) ?? task(),
    listingMemory: cache.memory,
    behind,
    deadline: () => wait(replacements.deadline ?? FIRST_ANSWER_MS, undefined, { ref: false }),
    onBackgroundError: onError,
  })

  let closed = false
  return {
    ...prepared,
    get trust() { return trustKeeper.materials },
    pipeline,
    trustKeeper,
    routes: {
      pipeline,
      maxInFlight: limits.inFlight,
      policy: () => policy,
      registryKeys: () => [...trustKeeper.materials.values()].flatMap(({ registryKeys }) => registryKeys),
      addresses: { urls: configuration.publicUrls, prefix: configuration.urlPrefix },
      mayShadow: configuration.mayShadow,
      publishedHere: {
        has: (name) => ledger.origin(name) === PUBLISHED_HERE,
        note: (name) => { ledger.setOrigin(name, PUBLISHED_HERE) },
      },
      serverId: configuration.serverId,
      notReady: () => (closed ? ['the mirror is shutting down'] : trustKeeper.problems),
    },
    probeUplinks: async () => new Map(await Promise.all(clients.map(async (client) => [client.name, await probe(client)] as const))),
    settled: async () => {
      await Promise.all([behind.settled(), ...clients.map((client) => client.settled())])
    },
    close: async () => {
      closed = true
      trustKeeper.close()
      await Promise.all([behind.close(), ...clients.map((client) => client.close())])
      await verifier.close()
      await facts.close()
      await bytes.close()
      ledger.close()
    },
  }
}

/** A few at a time, and a queue that ends: who comes after it is told to come again, before memory is what says so. */
function boundedLimit(concurrency: number, waiting: number): <Result>(task: () => Promise<Result>) => Promise<Result> {
  const limit = pLimit(concurrency)
  return async (task) => {
    if (limit.pendingCount >= waiting) throw new Unavailable('evidence-unavailable', 'too many questions to uplinks are waiting')
    return limit(task)
  }
}
