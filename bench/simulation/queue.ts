/** The busiest hour, request by request: installs arrive at random, each replica does one thing after the other. */
import { random } from '../soak/plan.ts'
import type { Assumed } from './assumptions.ts'
import type { Costs } from './costs.ts'
import type { Demand } from './demand.ts'

export interface Load {
  /** Milliseconds from a warm question to its answer, of 50 and of 99 in 100. */
  readonly p50: number
  readonly p99: number
  /** Of a core, over the time. */
  readonly utilisation: number
  readonly requests: number
}

interface Hour {
  readonly seconds: number
  readonly seed: number
}

/**
 * Runs the busiest hour for so many seconds. A replica counts as one thread that does everything: its real one gives what is cold to
 * others, so that what waits here waits less there.
 */
export const simulate = (demand: Demand, costs: Costs, a: Assumed, { replicas, ...hour }: Hour & { readonly replicas: number }): Load =>
  serve(arrivalsOf(demand, costs, a, hour), { replicas, ...hour })

/** What `replicas` make of them. */
export function serve(arrivals: readonly Arrival[], { replicas, seconds, seed }: Hour & { readonly replicas: number }): Load {
  const next = random(seed + 1)
  const freeAt = new Float64Array(replicas)
  const waited: number[] = []
  let busy = 0
  for (const { at, cost, warm } of arrivals) {
    const replica = Math.floor(next() * replicas)
    const from = Math.max(at, freeAt[replica] ?? 0)
    freeAt[replica] = from + cost
    // What runs into the end of the time counts as far as it goes.
    busy += Math.max(0, Math.min(from + cost, seconds * 1000) - from)
    if (warm) waited.push(from + cost - at)
  }
  const sorted = Float64Array.from(waited).sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99), utilisation: busy / (replicas * seconds * 1000), requests: arrivals.length }
}

/** Milliseconds. */
export interface Arrival {
  readonly at: number
  readonly cost: number
  readonly warm: boolean
}

/** All that is asked for, in its order. */
export function arrivalsOf(demand: Demand, { cpu: own, shared }: Costs, a: Assumed, { seconds, seed }: Hour): readonly Arrival[] {
  const next = random(seed)
  // What shared stores make dearer.
  const cpu = { ...own, tarball: shared.tarball, coldPackument: shared.coldPackument, coldTarball: shared.coldTarball }
  const arrivals: Arrival[] = []
  const end = seconds * 1000
  const exponential = (mean: number): number => -Math.log(1 - next()) * mean
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const logNormal = (median: number, spread: number, most: number): number => Math.min(most, median * Math.exp(spread * normal()))
  const each = (perSecond: number, begin: (at: number) => void): void => {
    if (perSecond <= 0) return
    for (let at = exponential(1000 / perSecond); at < end; at += exponential(1000 / perSecond)) begin(at)
  }
  const add = (at: number, cost: number, warm: boolean): void => {
    if (at < end) arrivals.push({ at, cost, warm })
  }
  const lockfile = (): number => Math.max(1, Math.round(logNormal(a.lockfileMedian, a.lockfileSpread, a.lockfileMost)))
  const beyond = (): number => Math.max(0, logNormal(a.tarballMedian, a.tarballSpread, a.tarballMost) - 100_000) / 1e6
  const tarball = (): number => cpu.tarball + beyond() * cpu.tarballMegabyte
  const packument = (): number => (next() < a.localKnown ? cpu.notModified : next() < a.largePackuments ? cpu.largePackument : cpu.packument)

  each(demand.coldJobs, (begin) => {
    let at = begin
    for (let left = lockfile(); left > 0; left--, at += exponential(1000 / a.requestsPerSecond)) add(at, tarball(), true)
  })
  each(demand.localInstalls, (begin) => {
    let at = begin
    const size = lockfile()
    for (let left = Math.round(size * a.localAsked); left > 0; left--, at += exponential(1000 / a.requestsPerSecond)) add(at, packument(), true)
    for (let left = Math.round(size * a.localMissing); left > 0; left--, at += exponential(1000 / a.requestsPerSecond)) add(at, tarball(), true)
  })
  // Behind the answers: what has aged is asked for again, what has changed is read anew, what is new is verified.
  const asked = demand.localInstalls * a.lockfileMedian * a.localAsked
  each(Math.min(asked, demand.names / (a.maxage * 60)), (at) => { add(at, cpu.revalidation, false) })
  each(Math.min(asked, (demand.names * a.changedPackuments) / 3600), (at) => { add(at, cpu.coldPackument, false) })
  each((demand.newVersions / a.workday) * (a.peakHour / 3600), (at) => {
    add(at, cpu.coldTarball + beyond() * cpu.coldTarballMegabyte + (next() < a.provenanceShare ? cpu.provenance : 0), false)
  })
  each(demand.publishes, (at) => { add(at, cpu.publish, false) })
  return arrivals.sort((one, other) => one.at - other.at)
}
