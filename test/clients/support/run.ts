/** A program with a home of its own, an environment of its own, and an end. */
import { spawn } from 'node:child_process'
import path from 'node:path'

export interface Ran {
  readonly code: number
  /** What a person at the terminal sees, in the order it came; without colours. */
  readonly output: string
  /** milliseconds */
  readonly took: number
}

export interface RunOptions {
  readonly cwd: string
  readonly home: string
  readonly env?: Readonly<Record<string, string>>
  /** milliseconds, then the whole process group is ended */
  readonly timeout?: number
}

const TIMEOUT = 100_000

/** Nothing of this process's environment gets in: no token, no proxy, no setting of the npm that runs the tests. */
const environment = (home: string): Readonly<Record<string, string>> => ({
  PATH: `${path.dirname(process.execPath)}${path.delimiter}/usr/bin${path.delimiter}/bin`,
  HOME: home,
  USERPROFILE: home,
  TMPDIR: path.dirname(home),
  // For root, yarn 1 keeps its cache outside any home.
  YARN_CACHE_FOLDER: path.join(home, 'yarn'),
  NO_COLOR: '1',
  TERM: 'dumb',
  COREPACK_ENABLE_NETWORK: '0',
  NO_UPDATE_NOTIFIER: '1',
  DO_NOT_TRACK: '1',
})

export function run(command: readonly string[], { cwd, home, env = {}, timeout = TIMEOUT }: RunOptions): Promise<Ran> {
  const [file = '', ...args] = command
  const started = performance.now()
  return new Promise((resolve) => {
    // A group of its own, so that what it starts ends with it.
    const child = spawn(file, args, { cwd, env: { ...environment(home), ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let output = ''
    const append = (chunk: Buffer): void => { output += chunk.toString() }
    child.stdout.on('data', append)
    child.stderr.on('data', append)
    const timer = setTimeout(() => {
      output += `\nended after ${String(timeout)} ms`
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, timeout)
    const ended = (code: number): void => {
      clearTimeout(timer)
       
      resolve({ code, output: output.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, ''), took: performance.now() - started })
    }
    child.once('error', (error) => {
      output += error.message
      ended(127)
    })
    child.once('close', (code) => { ended(code ?? 1) })
  })
}
