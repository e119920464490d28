/** Starts servers for a case and stops them after it. */
import { mkdirSync, mkdtempSync } from 'node:fs'
import path from 'node:path'
import type { Context } from '../context.ts'
import { pnprBinary } from '../programs.ts'
import { startPluginForm, startServe } from './mirror.ts'
import { startFilter, startPnpr, startRaw, startVerdaccio } from './others.ts'
import { NAMES, type Server, type ServerId, type StartOptions } from './server.ts'

export { NAMES, type Server, type ServerId } from './server.ts'

const STARTS: Readonly<Record<ServerId, (options: StartOptions) => Promise<Server>>> = {
  raw: startRaw,
  serve: startServe,
  plugin: startPluginForm,
  verdaccio: startVerdaccio,
  filter: startFilter,
  pnpr: startPnpr,
}

/** Long enough that nothing expires while it is measured. */
export const LONG = 3600

export type Options = Partial<Omit<StartOptions, 'dir' | 'upstream'>>

export const available = (id: ServerId): boolean => id !== 'pnpr' || pnprBinary() !== undefined
/** What is left out here, for people. */
export const leftOut = (): readonly string[] =>
  available('pnpr') ? [] : [`${NAMES.pnpr} is not installed (\`npm run bench:programs\`): it is left out`]

export async function startServer(context: Context, id: ServerId, options: Options = {}): Promise<Server> {
  mkdirSync(context.dir, { recursive: true })
  const dir = mkdtempSync(path.join(context.dir, `${id}-`))
  return STARTS[id]({ maxageSeconds: LONG, ...options, dir, upstream: context.upstream })
}

/** `raw` takes its bytes from `serve`, which is therefore started too, whether or not it is asked for. */
export async function withServers<Result>(context: Context, ids: readonly ServerId[], work: (servers: readonly Server[]) => Promise<Result>, options: Options = {}): Promise<Result> {
  const started: Server[] = []
  try {
    for (const id of ids.includes('raw') ? (['serve', ...ids.filter((one) => one !== 'serve')] as const) : ids) {
      if (!available(id)) continue
      const origin = started.find((server) => server.id === 'serve')?.url
      started.push(await startServer(context, id, { ...options, ...(origin === undefined ? {} : { origin }) }))
    }
    const wanted = ids.flatMap((id) => started.filter((server) => server.id === id))
    return await work(wanted)
  } finally {
    await Promise.all(started.map((server) => server.stop()))
  }
}
