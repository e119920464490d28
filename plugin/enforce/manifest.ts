import semver from 'semver'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { NotATarball, type InstallManifest } from '../domain/ports.ts'
import { parseBothWays } from '../domain/strict-json.ts'
import { INSTALL_SCRIPTS } from './abbreviate.ts'
import { binOf, directoriesBinOf } from './bin.ts'
import { canonicalSpec } from './git-spec.ts'

/** package.json of real packages is a handful of levels deep. */
const MAX_DEPTH = 200

export const IMPLIED_INSTALL = 'node-gyp rebuild'

/**
 * The package.json of a tarball, read and normalised as npm does. A repeated key is refused where the two readings of it
 * would install differently, and only there: packages that name a test script twice are common.
 * @param files names of the tarball's files, as npm places them
 * @throws NotATarball when it is not JSON, not an object, or can be read in two ways
 */
export function readInstallManifest(bytes: Uint8Array, files: ReadonlySet<string>): InstallManifest {
  const { last, first } = parse(new TextDecoder().decode(bytes))
  const manifest = installManifestOf(last, files)
  if (first !== last && JSON.stringify(installManifestOf(first, files)) !== JSON.stringify(manifest)) {
    throw new NotATarball('package.json repeats a key that decides an install')
  }
  return manifest
}

function parse(text: string): { readonly last: JsonObject; readonly first: JsonObject } {
  try {
    // TextDecoder has dropped a byte order mark, as npm does (json-parse-even-better-errors).
    const { last, first } = parseBothWays(text, { maxDepth: MAX_DEPTH })
    if (isObject(last) && isObject(first)) return { last, first }
  } catch (error) {
    throw new NotATarball('package.json is not JSON', { cause: error })
  }
  throw new NotATarball('package.json is not an object')
}

function installManifestOf(pkg: JsonObject, files: ReadonlySet<string>): InstallManifest {
  const scripts = installScriptsOf(own(pkg, 'scripts'))
  // npm runs node-gyp where a binding.gyp lies at the root and nothing says otherwise (@npmcli/run-script).
  const implied =
    files.has('binding.gyp') && own(pkg, 'gypfile') !== false && !scripts.has('preinstall') && !scripts.has('install')
  return {
    ...normalise(pkg, files),
    ...record('scripts', implied ? new Map([...scripts, ['install', IMPLIED_INSTALL]]) : scripts),
    ...(implied ? { impliedInstall: true } : {}),
    ...(own(pkg, 'gypfile') === false ? { gypfile: false } : {}),
    // npm up to 10 published such a list as none (normalize-package-data, `fixBundleDependenciesField`).
    ...(isObject(bundleFieldOf(pkg)) ? { bundleDependenciesAsObject: true } : {}),
    ...some('repository', repositoryOf(pkg)),
  }
}

/**
 * The fields of a manifest, in a packument or in a tarball, that decide an install, as npm's normalisation leaves them
 * (@npmcli/package-json, `normalize` and `prepare`, and read-package-json before it). Empty ones are left out.
 */
export function normalise(pkg: JsonObject, files: ReadonlySet<string> = new Set()): InstallManifest {
  const name = ownString(pkg, 'name')?.trim()
  const version = ownString(pkg, 'version')
  const bundled = bundledOf(pkg)
  const optional = dependenciesOf(own(pkg, 'optionalDependencies'))
  return {
    ...some('name', name),
    ...some('version', version === undefined ? undefined : (semver.clean(version, { loose: true }) ?? version)),
    ...record('dependencies', requiredOf(dependenciesOf(own(pkg, 'dependencies')), optional, bundled)),
    ...record('overriddenDependencies', overriddenOf(dependenciesOf(own(pkg, 'dependencies')), optional)),
    ...record('optionalDependencies', optional),
    ...record('peerDependencies', dependenciesOf(own(pkg, 'peerDependencies'))),
    ...record('peerDependenciesMeta', optionalPeersOf(own(pkg, 'peerDependenciesMeta'))),
    ...list('bundleDependencies', bundled),
    ...record('bin', binOf(pkg, files)),
    ...some('directoriesBin', directoriesBinOf(pkg)),
    ...record('scripts', installScriptsOf(own(pkg, 'scripts'))),
    ...list('os', stringsOf(own(pkg, 'os'))),
    ...list('cpu', stringsOf(own(pkg, 'cpu'))),
    ...list('libc', stringsOf(own(pkg, 'libc'))),
    ...record('engines', enginesOf(own(pkg, 'engines'))),
  }
}

/** npm once copied optional dependencies into `dependencies`, and an entry of both is optional: so it counts once, there. */
function requiredOf(
  dependencies: ReadonlyMap<string, string>,
  optional: ReadonlyMap<string, string>,
  bundled: readonly string[],
): ReadonlyMap<string, string> {
  const missing = bundled.filter((name) => !dependencies.has(name)).map((name) => [name, '*'] as const)
  return new Map([...dependencies, ...missing].filter(([name]) => !optional.has(name)))
}

/**
 * Dependencies of which `optionalDependencies` says something else. For npm that counts and these do not; pnpm installs these
 * (getNonDevWantedDependencies: `{ ...optionalDependencies, ...dependencies }`).
 */
const overriddenOf = (dependencies: ReadonlyMap<string, string>, optional: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map(
    [...dependencies].filter(([name, spec]) => {
      const other = optional.get(name)
      return other !== undefined && canonicalSpec(other) !== canonicalSpec(spec)
    }),
  )

function dependenciesOf(value: Json | undefined): ReadonlyMap<string, string> {
  if (isObject(value)) return stringMap(value)
  // Packages of npm's first years gave a list, or a string of words: "foo >=1.0", "foo@1.0".
  const words =
    typeof value === 'string' ? value.trim().split(/[\n\r\s\t ,]+/) : Array.isArray(value) ? (value as readonly Json[]) : []
  return new Map(
    words
      .filter((word) => typeof word === 'string')
      .map(splitWord)
      .filter(([name]) => name !== ''),
  )
}

function splitWord(word: string): readonly [string, string] {
  const [, name = '', rest = ''] = /^(@?[^@\s><=]*)(.*)$/s.exec(word.trim()) ?? []
  return [name, rest.replace(/^@/, '').trim()]
}

const optionalPeersOf = (value: Json | undefined): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(isObject(value) ? value : {})
      .filter(([, meta]) => isObject(meta) && own(meta, 'optional') === true)
      .map(([name]) => [name, 'optional']),
  )

const bundleFieldOf = (pkg: JsonObject): Json | undefined => {
  const value = own(pkg, 'bundleDependencies')
  return value === undefined ? own(pkg, 'bundledDependencies') : value
}

function bundledOf(pkg: JsonObject): readonly string[] {
  const value = bundleFieldOf(pkg)
  if (value === true) return [...dependenciesOf(own(pkg, 'dependencies')).keys()]
  return isObject(value) ? Object.keys(value) : Array.isArray(value) ? stringsOf(value as readonly Json[]) : []
}

/** npm strips the path of a local binary when it publishes (`scriptpath`). */
const installScriptsOf = (scripts: Json | undefined): ReadonlyMap<string, string> =>
  new Map(
    INSTALL_SCRIPTS.map((name) => [name, (isObject(scripts) ? ownString(scripts, name) : undefined) ?? ''] as const)
      .map(([name, command]) => [name, command.replace(/^(\.[/\\])?node_modules[/\\].bin[\\/]/, '')] as const)
      .filter(([, command]) => command !== ''),
  )

function stringsOf(value: Json | undefined): readonly string[] {
  const values = Array.isArray(value) ? (value as readonly Json[]) : [value]
  return values.filter((item) => typeof item === 'string').filter((item) => item !== '')
}

/** An object since npm 1; before that a list: ["node >= 0.4"]. */
function enginesOf(value: Json | undefined): ReadonlyMap<string, string> {
  return isObject(value)
    ? stringMap(value)
    : new Map(
        stringsOf(value)
          .map(splitWord)
          .filter(([name]) => name !== ''),
      )
}

/** What provenance's source is compared with, for policy; npm never installs by it. */
function repositoryOf(pkg: JsonObject): string | undefined {
  return ownString(pkg, 'repository') ?? ownString(ownObject(pkg, 'repository') ?? {}, 'url')
}

/** npm drops entries that are not strings. */
const stringMap = (value: JsonObject): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(value)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .map(([key, text]) => [key, text.trim()]),
  )

const some = (field: string, value: string | undefined): JsonObject => (value === undefined ? {} : { [field]: value })
const list = (field: string, values: readonly string[]): JsonObject =>
  values.length === 0 ? {} : { [field]: [...new Set(values)].toSorted() }
const record = (field: string, values: ReadonlyMap<string, string>): JsonObject =>
  values.size === 0 ? {} : { [field]: Object.fromEntries([...values].toSorted(([a], [b]) => (a < b ? -1 : 1))) }
