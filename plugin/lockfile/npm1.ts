/** package-lock.json and npm-shrinkwrap.json of npm 5 and 6: lockfileVersion 1, a tree of `dependencies`. */
import { own, type JsonObject } from '../domain/json.ts'
import { flagAt, isAddress, isGit, isPath, objectAt, rangesAt, splitFirst, textAt } from './fields.ts'
import type { Described, Edge, Graph, Node } from './graph.ts'
import { Malformed } from './lockfile.ts'
import { ROOT, wantedBy, type Manifest, type Wanted } from './manifest.ts'

interface Level {
  readonly prefix: string
  readonly children: ReadonlyMap<string, JsonObject>
  readonly above: Level | undefined
}

const MAX_DEPTH = 200

/** @throws Malformed */
export function readNpm1(document: JsonObject, manifest: Manifest | undefined): Graph {
  const nodes = new Map<string, Node>()
  const top = levelOf(document, '', undefined)
  const wanted = manifest === undefined ? new Map<string, Wanted>() : wantedBy(manifest)
  // npm 6 knew no workspaces; npm 7 and later wrote them so, when asked for this version.
  const isOwn = (name: string): boolean => manifest !== undefined && own(manifest, 'workspaces') !== undefined && !isPath(wanted.get(name)?.range ?? '')
  collect(top, nodes, isOwn, 0)
  const project = manifest === undefined ? [] : [...wanted].map(([name, how]) => ({ to: name, ...how })).filter(({ to }) => nodes.has(to))
  if (manifest === undefined) return { nodes, roots: [] }
  nodes.set(ROOT, { described: undefined, label: undefined, edges: project, key: '' })
  return { nodes, roots: [ROOT] }
}

const levelOf = (entry: JsonObject, prefix: string, above: Level | undefined): Level => {
  const children = objectAt(own(entry, 'dependencies'), `dependencies of ${prefix}`)
  return { prefix, above, children: new Map(Object.entries(children).map(([name, child]) => [name, objectAt(child, name)])) }
}

function collect(level: Level, nodes: Map<string, Node>, isOwn: (name: string) => boolean, depth: number): void {
  if (depth > MAX_DEPTH) throw new Malformed('dependencies are nested too deep')
  for (const [name, entry] of level.children) {
    const id = `${level.prefix}${name}`
    const below = levelOf(entry, `${id} `, level)
    const edges = [...rangesAt(withoutFlag(entry), 'requires', id)].flatMap(([wanted, range]): readonly Edge[] => {
      const to = find(below, wanted)
      return to === undefined ? [] : [{ to, range, kind: 'prod' }]
    })
    nodes.set(id, { described: described(name, entry, { mayBeOwn: isOwn(name), isWithinAPackage: level.above !== undefined }), label: name, edges, key: name, recorded: { dev: flagAt(entry, 'dev'), optional: flagAt(entry, 'optional'), peer: false } })
    collect(below, nodes, isOwn, depth + 1)
  }
}

/** `requires: true` says only that others have it. */
const withoutFlag = (entry: JsonObject): JsonObject => (typeof own(entry, 'requires') === 'boolean' ? {} : entry)

function find(from: Level, name: string): string | undefined {
  for (let level: Level | undefined = from; level !== undefined; level = level.above) if (level.children.has(name)) return `${level.prefix}${name}`
  return undefined
}

function described(called: string, entry: JsonObject, { mayBeOwn, isWithinAPackage }: { readonly mayBeOwn: boolean; readonly isWithinAPackage: boolean }): Described {
  const text = textAt(entry, 'version', called)
  if (text === undefined || text === '') throw new Malformed(`${JSON.stringify(called)} has no version`)
  const alias = text.startsWith('npm:') ? splitFirst(text.slice(4)) : undefined
  const [name, version] = alias === undefined ? [called, text] : [alias.name, alias.rest]
  // npm 6 wrote `false` for what it found in a tarball.
  const resolved = own(entry, 'resolved') === false ? undefined : textAt(entry, 'resolved', called)
  const integrity = textAt(entry, 'integrity', called)
  const as = (kind: Described['kind'], which = version, from = resolved): Described => ({ name, version: which, kind, integrity, resolved: from })
  if (isGit(version)) return as('git', '', version)
  if (isAddress(version)) return as('url', '', version)
  // As in later versions of the format: what has an address is fetched from it.
  if (flagAt(entry, 'bundled') && isWithinAPackage && resolved === undefined) return as('bundled')
  if (isPath(version)) return as(mayBeOwn && !/^file:(?:\.\.|.*\.t(?:ar\.)?gz$)/.test(version) ? 'workspace' : 'file', '', version)
  return as(alias === undefined ? 'registry' : 'alias')
}
