/** Tells lockfiles apart by what is in them, and reads them. */
import { LineCounter, parseAllDocuments } from 'yaml'
import { messageOf } from '../domain/errors.ts'
import { isObject, own, type JsonObject } from '../domain/json.ts'
import { parseBun, readBun } from './bun.ts'
import { textAt } from './fields.ts'
import { packagesOf, type Graph } from './graph.ts'
import { LockfileError, Malformed, Unsupported, type Lockfile, type LockfileFault, type LockfileFormat } from './lockfile.ts'
import { lineFinder } from './lines.ts'
import { parseManifest } from './manifest.ts'
import { readNpm } from './npm.ts'
import { readNpm1 } from './npm1.ts'
import { readPnpm } from './pnpm.ts'
import { readYarn } from './yarn.ts'
import { readYarn1 } from './yarn1.ts'

export interface LockfileSource {
  /** As the person named it. */
  readonly file: string
  readonly bytes: Uint8Array
  /** The package.json beside it, for formats that leave out what the project asks for. */
  readonly manifest?: string | undefined
}

/** Several times what the largest monorepos have. */
export const MAX_LOCKFILE = 32 * 1024 * 1024

const KINDS = 'package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml, yarn.lock or bun.lock'

/**
 * The packages of a lockfile of npm (1 to 3), pnpm (6, 9), yarn (1, and 2 and later) or bun (text).
 * @throws LockfileError, and nothing else
 */
export function readLockfile({ file, bytes, manifest }: LockfileSource): Lockfile {
  const fail = (fault: LockfileFault, what: string, remedy: string, cause?: unknown): never => {
    throw new LockfileError(fault, `${file}: ${what}. ${remedy}`, { cause })
  }
  if (bytes.byteLength > MAX_LOCKFILE)
    fail('too-large', `has ${String(Math.round(bytes.byteLength / 1024 ** 2))} MB, more than the ${String(MAX_LOCKFILE / 1024 ** 2)} MB that are read of a lockfile`, `Name a ${KINDS}.`)
  if (Buffer.from(bytes.subarray(0, 64)).toString('latin1').includes('bun-lockfile-format'))
    fail('binary', 'is bun\'s binary lockfile', 'Write the text form with `bun install --save-text-lockfile --lockfile-only` and name bun.lock.')
  if (bytes.subarray(0, 8192).includes(0)) fail('binary', 'is not text', `Name a ${KINDS}.`)
  const text = Buffer.from(bytes).toString('utf8').replace(/^\uFEFF/, '')
  if (text.trim() === '') fail('empty', 'is empty', 'Run the install that writes it.')
  const conflict = /^(?:<{7}|>{7}|\|{7})(?: |$)/m.exec(text)
  if (conflict !== null)
    fail('merge-conflict', `has the markers of a merge conflict (line ${String(lineAt(text, conflict.index))})`, 'Resolve it: the install of the client that wrote it does.')
  try {
    const { format, version, graph } = detect(text, parseManifest(manifest ?? ''))
    return { format, version, packages: packagesOf(graph, lineFinder(text)) }
  } catch (error) {
    if (error instanceof LockfileError) throw error
    if (error instanceof NotOne) return fail('not-a-lockfile', error.message, `Name a ${KINDS}.`)
    if (error instanceof Unsupported) return fail('unsupported', error.message, 'Write it anew with a client of today.', error)
    if (error instanceof Malformed) return fail('malformed', `is damaged: ${error.message}`, AGAIN, error)
    return fail('malformed', `cannot be read to its end: ${firstLine(messageOf(error))}`, AGAIN, error)
  }
}

const AGAIN = 'Restore it, or write it anew with the client it is of.'

/** Not any lockfile at all. */
class NotOne extends Error {}

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 200)
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length

interface Detected {
  readonly format: LockfileFormat
  readonly version: string
  readonly graph: Graph
}

function detect(text: string, manifest: JsonObject | undefined): Detected {
  if (text.trimStart().startsWith('{') || text.trimStart().startsWith('//')) return detectJson(text, manifest)
  if (/^# yarn lockfile v1\s*$/m.test(text)) return { format: 'yarn-1', version: '1', graph: readYarn1(text, manifest) }
  if (/^__metadata:\s*$/m.test(text)) return { format: 'yarn', version: /^ {2}version: (\d+)/m.exec(text)?.[1] ?? '', graph: readYarn(text) }
  if (/^lockfileVersion: /m.test(text)) return detectPnpm(text)
  throw new NotOne('is no lockfile')
}

function detectJson(text: string, manifest: JsonObject | undefined): Detected {
  const document = strictJson(text) ?? parseBun(text)
  if (document === undefined) throw new Malformed(whereJsonEnds(text))
  const version = textAt(document, 'lockfileVersion', 'the lockfile')
  if (isObject(own(document, 'workspaces')) && version !== undefined) {
    if (!/^[0-2]$/.test(version)) throw new Unsupported(`is a bun lockfile of version ${JSON.stringify(version)}, and 0 to 2 are read`)
    return { format: 'bun', version, graph: readBun(document) }
  }
  if (version === undefined) throw new NotOne(own(document, 'name') === undefined ? 'is no lockfile' : 'is a package.json and no lockfile')
  if (version === '1') return { format: 'npm', version, graph: readNpm1(document, manifest) }
  if (version === '2' || version === '3') return { format: 'npm', version, graph: readNpm(document) }
  throw new Unsupported(`is an npm lockfile of version ${JSON.stringify(version)}, and 1 to 3 are read`)
}

function strictJson(text: string): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function whereJsonEnds(text: string): string {
  try {
    JSON.parse(text)
    return 'it is JSON and no object'
  } catch (error) {
    return firstLine(messageOf(error))
  }
}

/** pnpm 11 and later may put a document of its own in front of the project's. */
function detectPnpm(text: string): Detected {
  const counter = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: counter, uniqueKeys: true, logLevel: 'silent', stringKeys: true })
  if (!Array.isArray(documents)) throw new Malformed('it holds nothing')
  const parsed = documents.map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw new Malformed(`line ${String(counter.linePos(error.pos[0]).line)}: ${firstLine(error.message)}`)
    const value: unknown = document.toJS({ maxAliasCount: 0 })
    if (!isObject(value)) throw new Malformed('it is YAML and no mapping')
    return value
  })
  const graphs = parsed.map(readPnpm)
  const [version = ''] = parsed.map((document) => textAt(document, 'lockfileVersion', 'the lockfile') ?? '')
  return { format: 'pnpm', version, graph: joined(graphs) }
}

/** Two documents may have the same importer: their ids are kept apart. */
function joined(graphs: readonly Graph[]): Graph {
  const [only, second] = graphs
  if (only !== undefined && second === undefined) return only
  const named = graphs.map(({ nodes, roots }, index) => {
    const id = (own_: string): string => `${String(index)} ${own_}`
    return {
      nodes: [...nodes].map(([key, node]) => [id(key), { ...node, edges: node.edges.map((edge) => ({ ...edge, to: id(edge.to) })) }] as const),
      roots: roots.map(id),
    }
  })
  return { nodes: new Map(named.flatMap(({ nodes }) => nodes)), roots: named.flatMap(({ roots }) => roots) }
}
