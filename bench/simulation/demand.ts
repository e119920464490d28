/** What so many developers ask for in a day, and how much there is to keep: arithmetic, nothing drawn. */
import type { Assumed } from './assumptions.ts'

export interface Demand {
  readonly developers: number
  /** Of the busiest hour, a second. */
  readonly coldJobs: number
  readonly localInstalls: number
  readonly publishes: number
  /** Names in all lockfiles together, and their versions. */
  readonly names: number
  readonly versions: number
  /** Come into use, a year. */
  readonly newVersions: number
  /** Tarballs delivered, a working day. */
  readonly deliveries: number
  /** Bytes sent, a second of the busiest hour. */
  readonly network: number
}

const HOUR = 3600

export function demandOf(developers: number, a: Assumed): Demand {
  const perSecond = (eachDay: number): number => (eachDay * developers * a.peakHour) / HOUR
  const coldJobs = perSecond(a.jobs * a.coldJobs)
  const localInstalls = perSecond(a.localInstalls)
  const lockfile = meanLockfile(a)
  const names = distinctNames(Math.max(3, developers / a.developersPerProject) * lockfile, a)
  const tarballs = coldJobs * lockfile + localInstalls * lockfile * a.localMissing
  const packuments = localInstalls * lockfile * a.localAsked * (1 - a.localKnown)
  return {
    developers,
    coldJobs,
    localInstalls,
    publishes: perSecond(a.publishes),
    names,
    versions: names * a.versionsInUse,
    newVersions: names * a.newVersions,
    deliveries: (tarballs * HOUR) / a.peakHour,
    network: tarballs * meanTarball(a) + packuments * a.packumentBytes,
  }
}

/** Of a log-normal distribution; what is cut off at the top is too little to count. */
const meanOf = (median: number, spread: number): number => median * Math.exp(spread ** 2 / 2)
export const meanLockfile = (a: Assumed): number => Math.min(a.lockfileMost, meanOf(a.lockfileMedian, a.lockfileSpread))
export const meanTarball = (a: Assumed): number => meanOf(a.tarballMedian, a.tarballSpread)

const BANDS = 400

/** How many names `draws` entries of lockfiles are expected to hold, by the law of Zipf and Mandelbrot; ranks are taken together in bands. */
export function distinctNames(draws: number, { publicNames, zipf, zipfOffset }: Pick<Assumed, 'publicNames' | 'zipf' | 'zipfOffset'>): number {
  const edges = Array.from({ length: BANDS + 1 }, (_, index) => publicNames ** (index / BANDS))
  const bands = edges.slice(1).map((to, index) => {
    const from = edges[index] ?? 1
    return { ranks: to - from, weight: ((from + to) / 2 + zipfOffset) ** -zipf }
  })
  const total = bands.reduce((sum, { ranks, weight }) => sum + ranks * weight, 0)
  return bands.reduce((sum, { ranks, weight }) => sum + ranks * -Math.expm1(draws * Math.log1p(-Math.min(0.999_999, weight / total))), 0)
}
