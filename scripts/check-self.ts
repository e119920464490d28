/**
 * `npm run check:self`: what this package brings along, judged by its own `recommended` policy with the evidence that the registry
 * has now. Needs the network: the registry, and the public TUF repository. `-- --config FILE` asks by a mirror's own configuration,
 * `-- --mirror URL` a running one. Exit codes are those of `check`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { getDefaultConfig } from '@verdaccio/config'
import { checkCommand } from '../plugin/cli/check.ts'
import { forProductionOnly, dependencyProblems, type OwnLockfile, type OwnManifest } from './release/dependencies.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const DIR = path.join(ROOT, 'node_modules/.cache/check-self')
const json = (file: string): unknown => JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'))

const { values } = parseArgs({ options: { config: { type: 'string' }, mirror: { type: 'string' } } })
const lockfile = json('package-lock.json') as OwnLockfile
const problems = dependencyProblems(json('package.json') as OwnManifest, lockfile)
for (const problem of problems) console.error(problem)

mkdirSync(DIR, { recursive: true })
const file = path.join(DIR, 'package-lock.json')
writeFileSync(file, JSON.stringify(forProductionOnly(lockfile)))
const own = path.join(DIR, 'config.yaml')
// JSON is YAML: the uplinks are Verdaccio's default ones, the policy `recommended`, for want of others.
writeFileSync(own, JSON.stringify({ storage: './storage', middlewares: { provenance: { uplinks: uplinks(), trust: {} } } }))
const judge = values.mirror === undefined ? { config: values.config ?? own } : { mirror: values.mirror }
const code = await checkCommand([file], judge)
process.exitCode = problems.length > 0 ? 1 : code

function uplinks(): unknown {
  return (getDefaultConfig() as { readonly uplinks?: unknown }).uplinks
}
