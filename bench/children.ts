/** Child processes of the benchmark: pinned to a core, and ended by their ids however it ends. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'

/** What asks, and what stands behind the servers, shares one core; the server under test has the other. */
export const LOAD_CORE = 0
export const SERVER_CORE = 1

const children = new Set<ChildProcess>()
const endAll = (): void => {
  for (const child of children) child.kill('SIGKILL')
}
process.on('exit', endAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    endAll()
    process.exit(130)
  })
}

export const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
export const canPin = (): boolean => (pinning ??= availableParallelism() > 1 && has('taskset'))
let pinning: boolean | undefined

/** This process, and what it starts from now on, on the core of the load. */
export function pinThisProcess(): void {
  if (canPin()) spawnSync('taskset', ['-cp', String(LOAD_CORE), String(process.pid)], { stdio: 'ignore' })
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  /** Cores as taskset writes them, e.g. `1` or `0,1`. */
  readonly cores?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Where what it prints goes. */
  readonly log?: string
}

export interface Child {
  readonly pid: number
  readonly ended: Promise<number>
  /** Asks it to end, and ends it after five seconds. */
  stop(): Promise<void>
  signal(name: NodeJS.Signals): void
}

const inherited = (): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$)/i.test(name)))
const commandLine = ({ command, args, cores }: Command): readonly [string, readonly string[]] =>
  cores !== undefined && canPin() ? ['taskset', ['-c', cores, command, ...args]] : [command, args]

/** Starts a process that goes on until it is stopped. */
export function start(what: Command): Child {
  const [command, args] = commandLine(what)
  const log = what.log === undefined ? 'ignore' : openSync(what.log, 'a')
  const child = spawn(command, args, { cwd: what.cwd, env: { ...inherited(), ...what.env }, stdio: ['ignore', log, log] })
  if (typeof log === 'number') closeSync(log)
  children.add(child)
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => { resolve(-1) })
    child.once('exit', (code) => { resolve(code ?? -1) })
  }).finally(() => children.delete(child))
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (name) => { child.kill(name) },
    stop: async () => {
      // As from a terminal: this mirror drains at SIGTERM, for load balancers.
      child.kill('SIGINT')
      const timer = setTimeout(() => { child.kill('SIGKILL') }, 5000)
      await ended
      clearTimeout(timer)
    },
  }
}

export interface Finished {
  readonly code: number
  readonly output: string
  /** Wall time, in milliseconds. */
  readonly milliseconds: number
}

/** Runs a process to its end. */
export function run(what: Command): Promise<Finished> {
  const [command, args] = commandLine(what)
  const from = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: what.cwd, env: { ...inherited(), ...what.env }, stdio: ['ignore', 'pipe', 'pipe'] })
    children.add(child)
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      children.delete(child)
      resolve({ code: code ?? -1, output: Buffer.concat(chunks).toString(), milliseconds: performance.now() - from })
    })
  })
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => { resolve(port) })
    })
  })
}

const ENDED = Symbol('ended')

/** Waits until a path answers with `status`. @throws Error with what the process printed, when it ended or takes a minute */
export async function answers(url: string, child: Child, log: string, isReady = (status: number): boolean => status < 500): Promise<void> {
  const ended = child.ended.then(() => ENDED)
  for (let tries = 0; tries < 600; tries++) {
    const status = await fetch(url).then(async (response) => {
      await response.arrayBuffer()
      return response.status
    }, () => 999)
    if (isReady(status)) return
    if ((await Promise.race([wait(100), ended])) === ENDED) break
  }
  throw new Error(`${url} does not answer:\n${readFileSync(log, 'utf8').slice(-2000)}`)
}
