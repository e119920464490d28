/** What the simulation takes for given: each with its unit and where it is from. Change one, run it again, and see what it does. */

export interface Assumption {
  readonly value: number
  readonly unit: string
  readonly what: string
}

const assume = (value: number, unit: string, what: string): Assumption => ({ value, unit, what })

export const ASSUMPTIONS = {
  localInstalls: assume(4, 'a developer and day', 'installs on developers\' machines: a branch that was changed, a dependency that was added'),
  localMissing: assume(0.05, 'of the lockfile', 'packages of such an install that npm\'s cache lacks: a packument and a tarball each'),
  localAsked: assume(0.2, 'of the lockfile', 'packages of such an install whose packument is asked for again'),
  localKnown: assume(0.7, 'of these', 'packuments that npm has and asks about with its ETag: 304'),
  jobs: assume(10, 'a developer and day', 'jobs of CI that install'),
  coldJobs: assume(0.5, 'of the jobs', 'begin without a cache: `npm ci` of a whole lockfile, every tarball, no packument. The others ask for nothing'),
  lockfileMedian: assume(800, 'packages', 'in a lockfile; log-normal'),
  lockfileSpread: assume(0.8, 'σ of the logarithm', 'of lockfiles\' sizes: one in ten has more than 2,200 packages'),
  lockfileMost: assume(5000, 'packages', 'in a lockfile at most'),
  workday: assume(250, 'days a year', 'on which people work'),
  peakHour: assume(0.16, 'of the day', 'falls into its busiest hour; one eighth would be an even day of eight hours'),
  requestsPerSecond: assume(100, 'a second', 'that one install sends, as npm does on a machine of its own (performance.md: 498 packages in about 5 s)'),
  tarballMedian: assume(12_000, 'bytes', 'of a tarball; log-normal'),
  tarballSpread: assume(1.95, 'σ of the logarithm', 'of tarballs\' sizes: 80 KB on average'),
  tarballMost: assume(50_000_000, 'bytes', 'of a tarball at most'),
  packumentBytes: assume(12_000, 'bytes', 'of an abbreviated packument, compressed, on average'),
  largePackuments: assume(0.2, 'of packuments asked for', 'have hundreds of versions'),
  developersPerProject: assume(4, 'developers', 'share a project with a lockfile of its own'),
  publicNames: assume(500_000, 'names', 'that anybody might depend on; how often follows the law of Zipf and Mandelbrot'),
  zipf: assume(3, 'exponent', 'of that law: the same few thousand names are in everybody\'s lockfile'),
  zipfOffset: assume(3000, 'ranks', 'that are about equally frequent'),
  versionsInUse: assume(1.7, 'versions of a name', 'in all lockfiles together'),
  versionsListed: assume(60, 'versions', 'in a packument on average'),
  newVersions: assume(4, 'a name and year', 'that come into somebody\'s lockfile'),
  changedPackuments: assume(0.03, 'of the names and hour', 'whose packument changes upstream, which is read anew when it is asked for next'),
  provenanceShare: assume(0.15, 'of new versions', 'with provenance to verify'),
  publishes: assume(0.2, 'a developer and day', 'of packages of the organisation\'s own'),
  ownTarball: assume(200_000, 'bytes', 'of such a package'),
  maxage: assume(2, 'minutes', 'after which an uplink is asked again (`maxage`)'),
  runnersPerDeveloper: assume(0.25, 'addresses a developer', 'that CI has: what the same asker fetches again within a minute is one entry of the decision log'),
  maxRows: assume(10_000_000, 'entries', 'that a replica\'s decision log keeps (`decisions.maxRows`)'),
  latency: assume(50, 'ms', 'that 99 of 100 warm answers may take in the mirror, in the busiest hour, with one replica gone'),
  utilisation: assume(0.6, 'of a core', 'that a replica may be busy then'),
  network: assume(500, 'MB a second', 'that one replica may send: half of 10 Gbit/s and less, since the proxy sends it again'),
} as const satisfies Readonly<Record<string, Assumption>>

export type AssumptionName = keyof typeof ASSUMPTIONS
export type Assumed = Readonly<Record<AssumptionName, number>>

export const assumed = (changes: Partial<Assumed> = {}): Assumed => ({
  ...(Object.fromEntries(Object.entries(ASSUMPTIONS).map(([name, { value }]) => [name, value])) as Record<AssumptionName, number>),
  ...changes,
})
