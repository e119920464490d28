/** Who judges for a command: a running mirror, or this process with a mirror's store. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import type * as VerdaccioConfig from '@verdaccio/config'
import { MirrorSource, type Addresses, type VerdictSource } from '../check/index.ts'
import { usage } from './usage.ts'
import { tokenFor, tokenFromEnvironment } from './npmrc.ts'

export interface SourceOptions {
  readonly config?: string
  readonly mirror?: string
  readonly tokenEnv?: string
  /** Further addresses of the mirror, as lockfiles name it. */
  readonly address?: readonly string[]
}

export interface Judge {
  readonly source: VerdictSource
  readonly addresses: Addresses
}

const DEFAULT_CONFIG = 'data/config.yaml'

/** @throws ConfigurationError; Unavailable when the mirror does not answer */
export async function judgeOf(options: SourceOptions): Promise<Judge> {
  const named = (options.address ?? []).map((address) => addressOf('--address', address))
  if (options.mirror !== undefined) {
    if (options.config !== undefined) throw usage('--config', 'stands beside --mirror', 'Give one of them: the running mirror has its own configuration.')
    const url = addressOf('--mirror', options.mirror)
    const token = options.tokenEnv === undefined ? tokenFor(url, process.cwd()) : tokenFromEnvironment(options.tokenEnv)
    return { source: await MirrorSource.open({ url, token }), addresses: addressesOf([url, ...named]) }
  }
  if (options.tokenEnv !== undefined) throw usage('--token-env', 'is for a running mirror', 'Give --mirror URL with it.')
  const file = path.resolve(options.config ?? DEFAULT_CONFIG)
  if (options.config === undefined && !existsSync(file))
    throw usage(DEFAULT_CONFIG, 'is not there, and no mirror was named', 'Give --mirror URL of a running mirror, or --config FILE of one.')
  const { OwnStore } = await import('./own-store.ts')
  const source = await OwnStore.open(file, (message) => { console.error(`warning: ${message}`) })
  const { publicUrls, urlPrefix } = source.engine.configuration
  // Loopback names always lead to a mirror, at whatever port it runs.
  const loopback = new URL(`http://localhost${urlPrefix}/`)
  return { source, addresses: addressesOf([...publicUrls, loopback, ...named]) }
}

function addressOf(option: string, text: string): URL {
  const url = URL.parse(text)
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '') return url
  throw usage(option, `"${text.replace(/\/\/[^/]*@/, '//***@')}" is not an address`, 'Write it as https://npm.acme.example, a token apart.')
}

/** Verdaccio's configuration takes longer to load than a running mirror to answer, and most lockfiles name no other address. */
function addressesOf(mirrors: readonly URL[]): Addresses {
  let replaced: readonly string[] | undefined
  return { mirrors, get replaced() { return (replaced ??= replacedByNpm()) } }
}

/** npm takes the public registry's host in a lockfile for whatever registry it is configured with (`replace-registry-host`). */
function replacedByNpm(): readonly string[] {
  const { getDefaultConfig } = createRequire(import.meta.url)('@verdaccio/config') as typeof VerdaccioConfig
  const { uplinks } = getDefaultConfig() as { readonly uplinks?: Readonly<Record<string, { readonly url?: string }>> }
  return Object.values(uplinks ?? {}).flatMap(({ url }) => URL.parse(url ?? '')?.host ?? [])
}
