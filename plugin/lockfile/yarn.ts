/** yarn.lock of yarn 2 and later: resolutions by what was asked for, the project's workspaces among them. */
import { parseSyml } from '@yarnpkg/parsers'
import { own, type JsonObject } from '../domain/json.ts'
import { flagAt, objectAt, rangesAt, splitFirst, textAt } from './fields.ts'
import type { Described, Edge, Graph, Node } from './graph.ts'
import { Malformed } from './lockfile.ts'

/** @throws Malformed, and what the parser throws */
export function readYarn(text: string): Graph {
  const ids = new Map<string, string>()
  const entries = new Map<string, { readonly key: string; readonly entry: JsonObject }>()
  for (const [key, value] of Object.entries(objectAt(parseSyml(text), 'the lockfile'))) {
    if (key === '__metadata') continue
    const entry = objectAt(value, key)
    const resolution = textAt(entry, 'resolution', key)
    if (resolution === undefined) throw new Malformed(`${JSON.stringify(key)} has no resolution`)
    entries.set(resolution, { key, entry })
    for (const descriptor of key.split(/ *, */)) ids.set(descriptor, resolution)
  }
  const nodes = new Map<string, Node>()
  for (const [resolution, { key, entry }] of entries) {
    const { name, rest } = splitFirst(resolution)
    const base = /^patch:([^#:]+)/.exec(rest)?.[1]
    const patched: readonly Edge[] = base === undefined ? [] : baseOf(base, ids).map((to) => ({ to, range: '', kind: 'prod' }))
    nodes.set(resolution, {
      described: described(resolution, entry),
      label: rest === 'workspace:.' ? undefined : name,
      edges: [...patched, ...edgesOf(entry, resolution, ids)],
      key,
    })
  }
  // An alias is a descriptor of the same resolution: an entry of its own, as its dependents call it.
  const aliases = addAliases(ids, nodes)
  const renamed = new Map([...nodes].map(([id, node]) => [id, { ...node, edges: node.edges.map((edge) => ({ ...edge, to: aliases.get(edge.to) ?? edge.to })) }] as const))
  const workspaces = [...entries.keys()].filter((resolution) => splitFirst(resolution).rest.startsWith('workspace:'))
  // The project itself leads: what it asks for is not said to be pulled in by one of its workspaces.
  const isTop = (resolution: string): boolean => splitFirst(resolution).rest === 'workspace:.'
  return { nodes: withoutDescriptors(renamed, ids), roots: [...workspaces.filter(isTop), ...workspaces.filter((one) => !isTop(one))] }
}

function baseOf(escaped: string, ids: ReadonlyMap<string, string>): readonly string[] {
  let descriptor = escaped
  try {
    descriptor = decodeURIComponent(escaped)
  } catch {
    // As it stands, then; it will be the base of nothing.
  }
  const found = ids.get(descriptor) ?? [...ids.values()].find((resolution) => resolution === descriptor)
  return found === undefined ? [] : [found]
}

/** Edges lead to descriptors first, so that aliases can be told apart. */
function edgesOf(entry: JsonObject, where: string, ids: ReadonlyMap<string, string>): readonly Edge[] {
  const meta = objectAt(own(entry, 'dependenciesMeta'), where)
  return [...rangesAt(entry, 'dependencies', where)].flatMap(([name, range]): readonly Edge[] => {
    const to = descriptorOf(name, range, where, ids)
    const kind = flagAt(objectAt(own(meta, name), name), 'optional') ? 'optional' : 'prod'
    return to === undefined ? [] : [{ to, range, kind }]
  })
}

/** Descriptors of files and patches are bound to who asks: `…::locator=…`. */
function descriptorOf(name: string, range: string, where: string, ids: ReadonlyMap<string, string>): string | undefined {
  const candidates = [`${name}@${range}`, `${name}@npm:${range}`, `${name}@${range}::locator=${encodeURIComponent(where)}`]
  return candidates.find((candidate) => ids.has(candidate)) ?? [...ids.keys()].find((descriptor) => descriptor.startsWith(`${name}@${range}::`) || (/^(?:workspace|patch):/.test(range) && splitFirst(descriptor).name === name && splitFirst(descriptor).rest.startsWith(range.slice(0, 6))))
}

function addAliases(ids: ReadonlyMap<string, string>, nodes: Map<string, Node>): ReadonlyMap<string, string> {
  const targets = new Map<string, string>()
  for (const [descriptor, resolution] of ids) {
    const { name } = splitFirst(descriptor)
    const node = nodes.get(resolution)
    if (node?.described?.kind !== 'registry' || node.described.name === name) {
      targets.set(descriptor, resolution)
      continue
    }
    const id = `alias ${name} ${resolution}`
    nodes.set(id, { ...node, described: { ...node.described, kind: 'alias' }, label: name })
    targets.set(descriptor, id)
  }
  return targets
}

/** A resolution that only aliases ask for is no entry beside them. */
function withoutDescriptors(nodes: ReadonlyMap<string, Node>, ids: ReadonlyMap<string, string>): ReadonlyMap<string, Node> {
  const byOwnName = new Set([...ids].filter(([descriptor, resolution]) => splitFirst(descriptor).name === splitFirst(resolution).name).map(([, resolution]) => resolution))
  return new Map([...nodes].filter(([id, { described: what }]) => what?.kind !== 'registry' || byOwnName.has(id)))
}

function described(resolution: string, entry: JsonObject): Described | undefined {
  const { name, rest } = splitFirst(resolution)
  const version = textAt(entry, 'version', resolution) ?? ''
  // The checksum is of yarn's own archive, which no registry knows.
  const as = (kind: Described['kind'], resolved: string | undefined, which = version): Described => ({ name, version: which, kind, integrity: undefined, resolved })
  if (rest.startsWith('workspace:')) return rest === 'workspace:.' ? undefined : as('workspace', rest)
  // The patch is the project's own; what it is of has an entry.
  if (rest.startsWith('patch:')) return undefined
  if (/^(?:file|link|portal|exec):/.test(rest)) return as('file', rest)
  if (rest.startsWith('npm:')) {
    const [exact = '', ...bound] = rest.slice(4).split('::')
    if (!/^\d/.test(exact)) throw new Malformed(`${JSON.stringify(resolution)} is no version`)
    const archive = new URLSearchParams(bound.join('::')).get('__archiveUrl')
    return as('registry', archive ?? undefined, exact)
  }
  if (/^https?:\/\/.+\.(?:tgz|tar\.gz)(?:$|[#?:])/.test(rest) && !/[#&]commit=/.test(rest)) return as('url', rest)
  return as('git', rest)
}
