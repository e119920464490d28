/** The package managers that `npm run clients` installs: where they are, and how each is started. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** The package that pins them. */
export const PINNED = path.resolve(import.meta.dirname, '../programs')
/** Where they are installed: with what else may be deleted at any time. */
export const PROGRAMS = path.resolve(import.meta.dirname, '../../../node_modules/.cache/clients')
/** Holds the digest of the lockfile they were installed from. */
export const INSTALLED = path.join(PROGRAMS, 'installed')

export const pinnedDigest = (): string => createHash('sha256').update(readFileSync(path.join(PINNED, 'package-lock.json'))).digest('hex')
export const installedDigest = (): string | undefined => (existsSync(INSTALLED) ? readFileSync(INSTALLED, 'utf8') : undefined)

type Pins = Readonly<Record<string, string>>

/** The pinned version of a package or alias. */
export function versionOf(name: string): string {
  const pinned = JSON.parse(readFileSync(path.join(PINNED, 'package.json'), 'utf8')) as { dependencies: Pins; optionalDependencies: Pins }
  return (pinned.dependencies[name] ?? pinned.optionalDependencies[name] ?? '').replace(/^.*@/, '')
}

/** A file of a package, run by this Node. */
export const script = (alias: string, file: string): readonly string[] => [process.execPath, path.join(PROGRAMS, 'node_modules', alias, file)]

/** The one binary for this platform that npm chose among the optional dependencies in `scope`. */
export function binary(scope: string, platform: RegExp, file: string): readonly string[] {
  const folder = path.join(PROGRAMS, 'node_modules', scope)
  const found = existsSync(folder) ? readdirSync(folder).find((name) => platform.test(name)) : undefined
  return [path.join(folder, found ?? 'none-for-this-platform', file)]
}
