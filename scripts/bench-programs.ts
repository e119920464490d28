/**
 * `npm run bench:programs`: installs what the benchmark compares with and the npm it runs, from the registry npm is configured
 * with, into a cache folder under node_modules. Does nothing when they are there as the lockfile says.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { INSTALLED, PINNED, PROGRAMS, installedDigest, pinnedDigest } from '../bench/programs.ts'

if (installedDigest() === pinnedDigest()) {
  console.log('the programs are there')
  process.exit(0)
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
process.exit(status ?? 1)
