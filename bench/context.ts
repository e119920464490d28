/** What every part of the benchmark gets. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import { LOAD_CORE, answers, freePort, run, start } from './children.ts'
import { CACHE, ROOT } from './programs.ts'
import { hasWrk } from './load/wrk.ts'

export interface Context {
  readonly quick: boolean
  /** Rounds of every comparison; each asks every server once. */
  readonly rounds: number
  /** Of load in a round. */
  readonly seconds: number
  readonly hasWrk: boolean
  /** Of the machine. */
  readonly cores: number
  /** Deleted at the end. */
  readonly dir: string
  /** Address of the fake upstream. */
  readonly upstream: string
  /** Says on the terminal what is going on. */
  say(what: string): void
}

export async function withContext<Result>({ quick, rounds }: { readonly quick: boolean; readonly rounds: number }, work: (context: Context) => Promise<Result>): Promise<Result> {
  const dir = mkdtempSync(path.join(tmpdir(), 'bench-'))
  process.on('exit', () => { rmSync(dir, { recursive: true, force: true }) })
  const port = await freePort()
  const log = path.join(dir, 'upstream.log')
  const kept = path.join(CACHE, 'npm')
  mkdirSync(kept, { recursive: true })
  const upstream = start({
    command: process.execPath,
    args: ['--no-warnings', path.join(ROOT, 'bench/processes/upstream.ts'), String(port), kept, await registry()],
    cores: String(LOAD_CORE),
    log,
  })
  const url = `http://127.0.0.1:${port}`
  await answers(`${url}/-/npm/v1/keys`, upstream, log)
  try {
    return await work({
      ...{ quick, rounds, dir, upstream: url, hasWrk: hasWrk(), cores: cpus().length },
      seconds: quick ? 1 : 2,
      say: (what) => { console.error(`  ${what}`) },
    })
  } catch (error) {
    console.error(readFileSync(log, 'utf8').slice(-2000))
    throw error
  } finally {
    await upstream.stop()
  }
}

/** The registry that npm is configured with: real packages come from there. */
async function registry(): Promise<string> {
  const given = process.env.npm_config_registry
  if (given !== undefined) return given
  const cli = process.env.npm_execpath
  const { output } = await (cli === undefined
    ? run({ command: 'npm', args: ['config', 'get', 'registry'], cwd: ROOT })
    : run({ command: process.execPath, args: [cli, 'config', 'get', 'registry'], cwd: ROOT }))
  return output.trim().split('\n').at(-1) ?? ''
}
