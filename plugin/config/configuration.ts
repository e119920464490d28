import { readFileSync } from 'node:fs'
import path from 'node:path'
import { getDefaultConfig } from '@verdaccio/config'
import { authUtils } from '@verdaccio/core'
import { ConfigurationError, messageOf, type Problem } from '../domain/errors.ts'
import { isObject } from '../domain/json.ts'
import { sectionSchema, type Section, type UplinkSection } from './schema.ts'
import { configuredDecisions, configuredLines, type ConfiguredDecisions, type ConfiguredLines } from './decisions.ts'
import { configuredNotifications, type ConfiguredNotification } from './notifications.ts'
import type { ConfiguredLimits, ConfiguredShutdown } from './limits.ts'
import { configuredShared, type ConfiguredShared } from './shared.ts'
import { configuredS3, type ConfiguredS3 } from './s3.ts'
import { configuredInstances, type ConfiguredInstance } from './trust.ts'
import { problemsOf } from './problems.ts'

/** The part of Verdaccio's configuration that this mirror reads. */
export interface VerdaccioConfiguration {
  readonly configPath?: string | undefined
  readonly middlewares?: Readonly<Record<string, unknown>> | undefined
  readonly uplinks?: Readonly<Record<string, unknown>> | undefined
  readonly packages?: Readonly<Record<string, unknown>> | undefined
  /** Its storage plugin. */
  readonly store?: unknown
  readonly url_prefix?: string | undefined
  readonly server_id?: string | undefined
  readonly web?: { readonly enable?: boolean | undefined } | undefined
  readonly http_proxy?: string | undefined
  readonly https_proxy?: string | undefined
  readonly no_proxy?: string | undefined
}

/** Everything the mirror is configured with; paths are absolute, intervals in milliseconds, sizes in bytes. */
export interface Configuration {
  readonly file: string
  /** The policy's text and where it stands; undefined for the `recommended` preset alone; `shared`: what was published to all mirrors. */
  readonly policy: { readonly source: string | Readonly<Record<string, unknown>>; readonly file: string } | 'shared' | undefined
  readonly publicUrls: readonly URL[]
  readonly urlPrefix: string
  readonly uplinks: readonly ConfiguredUplink[]
  /** Names of the uplinks to ask for a package, in order. */
  readonly uplinksFor: (name: string) => readonly string[]
  /** Whether a name may be published here although an uplink serves it. */
  readonly mayShadow: (name: string) => boolean
  readonly trustedRootFile: string | undefined
  /** A private TUF repository; undefined for the public-good one. */
  readonly tuf: { readonly mirror: string; readonly rootFile: string } | undefined
  /** Further Sigstore instances, each with what it may vouch for. */
  readonly instances: readonly ConfiguredInstance[]
  /** Never contact TUF. */
  readonly offline: boolean
  /** The ledger's file: this mirror's own, or its copy of the one that it shares. */
  readonly database: string
  /** Where facts are, and what is shared with other mirrors. */
  readonly shared: ConfiguredShared
  /** The bucket of packages published here; undefined where they are on this machine's disk. */
  readonly s3: ConfiguredS3 | undefined
  readonly cache: { readonly dir: string; readonly memory: number; readonly disk: number }
  /** Directory of the keys that sign packages published here. */
  readonly keysDir: string
  /** Files of the public keys whose archives are imported. */
  readonly importKeyFiles: readonly string[]
  /** Who is told what. */
  readonly notifications: readonly ConfiguredNotification[]
  readonly serverId: string
  /** The decision log. */
  readonly decisions: ConfiguredDecisions
  /** A line for each request; undefined where nobody wants one. */
  readonly accessLog: ConfiguredLines | undefined
  /** Groups of Verdaccio's that see what was decided, and that decide. */
  readonly dashboard: { readonly enabled: boolean; readonly read: readonly string[]; readonly write: readonly string[]; readonly hasWebLogin: boolean }
  /** Who may read metrics; undefined where there are none. */
  readonly metrics: { readonly access: readonly string[]; readonly allow: readonly string[] } | undefined
  /** What one client may have. */
  readonly limits: ConfiguredLimits
  /** How the mirror ends. */
  readonly shutdown: ConfiguredShutdown
  /** Tells uplinks which trace their work belongs to. */
  readonly propagatesTraces: boolean
}

export interface ConfiguredUplink extends Omit<UplinkSection, 'auth' | 'ca' | 'trust'> {
  readonly name: string
  /** A token of the environment is read anew each time, and `tokenFile` is to be. */
  readonly auth: { readonly type: 'bearer' | 'basic'; readonly token?: string | undefined; readonly tokenFile?: string } | undefined
  /** PEM */
  readonly ca: string | undefined
  readonly registry: string
  readonly registryKeysFile: string | undefined
  readonly attestations: string
  readonly signsAlways: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads and checks `middlewares.provenance`.
 * @throws ConfigurationError with every problem found: key, place, remedy
 */
export function readConfiguration(core: VerdaccioConfiguration, environment: Environment): Configuration {
  const file = core.configPath ?? 'config.yaml'
  const section = parseSection(core.middlewares?.provenance, file)
  const folder = path.dirname(path.resolve(file))
  const at = (relative: string): string => path.resolve(folder, relative)
  const problems: Problem[] = [...coreUplinks(core)]

  const uplinkSections = Object.entries(section.uplinks ?? defaultUplinks())
  const proxies = proxiesOf(core, environment)
  const uplinks = uplinkSections.map(([name, uplink]) => ({ ...proxies, ...configuredUplink(name, uplink, environment, at, problems) }))
  const packages = section.packages ?? packagesByProxy(core)
  problems.push(...packageProblems(packages, uplinks, section.packages === undefined), ...offlineProblems(packages, uplinks))
  const notifications = configuredNotifications(section.notifications, { environment, at, proxies, problems })
  const shared = configuredShared(section, { environment, at, problems })
  const s3 = configuredS3(core.store, { environment, keys: section.shared.keys.length, problems })
  const instances = configuredInstances(section.trust.instances, { uplinks: uplinks.map(({ name }) => name), at, problems })
  if (problems.length > 0) throw new ConfigurationError(file, problems)

  const local = Object.fromEntries(section.local.map((glob) => [glob, true]))
  return {
    file,
    policy: policySource(section.policy, file, at),
    publicUrls: [section.publicUrl ?? []].flat().map((url) => new URL(url)),
    urlPrefix: `/${core.url_prefix ?? ''}`.replace(/\/+/g, '/').replace(/\/$/, ''),
    uplinks,
    uplinksFor: (name) => matched(name, packages) ?? [],
    mayShadow: (name) => matched(name, local) === true,
    trustedRootFile: section.trust.trustedRoot === undefined ? undefined : at(section.trust.trustedRoot),
    tuf: section.trust.tuf && { mirror: section.trust.tuf.mirror, rootFile: at(section.trust.tuf.root) },
    instances,
    offline: section.trust.offline,
    database: shared.ledger === undefined ? at(section.store.replace(/^sqlite:/, '')) : shared.copy,
    shared,
    s3,
    cache: { ...section.cache, dir: at(section.cache.dir) },
    keysDir: at(section.keys.dir),
    importKeyFiles: section.import.keys.map(at),
    notifications,
    serverId: core.server_id ?? '',
    dashboard: { ...section.dashboard, hasWebLogin: core.web?.enable !== false },
    decisions: configuredDecisions(section.decisions, environment, at),
    accessLog: configuredLines(section.accessLog, at),
    metrics: section.metrics.enabled ? { access: section.metrics.access, allow: section.metrics.allow } : undefined,
    limits: section.limits,
    shutdown: section.shutdown,
    propagatesTraces: section.tracing.propagate,
  }
}

function parseSection(section: unknown, file: string): Section {
  const result = sectionSchema.safeParse(section ?? {})
  if (!result.success) throw new ConfigurationError(file, problemsOf(result.error, 'middlewares.provenance'))
  return result.data
}

/**
 * Verdaccio's core must not have an uplink: if this plugin did not load, the core would serve what nobody verified, and its
 * filters let everything through when they fail.
 */
function coreUplinks({ uplinks }: VerdaccioConfiguration): readonly Problem[] {
  const names = Object.keys(uplinks ?? {})
  if (names.length === 0) return []
  const remedy = 'Move the section to middlewares.provenance.uplinks.'
  return [{ path: 'uplinks', message: `Verdaccio's core still has uplinks (${names.join(', ')}), which it would serve unverified`, remedy }]
}

/** As in Verdaccio: the configuration's own, else the environment's; an uplink may have others. */
function proxiesOf(core: VerdaccioConfiguration, environment: Environment): Pick<VerdaccioConfiguration, 'http_proxy' | 'https_proxy' | 'no_proxy'> {
  const of = (name: 'http_proxy' | 'https_proxy' | 'no_proxy') => core[name] ?? environment[name] ?? environment[name.toUpperCase()]
  const found = { http_proxy: of('http_proxy'), https_proxy: of('https_proxy'), no_proxy: of('no_proxy') }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined && value !== ''))
}

function defaultUplinks(): Record<string, UplinkSection> {
  const { uplinks } = sectionSchema.parse({ uplinks: getDefaultConfig().uplinks })
  return uplinks ?? {}
}

/** Verdaccio's own `packages`, whose `proxy` names the uplinks of each pattern. */
function packagesByProxy({ packages }: VerdaccioConfiguration): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(packages ?? {}).map(([glob, rule]) => {
      const proxy = isObject(rule) ? rule.proxy : undefined
      if (typeof proxy === 'string') return [glob, proxy.split(/\s+/).filter((name) => name !== '')]
      return [glob, Array.isArray(proxy) ? proxy.map(String) : []]
    }),
  )
}

function packageProblems(
  packages: Readonly<Record<string, readonly string[]>>,
  uplinks: readonly ConfiguredUplink[],
  byProxy: boolean,
): readonly Problem[] {
  const known = uplinks.map(({ name }) => name)
  const place = (glob: string): string => (byProxy ? `packages["${glob}"].proxy` : `middlewares.provenance.packages["${glob}"]`)
  const unknown = Object.entries(packages).flatMap(([glob, names]) =>
    names
      .filter((name) => !known.includes(name))
      .map((name) => ({ path: place(glob), message: `there is no uplink "${name}"`, remedy: `Known uplinks: ${known.join(', ')}.` })),
  )
  if (unknown.length > 0 || Object.values(packages).some((names) => names.length > 0)) return unknown
  const remedy = `Add for instance packages: { "**": [${known[0] ?? 'npmjs'}] }.`
  return [{ path: 'middlewares.provenance.packages', message: 'no package may come from any uplink', remedy }]
}

/**
 * An uplink that is never asked cannot say that it lacks something: a name that no archive brought is not absent there. So none can
 * come after it, and what it does not announce cannot be asked for.
 */
function offlineProblems(packages: Readonly<Record<string, readonly string[]>>, uplinks: readonly ConfiguredUplink[]): readonly Problem[] {
  const offline = uplinks.filter((uplink) => uplink.offline === true)
  const probed = offline.filter(({ attestations }) => attestations === 'probe').map(({ name }) => ({
    path: `middlewares.provenance.uplinks.${name}.trust.attestations`,
    message: 'an offline uplink cannot be probed',
    remedy: 'Leave it at announced.',
  }))
  const names = new Set(offline.map(({ name }) => name))
  const followed = Object.entries(packages)
    .filter(([, order]) => order.slice(0, -1).some((name) => names.has(name)))
    .map(([glob]) => ({
      path: `middlewares.provenance.packages["${glob}"]`,
      message: 'names another uplink after one that is offline, which cannot say that it lacks a package',
      remedy: 'Name the offline one last, or alone.',
    }))
  return [...probed, ...followed]
}

const matched = <Rule>(name: string, rules: Readonly<Record<string, Rule>>): Rule | undefined =>
  authUtils.getMatchedPackagesSpec(name, rules as never) as Rule | undefined

function configuredUplink(
  name: string,
  { auth, ca, trust, ...uplink }: UplinkSection,
  environment: Environment,
  at: (file: string) => string,
  problems: Problem[],
): ConfiguredUplink {
  const place = `middlewares.provenance.uplinks.${name}`
  return {
    ...uplink,
    name,
    auth: auth === undefined ? undefined : credentials(auth, `${place}.auth`, environment, at, problems),
    ca: ca === undefined ? undefined : pem(ca, `${place}.ca`, at, problems),
    registry: (trust.registry ?? uplink.url).replace(/\/$/, ''),
    registryKeysFile: trust.registryKeys === undefined ? undefined : at(trust.registryKeys),
    attestations: trust.attestations,
    signsAlways: trust.signs === true,
  }
}

/** Verdaccio's rule: `token`, or the variable named by `token_env`, or NPM_TOKEN for `token_env: true`; and this mirror's `token_file`. */
function credentials(
  { type, token, token_env, token_file }: NonNullable<UplinkSection['auth']>,
  place: string,
  environment: Environment,
  at: (file: string) => string,
  problems: Problem[],
): ConfiguredUplink['auth'] {
  const remedy = 'Set token, token_env to the name of a variable that holds it, or token_file to a file that does.'
  const variable = token_env === true ? 'NPM_TOKEN' : typeof token_env === 'string' ? token_env : undefined
  if (token_file !== undefined) {
    if (token !== undefined || variable !== undefined) problems.push({ path: place, message: 'names more than one place for the token', remedy })
    const tokenFile = at(token_file)
    const message = tokenProblem(tokenFile)
    if (message !== undefined) problems.push({ path: `${place}.token_file`, message, remedy: 'Name a file that holds the token and nothing else.' })
    return { type, tokenFile }
  }
  const value = token ?? (variable === undefined ? undefined : environment[variable])
  if (value === undefined || value === '') {
    const message = variable === undefined ? 'has no token' : `the environment has no ${variable}`
    problems.push({ path: place, message, remedy })
    return undefined
  }
  if (token !== undefined || variable === undefined) return { type, token: value }
  return { type, get token() { return environment[variable] } }
}

function tokenProblem(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() === '' ? 'is empty' : undefined
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`
  }
}

function pem(value: string, place: string, at: (file: string) => string, problems: Problem[]): string | undefined {
  if (value.includes('-----BEGIN CERTIFICATE-----')) return value
  try {
    return readFileSync(at(value), 'utf8')
  } catch (error) {
    problems.push({ path: place, message: `cannot be read: ${messageOf(error)}`, remedy: 'Name a PEM file.' })
    return undefined
  }
}

function policySource(policy: Section['policy'], file: string, at: (file: string) => string): Configuration['policy'] {
  if (policy === undefined || policy === 'shared') return policy
  if (typeof policy !== 'string') return { source: policy, file: `${file} (middlewares.provenance.policy)` }
  try {
    return { source: readFileSync(at(policy), 'utf8'), file: at(policy) }
  } catch (error) {
    const problem = { path: 'middlewares.provenance.policy', message: `cannot be read: ${messageOf(error)}`, remedy: 'Name a YAML file, or write the policy inline.' }
    throw new ConfigurationError(file, [problem], { cause: error })
  }
}
