/** A storage directory as a Verdaccio 6 that proxied without this mirror leaves it behind. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { runServer } from 'verdaccio'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { forgetEngine, registeredEngines, replaceForTests } from '../../plugin/plugin.ts'
import type { FakeRegistry } from './fake-registry.ts'
import { NO_AGE } from './mirror.ts'
import { REGISTRY } from './private-sigstore.ts'
import { register } from './raw.ts'
import { tarballOf } from './tarball.ts'

/** A stock Verdaccio 6 that listens. */
export interface Stock {
  readonly url: string
  close(): Promise<void>
}

/** Verdaccio's configuration for a directory; `config.yaml` need not be there. */
export const stockConfig = (dir: string, more: JsonObject = {}): JsonObject => ({
  self_path: path.join(dir, 'config.yaml'),
  configPath: path.join(dir, 'config.yaml'),
  storage: path.join(dir, 'storage'),
  auth: { htpasswd: { file: path.join(dir, 'htpasswd') } },
  packages: { '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } },
  log: { type: 'stdout', format: 'json', level: 'fatal' },
  ...more,
})

/** @throws whatever stops Verdaccio's start */
export async function startStock(config: JsonObject): Promise<Stock> {
  const server = (await runServer(config as never)) as Server
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    url: `http://localhost:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => { resolve() })
        server.closeAllConnections()
      }),
  }
}

/** Publishes `name@version` at a registry: by default a tarball with a package.json that says what `more` says. */
export function publishTo(
  base: string,
  token: string,
  name: string,
  version: string,
  more: JsonObject = {},
  bytes: string | Uint8Array = tarballOf({ 'package/package.json': { name, version, ...more } }),
): Promise<Response> {
  const file = `${name.split('/').at(-1) ?? ''}-${version}.tgz`
  const dist = { tarball: `${base}/${name}/-/${file}`, shasum: createHash('sha1').update(bytes).digest('hex') }
  const document = {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { name, version, dist, ...more } },
    _attachments: { [`${name}-${version}.tgz`]: { content_type: 'application/octet-stream', data: Buffer.from(bytes).toString('base64'), length: bytes.length } },
  }
  return put(base, `/${name.replace('/', '%2f')}`, token, document)
}

export const put = (base: string, where: string, token: string, document: unknown): Promise<Response> =>
  fetch(`${base}${where}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(document),
  })

/**
 * Fills the storage of `dir`: asks for packuments and tarballs through a Verdaccio with an uplink, after publishing
 * `published` there with no uplink, so that the uplink's versions are merged into them.
 */
export async function fillStorage(
  dir: string,
  uplink: string,
  { published = [], asked }: { readonly published?: readonly string[]; readonly asked: readonly string[] },
): Promise<void> {
  const before = await startStock(stockConfig(dir))
  const token = await register(before.url, 'publisher')
  for (const name of published) await publishTo(before.url, token, name, '0.1.0', { description: 'published here' }, 'published here')
  await before.close()
  const packages = { '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated', proxy: 'old' } }
  const proxying = await startStock(stockConfig(dir, { packages, uplinks: { old: { url: uplink } } }))
  for (const where of asked) {
    const response = await fetch(`${proxying.url}${where}`)
    if (response.status !== 200) throw new Error(`${where} was ${String(response.status)}`)
    await response.arrayBuffer()
  }
  await proxying.close()
}

const ROOT = path.resolve(import.meta.dirname, '../..')

/** A `plugins:` folder with `verdaccio-provenance` in it, as `npm pack` and unpacking would leave it; its code is `entry`. */
export function pluginsFolder(dir: string, entry = path.join(ROOT, 'plugin/index.ts')): string {
  const folder = path.join(dir, 'plugins')
  const plugin = path.join(folder, 'verdaccio-provenance')
  mkdirSync(plugin, { recursive: true })
  const description = { name: 'verdaccio-provenance', version: '0.0.0', type: 'module', main: path.relative(plugin, entry) }
  writeFileSync(path.join(plugin, 'package.json'), JSON.stringify(description))
  return folder
}

/** `middlewares.provenance` for a fake registry, its trust written into `dir`. */
export function sectionFor(dir: string, registry: FakeRegistry, more: JsonObject = {}): JsonObject {
  writeFileSync(path.join(dir, 'root.json'), JSON.stringify(registry.sigstore.trustedRoot()))
  writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(registry.sigstore.registryKeys()))
  return {
    policy: NO_AGE,
    uplinks: { fake: { url: registry.url, maxage: '0s', staleFor: '0s', trust: { registry: REGISTRY, registryKeys: './keys.json' } } },
    packages: { '**': ['fake'] },
    trust: { trustedRoot: './root.json' },
    ...more,
  }
}

/** A stock Verdaccio with the plugin from its `plugins:` folder; closing it closes the plugin's stores too. */
export async function startPluginForm(config: JsonObject): Promise<Stock> {
  replaceForTests({ retryWait: 0 })
  const known = new Set(registeredEngines())
  const stock = await startStock(config)
  return {
    url: stock.url,
    close: async () => {
      await stock.close()
      for (const engine of registeredEngines().filter((one) => !known.has(one))) {
        await (await engine).close()
        forgetEngine(engine)
      }
    },
  }
}
