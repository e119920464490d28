/** How long the event loop is held by one request: for the first time, again, and while many come. */
import type { Context } from '../context.ts'
import { take, takeAll } from '../load/fetch.ts'
import { packumentHeaders, tarballHeaders } from '../load/requests.ts'
import { atMost, type Section, type Target } from '../report/section.ts'
import { NAMES, withServers, type Server, type ServerId } from '../servers/index.ts'
import { figure } from '../statistics.ts'
import { prepare } from '../upstream/control.ts'
import { versionAt } from '../upstream/generated.ts'

interface Step {
  readonly what: string
  /** Milliseconds of CPU that a turn of this mirror may take; many requests at once share a turn, which says nothing of any. */
  readonly allowed?: number
  readonly ask: (url: string) => Promise<number>
}

const once = (path: string) => async (url: string): Promise<number> => (await take(`${url}${path}`, packumentHeaders)).milliseconds
const tarball = (name: string, index: number, count: number): string => `/${name}/-/${name}-${versionAt(index, count)}.tgz`

const FIRST: Step = { what: 'packument of 50 versions, first in the process', allowed: 6, ask: once('/bench-50') }
const STEPS: readonly Step[] = [
  { what: 'packument of 3,000 versions, cold', allowed: 6, ask: once('/bench-3000') },
  { what: 'packument of 3,000 versions, warm, 50 at once', ask: (url) => takeAll(Array.from({ length: 50 }, () => `${url}/bench-3000`), packumentHeaders, 50) },
  { what: 'tarball of 100 KB of 3,000 versions, cold', allowed: 6, ask: async (url) => (await take(`${url}${tarball('bench-3000', 2999, 3000)}`, tarballHeaders)).milliseconds },
  { what: 'tarball of 5 MB, cold', allowed: 6, ask: async (url) => (await take(`${url}${tarball('bench-tar-5m', 3, 12)}`, tarballHeaders)).milliseconds },
]
const LARGEST: Step = { what: 'packument of 20,000 versions, cold', allowed: 8, ask: once('/bench-20000') }

export async function turns(context: Context): Promise<Section> {
  const ids: readonly ServerId[] = context.quick ? ['serve', 'verdaccio'] : ['serve', 'plugin', 'verdaccio', 'filter']
  const steps = context.quick ? [FIRST, ...STEPS.slice(0, 1)] : [FIRST, ...STEPS, LARGEST]
  const rows: (readonly string[])[] = []
  const targets: Target[] = []
  await prepare(context.upstream, ['/bench-50', '/bench-3000', ...(context.quick ? [] : ['/bench-20000', '/bench-tar-5m'])])
  await withServers(context, ids, async (servers) => {
    for (const step of steps) {
      context.say(step.what)
      for (const server of servers) {
        const { wait, cpu, wall } = await measure(server, step)
        rows.push([`${step.what}: ${NAMES[server.id]}`, ...[wait, cpu, wall].map(figure)])
        if (server.id === 'serve' && step.allowed !== undefined) targets.push(...atMost(`longest turn, ${step.what}`, step.allowed, cpu, (value) => `${figure(value)} ms of CPU`))
      }
    }
  }, { turns: true })
  return {
    tables: [{ title: 'Longest turn of the event loop', columns: ['', 'answered in ms', 'CPU ms', 'wall ms'], rows }],
    targets,
    notes: [
      'CPU of the main thread between two rounds of a timer of 1 ms; up to a second after the answer, so that work behind it counts. Wall includes waiting for the core, which all threads of the server share.',
      'The first request of a process compiles code as it runs.',
    ],
  }
}

async function measure(server: Server, { ask }: Step): Promise<{ readonly wait: number; readonly cpu: number; readonly wall: number }> {
  await server.longestTurn()
  const wait = await ask(server.url)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  return { wait, ...(await server.longestTurn()) }
}
