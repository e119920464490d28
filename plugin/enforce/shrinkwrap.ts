/** What a lockfile inside a tarball has installers fetch past every registry. */
import { DEFAULT_REGISTRY } from '@verdaccio/config'
import type { ForeignDependency } from '../domain/history.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { isOfARegistry } from '../domain/specifier.ts'
import { kindOf } from './foreign.ts'

export const SHRINKWRAP = 'npm-shrinkwrap.json'
/**
 * npm 7 to 11 install what the shrinkwrap of a dependency names, from where it says, development dependencies too, and read a
 * package-lock.json where a package says that it has a shrinkwrap and has none (arborist: `#loadShrinkwrapsAndUpdateTrees`,
 * `Shrinkwrap.load`). npm 12 and the other clients read neither.
 */
export const LOCKFILES: ReadonlySet<string> = new Set([SHRINKWRAP, 'package-lock.json'])

/** Enough to see what is going on; an attacker chooses how many there are. */
const MAX_FOUND = 10
/** Of one address. */
const MAX_SPEC = 1000

/** npm takes addresses of this host for those of the registry it is configured with (`replace-registry-host`). */
const REPLACED = new URL(DEFAULT_REGISTRY).hostname

/**
 * What of a lockfile comes from no registry, or from one that a client would ask itself: of each origin or kind one, the first ten. What
 * cannot be read is `unknown`, since npm reads more than JSON (merge conflicts).
 * @param file - its name, for `field`
 * @param bytes - undefined when there are too many to be read
 */
export function lockedElsewhere(file: string, bytes: Uint8Array | undefined): readonly ForeignDependency[] {
  const document = bytes === undefined ? undefined : parsed(bytes)
  if (document === undefined) return [{ field: file, name: file, spec: bytes === undefined ? 'too large to be read' : 'not to be read', kind: 'unknown' }]
  const found = new Map<string, ForeignDependency>()
  for (const [name, spec, kind] of entriesOf(document)) {
    const key = kind === 'url' ? (URL.parse(spec)?.origin ?? kind) : kind
    if (found.has(key)) continue
    if (found.size === MAX_FOUND) return [...found.values(), { field: file, name: file, spec: 'more of them', kind: 'unknown' }]
    found.set(key, { field: file, name: name.slice(0, MAX_SPEC), spec: spec.slice(0, MAX_SPEC), kind })
  }
  return [...found.values()]
}

function parsed(bytes: Uint8Array): JsonObject | undefined {
  try {
    // TextDecoder has dropped a byte order mark, as npm does.
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

type Found = readonly [name: string, spec: string, kind: ForeignDependency['kind']]

function* entriesOf(document: JsonObject): Generator<Found> {
  for (const [place, entry] of Object.entries(ownObject(document, 'packages') ?? {})) {
    // The package itself, and links to folders of it.
    if (place === '' || !isObject(entry) || own(entry, 'link') === true) continue
    yield* foreignIn(place.replace(/^.*node_modules\//s, ''), entry)
  }
  // Versions 1 and 2 of the format, a tree; no recursion, since who wrote it decides how deep it goes.
  const waiting: (Json | undefined)[] = [own(document, 'dependencies')]
  for (let tree = waiting.pop(); tree !== undefined; tree = waiting.pop())
    for (const [name, entry] of Object.entries(isObject(tree) ? tree : {})) {
      if (!isObject(entry)) continue
      yield* foreignIn(name, entry)
      const below = own(entry, 'dependencies')
      if (below !== undefined) waiting.push(below)
    }
}

/** npm puts `name@resolved` together, and `name@version` where nothing is resolved, and reads that as a specifier. */
function* foreignIn(place: string, entry: JsonObject): Generator<Found> {
  const name = ownString(entry, 'name') ?? place
  if (!NAME.test(name)) yield [place, name, 'unknown']
  for (const spec of [ownString(entry, 'resolved'), ownString(entry, 'version')]) {
    const kind = spec === undefined || spec === '' ? undefined : sourceOf(spec)
    if (spec !== undefined && kind !== undefined) yield [name, spec, kind]
  }
}

/** Nothing in it may be read as the beginning of a specifier. */
const NAME = /^(?:@[^/@:\s]+\/)?[^/@:\s]+$/

function sourceOf(spec: string): ForeignDependency['kind'] | undefined {
  if (isOfARegistry(spec)) return undefined
  return /^https?:/i.test(spec) && URL.parse(spec)?.hostname === REPLACED ? undefined : kindOf(spec)
}
