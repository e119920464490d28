/** A registry server as a process of its own. */
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { LongestTurn } from '../processes/turns.ts'
import { SERVER_CORE, answers, start, type Command } from '../children.ts'

export type ServerId = 'raw' | 'serve' | 'plugin' | 'verdaccio' | 'filter' | 'pnpr'

export const NAMES: Readonly<Record<ServerId, string>> = {
  raw: 'raw `node:http`',
  serve: 'this mirror, `serve`',
  plugin: 'this mirror, plugin form',
  verdaccio: 'Verdaccio 6',
  filter: 'Verdaccio 6, package-filter',
  pnpr: 'pnpr',
}

export interface StartOptions {
  /** Its own; everything it keeps is there. */
  readonly dir: string
  readonly upstream: string
  /** As Verdaccio writes intervals; seconds for those that know no others. */
  readonly maxageSeconds: number
  /** Measures how long its event loop is held; costs a little. */
  readonly turns?: boolean
  /** The raw server takes its bytes from there. */
  readonly origin?: string
  /** More of the uplink's options of this mirror. */
  readonly uplink?: Readonly<Record<string, unknown>>
}

export interface Server {
  readonly id: ServerId
  readonly url: string
  readonly pid: number
  readonly dir: string
  /** Milliseconds of the longest turn since it was last asked, with `turns`. */
  longestTurn(): Promise<LongestTurn>
  stop(): Promise<void>
  signal(name: NodeJS.Signals): void
}

export const LOG = 'output.log'
const TURNS = 'turns.json'

/** What node is started with to measure turns. */
export const turnsOf = ({ turns, dir }: StartOptions): Pick<Command, 'args' | 'env'> =>
  turns === true
    ? { args: ['--no-warnings', '--import', path.resolve(import.meta.dirname, '../processes/turns.ts')], env: { BENCH_TURNS: path.join(dir, TURNS) } }
    : { args: [], env: {} }

/** Starts it on the server's core and waits until `ready` answers. */
export async function launch(id: ServerId, dir: string, port: number, command: Omit<Command, 'log' | 'cores' | 'cwd'>, ready: string): Promise<Server> {
  const log = path.join(dir, LOG)
  const child = start({ ...command, cwd: dir, log, cores: String(SERVER_CORE) })
  const url = `http://127.0.0.1:${port}`
  await answers(`${url}${ready}`, child, log, (status) => status < 500)
  return {
    id,
    url,
    pid: child.pid,
    dir,
    signal: (name) => { child.signal(name) },
    longestTurn: async () => {
      const file = path.join(dir, TURNS)
      rmSync(file, { force: true })
      child.signal('SIGUSR2')
      for (let tries = 0; tries < 200; tries++) {
        await wait(50)
        const text = readOr(file)
        if (text !== undefined) return JSON.parse(text) as LongestTurn
      }
      throw new Error(`${NAMES[id]} does not say how long its turns were`)
    },
    stop: () => child.stop(),
  }
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
