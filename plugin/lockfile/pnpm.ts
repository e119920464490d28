/** pnpm-lock.yaml, 6.x (pnpm 8) and 9.0 (pnpm 9 to 12), as `@pnpm/lockfile.types` describes it. */
import { own, type JsonObject } from '../domain/json.ts'
import { flagAt, isAddress, isGit, isPath, objectAt, rangesAt, splitFirst, textAt } from './fields.ts'
import type { Described, Edge, EdgeKind, Graph, Node } from './graph.ts'
import { Malformed, Unsupported } from './lockfile.ts'

const KINDS: readonly (readonly [string, EdgeKind])[] = [
  ['dependencies', 'prod'],
  ['devDependencies', 'dev'],
  ['optionalDependencies', 'optional'],
]

/** @throws Malformed, Unsupported */
export function readPnpm(document: JsonObject): Graph {
  const version = textAt(document, 'lockfileVersion', 'the lockfile') ?? ''
  if (!/^(?:6|9)\.\d+/.test(version)) throw new Unsupported(`is a pnpm lockfile of version ${JSON.stringify(version)}, and 6 and 9 are read`)
  const packages = objectAt(own(document, 'packages'), 'packages')
  const separate = own(document, 'snapshots') !== undefined
  // In 9 `packages` says what a package is and `snapshots` what it is given; in 6 one entry says both.
  const snapshots = separate ? objectAt(own(document, 'snapshots'), 'snapshots') : packages
  const nodes = new Map<string, Node>()
  const has = (id: string): boolean => Object.hasOwn(snapshots, id)
  for (const id of Object.keys(snapshots)) {
    const snapshot = objectAt(own(snapshots, id), id)
    const key = separate && !Object.hasOwn(packages, id) ? withoutPeers(id) : id
    const entry = objectAt(own(packages, key), key)
    if (separate && !Object.hasOwn(packages, key)) throw new Malformed(`the snapshot ${JSON.stringify(id)} is of no package`)
    nodes.set(id, { described: described(id, entry), label: textAt(entry, 'name', key) ?? nameOf(id), edges: edgesOf(snapshot, id, has), key, ...recorded(snapshot) })
  }
  const importers = own(document, 'importers') === undefined ? { '.': document } : objectAt(own(document, 'importers'), 'importers')
  const roots = Object.entries(importers).map(([folder, importer]) => {
    const id = `importer ${folder}`
    nodes.set(id, { described: undefined, label: folder === '.' ? undefined : folder, edges: importedBy(objectAt(importer, folder), folder, nodes, has), key: folder })
    return id
  })
  return { nodes: askedFor(nodes), roots }
}

/** A package that only aliases ask for is no entry beside them. */
function askedFor(nodes: ReadonlyMap<string, Node>): ReadonlyMap<string, Node> {
  const asked = new Set([...nodes.values()].flatMap(({ edges }) => edges.map(({ to }) => to)))
  const renamedFrom = new Set([...nodes.keys()].filter((id) => id.startsWith('alias ')).map((id) => id.split(' ')[2]))
  return new Map([...nodes].filter(([id]) => asked.has(id) || !renamedFrom.has(id)))
}

/** Only 6 says so of each package; in 9 `optional` stands alone, and only where it is. */
const recorded = (snapshot: JsonObject): Pick<Node, 'recorded'> => (flagAt(snapshot, 'optional') ? { recorded: { optional: true } } : {})

/** `/name@1.0.0(peer@2.0.0)` in 6, `name@1.0.0(peer@2.0.0)` in 9. */
const withoutPeers = (id: string): string => {
  const open = id.indexOf('(')
  return open === -1 ? id : id.slice(0, open)
}
/** In 6, what is of no registry has its address for an id. */
const REGISTRY_ID = /^\/?(?:@[^/@]+\/)?[^/@]+@\d/
const specOfId = (id: string): string => withoutPeers(id).replace(/^\/(?=@?[^/@]+[/@])/, '')
const nameOf = (id: string): string => splitFirst(specOfId(id)).name

function described(id: string, entry: JsonObject): Described {
  const spec = splitFirst(specOfId(id))
  const name = textAt(entry, 'name', id) ?? spec.name
  const version = textAt(entry, 'version', id) ?? (/^\d/.test(spec.rest) ? spec.rest : '')
  const resolution = objectAt(own(entry, 'resolution'), `resolution of ${id}`)
  const integrity = textAt(resolution, 'integrity', id)
  const tarball = textAt(resolution, 'tarball', id)
  const repo = textAt(resolution, 'repo', id)
  const as = (kind: Described['kind'], resolved: string | undefined): Described => ({ name, version, kind, integrity, resolved })
  if (repo !== undefined) return as('git', repo)
  const directory = textAt(resolution, 'directory', id)
  if (directory !== undefined) return as('file', `file:${directory}`)
  if (tarball?.startsWith('file:') === true || isPath(spec.rest)) return as('file', tarball ?? spec.rest)
  if (isGit(spec.rest) || (tarball !== undefined && isGit(tarball))) return as('git', tarball ?? spec.rest)
  if (isAddress(spec.rest) || (tarball !== undefined && !REGISTRY_ID.test(id))) return as('url', tarball ?? spec.rest)
  if (version === '' || integrity === undefined) {
    if (tarball === undefined) throw new Malformed(`${JSON.stringify(id)} says neither its version and integrity nor where it comes from`)
    return as(version === '' ? 'url' : 'registry', tarball)
  }
  return as('registry', tarball)
}

function edgesOf(entry: JsonObject, where: string, has: (id: string) => boolean): readonly Edge[] {
  return KINDS.flatMap(([key, kind]) =>
    [...rangesAt(entry, key, where)].flatMap(([name, reference]) => {
      const to = targetOf(name, reference, has)
      // What a package asks for is not in the lockfile, only what it was given.
      return to === undefined ? [] : [{ to, range: '', kind }]
    }),
  )
}

/** A reference is a version of the name it stands under, or the id of another package: an alias. */
const targetOf = (name: string, reference: string, has: (id: string) => boolean): string | undefined =>
  [`${name}@${reference}`, `/${name}@${reference}`, reference].find(has)

/** What a project of the workspace asks for; nodes of aliases and links are added. */
function importedBy(importer: JsonObject, folder: string, nodes: Map<string, Node>, has: (id: string) => boolean): readonly Edge[] {
  return KINDS.flatMap(([key, kind]) =>
    Object.entries(objectAt(own(importer, key), `${key} of ${folder}`)).flatMap(([name, value]): readonly Edge[] => {
      const entry = objectAt(value, name)
      const reference = textAt(entry, 'version', name) ?? ''
      const range = textAt(entry, 'specifier', name) ?? ''
      const to = targetOf(name, reference, has) ?? linked(name, reference, range, nodes)
      if (to === undefined) throw new Malformed(`${JSON.stringify(name)} of ${folder} leads nowhere: ${JSON.stringify(reference.slice(0, 100))}`)
      return [{ to: renamed(name, to, nodes), range, kind }]
    }),
  )
}

function linked(name: string, reference: string, range: string, nodes: Map<string, Node>): string | undefined {
  if (!reference.startsWith('link:')) return undefined
  const id = `link ${name} ${reference}`
  const kind = isPath(range) ? 'file' : 'workspace'
  nodes.set(id, { described: { name, version: '', kind, integrity: undefined, resolved: reference }, label: name, edges: [], key: name })
  return id
}

/** The package under the name that the project calls it by: an entry of its own, with the dependencies of the one it stands for. */
function renamed(name: string, to: string, nodes: Map<string, Node>): string {
  const node = nodes.get(to)
  if (node?.described === undefined || node.described.name === name || node.described.kind !== 'registry') return to
  const id = `alias ${name} ${to}`
  nodes.set(id, { ...node, described: { ...node.described, kind: 'alias' }, label: name })
  return id
}
