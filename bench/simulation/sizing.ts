/** How many replicas so many developers need, and what each has to have. */
import type { Assumed } from './assumptions.ts'
import type { Costs } from './costs.ts'
import { demandOf, meanTarball, type Demand } from './demand.ts'
import { arrivalsOf, serve, type Load } from './queue.ts'

export interface Sizing {
  readonly demand: Demand
  /** One of them to spare. */
  readonly replicas: number
  /** With one replica gone. */
  readonly load: Load
  /** Bytes that a replica should be given. */
  readonly memory: number
  /** `cache.memory` in bytes. */
  readonly cacheMemory: number
  /** Bytes of a replica's volume: cache and copy of the ledger, now and after a year. */
  readonly disk: { readonly now: number; readonly year: number }
  /** Bytes in PostgreSQL: what is remembered, now and after a year; decisions, as many as are kept, and all of a year. */
  readonly postgres: { readonly now: number; readonly year: number; readonly decisions: number; readonly allDecisions: number }
  /** Entries of the decision log: a second of the busiest hour, and a working day. */
  readonly decisions: { readonly perSecond: number; readonly perDay: number }
  /** Working days that the entries reach back which are kept, and the `maxRows` that a year of them needs of each replica. */
  readonly reach: { readonly days: number; readonly rowsOfYear: number }
  /** Packages of the organisation's own, bytes a year. */
  readonly published: number
}

/** At most; what needs more is another question. */
const MOST_REPLICAS = 64
/** Requests are what takes time: long enough for the slow ones to be seen, short enough to wait for. */
const REQUESTS = 200_000
const MIB = 1024 ** 2
const GIB = 1024 ** 3

export function sizingOf(developers: number, costs: Costs, a: Assumed, seed = 1): Sizing {
  const demand = demandOf(developers, a)
  const seconds = Math.min(1800, Math.max(20, REQUESTS / Math.max(1, requestsPerSecond(demand, a))))
  const forNetwork = Math.max(1, Math.ceil(demand.network / 1e6 / a.network))
  if (forNetwork >= MOST_REPLICAS) throw tooMany(developers)
  const arrivals = arrivalsOf(demand, costs, a, { seconds, seed })
  const total = arrivals.reduce((sum, { cost }) => sum + cost, 0)
  const forCpu = Math.max(1, Math.ceil(total / (seconds * 1000 * a.utilisation)))
  for (let left = Math.max(forNetwork, forCpu); left < MOST_REPLICAS; left++) {
    const load = serve(arrivals, { replicas: left, seconds, seed })
    if (load.p99 <= a.latency && load.utilisation <= a.utilisation) return { demand, replicas: left + 1, load, ...kept(demand, costs, a, left + 1) }
  }
  throw tooMany(developers)
}

const tooMany = (developers: number): RangeError => new RangeError(`more than ${MOST_REPLICAS} replicas for ${developers} developers`)
const requestsPerSecond = ({ coldJobs, localInstalls }: Demand, a: Assumed): number => (coldJobs + localInstalls * (a.localAsked + a.localMissing)) * a.lockfileMedian

function kept(demand: Demand, { disk, shared, memory }: Costs, a: Assumed, replicas: number): Omit<Sizing, 'demand' | 'replicas' | 'load'> {
  const remembered = (versions: number): number => demand.names * a.versionsListed * disk.listedVersion + versions * disk.tarball
  const inPostgres = (versions: number): number => demand.names * a.versionsListed * shared.disk.listedVersion + versions * shared.disk.tarball
  const cached = (versions: number): number => demand.names * disk.packument + versions * (meanTarball(a) + disk.tarball)
  const later = demand.versions + demand.newVersions
  // The hottest tenth of the names has most of the questions; all of it is in memory.
  const cacheMemory = Math.min(2 * GIB, Math.max(256 * MIB, roundUp((demand.names / 10) * memory.packument, 128 * MIB)))
  const perSecond = deliveriesToLog(demand, a)
  const perDay = (perSecond * 3600) / a.peakHour
  const year = perDay * a.workday
  const keptRows = Math.min(year, a.maxRows * replicas)
  return {
    memory: roundUp(memory.loaded + 2 * cacheMemory, 512 * MIB),
    cacheMemory,
    disk: { now: cached(demand.versions) + remembered(demand.versions), year: cached(later) + remembered(later) },
    postgres: { now: inPostgres(demand.versions), year: inPostgres(later), decisions: keptRows * shared.disk.decision, allDecisions: year * shared.disk.decision },
    decisions: { perSecond, perDay },
    reach: { days: keptRows / perDay, rowsOfYear: year / replicas },
    published: demand.developers * a.publishes * a.workday * a.ownTarball,
  }
}

/** Entries a second: the same version for the same asker within a minute is one. */
function deliveriesToLog({ coldJobs, localInstalls, developers, names, versions }: Demand, a: Assumed): number {
  const lockfile = a.lockfileMedian * Math.exp(a.lockfileSpread ** 2 / 2)
  const runners = Math.max(1, developers * a.runnersPerDeveloper)
  const perMinute = (coldJobs * 60 * lockfile) / runners
  // Of one address: so many of the versions in use, each drawn with the same chance.
  const different = versions * -Math.expm1(-perMinute / versions)
  const repeated = perMinute > 0 ? different / perMinute : 1
  return names === 0 ? 0 : coldJobs * lockfile * repeated + localInstalls * lockfile * a.localMissing
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
