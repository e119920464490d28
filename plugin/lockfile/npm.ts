/** package-lock.json and npm-shrinkwrap.json (docs of npm: package-lock.json, `packages`), lockfileVersion 2 and 3. */
import { own, type JsonObject } from '../domain/json.ts'
import { flagAt, isAddress, isGit, isPath, objectAt, rangesAt, textAt } from './fields.ts'
import type { Described, Edge, EdgeKind, Graph, Node } from './graph.ts'
import { Malformed } from './lockfile.ts'

const MODULES = 'node_modules/'

/** @throws Malformed */
export function readNpm(document: JsonObject): Graph {
  const entries = new Map(Object.entries(objectAt(own(document, 'packages'), 'packages')).map(([place, value]) => [place, objectAt(value, place)]))
  const edges = new Map([...entries].map(([place, entry]) => [place, edgesOf(place, entry, entries)]))
  const ranges = new Map<string, string[]>()
  for (const { to, range } of [...edges.values()].flat()) ranges.set(to, [...(ranges.get(to) ?? []), range])
  const nodes = new Map<string, Node>()
  for (const [place, entry] of entries) {
    const isLink = flagAt(entry, 'link')
    const target = isLink ? (textAt(entry, 'resolved', place) ?? '') : ''
    nodes.set(place, {
      described: isModule(place) ? described(place, entry, ranges.get(place) ?? []) : undefined,
      // The folder behind a link heads no path: the link does.
      label: isModule(place) ? nameAt(place) : undefined,
      edges: isLink && entries.has(target) ? [{ to: target, range: '', kind: 'prod' }] : (edges.get(place) ?? []),
      key: place,
      ...(isLink || !isModule(place) ? {} : { recorded: recordedOf(entry) }),
    })
  }
  const links = [...entries].filter(([place, entry]) => isModule(place) && flagAt(entry, 'link')).map(([place]) => place)
  return { nodes, roots: entries.has('') ? ['', ...links] : links }
}

const isModule = (place: string): boolean => place.includes(MODULES)
/**
 * npm fetches what it finds in no tarball from its address, and the project's own `bundleDependencies` always: there the flag says
 * nothing about who vouches for a package (arborist: `#assignBundles`, `inDepBundle`, `#bundleMissing`).
 */
const isWithinAPackage = (place: string): boolean => place.indexOf(MODULES) !== place.lastIndexOf(MODULES)
const nameAt = (place: string): string => place.slice(place.lastIndexOf(MODULES) + MODULES.length)

const recordedOf = (entry: JsonObject): NonNullable<Node['recorded']> => ({
  dev: flagAt(entry, 'dev'),
  optional: flagAt(entry, 'optional'),
  peer: flagAt(entry, 'peer'),
})

function described(place: string, entry: JsonObject, ranges: readonly string[]): Described {
  const called = nameAt(place)
  const name = textAt(entry, 'name', place) ?? called
  const version = textAt(entry, 'version', place) ?? ''
  const resolved = textAt(entry, 'resolved', place)
  const integrity = textAt(entry, 'integrity', place)
  const as = (kind: Described['kind']): Described => ({ name, version, kind, integrity, resolved })
  if (flagAt(entry, 'link')) return as(resolved?.startsWith('..') === true || ranges.some(isPath) ? 'file' : 'workspace')
  if (flagAt(entry, 'inBundle') && isWithinAPackage(place) && resolved === undefined) return as('bundled')
  if (resolved !== undefined && isGit(resolved)) return as('git')
  if (resolved !== undefined && !isAddress(resolved)) return as('file')
  if (ranges.some(isAddress)) return as('url')
  if (version === '') throw new Malformed(`${JSON.stringify(place)} has no version`)
  return as(name === called ? 'registry' : 'alias')
}

const KINDS: readonly (readonly [string, EdgeKind])[] = [
  ['peerDependencies', 'peer'],
  ['dependencies', 'prod'],
  ['optionalDependencies', 'optional'],
]

function edgesOf(place: string, entry: JsonObject, entries: ReadonlyMap<string, JsonObject>): readonly Edge[] {
  const kinds = isModule(place) ? KINDS : [...KINDS, ['devDependencies', 'dev'] as const]
  // What is named twice is what npm takes it for: optional before dependency before peer.
  const wanted = new Map(kinds.flatMap(([key, kind]) => [...rangesAt(entry, key, place)].map(([name, range]) => [name, { range, kind }] as const)))
  return [...wanted].flatMap(([name, { range, kind }]) => {
    const to = resolve(place, name, (candidate) => entries.has(candidate))
    return to === undefined ? [] : [{ to, range, kind }]
  })
}

/** Node's own way: from the package's folder upwards. */
function resolve(place: string, name: string, has: (place: string) => boolean): string | undefined {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const candidate = folder === '' ? `${MODULES}${name}` : `${folder}/${MODULES}${name}`
    if (has(candidate)) return candidate
    if (folder === '') return undefined
  }
}
