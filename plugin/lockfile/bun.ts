/** bun.lock, the text form: JSON with comments and trailing commas (docs of bun: lockfile). */
import { parse, type ParseError } from 'jsonc-parser'
import { isObject, own, type Json, type JsonObject } from '../domain/json.ts'
import { isAddress, isGit, isPath, objectAt, splitFirst } from './fields.ts'
import type { Described, Edge, Graph, Node } from './graph.ts'
import { Malformed } from './lockfile.ts'
import { wantedBy } from './manifest.ts'

/** Undefined when it is not JSONC, or not an object; a parser that goes on after mistakes must not lose packages. */
export function parseBun(text: string): JsonObject | undefined {
  const errors: ParseError[] = []
  const value: unknown = parse(text, errors, { allowTrailingComma: true })
  return errors.length === 0 && isObject(value) ? value : undefined
}

/** @throws Malformed */
export function readBun(document: JsonObject): Graph {
  const entries = new Map(Object.entries(objectAt(own(document, 'packages'), 'packages')).map(([key, value]) => [key, tuple(value, key)]))
  const nodes = new Map<string, Node>()
  for (const [key, { spec, info, resolved, integrity }] of entries)
    nodes.set(key, {
      described: described(key, spec, resolved, integrity, entries),
      label: lastName(key),
      // Peers are among what stands under the package, where bun installed them.
      edges: edgesOf(key, info, entries),
      key,
    })
  const roots = Object.entries(objectAt(own(document, 'workspaces'), 'workspaces')).map(([folder, value]) => {
    const workspace = objectAt(value, folder)
    const id = `workspace ${folder}`
    const name = own(workspace, 'name')
    const within = folder === '' || typeof name !== 'string' ? '' : name
    nodes.set(id, { described: undefined, label: within === '' ? undefined : within, edges: edgesOf(within, workspace, entries), key: folder })
    return id
  })
  return { nodes, roots }
}

interface Entry {
  readonly spec: string
  readonly info: JsonObject
  readonly resolved: string | undefined
  readonly integrity: string | undefined
}

/** `[name@version, address, {…}, integrity]`; of what is not from a registry, parts are missing. */
function tuple(value: Json | undefined, key: string): Entry {
  if (!Array.isArray(value)) throw new Malformed(`${JSON.stringify(key)} is not a list`)
  const [spec, ...rest] = value as readonly Json[]
  if (typeof spec !== 'string' || spec === '') throw new Malformed(`${JSON.stringify(key)} does not begin with a package`)
  const texts = rest.filter((item) => typeof item === 'string')
  const isRegistry = /^\d/.test(splitFirst(spec).rest)
  return {
    spec,
    info: rest.find(isObject) ?? {},
    resolved: isRegistry && texts[0] !== '' && !/^sha\d+-/.test(texts[0] ?? '') ? texts[0] : undefined,
    integrity: texts.find((text) => /^sha\d+-/.test(text)),
  }
}

function edgesOf(key: string, info: JsonObject, entries: ReadonlyMap<string, Entry>): readonly Edge[] {
  return [...wantedBy(info, key)].flatMap(([name, { range, kind }]): readonly Edge[] => {
    const to = resolve(key, name, entries)
    return to === undefined ? [] : [{ to, range, kind }]
  })
}

/** Keys are the way from the top, as folders of node_modules would be: `tool/left` is what `tool` is given for `left`. */
function resolve(key: string, name: string, entries: ReadonlyMap<string, Entry>): string | undefined {
  for (let at = key; at !== ''; at = parentOf(at)) if (entries.has(`${at}/${name}`)) return `${at}/${name}`
  return entries.has(name) ? name : undefined
}

const segments = (key: string): readonly string[] => key.match(/@[^/]+\/[^/]+|[^/]+/g) ?? []
const lastName = (key: string): string => segments(key).at(-1) ?? key
const parentOf = (key: string): string => segments(key).slice(0, -1).join('/')

function described(key: string, spec: string, resolved: string | undefined, integrity: string | undefined, entries: ReadonlyMap<string, Entry>): Described | undefined {
  const { name, rest } = splitFirst(spec)
  const as = (kind: Described['kind'], version: string, from: string | undefined): Described => ({ name, version, kind, integrity, resolved: from })
  if (rest.startsWith('workspace:')) return as('workspace', '', rest)
  if (rest.startsWith('root:')) return undefined
  if (isGit(rest)) return as('git', '', rest)
  if (isPath(rest)) return as('file', '', rest)
  if (isAddress(rest)) return as('url', '', rest)
  if (!/^\d/.test(rest)) return as(/\.(?:tgz|tar\.gz)$/.test(rest) ? 'file' : 'git', '', rest)
  // In whose tarball would it be, at the top? And what has an address is fetched from it.
  if (own(entries.get(key)?.info ?? {}, 'bundled') === true && parentOf(key) !== '' && resolved === undefined) return as('bundled', rest, resolved)
  return as(name === lastName(key) ? 'registry' : 'alias', rest, resolved)
}
