/** Who depends on whom: what each reader makes of its format, and what follows from it. */
import { rangeOf } from './fields.ts'
import { MAX_PATHS, type LockedPackage } from './lockfile.ts'

export type EdgeKind = 'prod' | 'dev' | 'optional' | 'peer'

export interface Edge {
  readonly to: string
  readonly range: string
  readonly kind: EdgeKind
}

export type Described = Pick<LockedPackage, 'name' | 'version' | 'kind' | 'integrity' | 'resolved'>

export interface Node {
  /** Undefined for what is no package of its own: a project of a workspace, a patch of another package. */
  readonly described: Described | undefined
  /** What its dependents call it; undefined for the project itself, which heads no path. */
  readonly label: string | undefined
  readonly edges: readonly Edge[]
  /** Its key in the lockfile, to find its line by. */
  readonly key: string
  /** What the lockfile itself says, where it knows better than the graph. */
  readonly recorded?: Partial<Pick<LockedPackage, 'dev' | 'optional' | 'peer'>>
}

export interface Graph {
  readonly nodes: ReadonlyMap<string, Node>
  readonly roots: readonly string[]
}

/** The packages of a graph. Lines are found by the keys of nodes. */
export function packagesOf(graph: Graph, lineOf: (key: string) => number): readonly LockedPackage[] {
  const { nodes } = graph
  const roots = [...graph.roots, ...unreached(graph)]
  const all = reached(nodes, roots, () => true)
  const without = (kind: EdgeKind): ReadonlyMap<string, unknown> => reached(nodes, roots, (edge) => edge.kind !== kind)
  const beyond = { optional: without('optional'), dev: without('dev'), peer: without('peer') }
  const incoming = incomingOf(nodes)
  const merged = new Map<string, LockedPackage>()
  for (const [id, node] of nodes) {
    if (node.described === undefined) continue
    const only = (kind: 'optional' | 'dev' | 'peer'): boolean => node.recorded?.[kind] ?? (all.has(id) && !beyond[kind].has(id))
    const edges = incoming.get(id) ?? []
    const one: LockedPackage = {
      ...node.described,
      optional: only('optional'),
      dev: only('dev'),
      peer: only('peer'),
      paths: pathsTo(id, node, nodes, all, edges),
      ranges: [...new Set(edges.map(({ range }) => rangeOf(range)).filter((range) => range !== ''))],
      line: lineOf(node.key),
    }
    const { name, version, kind, integrity, resolved } = one
    const key = JSON.stringify([name, version, kind, integrity, resolved])
    const known = merged.get(key)
    merged.set(key, known === undefined ? one : both(known, one))
  }
  return [...merged.values()]
}

const both = (a: LockedPackage, b: LockedPackage): LockedPackage => ({
  ...a,
  optional: a.optional && b.optional,
  dev: a.dev && b.dev,
  peer: a.peer && b.peer,
  paths: [...a.paths, ...b.paths].sort((one, other) => one.length - other.length).slice(0, MAX_PATHS),
  ranges: [...new Set([...a.ranges, ...b.ranges])],
})

/** The shortest way to each node: by whom it is reached first; the roots are reached by nobody. */
function reached(nodes: Graph['nodes'], roots: readonly string[], follows: (edge: Edge) => boolean): ReadonlyMap<string, string | undefined> {
  const from = new Map<string, string | undefined>(roots.map((root) => [root, undefined]))
  // A Map goes on to what is added while it is read.
  for (const id of from.keys())
    for (const edge of nodes.get(id)?.edges ?? []) if (follows(edge) && nodes.has(edge.to) && !from.has(edge.to)) from.set(edge.to, id)
  return from
}

/** Formats without their projects (yarn 1) name nobody who asks: what nothing depends on is asked for by the project, then what is still left in cycles. */
function unreached({ nodes, roots }: Graph): readonly string[] {
  const incoming = incomingOf(nodes)
  const heads = [...nodes.keys()].filter((id) => !incoming.has(id) && !roots.includes(id))
  const found = reached(nodes, [...roots, ...heads], () => true)
  return [...heads, ...[...nodes.keys()].filter((id) => !found.has(id)).slice(0, 1)]
}

interface Incoming {
  readonly from: string
  readonly range: string
}

function incomingOf(nodes: Graph['nodes']): ReadonlyMap<string, readonly Incoming[]> {
  const incoming = new Map<string, Incoming[]>()
  for (const [from, { edges }] of nodes)
    for (const { to, range } of edges) {
      const known = incoming.get(to)
      if (known === undefined) incoming.set(to, [{ from, range }])
      else known.push({ from, range })
    }
  return incoming
}

function pathsTo(id: string, node: Node, nodes: Graph['nodes'], from: ReadonlyMap<string, string | undefined>, incoming: readonly Incoming[]): readonly (readonly string[])[] {
  const own = node.label === undefined ? [] : [node.label]
  const dependents = [...new Set([from.get(id), ...incoming.map((edge) => edge.from)])].filter((one) => one !== undefined).filter((one) => from.has(one))
  const paths = dependents.slice(0, MAX_PATHS * 4).map((dependent) => [...wayTo(dependent, nodes, from), ...own])
  const different = new Map(paths.map((path) => [path.join('\n'), path]))
  return different.size === 0 ? [own] : [...different.values()].sort((a, b) => a.length - b.length).slice(0, MAX_PATHS)
}

function wayTo(id: string, nodes: Graph['nodes'], from: ReadonlyMap<string, string | undefined>): readonly string[] {
  const way: string[] = []
  for (let at: string | undefined = id; at !== undefined; at = from.get(at)) {
    const label = nodes.get(at)?.label
    if (label !== undefined) way.push(label)
  }
  return way.reverse()
}
