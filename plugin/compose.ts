/** The only wiring, and the only reader of process.env. */
import { setTimeout as wait } from 'node:timers/promises'
import path from 'node:path'
import type { StructuredLogger } from './audit/decisions.ts'
import { readConfiguration, type VerdaccioConfiguration } from './config/configuration.ts'
import { buildersOf } from './domain/identity-document.ts'
import { PUBLISHED_HERE } from './domain/ports.ts'
import { noWork } from './domain/work.ts'
import { parseIntegrity } from './domain/integrity.ts'
import { createTarballInspector } from './enforce/tarball.ts'
import { advisoriesOf } from './compose-advisories.ts'
import { boundedLimit, counted, ownWordFirst } from './compose-bounds.ts'
import { dashboardOf } from './compose-dashboard.ts'
import { factsOf } from './compose-facts.ts'
import { assertKeys, vsaOf } from './compose-files.ts'
import { limitsOf } from './compose-limits.ts'
import { localPackages } from './compose-local.ts'
import { decisionLogOf } from './compose-log.ts'
import { notifierOf } from './compose-notify.ts'
import { operatorsOf } from './compose-operators.ts'
import { PolicyInForce } from './compose-policy.ts'
import { rehearse } from './compose-rehearsal.ts'
import { Beside } from './compose-s3.ts'
import { uplinksOf } from './compose-uplinks.ts'
import { accessLogOf } from './compose-access-log.ts'
import { measuredBytes, measuredDecisions, measuredVerifier, telemetryOf, tracedFacts } from './compose-telemetry.ts'
import type { Replacements } from './compose-replacements.ts'
import { openMemory } from './compose-replicas.ts'
import { whatIf } from './compose-what-if.ts'
import type { RequestLogger } from './http/access-log.ts'
import { WarmAnswers } from './http/warm.ts'
import { KeyRing } from './keys/key-ring.ts'
import { LocalSigner } from './keys/local-signer.ts'
import { Behind } from './pipeline/behind.ts'
import { Pipeline, type PipelineDeps } from './pipeline/pipeline.ts'
import { showText } from './policy/index.ts'
import { policySourceOf } from './rollout/policy-source.ts'
import { readConfiguredPolicy } from './rollout/rollout.ts'
import { FileByteStore } from './store/bytes.ts'
import { assertWholeLedger, moveAsideIfDamaged } from './store/damage.ts'
import { PackumentThreads } from './threads/pool.ts'
import { PackumentCache } from './upstream/packument-cache.ts'
import { probe } from './upstream/probe.ts'
import { RoutedUpstreams } from './upstream/upstreams.ts'
import { assembleTrust, createVerifier, readTrustBasis, TrustKeeper } from './verify/index.ts'
import type { Engine, Prepared } from './engine.ts'

export {
  addWaiver,
  describePolicy,
  parseDuration,
  parsePolicy,
  policyDocument,
  policyJsonSchema,
  presetDocument,
  presetPolicy,
  PRESETS,
  problemDocument,
  proposeRules,
  runExamples,
  WAIVABLE,
  type ExampleResult,
  type NewWaiver,
  type PresetName,
  type ProposedRule,
  type TrustPolicy,
  type UsedVersion,
} from './policy/index.ts'
export { environmentVariable, openKeys, openLedger } from './compose-files.ts'
export type { DurableLedger } from './store/replicated-ledger.ts'
export { readConfiguredPolicy, reloadText } from './rollout/rollout.ts'
export type { Limits, Replacements } from './compose-replacements.ts'
export type { Engine, Prepared } from './engine.ts'

const CONCURRENT_QUESTIONS = 32
const WAITING_QUESTIONS = 10_000
const FIRST_ANSWER_MS = 5_000
const MIN_DISK_FOR_PACKUMENTS = 1024 ** 3

/**
 * Reads and checks everything a person wrote: configuration, policy, keys and roots.
 * @throws ConfigurationError
 */
export function prepare(core: VerdaccioConfiguration): Prepared {
  const configuration = readConfiguration(core, process.env)
  const policySource = policySourceOf(configuration.policy)
  const firstPolicy = readConfiguredPolicy(policySource, new Date())
  if (firstPolicy.error !== undefined) throw firstPolicy.error
  const trustBasis = readTrustBasis(configuration)
  // Found out now, not when the first package published here is asked for.
  assertKeys(configuration)
  return { configuration, policy: firstPolicy.policy, policySource, firstPolicy, trust: assembleTrust(trustBasis), trustBasis }
}

/** Opens the stores and puts the parts together. */
export async function open(prepared: Prepared, logger: StructuredLogger & RequestLogger, replacements: Replacements = {}): Promise<Engine> {
  const { configuration, trustBasis } = prepared
  const { cache, database } = configuration
  const { limits = {} } = replacements
  const clock = replacements.clock ?? { now: () => new Date() }
  const onError = (error: unknown): void => {
    logger.warn({ err: error }, 'work behind a request failed: @{err.message}')
  }

  const warnOfLog = (message: string): void => { logger.warn({ decisionLog: message }, '@{decisionLog}') }
  const log = decisionLogOf(configuration, { clock, warn: warnOfLog, readOnly: replacements.asksOnly === true })
  const logOpened = replacements.asksOnly === true ? undefined : log.open()
  logOpened?.catch(() => undefined)
  const work = noWork()
  const accessLog = accessLogOf(replacements.asksOnly === true ? { ...configuration, accessLog: undefined } : configuration, { now: replacements.clock === undefined ? Date.now : () => clock.now().getTime(), warn: (message) => { logger.warn({ accessLog: message }, '@{accessLog}') } })
  const telemetry = telemetryOf(configuration, accessLog.lines)
  const { caches } = telemetry.measures
  const threads = new PackumentThreads(work)
  void threads.warmUp()
  const packuments = await PackumentCache.open({
    dir: path.join(cache.dir, 'packuments'),
    reader: threads,
    memory: cache.memory / 2,
    disk: Math.max(cache.disk / 4, Math.min(cache.disk, MIN_DISK_FOR_PACKUMENTS)),
    measures: caches.packuments,
    onError,
  })
  const bytes = await FileByteStore.open({
    dir: cache.dir,
    maxBytes: cache.disk,
    memory: cache.memory / 4,
    limit: limits.tarball,
    onError,
    warn: (message) => { logger.warn({ bytes: message }, '@{bytes}') },
  })
  const warnOfStores = (message: string): void => { logger.warn({ stores: message }, '@{stores}') }
  assertWholeLedger(database, configuration.shared.ledger !== undefined)
  if (!configuration.shared.factsAreShared) moveAsideIfDamaged(configuration.shared.facts, 'the cache of facts', warnOfStores)
  const { facts, ...factStore } = await factsOf(configuration.shared, { memory: cache.memory / 4, measures: caches.facts, clock, logger, onError })
  const policyInForce = new PolicyInForce(prepared)
  const memory = await openMemory(configuration, {
    bytes,
    memory: cache.memory / 2,
    onError,
    warn: (message) => { logger.warn({ replicas: message }, '@{replicas}') },
    isCommand: replacements.asksOnly === true,
    policy: () => policyInForce.revision,
    onLearned: (registry, name) => { facts.forget(`${registry} ${name}`) },
    onPolicy: () => { policyInForce.published() },
    isPolicyKnown: () => policyInForce.isKnown,
  })
  const { ledger, replicas } = memory
  const warnOfKeys = (message: string): void => { logger.warn({ keys: message }, '@{keys}') }
  const ring = new KeyRing({ dir: configuration.keysDir, clock, warn: warnOfKeys })
  const localSigner = new LocalSigner({ ring, ledger, mayShadow: configuration.mayShadow, clock, warn: warnOfKeys })
  const threadsOfVerifier = createVerifier(limits.verification)
  const verifier = measuredVerifier(counted(threadsOfVerifier, work), telemetry)
  const clients = uplinksOf(configuration, { limits, cache: packuments, reader: threads, clock, telemetry, onError, retryWait: replacements.retryWait })
  const byName = new Map(clients.map((client) => [client.name, client]))
  const trustKeeper = await TrustKeeper.open({
    basis: trustBasis,
    dir: path.join(cache.dir, 'tuf'),
    pins: ledger,
    askKeys: async (uplink) => (await byName.get(uplink)?.keys()) ?? 'absent',
    clock,
    schedule: replacements.schedule,
    warn: (message) => { logger.warn({ trust: message }, '@{trust}') },
    alarm: (message) => { logger.warn({ trust: message }, '@{trust}') },
  })
  const signing = new Set(configuration.uplinks.filter(({ signsAlways }) => signsAlways).map(({ name }) => name))
  // Each uplink its own: one that does not answer would keep the others' questions waiting.
  const waiting = limits.questions ?? WAITING_QUESTIONS
  const turns = new Map(clients.map(({ name }) => [name, boundedLimit(CONCURRENT_QUESTIONS, waiting)]))
  const rollout = policyInForce.open({ ledger, log, logger, clock, replacements })
  const behind = new Behind({ verifier, ledger, bytes: memory.bytes }, onError)
  const upstreams = memory.whileKnown(replacements.archive?.(byName) ?? new RoutedUpstreams(clients, configuration.uplinksFor))
  const pipelineDeps: PipelineDeps = {
    upstreams,
    verifier,
    facts: tracedFacts(facts, telemetry),
    ledger,
    bytes: measuredBytes(memory.bytes, telemetry),
    inspector: createTarballInspector(limits.inspection, configuration.publicUrls),
    policy: () => rollout.policy,
    trustOf: (uplink, name) => trustKeeper.material(uplink, name),
    renewal: replacements.archive === undefined ? trustKeeper : undefined,
    signsAlways: (uplink) => signing.has(uplink),
    decisions: measuredDecisions(rollout.decisions, telemetry),
    events: log,
    clock,
    measures: caches,
    tracing: telemetry.tracing,
    limit: (task, uplink) => turns.get(uplink)?.(task) ?? task(),
    listingMemory: cache.memory / 2,
    behind,
    deadline: () => wait(replacements.deadline ?? FIRST_ANSWER_MS, undefined, { ref: false }),
    onBackgroundError: onError,
  }
  const pipeline = new Pipeline(pipelineDeps)

  const addresses = { urls: configuration.publicUrls, prefix: configuration.urlPrefix }
  const warm = new WarmAnswers({ pipeline, policy: () => rollout.policy, addresses, work, mayShadow: configuration.mayShadow, observation: telemetry.observation })
  let closed = false
  const beside = new Beside(configuration)
  const loads = { verification: threadsOfVerifier, packuments: threads, background: behind }
  const watched = { work, clock, clients, loads, packuments, facts, bytes, trustKeeper, rollout, ledger, log, stores: () => [factStore.state() ?? [], beside.states].flat(), storeWarnings: () => [...factStore.warnings(), ...beside.warnings, ...accessLog.warnings], lostLines: () => accessLog.lost, databases: { ledger: database, ...(factStore.file !== undefined && { facts: factStore.file }) } }
  const operators = operatorsOf({ ...watched, notifications: () => notifier?.state ?? [], replicas: () => replicas?.state, isClosed: () => closed }, configuration, telemetry)
  await logOpened
  const notifier = replacements.asksOnly === true ? undefined : notifierOf(configuration, { log, rollout, trustKeeper, clock, logger, replicas, schedule: replacements.notificationSchedule })
  return {
    ...prepared,
    get policy() { return rollout.policy },
    get trust() { return trustKeeper.materials },
    pipeline,
    upstreams,
    clients: byName,
    ledger,
    replicas,
    log,
    trustKeeper,
    work,
    notifier,
    observation: telemetry.observation,
    logger,
    rollout,
    localSigner,
    whatIf: (policy) => whatIf(pipelineDeps, policy),
    openLocal: localPackages(pipelineDeps, { evidence: ledger, maintainers: ledger, signer: localSigner, trustBasis, whileKnown: (all) => memory.whileKnown(all), listingMemory: cache.memory / 8 }),
    routes: {
      pipeline,
      warm,
      lines: accessLog.lines,
      answers: { builder: threads, memory: cache.memory / 2, work },
      maxInFlight: limits.inFlight,
      limits: limitsOf(configuration, { ...telemetry, clock, logger }),
      policy: () => rollout.policy,
      policyStatus: { brief: () => rollout.brief(), full: () => rollout.full() },
      registryKeys: () => ownWordFirst([...trustKeeper.materials.values()]).flatMap(({ registryKeys }) => registryKeys),
      vsa: vsaOf(configuration, { policy: () => rollout.policy, clock, warn: warnOfKeys }),
      localKeys: (needed) => localSigner.publicKeys(needed),
      addresses,
      mayShadow: configuration.mayShadow,
      advisories: advisoriesOf(configuration, { clients: byName, ledger, upstreams }),
      builders: (name) => buildersOf(ledger.identities, ledger.registriesOf(name), name, showText),
      publishedHere: {
        has: (name) => ledger.origin(name) === PUBLISHED_HERE,
        note: (name) => { ledger.setOrigin(name, PUBLISHED_HERE) },
      },
      dashboard: dashboardOf({ configuration, replicas, log, pipeline: pipelineDeps, clients: byName, ledger, trustKeeper, policy: () => rollout.policy, policyBrief: () => rollout.brief(), clock }),
      serverId: configuration.serverId,
      events: log,
      locks: beside.locks,
      ...operators,
    },
    probeUplinks: async () => new Map(await Promise.all(clients.map(async (client) => [client.name, await probe(client)] as const))),
    isKept: async ({ name, version }, integrity) => {
      const known = ledger.registriesOf(name, version).flatMap((registry) => ledger.records(registry, name).get(version)?.integrity ?? [])
      const parsed = parseIntegrity(known.find((sri) => integrity === undefined || integrity.split(/\s+/).includes(sri)))
      return parsed.state === 'ok' && (await bytes.tarball(parsed.sha512)) !== undefined
    },
    rehearse() {
      return rehearse({ pipeline: pipelineDeps, verifier: threadsOfVerifier, threads: new PackumentThreads(), trustBasis, routes: (this as Engine).routes })
    },
    settled: async () => {
      await Promise.all([behind.settled(), ...clients.map((client) => client.settled())])
      await facts.settled()
    },
    drain: () => { closed = true },
    attach: (part) => { beside.attach(part) },
    close: async () => {
      closed = true
      trustKeeper.close()
      rollout.close()
      await notifier?.close()
      await Promise.all([behind.close(), ...clients.map((client) => client.close())])
      await verifier.close()
      await facts.close()
      await bytes.close()
      await beside.close()
      await log.close()
      await memory.close()
      await accessLog.close()
    },
  }
}
