/** `npm run sbom -- FILE`: a CycloneDX list of what this package brings along, made by npm of package-lock.json. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { forProduction, lockedForProduction, sbomProblems, settled, type Sbom } from './release/sbom.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const file = process.argv[2]
if (file === undefined) {
  console.error('usage: npm run sbom -- FILE')
  process.exit(2)
}
const cli = process.env.npm_execpath
const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 } as const
const { name } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { name: string }
const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Parameters<typeof lockedForProduction>[0] }
const locked = lockedForProduction(packages)
const whole = JSON.parse(cli === undefined ? execFileSync('npm', args, options) : execFileSync(process.execPath, [cli, ...args], options)) as Sbom
const sbom = settled(forProduction(whole, locked), { name, time: timeOfCommit() })
const problems = sbomProblems(sbom, locked)
for (const problem of problems) console.error(`the SBOM ${problem}`)
if (problems.length > 0) process.exit(1)
writeFileSync(file, `${JSON.stringify(sbom, undefined, 2)}\n`)
console.log(`${file}: ${sbom.components.length} packages`)

/** As reproducible-builds.org has it, else of the last commit. */
function timeOfCommit(): Date {
  const seconds = process.env.SOURCE_DATE_EPOCH ?? execFileSync('git', ['log', '-1', '--format=%ct'], options)
  return new Date(Number(seconds) * 1000)
}
