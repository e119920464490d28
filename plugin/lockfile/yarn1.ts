/** yarn.lock of yarn 1: a list of packages by what asked for them; the project itself is not in it. */
import { parseSyml } from '@yarnpkg/parsers'
import type { JsonObject } from '../domain/json.ts'
import { isAddress, isGit, isPath, objectAt, rangesAt, splitFirst, textAt } from './fields.ts'
import type { Described, Edge, Graph, Node } from './graph.ts'
import { Malformed } from './lockfile.ts'
import { ROOT, wantedBy, type Manifest } from './manifest.ts'

/** @throws Malformed, and what the parser throws */
export function readYarn1(text: string, manifest: Manifest | undefined): Graph {
  const ids = new Map<string, string>()
  const entries = new Map<string, { readonly patterns: readonly string[]; readonly entry: JsonObject }>()
  for (const [key, value] of Object.entries(objectAt(parseSyml(text), 'the lockfile'))) {
    const entry = objectAt(value, key)
    const [pattern = key, ...others] = key.split(/ *, */)
    // The parser gives each pattern of one entry an entry of its own.
    const { name } = splitFirst(pattern)
    const id = JSON.stringify([targetName(pattern), textAt(entry, 'version', key), textAt(entry, 'resolved', key), name])
    const patterns = [...(entries.get(id)?.patterns ?? []), pattern, ...others]
    entries.set(id, { patterns, entry })
    for (const one of patterns) ids.set(one, id)
  }
  const nodes = new Map<string, Node>()
  for (const [id, { patterns, entry }] of entries) {
    const [pattern = ''] = patterns
    const edges = edgesOf(entry, pattern, ids)
    nodes.set(id, { described: described(patterns, entry), label: splitFirst(pattern).name, edges, key: pattern })
  }
  if (manifest === undefined) return { nodes, roots: [] }
  const project = [...wantedBy(manifest)].flatMap(([name, { range, kind }]): readonly Edge[] => {
    const to = ids.get(`${name}@${range}`)
    return to === undefined ? [] : [{ to, range, kind }]
  })
  nodes.set(ROOT, { described: undefined, label: undefined, edges: project, key: '' })
  return { nodes, roots: [ROOT] }
}

function edgesOf(entry: JsonObject, where: string, ids: ReadonlyMap<string, string>): readonly Edge[] {
  return ([['dependencies', 'prod'], ['optionalDependencies', 'optional']] as const).flatMap(([key, kind]) =>
    [...rangesAt(entry, key, where)].flatMap(([name, range]): readonly Edge[] => {
      const to = ids.get(`${name}@${range}`)
      return to === undefined ? [] : [{ to, range, kind }]
    }),
  )
}

const targetName = (pattern: string): string => {
  const { name, rest } = splitFirst(pattern)
  return rest.startsWith('npm:') ? splitFirst(rest.slice(4)).name : name
}

function described(patterns: readonly string[], entry: JsonObject): Described {
  const [pattern = ''] = patterns
  const called = splitFirst(pattern).name
  const asked = patterns.map((one) => splitFirst(one).rest)
  const version = textAt(entry, 'version', pattern) ?? ''
  const resolved = textAt(entry, 'resolved', pattern)
  const integrity = textAt(entry, 'integrity', pattern)
  const name = targetName(pattern)
  const as = (kind: Described['kind']): Described => ({ name, version, kind, integrity, resolved })
  if ((resolved !== undefined && isGit(resolved)) || asked.some(isGit)) return as('git')
  if (asked.some(isPath) || (resolved === undefined && asked.some((one) => one.includes('/')))) return as('file')
  if (asked.some(isAddress)) return as('url')
  // `owner/repository`, yarn's short form of GitHub.
  if (asked.some((one) => /^[\w.-]+\/[\w.-]+/.test(one))) return as('git')
  if (version === '') throw new Malformed(`${JSON.stringify(pattern)} has no version`)
  return as(name === called ? 'registry' : 'alias')
}
