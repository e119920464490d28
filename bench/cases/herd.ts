/** Fifty clients at once on a large packument: one that has just expired, and one that is only sent, by slow and fast alike. */
import http from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Context } from '../context.ts'
import { times } from '../load/compare.ts'
import { take } from '../load/fetch.ts'
import { packumentHeaders } from '../load/requests.ts'
import { cpuTime, forgetPeak, memory } from '../proc.ts'
import { atMost, type Section, type Target } from '../report/section.ts'
import { NAMES, withServers, type Server, type ServerId } from '../servers/index.ts'
import { figure } from '../statistics.ts'
import { prepare, tell } from '../upstream/control.ts'

const CLIENTS = 50
/** Longer than all of them take while it is fresh; what a quick run asks takes less. */
const maxage = ({ quick }: Context): number => (quick ? 1 : 3)

interface Herd {
  readonly id: ServerId
  readonly fetches: number
  /** Until all have it that was not expired, in milliseconds. */
  readonly fresh: number
  readonly first: number
  readonly last: number
  readonly cpu: number
  readonly peak: number
}

export async function herd(context: Context): Promise<Section> {
  const path = context.quick ? '/bench-600' : '/bench-3000'
  const ids: readonly ServerId[] = context.quick ? ['serve', 'verdaccio'] : ['serve', 'plugin', 'verdaccio', 'filter', 'pnpr']
  const found: Herd[] = []
  await withServers(context, ids, async (servers) => {
    for (const server of servers) {
      context.say(NAMES[server.id])
      found.push(await expired(context, server, path))
    }
  }, { maxageSeconds: maxage(context) })
  const ours = found.find(({ id }) => id === 'serve')
  return {
    tables: [
      {
        title: `${CLIENTS} clients on an expired packument of ${Number(path.replace(/\D/g, '')).toLocaleString('en-US')} versions that has changed upstream`,
        columns: ['', 'not expired: last answer ms', 'expired: upstream fetches', 'first answer ms', 'last answer ms', 'CPU ms', 'peak MB'],
        rows: found.map(({ id, fresh, fetches, first, last, cpu, peak }) => [NAMES[id], ...[fresh, fetches, first, last, cpu, peak].map(figure)]),
      },
    ],
    targets: ours === undefined ? [] : targetsOf(ours, found.find(({ id }) => id === 'verdaccio')),
    notes: ['Upstream fetches and CPU up to a second after the last answer, so that what is refreshed behind the answers counts.'],
  }
}

const targetsOf = (ours: Herd, verdaccio: Herd | undefined): readonly Target[] => [
  ...atMost(`${CLIENTS} clients on an expired packument: upstream fetches`, 1, ours.fetches, figure),
  // At once, from what is kept: nobody waits for the upstream or for the new document.
  ...atMost('the same: until all have it, of one that has not expired', 2, ours.last / ours.fresh, times),
  ...(verdaccio === undefined ? [] : atMost('the same: until all have it, of Verdaccio', 0.1, ours.last / verdaccio.last, times)),
]

async function expired(context: Context, server: Server, path: string): Promise<Herd> {
  const { upstream } = context
  const url = `${server.url}${path}`
  for (let again = 0; again < 3; again++) await take(url, packumentHeaders)
  const fresh = Math.max(...(await together(url)))
  await wait((maxage(context) + 0.5) * 1000)
  await tell(upstream, { touch: path.slice(1) })
  await prepare(upstream, [path])
  await tell(upstream, { reset: true })
  forgetPeak(server.pid)
  const before = cpuTime(server.pid)
  const waited = await together(url)
  await wait(1000)
  const { packuments } = await tell(upstream, {})
  return { id: server.id, fresh, fetches: packuments, first: Math.min(...waited), last: Math.max(...waited), cpu: cpuTime(server.pid) - before, peak: memory(server.pid).peak }
}

/** How long each of them waited, in milliseconds. */
async function together(url: string): Promise<readonly number[]> {
  const agent = new http.Agent({ maxSockets: CLIENTS })
  const fetched = await Promise.all(Array.from({ length: CLIENTS }, () => take(url, packumentHeaders, agent)))
  return fetched.map(({ milliseconds }) => milliseconds)
}
