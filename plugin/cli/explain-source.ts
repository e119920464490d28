/** Where explanations come from: a running mirror, or the own store. Both give the same documents. */
import type { Engine } from '../compose.ts'
import { Unavailable } from '../domain/errors.ts'
import { isObject, ownObject, ownString, type JsonObject } from '../domain/json.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import { PUBLISHED_HERE } from '../domain/ports.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import { explainPackage, explainVersion, explainWithdrawn } from '../http/explain.ts'
import { tokenFor, tokenFromEnvironment } from './npmrc.ts'
import { judged, withOwnMirror, type OwnMirrorOptions } from './own-mirror.ts'
import { usage } from './usage.ts'
import { safe } from './layout.ts'

export interface SourceOptions extends OwnMirrorOptions {
  /** Address of a running mirror. */
  readonly mirror?: string
  /** Name of the environment variable with a token of it. */
  readonly tokenEnv?: string
}

export interface ExplainSource {
  /** @throws Unavailable when it cannot be told */
  package(name: string): Promise<JsonObject | 'absent'>
  /** Of a version that is gone and was here, too. @throws Unavailable */
  version(ref: PackageRef): Promise<JsonObject | 'absent'>
}

/** @throws ConfigurationError for a wrong address, configuration or token */
export function withSource<Result>(options: SourceOptions, use: (source: ExplainSource) => Promise<Result>): Promise<Result> {
  const { mirror, config } = options
  if (mirror === undefined) return withOwnMirror(options, (engine) => use(ownSource(engine)))
  if (config !== undefined) throw usage('--mirror', 'and --config say two things', 'Name the running mirror, or the configuration of the own store.')
  return use(mirrorSource(mirror, options.tokenEnv))
}

export function ownSource(engine: Engine): ExplainSource {
  const { pipeline, routes } = engine
  const revision = (): string => engine.policy.revision
  const gone = (name: string, version?: string): JsonObject | 'absent' => (pipeline.knew({ name, version }) ? explainWithdrawn(name, version, revision()) : 'absent')
  const assertProxied = (name: string): void => {
    // Verdaccio's storage has it, and only a running mirror has that.
    if (routes.publishedHere.has(name)) throw usage(name, `was published at the mirror itself (${PUBLISHED_HERE.replace(':', '')})`, 'Ask the running mirror: --mirror URL.')
  }
  return {
    package: async (name) => {
      assertProxied(name)
      const listing = await pipeline.listing(name)
      return listing === 'absent' ? gone(name) : explainPackage(listing, routes.builders(name))
    },
    version: async (ref) => {
      assertProxied(ref.name)
      const one = await judged(engine, pipeline, ref)
      const listing = one === 'absent' ? 'absent' : await pipeline.listing(ref.name)
      return one === 'absent' || listing === 'absent' ? gone(ref.name, ref.version) : explainVersion(one, nearestAllowed(ref.version, listing.verdicts), routes.builders(ref.name))
    },
  }
}

const PATIENCE_MS = 60_000

/** @param tokenEnv - the variable with a token; without one, that of .npmrc is sent, as npm would */
export function mirrorSource(address: string, tokenEnv?: string): ExplainSource {
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw usage('--mirror', `"${safe(address)}" is not the address of a mirror`, 'Write it as in .npmrc, such as https://npm.acme.example/, without credentials.')
  const token = tokenEnv === undefined ? tokenFor(url, process.cwd()) : tokenFromEnvironment(tokenEnv)
  const base = `${url.origin}${url.pathname.replace(/\/$/, '')}/-/provenance/v1/packages/`
  const ask = (...parts: readonly string[]): Promise<JsonObject | 'absent'> => asked(`${base}${parts.map(encodeURIComponent).join('/')}`, url.host, token)
  return { package: (name) => ask(name), version: ({ name, version }) => ask(name, version) }
}

async function asked(url: string, host: string, token: string | undefined): Promise<JsonObject | 'absent'> {
  const headers = { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  const { status, body } = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(PATIENCE_MS) })
    .then(async (response) => ({ status: response.status, body: parsed(await response.text()) }))
    .catch((cause: unknown) => { throw new Unavailable('evidence-unavailable', `the mirror at ${host} cannot be reached`, { cause }) })
  const said = body === undefined ? undefined : (ownString(body, 'error') ?? ownString(body, 'message'))
  if (status === 404 && body !== undefined) return 'absent'
  if (status === 401 || status === 403) throw usage('--mirror', `${host} answers ${String(status)}${said === undefined ? '' : `: ${safe(said)}`}`, 'Name the variable with a token that may read the package: --token-env.')
  if (status === 503) throw new Unavailable('evidence-unavailable', said === undefined ? `the mirror at ${host} cannot answer now` : safe(said))
  if (status !== 200 || body === undefined || ownObject(body, 'error') !== undefined)
    throw usage('--mirror', `${host} answers ${String(status)}, and not as this mirror would`, 'Name the address that clients have as their registry.')
  return body
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
