import { Registry } from 'prom-client'
import { CACHES, ROUTES, VERIFICATIONS, type CacheName, type Measures, type RouteMeasures, type Way } from '../domain/measures.ts'
import type { HookState } from '../domain/notification.ts'
import { CHECKS, type CacheUsage, type InstanceState, type LogState, type Problem, type QueueState, type ReplicaState, type StoreState, type TrustState, type UplinkState } from '../domain/state.ts'
import type { Work } from '../domain/work.ts'
import { lazyMetrics, type LazyMetrics, type Sample } from './lazy-metrics.ts'
import { notificationMetrics } from './notification-metrics.ts'
import { replicaMetrics } from './replica-metrics.ts'
import { storeMetrics } from './store-metrics.ts'
import { processMetrics } from './process-metrics.ts'

/** What metrics are read from, when somebody asks for them. Every string in it is of a closed set, or of the configuration. */
export interface MetricsSource {
  readonly version: string
  readonly measures: Measures
  readonly work: Work
  readonly now: () => Date
  readonly problems: () => readonly Problem[]
  readonly uplinks: () => readonly UplinkState[]
  /** By what waits in them. */
  readonly queues: () => Readonly<Record<string, QueueState>>
  readonly caches: () => Readonly<Partial<Record<CacheName, CacheUsage>>>
  readonly trust: () => { readonly states: readonly TrustState[]; readonly instances: readonly InstanceState[]; readonly refreshes: Readonly<Record<'succeeded' | 'failed', number>> }
  /** Keys that this mirror signs with, by what they are for. */
  readonly signingKeys: () => readonly { readonly purpose: string; readonly created: Date }[]
  readonly policy: () => PolicyMeasures
  readonly log: () => LogState
  readonly notifications?: () => readonly HookState[]
  /** Undefined where the ledger is not shared. */
  readonly replicas?: () => ReplicaState | undefined
  /** Those on servers that several mirrors share. */
  readonly stores?: () => readonly StoreState[]
  /** Lines of the access log that were not written. */
  readonly lostLines?: () => number
  /** Bytes of databases by what they hold, and bytes that are left to write. */
  readonly disk: () => Promise<{ readonly databases: Readonly<Record<string, number>>; readonly free: number | undefined }>
}

export interface PolicyMeasures {
  readonly revision: string
  readonly preset: string
  readonly mode: string
  readonly loadedAt: Date
  readonly reloads: Readonly<Record<string, number>>
  readonly waivers: readonly { readonly expires: Date }[]
}

export interface MirrorMetrics {
  readonly contentType: string
  /** In Prometheus' text format. */
  readonly text: () => Promise<string>
}

/** The metrics of one mirror, in a registry of its own, and those of the process. */
export function mirrorMetrics(source: MetricsSource): MirrorMetrics {
  const registry = new Registry()
  const metrics = lazyMetrics(registry)
  for (const define of [requestMetrics, decisionMetrics, cacheMetrics, upstreamMetrics, verificationMetrics, trustMetrics, policyMetrics, notificationMetrics, replicaMetrics, storeMetrics, ownMetrics]) define(metrics, source)
  return {
    contentType: registry.contentType,
    text: async () => `${await registry.metrics()}\n${await processMetrics().metrics()}`,
  }
}

const WAYS: readonly Way[] = ['warm', 'whole']
const DAY = 86_400_000
const WITHIN = { '1d': DAY, '7d': 7 * DAY, '30d': 30 * DAY, all: Infinity }

function requestMetrics({ counter, gauge, histogram }: LazyMetrics, { measures: { requests }, lostLines }: MetricsSource): void {
  const routes = ROUTES.flatMap((route) => WAYS.map((way) => [{ route, way }, requests.of[route][way]] as const))
  counter('provenance_requests_total', 'Requests, by what was asked for, class of the status, and way: warm answers were given again', ['route', 'way', 'status'], () =>
    // A series that begins with what it counts first has lost it to every rate: the others of a route begin with it, at 0.
    routes.filter(isUsed).flatMap(([labels, { statuses }]) => statuses.map(([status, count]) => [{ ...labels, status }, count] as const)))
  histogram('provenance_request_duration_seconds', 'Seconds from the request to the end of its answer', () => routes.filter(isUsed).map(([labels, { seconds }]) => [labels, seconds]))
  histogram('provenance_response_size_bytes', 'Bytes of bodies, as far as they were announced', () => routes.filter(isUsed).map(([labels, { bytes }]) => [labels, bytes]))
  counter('provenance_requests_limited_total', 'Requests and connections refused since their client had had its share, by what is counted', ['class'], () => requests.limited.entries.map(([limited, count]) => [{ class: limited }, count]))
  counter('provenance_access_log_lines_lost_total', 'Lines of the access log that were not written', [], () => [[{}, lostLines?.() ?? 0]])
  gauge('provenance_requests_open', 'Requests that wait for the end of their answer', [], () => [[{}, requests.open]])
}

function decisionMetrics({ counter, gauge }: LazyMetrics, { measures: { decisions }, log }: MetricsSource): void {
  counter('provenance_decisions_total', 'Verdicts on versions that somebody asked for, or that a packument was judged without', ['kind', 'outcome'], () => split(decisions.decisions.entries, 'kind', 'outcome'))
  counter('provenance_decision_reasons_total', 'Reasons of those verdicts; one verdict can have several', ['kind', 'code'], () => split(decisions.reasons.entries, 'kind', 'code'))
  counter('provenance_decisions_monitored_total', 'Tarballs that policy refuses and that were served, since its mode is monitor', [], () => [[{}, decisions.monitored]])
  counter('provenance_log_entries_total', 'Entries of the decision log that were kept', ['kind'], () => labelled('kind', log().entries))
  gauge('provenance_log_entries_waiting', 'Entries of the decision log that are not on disk yet', [], () => [[{}, log().waiting]])
  counter('provenance_log_entries_dropped_total', 'Entries of the decision log that could not be kept', [], () => [[{}, log().dropped]])
}

function cacheMetrics({ counter, gauge }: LazyMetrics, { measures, work, caches, disk }: MetricsSource): void {
  counter('provenance_cache_requests_total', 'Questions to caches, by where the answer was', ['cache', 'result'], () =>
    CACHES.flatMap((cache) => labelled('result', { ...measures.caches[cache] }).map(([labels, value]) => [{ cache, ...labels }, value] as const)))
  const sizes = (memory: 'memory' | 'memoryLimit', onDisk: 'disk' | 'diskLimit'): readonly Sample[] =>
    Object.entries(caches()).flatMap(([cache, usage]) =>
      ([['memory', usage[memory]], ['disk', usage[onDisk]]] as const).flatMap(([medium, bytes]) => (bytes === undefined ? [] : [[{ cache, medium }, bytes] as const])))
  gauge('provenance_cache_size_bytes', 'Bytes that caches take, estimated in memory', ['cache', 'medium'], () => sizes('memory', 'disk'))
  gauge('provenance_cache_limit_bytes', 'Bytes that caches may take', ['cache', 'medium'], () => sizes('memoryLimit', 'diskLimit'))
  gauge('provenance_database_size_bytes', 'Bytes of databases, with what is not merged into them yet', ['database'], async () => labelled('database', (await disk()).databases))
  gauge('provenance_disk_free_bytes', 'Bytes left on the disk of the caches', [], async () => optional({}, (await disk()).free))
  counter('provenance_work_total', 'What costs: packuments read, answers written, signatures and attestations verified, warm answers', ['work'], () => labelled('work', { ...work }))
}

function upstreamMetrics({ counter, gauge, histogram }: LazyMetrics, { measures: { questions }, uplinks }: MetricsSource): void {
  counter('provenance_upstream_requests_total', 'Questions to uplinks, with all their attempts', ['uplink', 'kind', 'outcome'], () =>
    questions.all.flatMap(({ uplink, kind, outcomes }) => outcomes.entries.map(([outcome, count]) => [{ uplink, kind, outcome }, count] as const)))
  histogram('provenance_upstream_request_duration_seconds', 'Seconds from the turn of a question to its answer', () => questions.all.filter(({ seconds }) => seconds.count > 0).map(({ uplink, kind, seconds }) => [{ uplink, kind }, seconds]))
  gauge('provenance_upstream_up', '0 while an uplink is left alone, after too many failures in a row', ['uplink'], () =>
    uplinks().filter(({ state }) => state !== 'offline').map(({ name, state }) => [{ uplink: name }, Number(state === 'asked')]))
  gauge('provenance_upstream_waiting', 'Questions that wait for their turn; nobody waits for those of the background', ['uplink', 'urgency'], () =>
    uplinks().flatMap(({ name, waiting }) => labelled('urgency', { ...waiting }).map(([labels, value]) => [{ uplink: name, ...labels }, value] as const)))
  gauge('provenance_upstream_running', 'Questions on their way', ['uplink'], () => uplinks().map(({ name, running }) => [{ uplink: name }, running]))
}

function verificationMetrics({ counter, gauge, histogram }: LazyMetrics, { measures: { verifications }, queues }: MetricsSource): void {
  counter('provenance_verifications_total', 'Evidence that was verified, by what came of it', ['evidence', 'result'], () => split(verifications.results.entries, 'evidence', 'result'))
  histogram('provenance_verification_duration_seconds', 'Seconds of a verification, waiting for a thread included; signatures of a package are verified together', () =>
    VERIFICATIONS.map((kind) => [{ kind }, verifications.seconds[kind]]))
  gauge('provenance_queue_waiting', 'Work that waits: jobs for threads, questions of a package, packages to verify behind answers', ['queue'], () => Object.entries(queues()).map(([queue, { waiting }]) => [{ queue }, waiting]))
  gauge('provenance_queue_running', 'Work that is being done', ['queue'], () => Object.entries(queues()).map(([queue, { running }]) => [{ queue }, running]))
}

function trustMetrics({ counter, gauge }: LazyMetrics, { trust, signingKeys, now }: MetricsSource): void {
  const since = (date: Date): number => (now().getTime() - date.getTime()) / 1000
  const each = (of: (state: TrustState) => number | undefined): readonly Sample[] => trust().states.flatMap((state) => optional({ uplink: state.uplink }, of(state)))
  gauge('provenance_trust_material_age_seconds', 'Seconds since trust material was known to be current; none where its files do not say', ['uplink'], () => each(({ asOf }) => asOf && since(asOf)))
  gauge('provenance_trust_material_expiry_seconds', 'Seconds until its TUF metadata ends; it stays in force after that', ['uplink'], () => each(({ expires }) => expires && -since(expires)))
  gauge('provenance_registry_keys', 'Keys of the registry, by where they are from', ['uplink', 'source'], () => trust().states.map(({ uplink, keySource, keys }) => [{ uplink, source: keySource }, keys]))
  gauge('provenance_registry_key_expiry_seconds', 'Seconds until the last of its good keys ends', ['uplink'], () => each(({ keyExpires }) => keyExpires && -since(keyExpires)))
  counter('provenance_trust_refreshes_total', 'Runs of the refresh of trust material', ['sigstore', 'outcome'], () =>
    trust().instances.flatMap(({ instance, refreshes }) => labelled('outcome', { ...refreshes }).map(([labels, value]) => [{ sigstore: instance, ...labels }, value] as const)))
  gauge('provenance_sigstore_up', '0 while nothing is known of a Sigstore instance: what it vouches for is 503', ['sigstore'], () => trust().instances.map(({ instance, source }) => [{ sigstore: instance }, Number(source !== undefined)]))
  gauge('provenance_trust_end_seconds', 'Seconds until the last of its kind ends: a CA, a log, a timestamp authority, the metadata of a role of TUF', ['sigstore', 'kind', 'owner'], () =>
    trust().instances.flatMap(({ instance, ends }) => ends.map(({ kind, at, isOwn }) => [{ sigstore: instance, kind, owner: isOwn ? 'own' : 'others' }, -since(at)] as const)))
  gauge('provenance_signing_key_age_seconds', 'Seconds since the key was made that this mirror signs with now, by purpose', ['purpose'], () => signingKeys().map(({ purpose, created }) => [{ purpose }, since(created)]))
}

function policyMetrics({ counter, gauge }: LazyMetrics, { policy, now }: MetricsSource): void {
  gauge('provenance_policy_info', 'The policy in force', ['revision', 'preset', 'mode'], () => {
    const { revision, preset, mode } = policy()
    return [[{ revision, preset, mode }, 1]]
  })
  gauge('provenance_policy_loaded_timestamp_seconds', 'When the policy in force was loaded', [], () => [[{}, policy().loadedAt.getTime() / 1000]])
  counter('provenance_policy_reloads_total', 'Reloads of the policy; `refused` left the one before in force', ['outcome'], () => labelled('outcome', policy().reloads))
  gauge('provenance_waivers', 'Waivers in the policy that end within this time, those that have ended included', ['within'], () =>
    Object.entries(WITHIN).map(([within, limit]) => [{ within }, policy().waivers.filter(({ expires }) => expires.getTime() - now().getTime() <= limit).length]))
}

function ownMetrics({ gauge }: LazyMetrics, { version, problems }: MetricsSource): void {
  gauge('provenance_build_info', 'This version', ['version', 'node'], () => [[{ version, node: process.version }, 1]])
  gauge('provenance_ready', '1 while nothing keeps the mirror from doing its job', [], () => [[{}, Number(problems().length === 0)]])
  gauge('provenance_problems', 'What keeps the mirror from doing its job, by check', ['check'], () => {
    const all = problems()
    return CHECKS.map((check) => [{ check }, all.filter((problem) => problem.check === check).length])
  })
}

const isUsed = ([, { seconds }]: readonly [object, RouteMeasures]): boolean => seconds.count > 0

const labelled = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] => Object.entries(values).map(([key, value]) => [{ [label]: key }, value])

const optional = (labels: Sample[0], value: number | undefined): readonly Sample[] => (value === undefined ? [] : [[labels, value]])

/** Counts whose keys are two words, neither of which has a space in it. */
const split = (entries: readonly (readonly [string, number])[], first: string, second: string): readonly Sample[] =>
  entries.map(([key, count]) => {
    const [one = '', other = ''] = key.split(' ')
    return [{ [first]: one, [second]: other }, count]
  })
