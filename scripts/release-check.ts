/**
 * `npm run release:check -- v1.2.3`: whether a version can go out, with every problem. In a workflow it also gives version and dist-tag
 * to the steps after it; with `--notes FILE` it writes what the changelog says of the version.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { distTagOf, releaseNotes, releaseProblems, type Manifest, type ReleaseState } from './release/check.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const CHART = 'charts/verdaccio-provenance/Chart.yaml'
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const [tag = '', option, notesFile] = process.argv.slice(2)
if (!/^v\d/.test(tag) || (option !== undefined && (option !== '--notes' || notesFile === undefined))) {
  console.error('usage: npm run release:check -- v1.2.3 [--notes FILE]')
  process.exit(2)
}
const manifest = JSON.parse(read('package.json')) as Manifest
const changelog = read('CHANGELOG.md')
const chart = existsSync(path.join(ROOT, CHART)) ? String((parse(read(CHART)) as { appVersion?: unknown }).appVersion) : undefined
const repository = process.env.GITHUB_REPOSITORY
const problems = releaseProblems({ tag, manifest, lockfile: JSON.parse(read('package-lock.json')) as ReleaseState['lockfile'], changelog, chart, repository })
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)

const { version } = manifest
if (notesFile !== undefined) writeFileSync(notesFile, `${releaseNotes(changelog, version) ?? ''}\n`)
const { GITHUB_OUTPUT } = process.env
if (GITHUB_OUTPUT !== undefined) appendFileSync(GITHUB_OUTPUT, `version=${version}\ntag=${distTagOf(version)}\n`)
console.log(`${manifest.name}@${version} can go out, as ${distTagOf(version)}`)
