/** The wiring of the dashboard and its API. */
import path from 'node:path'
import { isCovered } from './check/coverage.ts'
import { meantBy } from './check/spec.ts'
import { whatIf, withoutLearning } from './compose-what-if.ts'
import type { Configuration } from './config/configuration.ts'
import { pinRecord } from './domain/decision-record.ts'
import type { DecisionReader, DecisionWriter } from './domain/decision.ts'
import { Unavailable } from './domain/errors.ts'
import { buildersOf, decisionDocument } from './domain/identity-document.ts'
import type { PinDecision } from './domain/identity-memory.ts'
import type { JsonObject } from './domain/json.ts'
import { splitSpec } from './domain/package-ref.ts'
import { choosePins, type NoPinChoice } from './domain/pin-choice.ts'
import { recallRecord } from './domain/recall-record.ts'
import type { ReplicaState } from './domain/state.ts'
import { decide, type Clock, type Ledger, type Upstream, type Upstreams } from './domain/ports.ts'
import type { Asked } from './http/dashboard/batch.ts'
import { QuestionRefused, type CheckDesk, type Subjects } from './http/dashboard/check.ts'
import { LiveDecisions } from './http/dashboard/live.ts'
import { readPages, type BuiltPages } from './http/dashboard/pages.ts'
import type { PinsDesk } from './http/dashboard/pins.ts'
import type { RecallDesk } from './http/dashboard/recalls.ts'
import type { DashboardDeps } from './http/dashboard/routes.ts'
import { Pipeline, type PipelineDeps } from './pipeline/pipeline.ts'
import { policyOf, showText, type TrustPolicy } from './policy/index.ts'
import type { RegistryClient } from './upstream/registry-client.ts'
import { readInThread } from './uploads/pool.ts'
import type { TrustKeeper } from './verify/index.ts'
import { VERSION } from './version.ts'

export interface DashboardParts {
  readonly configuration: Pick<Configuration, 'dashboard' | 'uplinksFor' | 'publicUrls'>
  readonly log: DecisionReader & DecisionWriter
  readonly pipeline: PipelineDeps
  readonly clients: ReadonlyMap<string, RegistryClient>
  readonly ledger: Ledger
  readonly trustKeeper: TrustKeeper
  readonly policy: () => TrustPolicy
  readonly policyBrief: () => JsonObject
  readonly clock: Clock
  /** Where the ledger is shared. */
  readonly replicas?: { readonly state: ReplicaState } | undefined
}

/** Listings are made for refused versions only, to name one that passes. */
const LISTING_MEMORY = 16 * 1024 ** 2

export function dashboardOf(parts: DashboardParts): DashboardDeps {
  const { configuration: { dashboard }, log, clock } = parts
  return {
    enabled: dashboard.enabled,
    groups: { read: dashboard.read, write: dashboard.write },
    hasWebLogin: dashboard.hasWebLogin,
    log,
    live: new LiveDecisions(log),
    pins: pinsDesk(parts),
    recalls: recallDesk(parts),
    check: checkDesk(parts),
    status: () => statusOf(parts),
    clock,
    pages: builtPages(),
  }
}

/** As they were built when they are first asked for; a checkout that has none yet is looked at again. */
function builtPages(): () => BuiltPages | undefined {
  const here = import.meta.dirname
  const directory = import.meta.url.endsWith('.ts') ? path.join(here, '../dist/dashboard') : path.join(here, 'dashboard')
  let pages: BuiltPages | undefined
  return () => (pages ??= readPages(directory))
}

const DAY = 86_400_000
/** The public-good instance signs its timestamp anew every few days. */
const OLD = 7 * DAY

function statusOf({ policy, policyBrief, trustKeeper, clients, clock, replicas }: DashboardParts): JsonObject {
  const now = clock.now()
  return {
    policy: policyBrief(),
    mode: policy().mode,
    version: VERSION,
    trust: trustKeeper.states.map(({ uplink, asOf, expires, keySource, keys, keyExpires }) => ({
      uplink,
      source: { ...(trustKeeper.materials.get(uplink)?.source ?? {}), keySource, keys },
      fetchedAt: asOf?.toISOString() ?? null,
      expires: expires?.toISOString() ?? null,
      keyExpires: keyExpires?.toISOString() ?? null,
      problems: [
        ...(trustKeeper.materials.has(uplink) ? [] : ['there is no trust material for this uplink yet: nothing of it can be judged']),
        ...(expires !== undefined && expires < now ? ['its metadata is past its end: newer has not come'] : []),
        ...(expires !== undefined && asOf !== undefined && now.getTime() - asOf.getTime() > OLD ? ['it was not refreshed for more than 7 days'] : []),
        ...(keySource === 'pinned' ? ["the registry's keys are its own word, pinned when they were first seen"] : []),
      ],
    })),
    sigstores: trustKeeper.instances.map(({ instance, source, asOf, ends }) => ({
      instance,
      source: source ?? null,
      fetchedAt: asOf?.toISOString() ?? null,
      ends: ends.map(({ kind, at, isOwn }) => ({ kind, at: at.toISOString(), owner: isOwn ? 'own' : 'others' })),
      problems: source === undefined ? ['no root of it was fetched yet: what it vouches for cannot be judged'] : [],
    })),
    trustAlarms: trustKeeper.alarms.map(({ of, kind, at, stage, text }) => ({ of, kind, expires: at.toISOString(), stage, text })),
    replicas: replicasDocument(replicas?.state),
    uplinks: [...clients.values()].map(({ state: { name, state, waiting, running } }) => ({ name, state, waiting: waiting.foreground + waiting.background, running })),
  }
}

const replicasDocument = (state: ReplicaState | undefined): JsonObject | null =>
  state === undefined ? null : { state: state.state, problem: state.problem ?? null, pending: state.pending, sequence: state.sequence, mirrors: state.mirrors.map((mirror) => ({ ...mirror })) }

const pinsDesk = ({ ledger, log, clock }: DashboardParts): PinsDesk => ({
  names: (pending) => {
    const { identities } = ledger
    const names = pending ? identities.changes().map(({ name }) => name) : identities.packages().map(([, name]) => name)
    return [...new Set(names)].toSorted()
  },
  of: (name) => buildersOf(ledger.identities, ledger.registriesOf(name), name, showText),
  decide: async (decision, wish, { reason, by }, asker) => {
    const chosen = await decide(ledger, (): readonly PinDecision[] | NoPinChoice => {
      const choice = choosePins(decision, ledger, wish)
      if (choice.fault !== undefined) return choice
      const all = choice.chosen.map((one): PinDecision => ({ ...one, name: wish.name, decision, reason, by, at: clock.now() }))
      for (const one of all) ledger.identities.decide(one)
      return all
    })
    if ('fault' in chosen) return chosen
    for (const one of chosen) log.add(pinRecord(one, asker))
    return chosen.map((one) => decisionDocument({ ...one, reason: showText(one.reason), by: showText(by) }))
  },
})

const recallDesk = ({ ledger, log, clock }: DashboardParts): RecallDesk => ({
  all: () => ledger.recalls.all(),
  add: async (recall, asker) => {
    const [made, isNew] = await decide(ledger, () => {
      const known = new Set(ledger.recalls.of(recall.name).map(({ id }) => id))
      const added = ledger.recalls.add({ ...recall, at: clock.now() })
      return [added, !known.has(added.id)] as const
    })
    if (isNew) log.add(recallRecord(made, asker))
    return made
  },
  lift: async (id, why, asker) => {
    const lifted = await decide(ledger, () => ledger.recalls.lift(id, { ...why, at: clock.now() }))
    if (lifted !== undefined) log.add(recallRecord(lifted, asker))
    return lifted
  },
})

function checkDesk(parts: DashboardParts): CheckDesk {
  const { pipeline, clock, configuration } = parts
  const deps = { ...pipeline, listingMemory: LISTING_MEMORY }
  return {
    subjects: async ({ lockfile, specs }, base) => {
      const named = specs.map(askedOf)
      if (lockfile === undefined) return { asked: named, format: null, notCovered: [] }
      const outcome = await readInThread({ kind: 'lockfile', ...lockfile })
      if (outcome.kind !== 'lockfile') throw refused(outcome)
      const found = subjectsOf(outcome.lockfile, [...configuration.publicUrls, new URL(`${base}/`)])
      return { ...found, asked: unique([...named, ...found.asked]) }
    },
    policy: async (text) => {
      const outcome = await readInThread({ kind: 'policy', text, now: clock.now().toISOString() })
      if (outcome.kind !== 'policy') throw refused(outcome)
      return policyOf(outcome.policy)
    },
    meant: (wanted, versions, tags) => meantBy(wanted, { versions, tags }),
    known: new Pipeline({
      ...deps,
      upstreams: knownUpstreams(parts),
      ledger: withoutLearning(pipeline.ledger),
      decisions: { record: () => undefined },
      behind: undefined,
    }),
    whatIf: (policy) => whatIf(deps, policy),
  }
}

const refused = (outcome: { readonly kind: string; readonly message?: string; readonly problems?: readonly JsonObject[] }): QuestionRefused =>
  new QuestionRefused(422, outcome.message ?? 'this cannot be read', { problems: outcome.problems ?? [] })

type Locked = Extract<Awaited<ReturnType<typeof readInThread>>, { readonly kind: 'lockfile' }>['lockfile']

function subjectsOf({ format, version: formatVersion, packages }: Locked, mirrors: readonly URL[]): Subjects {
  const fromRegistry = packages.filter(({ kind }) => kind === 'registry' || kind === 'alias')
  const past = fromRegistry.filter(({ resolved }) => !isCovered(format, resolved, { mirrors, replaced: [] }))
  const others = packages.filter(({ kind }) => kind === 'git' || kind === 'url' || kind === 'file')
  return {
    asked: unique(fromRegistry.map(({ name, version }) => ({ name, wanted: version, exact: true }))),
    format: `${format} ${formatVersion}`.trim(),
    notCovered: [
      ...others.map(({ name, version, kind }) => ({ name, version, code: `${kind}-dependency`, message: 'comes from no registry, so that no policy speaks of it' })),
      ...past.map(({ name, version, resolved }) => ({ name, version, code: 'past-the-mirror', message: `the lockfile has clients fetch it from ${URL.parse(resolved ?? '')?.host ?? 'elsewhere'}` })),
    ],
  }
}

const unique = (asked: readonly Asked[]): readonly Asked[] => [...new Map(asked.map((one) => [JSON.stringify([one.name, one.wanted]), one])).values()]

const EXACT = /^\d+\.\d+\.\d+(?:[-+][\w.+-]*)?$/

function askedOf(spec: string): Asked {
  const { name, version = 'latest' } = splitSpec(spec.trim())
  return { name, wanted: version, exact: EXACT.test(version) }
}

/** Uplinks as far as they are known here: nobody is asked, and nothing that is not here is taken to be absent. */
function knownUpstreams({ clients, configuration: { uplinksFor }, ledger }: DashboardParts): Upstreams {
  const silent = new Map([...clients.values()].map((client) => [client.name, silentUpstream(client)]))
  return {
    all: [...silent.values()],
    find: async (name) => {
      const owner = ledger.origin(name)
      for (const uplink of uplinksFor(name)) {
        const client = clients.get(uplink)
        const upstream = silent.get(uplink)
        if (client === undefined || upstream === undefined) continue
        const head = client.peek(name)
        if (head === 'absent') continue
        const held = await client.held(name)
        if (held !== undefined) return { upstream, document: { ...held, stale: head === undefined } }
        if (owner === undefined || owner === client.registry) throw notKnown(name)
      }
      return 'absent'
    },
  }
}

const notKnown = (what: string): Unavailable => new Unavailable('verification-pending', `${what} is not known here yet, and uplinks are asked for users who are logged in`)

const silentUpstream = (client: RegistryClient): Upstream => ({
  name: client.name,
  registry: client.registry,
  attestationsMode: client.attestationsMode,
  packument: (name) => Promise.reject(notKnown(name)),
  attestations: ({ name, version }) => Promise.reject(notKnown(`the evidence of ${name}@${version}`)),
  tarball: (url) => Promise.reject(notKnown(url)),
  allowsTarball: (url) => client.allowsTarball(url),
  close: () => Promise.resolve(),
})
