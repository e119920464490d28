/** Memory under fifty connections on a large packument, and while the largest one is built. */
import type { Context } from '../context.ts'
import { take } from '../load/fetch.ts'
import { packumentHeaders } from '../load/requests.ts'
import { wrk } from '../load/wrk.ts'
import { forgetPeak, memory as memoryOf } from '../proc.ts'
import { atMost, type Section } from '../report/section.ts'
import { NAMES, withServers, type ServerId } from '../servers/index.ts'
import { figure } from '../statistics.ts'

const CONNECTIONS = 50
const megabytes = (value: number): string => `${figure(value)} MB`

export async function memory(context: Context): Promise<Section> {
  const ids: readonly ServerId[] = context.quick ? ['raw', 'serve'] : ['raw', 'serve', 'plugin', 'verdaccio', 'filter', 'pnpr']
  const found: { readonly id: ServerId; readonly idle: number; readonly loaded: number; readonly after: number }[] = []
  const largest = context.quick ? '/bench-3000' : '/bench-20000'
  await withServers(context, ids, async (servers) => {
    // Before anybody is asked anything: raw asks `serve`.
    const started = new Map(servers.map(({ id, pid }) => [id, memoryOf(pid).resident]))
    for (const { id, url, pid } of servers) {
      context.say(NAMES[id])
      const idle = started.get(id) ?? NaN
      await take(`${url}/bench-3000`, packumentHeaders)
      forgetPeak(pid)
      await wrk({ url: `${url}/bench-3000`, headers: packumentHeaders, seconds: context.quick ? 1 : 5, connections: CONNECTIONS })
      const loaded = memoryOf(pid)
      found.push({ id, idle, loaded: loaded.peak, after: loaded.resident })
    }
  })
  const built = await withServers(context, ids.filter((id) => id !== 'raw'), async (servers) => {
    const peaks = new Map<ServerId, number>()
    for (const { id, url, pid } of servers) {
      forgetPeak(pid)
      await take(`${url}${largest}`, packumentHeaders)
      peaks.set(id, memoryOf(pid).peak)
    }
    return peaks
  })
  const versions = Number(largest.replace(/\D/g, '')).toLocaleString('en-US')
  const ours = found.find(({ id }) => id === 'serve')
  return {
    tables: [
      {
        title: 'Resident memory, MB',
        columns: ['', 'started', `peak under ${CONNECTIONS} connections on 3,000 versions`, 'after it', `peak of a fresh one building ${versions} versions`],
        rows: found.map(({ id, idle, loaded, after }) => [NAMES[id], ...[idle, loaded, after, built.get(id) ?? NaN].map(figure)]),
      },
    ],
    targets: [
      ...atMost(`peak under ${CONNECTIONS} connections on the packument of 3,000 versions`, 350, ours?.loaded ?? NaN, megabytes),
      ...atMost(`peak while building ${versions} versions`, 600, built.get('serve') ?? NaN, megabytes),
    ],
    notes: [],
  }
}
