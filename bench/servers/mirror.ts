/** This mirror in its two forms, with the configuration that it ships and enforcement on. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse, stringify } from 'yaml'
import { REGISTRY, PrivateSigstore } from '../../test/support/private-sigstore.ts'
import { freePort } from '../children.ts'
import { ROOT } from '../programs.ts'
import { SIGSTORE } from '../upstream/sigstore.ts'
import { launch, turnsOf, type Server, type StartOptions } from './server.ts'

type Configuration = Readonly<Record<string, unknown>>

export const MAIN = path.join(ROOT, 'dist/cli/main.js')
/** `recommended`, enforced, with a rule of its own, so that a policy file is read. */
export const POLICY = { version: 1, extends: 'recommended' }

/** Writes the configuration into `dir`. Returns its file. */
export function writeMirrorConfig({ dir, upstream, maxageSeconds, uplink }: StartOptions, port: number, more: Configuration = {}): string {
  const shipped = parse(readFileSync(path.join(ROOT, 'config/config.yaml'), 'utf8')) as Configuration
  const section = (shipped.middlewares as Readonly<Record<string, Configuration>>).provenance
  const sigstore = PrivateSigstore.create({ name: SIGSTORE })
  mkdirSync(path.join(dir, 'storage'), { recursive: true })
  writeFileSync(path.join(dir, 'root.json'), JSON.stringify(sigstore.trustedRoot()))
  writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(sigstore.registryKeys()))
  writeFileSync(path.join(dir, 'policy.yaml'), stringify(POLICY))
  const file = path.join(dir, 'config.yaml')
  const configuration = {
    ...shipped,
    listen: `127.0.0.1:${port}`,
    middlewares: {
      provenance: {
        ...section,
        policy: './policy.yaml',
        accessLog: './access.log',
        uplinks: { up: { url: upstream, maxage: `${maxageSeconds}s`, trust: { registry: REGISTRY, registryKeys: './keys.json' }, ...uplink } },
        packages: { '**': ['up'] },
        trust: { trustedRoot: './root.json', offline: true },
      },
    },
    ...more,
  }
  writeFileSync(file, stringify(configuration))
  return file
}

export async function startServe(options: StartOptions): Promise<Server> {
  const port = await freePort()
  const file = writeMirrorConfig(options, port)
  const { args, env } = turnsOf(options)
  return launch('serve', options.dir, port, { command: process.execPath, args: [...args, MAIN, 'serve', '--config', file], ...(env === undefined ? {} : { env }) }, '/-/provenance/ready')
}

export async function startPluginForm(options: StartOptions): Promise<Server> {
  const port = await freePort()
  const plugin = path.join(options.dir, 'plugins/verdaccio-provenance')
  mkdirSync(plugin, { recursive: true })
  const main = path.relative(plugin, path.join(ROOT, 'dist/index.js'))
  writeFileSync(path.join(plugin, 'package.json'), JSON.stringify({ name: 'verdaccio-provenance', version: '0.0.0', type: 'module', main }))
  const file = writeMirrorConfig(options, port, { plugins: './plugins' })
  const { args, env } = turnsOf(options)
  const command = [...args, path.join(ROOT, 'node_modules/verdaccio/bin/verdaccio'), '--config', file]
  return launch('plugin', options.dir, port, { command: process.execPath, args: command, ...(env === undefined ? {} : { env }) }, '/-/provenance/ready')
}
