import type { Server } from 'node:http'
import { registerHooks } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { getListenAddress } from '@verdaccio/config'
import { runServer } from 'verdaccio'
import { prepare, type Engine } from '../compose.ts'
import { takeOver } from '../config/take-over.ts'
import type { JsonObject } from '../domain/json.ts'
import { accessLog } from '../http/access-log.ts'
import { trustedBy } from '../http/asker.ts'
import { standInFront } from '../http/front.ts'
import { limitConnections } from '../http/limits/connections.ts'
import { passwordGate } from '../http/limits/handler.ts'
import { askInMemory } from '../http/rehearse.ts'
import { forgetEngine, registeredEngines } from '../plugin.ts'
import { closed, endConnections } from './server-end.ts'
import { limitServer } from './server-limits.ts'

/** A mirror that listens. */
export interface RunningMirror {
  readonly url: string
  readonly engine: Engine
  /** What was changed in Verdaccio's configuration, for people. */
  readonly notes: readonly string[]
  /** From now on it says that it is not ready, and that connections end with their answers; whoever comes is still served. */
  drain(): void
  /** Ends when the answers under way are sent, or that has taken `shutdown.finish`. */
  close(): Promise<void>
}

const PLUGIN = 'verdaccio-provenance'

/**
 * Starts Verdaccio in this process with this plugin in front of it.
 * @throws ConfigurationError; Error when the plugin did not register, or the address is taken
 */
export async function startMirror(config: JsonObject, listen?: string, prepareFirstRequest = false): Promise<RunningMirror> {
  const { config: taken, notes } = takeOver(config)
  // Read once more when Verdaccio loads the plugin; a mistake shall be told before Verdaccio has printed anything.
  prepare(taken)
  resolvePluginToThisCopy()
  const before = new Set(registeredEngines())
  const server = (await runServer(taken as never)) as Server
  limitServer(server)
  const trusts = trustedBy(server.listeners('request')[0] as object)
  const opening = registeredEngines().find((one) => !before.has(one))
  if (opening === undefined) throw new Error('Verdaccio did not load this plugin: look for its message above, and for another copy in `plugins:`')
  const engine = await opening
  const { limits } = engine.routes
  if (limits !== undefined) limitConnections(server, limits, trusts)
  const { lines } = engine.observation
  let isOpen = false
  standInFront(server, engine.routes.addresses, {
    warm: engine.routes.warm,
    log: accessLog(engine.logger),
    lines: lines && {
      begin: (request, response) => {
        if (isOpen) lines.begin(request, response)
        else lines.skip(request)
      },
    },
    gate: limits && passwordGate(limits, trusts),
  })
  if (prepareFirstRequest) await rehearsed(server, engine)
  isOpen = true
  const address = await listenOn(server, getListenAddress(listen ?? (taken.listen as never), console as never))
  return {
    url: address,
    engine,
    notes,
    drain: () => {
      engine.drain()
      endConnections(server)
    },
    close: async () => {
      // Who follows the log would keep the server open until his stream ends by itself.
      engine.routes.dashboard.live.close()
      await closed(server, engine.configuration.shutdown.finish)
      await engine.close()
      forgetEngine(opening)
    },
  }
}

/** What waits for this is the port, never for long. */
const REHEARSAL_MS = 1000

/** The way through Verdaccio's middlewares, and all of this mirror's own: else the first request of the process would be for them. */
async function rehearsed(server: Server, engine: Engine): Promise<void> {
  const both = Promise.all([askInMemory(server, { path: '/-/provenance/health' }), engine.rehearse()]).catch(() => undefined)
  await Promise.race([both, setTimeout(REHEARSAL_MS, undefined, { ref: false })])
}

/** Verdaccio finds plugins by package name; here that name means the code that is running, wherever it is installed. */
function resolvePluginToThisCopy(): void {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const entries = new Map([[PLUGIN, 'index'], [`${PLUGIN}/s3`, 's3-plugin']])
  hooks ??= registerHooks({
    resolve: (specifier, context, next) => {
      const entry = entries.get(specifier)
      return entry === undefined ? next(specifier, context) : { url: new URL(`../${entry}.${extension}`, import.meta.url).href, shortCircuit: true }
    },
  })
}
let hooks: ReturnType<typeof registerHooks> | undefined

function listenOn(server: Server, { proto, host = 'localhost', port, path: socket }: ReturnType<typeof getListenAddress>): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Error(`cannot listen on ${socket ?? `${host}:${String(port)}`}: ${error.message}`, { cause: error }))
    })
    const listening = (): void => {
      const bound = server.address()
      resolve(typeof bound === 'object' && bound !== null ? `${proto}://${host}:${String(bound.port)}` : `unix:${String(socket)}`)
    }
    if (socket === undefined) server.listen(Number(port), host, listening)
    else server.listen(socket, listening)
  })
}
