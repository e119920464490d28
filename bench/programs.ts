/** What `npm run bench:programs` installs, and where. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

export const ROOT = path.resolve(import.meta.dirname, '..')
/** The package that pins them. */
export const PINNED = path.join(ROOT, 'bench/programs')
/** What may be deleted at any time. */
export const CACHE = path.join(ROOT, 'node_modules/.cache/bench')
export const PROGRAMS = path.join(CACHE, 'programs')
/** Holds the digest of the lockfile they were installed from. */
export const INSTALLED = path.join(PROGRAMS, 'installed')

export const pinnedDigest = (): string => createHash('sha256').update(readFileSync(path.join(PINNED, 'package-lock.json'))).digest('hex')
export const installedDigest = (): string | undefined => (existsSync(INSTALLED) ? readFileSync(INSTALLED, 'utf8') : undefined)

/** npm's own script, or undefined where it is not installed. */
export const npmScript = (): string | undefined => existing(path.join(PROGRAMS, 'node_modules/npm/bin/npm-cli.js'))

/** The program itself for this platform, not the script that starts it: its process is the one that is measured. */
export function pnprBinary(): string | undefined {
  const scope = path.join(PROGRAMS, 'node_modules/@pnpm')
  const found = existsSync(scope) ? readdirSync(scope).find((name) => name.startsWith('pnpr.')) : undefined
  return found === undefined ? undefined : existing(path.join(scope, found, process.platform === 'win32' ? 'pnpr.exe' : 'pnpr'))
}

export function pinnedVersion(name: string): string {
  const pinned = JSON.parse(readFileSync(path.join(PINNED, 'package.json'), 'utf8')) as Readonly<Record<string, Readonly<Record<string, string>>>>
  return pinned.dependencies?.[name] ?? pinned.optionalDependencies?.[name] ?? ''
}

const existing = (file: string): string | undefined => (existsSync(file) ? file : undefined)
