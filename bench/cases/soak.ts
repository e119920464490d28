/** An hour of mixed load on ten thousand packages, by a clock that runs faster: whether anything of the mirror goes on growing. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse, stringify } from 'yaml'
import { answers, freePort, start, LOAD_CORE } from '../children.ts'
import type { Context } from '../context.ts'
import { ROOT } from '../programs.ts'
import { atMost, type Section, type Table, type Target } from '../report/section.ts'
import { writeMirrorConfig } from '../servers/mirror.ts'
import { launch, turnsOf, type Server, type StartOptions } from '../servers/server.ts'
import { fastClock } from '../soak/clock.ts'
import { filesBelow, type Files } from '../soak/disk.ts'
import { growthOf, type Growth } from '../soak/growth.ts'
import { soak as run, soakPolicy, type Soaked } from '../soak/run.ts'
import { figure, median } from '../statistics.ts'

const HOUR_SECONDS = 3600
/** As shipped. */
const MAXAGE_SECONDS = 120
/** Small enough that everything bounded reaches its bound. */
const CACHE = { dir: './cache', memory: '64mb', disk: '200mb' } as const
const DISK_MEGABYTES = 200
/** 1,000 tarballs held open (store/descriptors.ts), connections to both sides, and the databases. */
const MAX_DESCRIPTORS = 1200

interface Size {
  readonly packages: number
  readonly requests: number
  readonly seconds: number
}

const WHOLE: Size = { packages: 10_000, requests: 21_000, seconds: 300 }
const QUICK: Size = { packages: 2000, requests: 6000, seconds: 60 }

export async function soak(context: Context): Promise<Section> {
  const size = context.quick ? QUICK : WHOLE
  const dir = path.join(context.dir, 'soak')
  mkdirSync(dir, { recursive: true })
  const upstreamPort = await freePort()
  const log = path.join(dir, 'upstream.log')
  const script = path.join(ROOT, 'bench/processes/soak-upstream.ts')
  const upstream = start({ command: process.execPath, args: ['--no-warnings', script, String(upstreamPort), String(size.packages)], cores: String(LOAD_CORE), log })
  const url = `http://127.0.0.1:${upstreamPort}`
  try {
    await answers(`${url}/-/npm/v1/keys`, upstream, log)
    const origin = Date.now()
    const speed = HOUR_SECONDS / size.seconds
    const mirror = await startMirror({ dir, upstream: url, maxageSeconds: MAXAGE_SECONDS, turns: true }, origin, speed)
    try {
      const policyFile = path.join(dir, 'policy.yaml')
      const soaked = await run({ mirror, upstream: url, policyFile, clock: fastClock(origin, speed), ...size })
      return report(soaked, size, diskOf(dir))
    } finally {
      await mirror.stop()
    }
  } finally {
    await upstream.stop()
  }
}

async function startMirror(options: StartOptions, origin: number, speed: number): Promise<Server> {
  const port = await freePort()
  const file = writeMirrorConfig(options, port)
  const written = parse(readFileSync(file, 'utf8')) as { readonly middlewares: { readonly provenance: object } }
  writeFileSync(file, stringify({ ...written, middlewares: { provenance: { ...written.middlewares.provenance, cache: CACHE } } }))
  writeFileSync(path.join(options.dir, 'policy.yaml'), soakPolicy(0))
  const { args, env } = turnsOf(options)
  const script = path.join(ROOT, 'bench/processes/soak-mirror.ts')
  return launch('serve', options.dir, port, { command: process.execPath, args: [...args, script, file, String(origin), String(speed)], ...(env === undefined ? {} : { env }) }, '/-/provenance/ready')
}

type Disk = Readonly<Record<string, Files>>

function diskOf(dir: string): Disk {
  const packuments = path.join(dir, 'cache/packuments')
  return {
    packuments: filesBelow(packuments),
    'tarballs and attestations': filesBelow(path.join(dir, 'cache'), (file) => !file.startsWith(packuments)),
    'ledger and facts (SQLite)': filesBelow(dir, (file) => /\.db(-wal|-shm)?$/.test(file)),
    'published here': filesBelow(path.join(dir, 'storage')),
  }
}

const megabytes = (value: number): string => `${figure(value)} MB`
const percent = (value: number): string => `${figure(value * 100)} %`

function report({ samples, statuses, packages, waits }: Soaked, { seconds, packages: all }: Size, disk: Disk): Section {
  const resident = growthOf(samples.map((sample) => sample.resident))
  const descriptors = growthOf(samples.map((sample) => sample.descriptors))
  const turns = samples.map(({ turn }) => turn)
  const row = (what: string, { middle, last, share, trend }: Growth, format: (value: number) => string): readonly string[] =>
    [what, format(middle), format(last), percent(share), format(trend)]
  const tables: readonly Table[] = [
    {
      title: `An hour in ${seconds} s on ${packages.toLocaleString('en-US')} packages, ${waits.length.toLocaleString('en-US')} requests`,
      columns: ['', 'at half time', 'at the end', 'growth', 'trend of the second half'],
      rows: [row('resident memory', resident, megabytes), row('open file descriptors', descriptors, figure)],
    },
    {
      title: 'Resident memory by simulated minute, MB',
      columns: ['from', ...Array.from({ length: 10 }, (_, at) => `+${at}`)],
      rows: Array.from({ length: samples.length / 10 }, (_, ten) => [String(ten * 10 + 1), ...samples.slice(ten * 10, ten * 10 + 10).map((sample) => figure(Math.round(sample.resident)))]),
    },
    {
      title: 'Requests, and what was answered (0: the connection broke)',
      columns: ['', 'requests', 'answered'],
      rows: [...statuses].map(([kind, found]) => [kind, figure([...found.values()].reduce((sum, count) => sum + count, 0)), [...found].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`).join(', ')]),
    },
    { title: 'On disk', columns: ['', 'files', 'MB'], rows: Object.entries(disk).map(([what, { count, bytes }]) => [what, figure(count), figure(bytes / 1e6)]) },
  ]
  const sorted = waits.toSorted((a, b) => a - b)
  return {
    tables,
    targets: [
      ...atMost('resident memory: growth in the second half of an hour', 0.05, resident.share, percent),
      ...atMost('open file descriptors at the end', MAX_DESCRIPTORS, descriptors.last, figure),
      ...Object.entries(disk).slice(0, 2).flatMap(([what, { bytes }]): readonly Target[] => atMost(`${what} on disk`, DISK_MEGABYTES, bytes / 1e6, megabytes)),
      { what: 'packages asked for', asked: figure(all), measured: figure(packages), met: packages === all },
      { what: 'answers of 5xx', asked: '0', measured: figure(failures(statuses)), met: failures(statuses) === 0 },
    ],
    notes: [
      `Every package was asked for once before the hour began. Caches of ${CACHE.memory} in memory and ${CACHE.disk} on disk. Growth is the last tenth's median against that of the tenth after half time, of ${samples.length} samples; the collector is left alone. Median wait ${figure(median(waits))} ms, 99 % below ${figure(sorted[Math.floor(sorted.length * 0.99)] ?? NaN)} ms; longest turn of the event loop ${figure(Math.max(...turns))} ms of CPU, by minutes at the median ${figure(median(turns))} ms. A login is up to 100 ms of it at a time: Verdaccio's htpasswd hashes passwords in JavaScript.`,
    ],
  }
}

const failures = (statuses: Soaked['statuses']): number =>
  [...statuses.values()].flatMap((found) => [...found]).reduce((sum, [status, count]) => sum + (status >= 500 ? count : 0), 0)
