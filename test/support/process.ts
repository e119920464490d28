/** The built mirror as a process of its own, and the real npm in front of it. */
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import type { JsonObject } from '../../plugin/domain/json.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
export const MAIN = path.join(ROOT, 'dist/cli/main.js')

export const isBuilt = (): boolean => existsSync(MAIN)

export interface MirrorProcess {
  readonly url: string
  /** All it has printed so far. */
  output(): string
  /** Resolves when it has printed something that matches. */
  printed(pattern: RegExp): Promise<void>
  stop(): Promise<void>
  signal(name: NodeJS.Signals): void
  /** As the machine would end it: nothing of its own runs any more. */
  kill(): Promise<void>
  /** How it ended: its exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals>
}

/** How the process is run. */
export interface Launch {
  /** Options of node itself. */
  readonly node?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export const temporaryDirectory = (prefix: string): string => mkdtempSync(path.join(tmpdir(), prefix))

/** Runs `serve` with `section` as middlewares.provenance, on a free port, with all its data in `dir`. */
export async function serveProcess(dir: string, section: JsonObject, core: JsonObject = {}, { node = [], env = {} }: Launch = {}): Promise<MirrorProcess> {
  const file = path.join(dir, 'config.yaml')
  const config = {
    storage: './storage',
    listen: 'localhost:0',
    auth: { htpasswd: { file: './htpasswd' } },
    packages: { '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } },
    log: { type: 'stdout', format: 'json', level: 'info' },
    ...core,
    // No test reaches the public TUF repository, and none waits for a load balancer.
    middlewares: { provenance: { shutdown: { drain: '0s' }, ...section, trust: { offline: true, ...(section.trust as JsonObject | undefined) } } },
  }
  writeFileSync(file, stringify(config))
  const child = spawn(process.execPath, [...node, MAIN, 'serve', '--config', file], { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let output = ''
  const waiting = new Set<() => void>()
  const append = (chunk: Buffer): void => {
    output += chunk.toString()
    for (const check of waiting) check()
  }
  child.stdout.on('data', append)
  child.stderr.on('data', append)
  const exited = new Promise<number | NodeJS.Signals>((resolve) => child.once('exit', (code, signal) => { resolve(code ?? signal ?? 1) }))
  const printed = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (!pattern.test(output)) return
        waiting.delete(check)
        resolve()
      }
      waiting.add(check)
      void exited.then(() => { reject(new Error(`the mirror ended before it printed ${String(pattern)}:\n${output}`)) })
      check()
    })
  await printed(/listens on (\S+)\//)
  return {
    url: /listens on (\S+)\//.exec(output)?.[1] ?? '',
    output: () => output,
    printed,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
    signal: (name) => { child.kill(name) },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    ended: exited,
  }
}

export interface CommandResult {
  readonly code: number
  readonly output: string
}

/** Runs the command line and waits for its end. */
export const runMain = (dir: string, ...args: readonly string[]): Promise<CommandResult> => run(process.execPath, [MAIN, ...args], dir, process.env)

/** A fresh project and npm cache. */
export class NpmProject {
  readonly dir: string
  readonly #cache: string

  constructor(dir: string) {
    this.dir = path.join(dir, 'project')
    this.#cache = path.join(dir, 'npm-cache')
    this.reset()
  }

  /** Nothing installed, nothing cached. */
  reset(): void {
    for (const folder of [this.dir, this.#cache]) rmSync(folder, { recursive: true, force: true })
    mkdirSync(this.dir, { recursive: true })
    writeFileSync(path.join(this.dir, 'package.json'), JSON.stringify({ name: 'project', version: '1.0.0', private: true }))
  }

  has(file: string): boolean {
    return existsSync(path.join(this.dir, 'node_modules', file))
  }

  npm(registry: string, ...args: readonly string[]): Promise<CommandResult> {
    const flags = ['--registry', `${registry}/`, '--cache', this.#cache, '--no-audit', '--no-fund', '--no-update-notifier', '--fetch-retries=0']
    const env = { ...process.env, HOME: this.dir, npm_config_userconfig: path.join(this.dir, '.npmrc'), NO_COLOR: '1' }
    const cli = process.env.npm_execpath
    return cli === undefined ? run('npm', [...args, ...flags], this.dir, env) : run(process.execPath, [cli, ...args, ...flags], this.dir, env)
  }
}

function run(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd, env, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, output: `${stdout}${stderr}` })
    })
  })
}
