/** docs/sizing.md and its chart. */
import { chart } from '../report/chart.ts'
import { table } from '../report/markdown.ts'
import { figure } from '../statistics.ts'
import { ASSUMPTIONS, type Assumed } from './assumptions.ts'
import type { Costs } from './costs.ts'
import { sizingOf, type Sizing } from './sizing.ts'

export const DEVELOPERS = [10, 100, 1000, 10_000] as const

export const sizings = (costs: Costs, assumptions: Assumed): readonly Sizing[] => DEVELOPERS.map((developers) => sizingOf(developers, costs, assumptions))

const bytes = (value: number): string => {
  const [unit, size] = ([['TB', 1e12], ['GB', 1e9], ['MB', 1e6], ['KB', 1e3]] as const).find(([, one]) => value >= one) ?? ['B', 1]
  return `${Number((value / size).toPrecision(2)).toLocaleString('en-US')} ${unit}`
}
const gibibytes = (value: number): string => `${Number((value / 1024 ** 3).toFixed(1))} GiB`
const count = (value: number): string => Number(value.toPrecision(2)).toLocaleString('en-US')
const percent = (share: number): string => `${figure(Math.round(share * 1000) / 10)} %`

export function sizingDocument(found: readonly Sizing[], costs: Costs): string {
  const row = (what: string, of: (sizing: Sizing) => string): readonly string[] => [what, ...found.map(of)]
  return [
    '# Sizing',
    '',
    'Written by `node bench/simulation/main.ts --write`, not by hand: a simulation of the busiest hour, of costs that were measured and assumptions that',
    'are stated below. Yours are others: change `bench/simulation/assumptions.ts` and run it again; with `--measure` it measures your machine first, in a minute or two, with PostgreSQL (Debian: `apt-get install postgresql`).',
    '',
    table({
      title: 'What to provide',
      columns: ['developers', ...found.map(({ demand }) => count(demand.developers))],
      rows: [
        row('replicas, one of them to spare', ({ replicas }) => String(replicas)),
        row('cores for each: one for answers, one for what is verified behind them', () => '2'),
        row('memory for each', ({ memory }) => gibibytes(memory)),
        row('`cache.memory`', ({ cacheMemory }) => `${cacheMemory / 1024 ** 2}mb`),
        row('disk for each: cache and memory of versions, after a year', ({ disk }) => bytes(disk.year)),
        row('PostgreSQL: memory of versions, after a year', ({ postgres }) => bytes(postgres.year)),
        row('PostgreSQL: decisions, with the `maxRows` that is the default', ({ postgres }) => bytes(postgres.decisions)),
        row('… which reach back, working days', ({ reach }) => count(reach.days)),
        row('… all of a year', ({ postgres }) => bytes(postgres.allDecisions)),
        row('packages published here, a year', ({ published }) => bytes(published)),
        row('network, busiest hour: out of all replicas', ({ demand }) => `${bytes(demand.network)}/s`),
      ],
    }, '##'),
    '![What so many developers need](sizing.svg)',
    '',
    ...READING,
    table({
      title: 'The busiest hour',
      columns: ['developers', ...found.map(({ demand }) => count(demand.developers))],
      rows: [
        row('installs of CI without a cache, a second', ({ demand }) => figure(Number(demand.coldJobs.toPrecision(2)))),
        row('installs of developers, a second', ({ demand }) => figure(Number(demand.localInstalls.toPrecision(2)))),
        row('tarballs delivered, a working day', ({ demand }) => count(demand.deliveries)),
        row('entries of the decision log, a working day', ({ decisions }) => count(decisions.perDay)),
        row('the same, a second of that hour', ({ decisions }) => count(decisions.perSecond)),
        row('packages in use', ({ demand }) => count(demand.names)),
        row('their versions in use', ({ demand }) => count(demand.versions)),
        row('a warm answer with one replica gone, p50', ({ load }) => `${figure(Number(load.p50.toPrecision(2)))} ms`),
        row('the same, p99', ({ load }) => `${figure(Number(load.p99.toPrecision(2)))} ms`),
        row('how busy each replica\'s thread is then', ({ load }) => percent(load.utilisation)),
        row('requests simulated', ({ load }) => count(load.requests)),
      ],
    }, '##'),
    measuredTable(costs),
    table({ title: 'Assumed', columns: ['what', 'value', ''], rows: Object.values(ASSUMPTIONS).map(({ what, value, unit }) => [what, figure(value), unit]) }, '##'),
    ...NOT_IN_IT,
  ].join('\n').trimEnd() + '\n'
}

const READING = [
  '## How to read it',
  '',
  'Up to a thousand developers, two replicas are for availability, not for load: one has time to spare. Beyond that, what takes processor and network is handing out tarballs,',
  'nearly all of them to CI that begins without a cache: keeping npm\'s cache between jobs is worth more than any replica. The proxy sends every byte again and encrypts it: give it',
  'cores of its own, or put a load balancer in front of several.',
  '',
  '**The decision log is what grows.** Every delivery is an entry, unless the same version goes to the same address again within a minute. `decisions.keep` and',
  '`decisions.maxRows` ([decisions.md](decisions.md)) bound it: a replica keeps its last 10,000,000 unless you say otherwise. With a thousand developers and more that is days, not a',
  'year: raise it and give PostgreSQL a disk of its own for it, or have `decisions.jsonl` carry the entries elsewhere.',
  '',
  'A cache that is too small costs fetches, never safety: what was thrown away is fetched and verified again. What is remembered of versions is never thrown away.',
  '',
]

const NOT_IN_IT = [
  '',
  '## What is not in it',
  '',
  '- The CPU of PostgreSQL, Valkey and the proxy. A cold answer waits for PostgreSQL; one that is warm asks no shared store.',
  '- A first day: the first install of everything is verified once, at the cost of cold packuments and tarballs below. `warm` does it ahead of the first user.',
  '- Packages far larger than usual: building the packument of 20,000 versions takes 900 MB for seconds ([performance.md](performance.md)).',
  '- Costs are those of a mirror that is asked by eight connections and has time: a busy one answers several requests in one turn, and takes a third of it ([performance.md](performance.md)).',
  '- A replica counts as one thread. Its other threads take what is cold away from it, which is why it needs a second core and why it waits less than told here.',
]

function measuredTable({ cpu, disk, shared, memory, machine, node, day, startSeconds }: Costs): string {
  const ms = (value: number): string => `${figure(value)} ms`
  const rows = [
    ['packument of about 50 versions, warm', ms(cpu.packument)],
    ['packument of 600 versions, warm', ms(cpu.largePackument)],
    ['packument, 304', ms(cpu.notModified)],
    ['packument that has aged: the uplink says that nothing has changed', ms(cpu.revalidation)],
    ['packument of about 50 versions, cold: fetched, every signature verified', ms(cpu.coldPackument)],
    ['tarball of 100 KB, warm, each to another asker, logged', ms(cpu.tarball)],
    ['… each further MB', ms(cpu.tarballMegabyte)],
    ['tarball of 100 KB, cold: fetched, hashed, compared, verified', ms(cpu.coldTarball)],
    ['… each further MB', ms(cpu.coldTarballMegabyte)],
    ['provenance, verified', ms(cpu.provenance)],
    ['publish of 100 KB', ms(cpu.publish)],
    ['ledger and facts, each version that a packument lists', bytes(disk.listedVersion)],
    ['cache, each packument', bytes(disk.packument)],
    ['cache, ledger and facts, each tarball beside its bytes', bytes(disk.tarball)],
    ['entry of the decision log, in a file', bytes(disk.decision)],
    ['with ledger, facts and decisions in PostgreSQL: packument of about 50 versions, cold', ms(shared.coldPackument)],
    ['… tarball of 100 KB, cold', ms(shared.coldTarball)],
    ['… tarball of 100 KB, warm, logged', ms(shared.tarball)],
    ['… in PostgreSQL, each version that a packument lists', bytes(shared.disk.listedVersion)],
    ['… each tarball', bytes(shared.disk.tarball)],
    ['… each entry of the decision log', bytes(shared.disk.decision)],
    ['resident memory after the start', bytes(memory.started)],
    ['the most under all of this', bytes(memory.loaded)],
    ['each packument in memory', bytes(memory.packument)],
    ['from the start until ready', `${figure(startSeconds)} s`],
  ]
  return table({ title: 'Measured', columns: [`on ${machine}, Node ${node}, ${day}`, 'CPU of all threads, or size'], rows }, '##')
}

export const sizingChart = (found: readonly Sizing[], costs: Costs): string => {
  const points = (of: (sizing: Sizing) => number): readonly (readonly [number, number])[] => found.map((sizing) => [sizing.demand.developers, of(sizing)])
  return chart(
    [
      { name: 'replicas', points: points(({ replicas }) => replicas) },
      { name: 'memory of each, GiB', points: points(({ memory }) => memory / 1024 ** 3) },
      { name: 'disk of each, GB', points: points(({ disk }) => disk.year / 1e9) },
      { name: 'decisions a day, GB', points: points(({ decisions }) => (decisions.perDay * costs.shared.disk.decision) / 1e9) },
      { name: 'network out, MB/s', points: points(({ demand }) => demand.network / 1e6) },
    ],
    { title: 'What so many developers need', heading: 'What so many developers need, by number of developers', along: 'developers' },
  )
}
