/** The real npm on a real tree, with nothing in its cache. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { LOAD_CORE, run } from '../children.ts'
import { ROOT, npmScript } from '../programs.ts'

const TREE = path.join(ROOT, 'bench/tree')

export const NPM_MISSING = 'npm is not installed for the benchmark (`npm run bench:programs`): installs are left out'
export const hasNpm = (): boolean => npmScript() !== undefined

/** `ci` has a lockfile with addresses of tarballs, `stripped` one without, `install` has none. */
export type Variant = 'ci' | 'stripped' | 'install'

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly name?: string; readonly version?: string; readonly dev?: boolean }>>
}

const lockfile = (): Lockfile => JSON.parse(readFileSync(path.join(TREE, 'package-lock.json'), 'utf8')) as Lockfile

export interface Project {
  readonly dir: string
  readonly variant: Variant
  /** Address of the registry. */
  readonly registry: string
  /** Without its devDependencies. */
  readonly small: boolean
}

/** How many packages are installed from the lockfile. */
export const installedCount = (small: boolean): number =>
  Object.entries(lockfile().packages).filter(([where, { dev }]) => where !== '' && !(small && dev === true)).length

/** Returns the wall time in milliseconds. @throws Error with what npm printed when it failed */
export async function install({ dir, variant, registry, small }: Project): Promise<number> {
  const project = path.join(dir, 'project')
  const cache = path.join(dir, 'cache')
  for (const folder of [project, cache]) rmSync(folder, { recursive: true, force: true })
  mkdirSync(project, { recursive: true })
  writeFileSync(path.join(project, 'package.json'), readFileSync(path.join(TREE, 'package.json')))
  if (variant !== 'install') writeFileSync(path.join(project, 'package-lock.json'), JSON.stringify(variant === 'ci' ? resolvedAt(lockfile(), registry) : lockfile(), null, 2))
  const { code, output, milliseconds } = await run({
    command: process.execPath,
    args: [
      ...[npmScript() ?? '', variant === 'install' ? 'install' : 'ci', '--registry', `${registry}/`, '--cache', cache, ...(small ? ['--omit=dev'] : [])],
      ...['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--no-progress', '--fetch-retries=0'],
    ],
    cwd: project,
    env: { HOME: dir, npm_config_userconfig: path.join(dir, '.npmrc') },
    cores: String(LOAD_CORE),
  })
  if (code !== 0) throw new Error(`npm ${variant} from ${registry}: ${output.slice(-2000)}`)
  return milliseconds
}

/** A lockfile as npm writes it unless it is told not to name addresses. */
export function resolvedAt({ packages, ...rest }: Lockfile, registry: string): Lockfile {
  const resolved = Object.entries(packages).map(([where, entry]) => {
    const name = entry.name ?? where.slice(where.lastIndexOf('node_modules/') + 'node_modules/'.length)
    if (where === '' || entry.version === undefined) return [where, entry] as const
    return [where, { ...entry, resolved: `${registry}/${name}/-/${name.replace(/^.*\//, '')}-${entry.version}.tgz` }] as const
  })
  return { ...rest, packages: Object.fromEntries(resolved) }
}
