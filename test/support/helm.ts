/** The chart, rendered by the template engine that Helm is made of: test/release/helm/render.go. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseAllDocuments, stringify } from 'yaml'
import type { JsonObject } from '../../plugin/domain/json.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
export const CHART = path.join(ROOT, 'charts/verdaccio-provenance')
const SOURCE = path.join(ROOT, 'test/release/helm/render.go')
const CACHE = path.join(ROOT, 'node_modules/.cache/helm')
/** Where Debian puts the sources of Go's packages. */
const GOPATH = '/usr/share/gocode'

/** Whether charts can be rendered. Where everything has to be tried, it fails instead. */
export function canRender(): boolean {
  if (spawnSync('go', ['version']).status === 0 && existsSync(path.join(GOPATH, 'src/github.com/Masterminds/sprig'))) return true
  if (process.env.CI === 'true') throw new Error('Go or sprig is not installed, and CI=true asks for it: apt-get install golang-go golang-github-masterminds-sprig-dev')
  process.stderr.write('skipped: Go or sprig is not installed\n')
  return false
}

/** Built once for each state of its source. @returns the program */
export function renderer(): string {
  const program = path.join(CACHE, createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 16))
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  const built = `${program}.${String(process.pid)}`
  const env = { PATH: process.env.PATH, HOME: CACHE, GO111MODULE: 'off', GOPATH, GOCACHE: path.join(CACHE, 'go'), GOFLAGS: '', CGO_ENABLED: '0' }
  execFileSync('go', ['build', '-o', built, SOURCE], { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: 180_000 })
  // What was compiled for it is large, and of no use until the source changes.
  rmSync(path.join(CACHE, 'go'), { recursive: true, force: true })
  renameSync(built, program)
  return program
}

export interface Rendered {
  /** All that a cluster would be given. */
  readonly objects: readonly JsonObject[]
  readonly notes: string
}

/** @throws Error with what the templates say when they refuse the values, or when a document is none */
export function render(dir: string, values: JsonObject, { release = 'npm', namespace = 'tools' } = {}): Rendered {
  const file = path.join(dir, 'values.yaml')
  writeFileSync(file, stringify(values))
  const { status, stdout, stderr } = spawnSync(renderer(), [CHART, release, namespace, file], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024, timeout: 30_000 })
  if (status !== 0) throw new Error(stderr)
  const texts = Object.entries(JSON.parse(stdout) as Readonly<Record<string, string>>)
  const objects = texts.filter(([name]) => name.endsWith('.yaml')).flatMap(([name, text]) => documentsOf(name, text))
  return { objects, notes: texts.find(([name]) => name.endsWith('NOTES.txt'))?.[1] ?? '' }
}

function documentsOf(name: string, text: string): readonly JsonObject[] {
  // As Kubernetes reads it: octal modes are YAML 1.1.
  return parseAllDocuments(text, { version: '1.1', uniqueKeys: true }).flatMap((document) => {
    const [error] = [...document.errors, ...document.warnings]
    if (error !== undefined) throw new Error(`${name}: ${error.message}`)
    const value = document.toJS() as JsonObject | null
    return value === null ? [] : [value]
  })
}
