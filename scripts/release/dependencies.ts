/** What a lockfile has to be, before anybody is asked: all of a registry, each with its bytes named, no script that nobody allowed. */

export interface OwnManifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly overrides?: Readonly<Record<string, unknown>>
  /** Packages whose install scripts run. */
  readonly allowScripts?: Readonly<Record<string, boolean>>
}

export interface LockedPackage {
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

export interface OwnLockfile {
  readonly lockfileVersion?: number
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/
/** A range of versions of the registry; a tag can move. */
const RANGE = /^(?:[~^]|>=|<=|<|>|=)?\s*\d[^:/]*$/

/** One sentence for each; `registry` is the host that lockfiles may name, none where they name no place at all. */
export function dependencyProblems(manifest: OwnManifest, { packages }: OwnLockfile, registry?: string): readonly string[] {
  const asked = [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies].flatMap((part) => Object.entries(part ?? {}))
  return [
    ...asked.filter(([, spec]) => !RANGE.test(spec)).map(([name, spec]) => `package.json asks for ${name} by "${spec}", which is no range of versions of a registry`),
    ...Object.entries(packages)
      .filter(([place]) => place !== '')
      .flatMap(([place, locked]) => [...lockedProblems(place, locked, manifest, registry)]),
  ]
}

function* lockedProblems(place: string, { name, resolved, integrity, link, hasInstallScript }: LockedPackage, { allowScripts = {} }: OwnManifest, registry: string | undefined): Generator<string> {
  const called = name ?? place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
  if (link === true || !place.includes('node_modules/')) yield `${place} is a link or a folder, which no registry has`
  else if (resolved !== undefined && !isOf(resolved, registry)) yield `${place} comes from ${resolved}`
  else if (integrity === undefined || !SHA512.test(integrity)) yield `${place} has no sha512 alone as its integrity`
  if (hasInstallScript === true && (!Object.hasOwn(allowScripts, called) || allowScripts[called] !== true)) yield `${place} runs an install script, and package.json's allowScripts does not name ${called}`
}

const isOf = (resolved: string, registry: string | undefined): boolean => {
  const url = URL.parse(resolved)
  return registry !== undefined && url?.protocol === 'https:' && url.host === registry && url.username === '' && url.password === ''
}

/** What whoever installs the package gets of it. */
export function forProductionOnly(lockfile: OwnLockfile): OwnLockfile {
  const { '': root, ...rest } = lockfile.packages
  const { devDependencies: _development, ...own } = (root ?? {}) as LockedPackage & { readonly devDependencies?: unknown }
  return { ...lockfile, packages: { '': own, ...Object.fromEntries(Object.entries(rest).filter(([, { dev }]) => dev !== true)) } }
}
