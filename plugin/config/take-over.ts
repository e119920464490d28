import { getDefaultConfig } from '@verdaccio/config'
import leven from 'leven'
import { ConfigurationError, type Problem } from '../domain/errors.ts'
import { isObject, type JsonObject } from '../domain/json.ts'

const SECTION = 'provenance'

export interface TakenOver {
  readonly config: JsonObject
  /** What was changed, for people. */
  readonly notes: readonly string[]
}

/**
 * Verdaccio's configuration with everything that fetches from elsewhere handed to this plugin: `uplinks` and `proxy` move to
 * `middlewares.provenance`, the filter is added, and the core is left without an uplink. Where nothing says which package
 * comes from where, everything comes from all uplinks in their order.
 * @throws ConfigurationError when one of the sections it moves is not a mapping
 */
export function takeOver(config: JsonObject): TakenOver {
  const notes: string[] = []
  const middlewares = mapping(config, 'middlewares', config.middlewares)
  const { audit, ...others } = middlewares
  // It would post to a registry of its own choice, with the client's credentials.
  if (audit !== undefined) notes.push('middlewares.audit is left out: it would send clients\' credentials past this mirror')
  assertSpelling(config, Object.keys(others))
  const section = mapping(config, 'middlewares.provenance', middlewares.provenance)

  const moved = mapping(config, 'uplinks', config.uplinks)
  if (Object.keys(moved).length > 0) notes.push(`uplinks ${Object.keys(moved).join(', ')} moved from Verdaccio's core to middlewares.provenance`)
  const uplinks = section.uplinks ?? (Object.keys(moved).length > 0 ? moved : (getDefaultConfig().uplinks as unknown as JsonObject))
  const packages = section.packages ?? proxies(config.packages) ?? { '**': Object.keys(isObject(uplinks) ? uplinks : {}) }

  const { uplinks: _moved, ...core } = config
  return {
    config: {
      ...core,
      packages: withoutProxy(config.packages),
      middlewares: { ...others, provenance: { ...section, uplinks, packages } },
      filters: { ...(isObject(config.filters) ? config.filters : {}), provenance: {} },
    },
    notes,
  }
}

/** Verdaccio skips a section it knows no plugin for, and the mirror would run on the defaults. */
function assertSpelling(config: JsonObject, sections: readonly string[]): void {
  const near = sections.find((name) => name !== SECTION && leven(name.toLowerCase(), SECTION) <= 3)
  if (near === undefined) return
  throw mistake(config, { path: `middlewares.${near}`, message: 'is no section of this mirror', remedy: `Did you mean middlewares.${SECTION}?` })
}

/** A section as it stands; what is written and not understood must not turn into the defaults. */
function mapping(config: JsonObject, path: string, value: unknown): JsonObject {
  if (isObject(value)) return value
  if (value === undefined || value === null) return {}
  throw mistake(config, { path, message: 'is not a mapping', remedy: 'Write it as in docs/configuration.md.' })
}

const mistake = ({ configPath }: JsonObject, problem: Problem): ConfigurationError =>
  new ConfigurationError(typeof configPath === 'string' ? configPath : 'config.yaml', [problem])

/** The `packages` of middlewares.provenance that Verdaccio's `proxy` amounts to; undefined when no pattern has one. */
function proxies(packages: unknown): JsonObject | undefined {
  if (!isObject(packages)) return undefined
  const entries = Object.entries(packages).map(([glob, rule]) => [glob, namesOf(isObject(rule) ? rule.proxy : undefined)] as const)
  return entries.some(([, names]) => names.length > 0) ? Object.fromEntries(entries) : undefined
}

const namesOf = (proxy: unknown): readonly string[] =>
  typeof proxy === 'string' ? proxy.split(/\s+/).filter((name) => name !== '') : Array.isArray(proxy) ? proxy.map(String) : []

const withoutProxy = (packages: unknown): JsonObject =>
  isObject(packages)
    ? Object.fromEntries(Object.entries(packages).map(([glob, rule]) => [glob, isObject(rule) ? omitProxy(rule) : rule]))
    : {}

const omitProxy = ({ proxy: _moved, ...rule }: JsonObject): JsonObject => rule
