/** The first request of a package whose versions all claim provenance, with an upstream that is 20 ms away. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Context } from '../context.ts'
import { take } from '../load/fetch.ts'
import { packumentHeaders } from '../load/requests.ts'
import { cpuTime } from '../proc.ts'
import { atMost, type Section } from '../report/section.ts'
import { startServer, type Server } from '../servers/index.ts'
import { figure } from '../statistics.ts'
import { prepare, tell } from '../upstream/control.ts'

const AWAY_MS = 20
const LONGEST_MS = 60_000
const seconds = (value: number): string => `${figure(value / 1000)} s`

export async function provenance(context: Context): Promise<Section> {
  const count = context.quick ? 100 : 600
  const path = `/bench-claimed-${count}`
  await prepare(context.upstream, [path])
  const server = await startServer(context, 'serve', { uplink: { rate: 1000 } })
  try {
    await take(`${server.url}/bench-50`, packumentHeaders)
    await tell(context.upstream, { delay: AWAY_MS, reset: true })
    context.say(`${count} versions`)
    const from = performance.now()
    const first = await take(`${server.url}${path}`, packumentHeaders)
    const { attestations: before } = await tell(context.upstream, {})
    const all = await untilAsked(context, server, count, from)
    const cpu = cpuTime(server.pid)
    const again = await take(`${server.url}${path}`, packumentHeaders)
    const warm = await take(`${server.url}${path}`, packumentHeaders)
    return {
      tables: [
        {
          title: `First request of ${count} claimed provenances, upstream ${AWAY_MS} ms away`,
          columns: ['', 'ms'],
          rows: [
            [`first answer, ${before} documents asked for by then`, figure(first.milliseconds)],
            ['all of them verified', figure(all)],
            ['next request', figure(again.milliseconds)],
            ['and the next', figure(warm.milliseconds)],
            ['CPU of all of it', figure(cpu)],
          ],
        },
      ],
      targets: [
        ...atMost(`${count} claimed provenances: first answer`, 400, first.milliseconds, seconds),
        ...atMost(`${count} claimed provenances: all verified`, 2500, all, seconds),
      ],
      notes: ['With `rate: 1000` for the uplink: the default asks for 20 documents a second that no client waits for. Verified: the last document was asked for, and the server has stopped working.'],
    }
  } finally {
    await tell(context.upstream, { delay: 0, reset: true })
    await server.stop()
  }
}

/** Milliseconds from `from` to when the server last worked after it had asked for everything; infinite when it does not ask. */
async function untilAsked({ upstream }: Context, { pid }: Server, count: number, from: number): Promise<number> {
  for (;;) {
    if (performance.now() - from > LONGEST_MS) return Infinity
    const { attestations } = await tell(upstream, {})
    if (attestations >= count) break
    await wait(20)
  }
  for (;;) {
    const at = performance.now()
    const before = cpuTime(pid)
    await wait(150)
    if (cpuTime(pid) - before <= 20) return at - from
  }
}
