/**
 * The wiring of a rehearsal: the functions that answer requests, run once over a package that does not exist. V8 compiles a function when
 * it is first called, and the first request of a process would wait for hundreds of them in one turn of the event loop. Everything that
 * remembers is of memory, and is thrown away: no uplink is asked, and no ledger, log, file or metric learns of it.
 */
import { randomBytes } from 'node:crypto'
import { localPackages } from './compose-local.ts'
import type { ByteStore, FactStore, PackumentReader, Policy, Upstream, UpstreamPackument, Verifier } from './domain/ports.ts'
import { nextTurn } from './domain/turns.ts'
import { noWork } from './domain/work.ts'
import type { VerdaccioAuth, VerdaccioStorage } from './http/access.ts'
import type { PackumentAnswers } from './http/packuments.ts'
import { rehearseRoutes, type Rehearsed } from './http/rehearse.ts'
import type { RouterDeps } from './http/router.ts'
import { WarmAnswers } from './http/warm.ts'
import { Pipeline, type PipelineDeps } from './pipeline/pipeline.ts'
import { SqliteLedger } from './store/ledger.ts'
import type { TrustBasis } from './verify/index.ts'

export interface RehearsalParts {
  readonly pipeline: PipelineDeps
  readonly verifier: Verifier
  readonly threads: PackumentReader & NonNullable<NonNullable<ConstructorParameters<typeof PackumentAnswers>[0]>['builder']>
  readonly trustBasis: TrustBasis
  readonly routes: Omit<RouterDeps, 'auth' | 'storage' | 'logger' | 'unfiltered' | 'local'>
}

/** Of no registry: it is asked of none. */
export const REHEARSED = 'a-package-that-does-not-exist'
const VERSIONS = 40
const DAY = 86_400_000
const UPLINK = 'rehearsal'
const REGISTRY = 'https://rehearsal.invalid'
const NPM = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'accept-encoding': 'gzip' }
const ASKED: readonly Rehearsed[] = [
  { path: `/${REHEARSED}`, headers: NPM },
  { path: `/${REHEARSED}`, headers: NPM },
  { path: `/${REHEARSED}`, headers: { accept: 'application/json' } },
  { path: `/${REHEARSED}/1.0.1` },
  // Its signature is none: it is refused.
  { path: `/${REHEARSED}/-/${REHEARSED}-1.0.1.tgz` },
]

/** Resolves to the statuses of what was asked. */
export async function rehearse({ pipeline, verifier, threads, trustBasis, routes }: RehearsalParts): Promise<readonly number[]> {
  const { clock } = pipeline
  const ledger = new SqliteLedger({ file: ':memory:' })
  try {
    const upstream = upstreamOf(await documentOf(threads, pipeline.trustOf(trustBasis.uplinks[0]?.name ?? '', REHEARSED).registryKeys[0]?.keyid ?? 'none', clock.now()))
    const deps: PipelineDeps = {
      ...pipeline,
      upstreams: { all: [upstream], find: async () => ({ upstream, document: await upstream.packument(REHEARSED) as UpstreamPackument }) },
      verifier,
      facts: noFacts,
      ledger,
      bytes: noBytes,
      policy: () => listsAll(pipeline.policy()),
      trustOf: () => pipeline.trustOf(trustBasis.uplinks[0]?.name ?? '', REHEARSED),
      renewal: undefined,
      signsAlways: () => true,
      decisions: { record: () => undefined },
      events: undefined,
      measures: undefined,
      tracing: undefined,
      limit: (task) => task(),
      behind: undefined,
      onBackgroundError: () => undefined,
    }
    const local = localPackages(deps, { evidence: ledger, maintainers: ledger, signer: { signatures: () => new Map(), revision: () => '' }, trustBasis, listingMemory: 1024 ** 2 })
    const own = new Pipeline(deps)
    return await rehearseRoutes({
      ...routes,
      auth: everybody,
      storage: nothingStored,
      logger: { warn: () => undefined, error: () => undefined },
      unfiltered: (run) => { run() },
      local: local(nothingStored, (run) => { run() }),
      pipeline: own,
      policy: deps.policy,
      warm: new WarmAnswers({ pipeline: own, policy: deps.policy, addresses: routes.addresses, work: noWork(), mayShadow: routes.mayShadow }),
      answers: { builder: threads, memory: 8 * 1024 ** 2 },
      publishedHere: { has: () => false, note: () => undefined },
      events: undefined,
    }, ASKED)
  } finally {
    ledger.close()
  }
}

/** What an uplink would send, read in the threads that read such things. */
async function documentOf(reader: PackumentReader, keyid: string, now: Date): Promise<UpstreamPackument> {
  const versions = Array.from({ length: VERSIONS }, (_, index) => `1.0.${String(index)}`)
  const time = new Date(now.getTime() - 100 * DAY).toISOString()
  const document = {
    name: REHEARSED,
    'dist-tags': { latest: versions.at(-1) },
    time: Object.fromEntries(versions.map((version) => [version, time])),
    versions: Object.fromEntries(versions.map((version) => [version, entryOf(version, keyid)])),
  }
  const bytes = Buffer.from(JSON.stringify(document))
  const read = await reader.read(REHEARSED, { wire: bytes, encoding: 'identity' }, bytes.length)
  await nextTurn()
  return { ...read, uplink: UPLINK, confirmedAt: now, stale: false }
}

const entryOf = (version: string, keyid: string): object => ({
  name: REHEARSED,
  version,
  description: 'x'.repeat(300),
  dependencies: { [REHEARSED]: '^1.0.0' },
  dist: {
    integrity: `sha512-${randomBytes(64).toString('base64')}`,
    shasum: randomBytes(20).toString('hex'),
    tarball: `${REGISTRY}/${REHEARSED}/-/${REHEARSED}-${version}.tgz`,
    signatures: [{ keyid, sig: randomBytes(71).toString('base64') }],
  },
})

const upstreamOf = (document: UpstreamPackument): Upstream => ({
  name: UPLINK,
  registry: REGISTRY,
  attestationsMode: 'none',
  packument: () => Promise.resolve(document),
  peek: () => document,
  attestations: () => Promise.resolve('absent'),
  tarball: () => Promise.resolve('absent'),
  allowsTarball: () => true,
  close: () => Promise.resolve(),
})

/** Judges as the policy in force, and lists whatever comes of it: else nothing would be written. */
const listsAll = (policy: Policy): Policy => ({
  ...policy,
  evaluate: (candidate, stage, now) => {
    const verdict = policy.evaluate(candidate, stage, now)
    return stage === 'listing' ? { ...verdict, outcome: 'allow' } : { ...verdict, outcome: 'deny' }
  },
})

const noFacts: FactStore = { load: () => Promise.resolve(new Map()), add: () => Promise.resolve(), close: () => Promise.resolve() }
/** Keeps nothing and has nothing. */
export const noBytes: ByteStore = {
  put: () => Promise.reject(new Error('nothing is kept')),
  get: () => Promise.resolve(undefined),
  tarball: () => Promise.resolve(undefined),
  ready: () => undefined,
  ingest: () => Promise.reject(new Error('nothing is kept')),
  close: () => Promise.resolve(),
}
const everybody: VerdaccioAuth = {
  allow_access: (_package, _user, callback) => { callback(null, true) },
  allow_publish: (_package, _user, callback) => { callback(null, false) },
  webUIJWTmiddleware: () => (_request, _response, next) => { next() },
}
const nothingStored = {
  readTokens: () => Promise.resolve([]),
  getLocalDatabase: (callback) => { callback(null, []) },
  getPackage: ({ callback }) => { callback(null) },
  localStorage: { storagePlugin: { get: () => Promise.resolve([]) }, getTarball: () => { throw new Error('nothing is stored') } },
} as VerdaccioStorage
