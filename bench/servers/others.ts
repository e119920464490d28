/** What this mirror is compared with. Each gets the settings that are good for it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { freePort } from '../children.ts'
import { ROOT, pnprBinary } from '../programs.ts'
import { launch, turnsOf, type Server, type StartOptions } from './server.ts'

/** Verdaccio as its documentation sets it up, less the log of every request, which would cost it more. */
async function verdaccio(id: 'verdaccio' | 'filter', options: StartOptions, filters: Readonly<Record<string, unknown>>): Promise<Server> {
  const port = await freePort()
  const file = path.join(options.dir, 'config.yaml')
  mkdirSync(path.join(options.dir, 'storage'), { recursive: true })
  const configuration = {
    storage: './storage',
    listen: `127.0.0.1:${port}`,
    auth: { htpasswd: { file: './htpasswd' } },
    uplinks: { up: { url: options.upstream, maxage: `${options.maxageSeconds}s`, max_fails: 1000, timeout: '60s' } },
    packages: { '**': { access: '$all', publish: '$authenticated', proxy: 'up' } },
    filters,
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  }
  writeFileSync(file, stringify(configuration))
  const { args, env } = turnsOf(options)
  const command = [...args, path.join(ROOT, 'node_modules/verdaccio/bin/verdaccio'), '--config', file]
  return launch(id, options.dir, port, { command: process.execPath, args: command, ...(env === undefined ? {} : { env }) }, '/-/ping')
}

export const startVerdaccio = (options: StartOptions): Promise<Server> => verdaccio('verdaccio', options, {})
/** It hides what is younger than a day, as the preset `recommended` does. */
export const startFilter = (options: StartOptions): Promise<Server> => verdaccio('filter', options, { '@verdaccio/package-filter': { minAgeDays: 1 } })

export async function startPnpr(options: StartOptions): Promise<Server> {
  const binary = pnprBinary()
  if (binary === undefined) throw new Error('pnpr is not installed')
  const port = await freePort()
  const file = path.join(options.dir, 'config.yaml')
  const configuration = {
    storage: './storage',
    registries: { up: { type: 'upstream', url: options.upstream, public: true } },
    defaultRegistry: 'up',
  }
  writeFileSync(file, stringify(configuration))
  const args = ['--config', file, '--listen', `127.0.0.1:${port}`, '--packument-ttl-secs', String(options.maxageSeconds)]
  return launch('pnpr', options.dir, port, { command: binary, args }, '/-/ping')
}

export async function startRaw(options: StartOptions): Promise<Server> {
  if (options.origin === undefined) throw new Error('the raw server needs an origin')
  const port = await freePort()
  const { args, env } = turnsOf(options)
  const script = path.join(ROOT, 'bench/processes/raw.ts')
  const command = ['--no-warnings', ...args, script, String(port), options.origin]
  return launch('raw', options.dir, port, { command: process.execPath, args: command, ...(env === undefined ? {} : { env }) }, '/-/ping')
}
