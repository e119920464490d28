/** The same request to every server in turn, round after round, so that what drifts meets all of them. */
import type { Context } from '../context.ts'
import { cpuTime, forgetPeak, memory } from '../proc.ts'
import { atLeast, type Table, type Target } from '../report/section.ts'
import { NAMES, type Server, type ServerId } from '../servers/index.ts'
import { figure, median, pairedRatio } from '../statistics.ts'
import { get, take, type Headers } from './fetch.ts'
import { wrk } from './wrk.ts'

export interface Request {
  readonly what: string
  readonly path: string
  /** Asked in turn instead of `path`. */
  readonly paths?: readonly string[]
  readonly headers: Headers
  /** With the ETag of the answer, so that it is a 304. */
  readonly revalidate?: boolean
}

export interface Sample {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Milliseconds of the server's CPU for a request. */
  readonly cpu: number
  /** Megabytes. */
  readonly resident: number
  readonly peak: number
  readonly failures: number
  /** Of one answer before the load. */
  readonly status: number
}

export type Comparison = ReadonlyMap<ServerId, readonly Sample[]>

const CONNECTIONS = 16
/** A server that takes longer gets fewer connections, so that its answers are not all begun and none ended when time is up. */
const SLOW_MS = 50
const SLOW_CONNECTIONS = 2

const NOT_MEASURED: Sample = { perSecond: NaN, p50: NaN, p99: NaN, cpu: NaN, resident: NaN, peak: NaN, failures: 0, status: NaN }

export async function compare(context: Context, servers: readonly Server[], request: Request): Promise<Comparison> {
  const samples = new Map<ServerId, Sample[]>(servers.map(({ id }) => [id, []]))
  context.say(request.what)
  const warm = new Map<ServerId, number>()
  for (const server of servers) {
    const once = await warmUp(server, request)
    warm.set(server.id, once)
    // What is hot is compiled while it runs: a round must not be the first that it runs in.
    if (once < SLOW_MS) await hammer({ ...context, seconds: 1 }, server, request, once)
  }
  for (let round = 0; round < context.rounds; round++) {
    for (const server of servers) {
      const once = warm.get(server.id) ?? 0
      // Hundreds of times slower is as plain from fewer rounds.
      samples.get(server.id)?.push(once > SLOW_MS && round % 2 === 1 ? NOT_MEASURED : await hammer(context, server, request, once))
    }
  }
  return samples
}

/** Every path once, then one of them again. Returns how long that took, in milliseconds. */
async function warmUp({ url }: Server, { path, paths, headers }: Request): Promise<number> {
  for (const one of paths ?? [path]) await take(`${url}${one}`, headers)
  await take(`${url}${path}`, headers)
  return (await take(`${url}${path}`, headers)).milliseconds
}

async function hammer(context: Context, server: Server, request: Request, once: number): Promise<Sample> {
  const { url, pid } = server
  const isSlow = once > SLOW_MS
  const etag = request.revalidate === true ? (await get(`${url}${request.path}`, request.headers)).etag : undefined
  const headers = { ...request.headers, ...(etag === undefined ? {} : { 'If-None-Match': etag }) }
  const { status } = await get(`${url}${request.path}`, headers)
  forgetPeak(pid)
  const before = cpuTime(pid)
  const result = await wrk({
    url: `${url}${request.path}`,
    ...(request.paths === undefined ? {} : { paths: request.paths }),
    headers,
    seconds: isSlow ? Math.max(context.seconds, Math.ceil((5 * once) / 1000)) : context.seconds,
    connections: isSlow ? SLOW_CONNECTIONS : CONNECTIONS,
  })
  const { resident, peak } = memory(pid)
  const { perSecond, p50, p99, failures, requests } = result
  return { perSecond, p50, p99, failures, status, cpu: (cpuTime(pid) - before) / Math.max(1, requests), resident, peak }
}

const of = (comparison: Comparison, id: ServerId, field: keyof Sample): readonly number[] => (comparison.get(id) ?? []).map((sample) => sample[field])

/** How many times as many requests a second, within rounds; not a number when one of them was not measured. */
export const ratio = (comparison: Comparison, id: ServerId, base: ServerId): number => pairedRatio(of(comparison, id, 'perSecond'), of(comparison, base, 'perSecond'))
export const perSecond = (comparison: Comparison, id: ServerId): number => median(of(comparison, id, 'perSecond'))

export const times = (value: number): string => `${figure(value)} ×`

/** The CPU time of a request says how it would be on a machine that does nothing else: it stands beside the ratio. */
export function ratioTarget(what: string, asked: number, comparison: Comparison, id: ServerId, base: ServerId): readonly Target[] {
  const byCpu = median(of(comparison, base, 'cpu')) / median(of(comparison, id, 'cpu'))
  const found = atLeast(`${what}: ${NAMES[id]} to ${NAMES[base]}`, asked, ratio(comparison, id, base), times)
  return found.map((target) => ({ ...target, measured: `${target.measured} (${times(byCpu)} by CPU)` }))
}

/** What makes a row less than it seems: answers that failed, or that were no 304 where raw's were. */
function remarks(comparison: Comparison, id: ServerId): string {
  const failed = of(comparison, id, 'failures').reduce((sum, count) => sum + count, 0)
  const status = median(of(comparison, id, 'status'))
  const differs = comparison.has('raw') && status !== median(of(comparison, 'raw', 'status'))
  const said = [...(failed === 0 ? [] : [`${failed} failed`]), ...(differs ? [`answers ${status}`] : [])]
  return said.length === 0 ? '' : ` (${said.join(', ')})`
}

export function comparisonTable(title: string, comparison: Comparison): Table {
  const middle = (id: ServerId, field: keyof Sample): number => median(of(comparison, id, field))
  const rows = [...comparison.keys()].map((id) => {
    return [
      `${NAMES[id]}${remarks(comparison, id)}`,
      figure(middle(id, 'perSecond')),
      figure(ratio(comparison, id, 'raw')),
      ...(['p50', 'p99', 'cpu'] as const).map((field) => figure(middle(id, field))),
      figure(middle(id, 'cpu') / middle('raw', 'cpu')),
      ...(['resident', 'peak'] as const).map((field) => figure(middle(id, field))),
    ]
  })
  return { title, columns: ['', 'req/s', 'of raw', 'p50 ms', 'p99 ms', 'CPU ms/req', 'of raw', 'RSS MB', 'peak MB'], rows }
}
