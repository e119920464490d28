/** Installs pinned programs from the registry npm is configured with into a cache folder, unless they are there as the lockfile says. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export interface Programs {
  /** Folder of `package.json`, `package-lock.json` and `.npmrc`. */
  readonly PINNED: string
  /** Folder to install into. */
  readonly PROGRAMS: string
  /** File that says what was installed. */
  readonly INSTALLED: string
  readonly pinnedDigest: () => string
  readonly installedDigest: () => string | undefined
}

/** @returns the exit code */
export function installPrograms({ PINNED, PROGRAMS, INSTALLED, pinnedDigest, installedDigest }: Programs, there: string): number {
  if (installedDigest() === pinnedDigest()) {
    console.log(there)
    return 0
  }
  mkdirSync(PROGRAMS, { recursive: true })
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) copyFileSync(path.join(PINNED, file), path.join(PROGRAMS, file))
  // npm looks for the project above any node_modules it is in, unless it is told.
  const args = ['ci', '--prefix', PROGRAMS, '--ignore-scripts', '--no-audit', '--no-fund']
  const cli = process.env.npm_execpath
  const { status } = cli === undefined
    ? spawnSync('npm', args, { cwd: PROGRAMS, stdio: 'inherit' })
    : spawnSync(process.execPath, [cli, ...args], { cwd: PROGRAMS, stdio: 'inherit' })
  if (status === 0) writeFileSync(INSTALLED, pinnedDigest())
  return status ?? 1
}
