import npa from 'npm-package-arg'
import type { ForeignDependency } from '../domain/history.ts'
import { ownObject } from '../domain/json.ts'
import type { VersionManifest } from '../domain/packument.ts'
import { INSTALLED, isArchive, isOfARegistry, namesOthers } from '../domain/specifier.ts'
import { canonicalSpec } from './git-spec.ts'
import { normalise } from './manifest.ts'

/** Enough to see what is going on; an attacker chooses how many there are. */
const MAX_FOUND = 10

const NONE: readonly ForeignDependency[] = []
// One verdict is computed of a manifest whenever somebody asks; what it depends on never changes.
const found = new WeakMap<VersionManifest, readonly ForeignDependency[]>()

/** What an entry of a packument depends on that no registry serves: see the port. The first ten. */
export function foreignDependencies(claimed: VersionManifest): readonly ForeignDependency[] {
  const before = found.get(claimed)
  if (before !== undefined) return before
  const foreign = (claimed.namesOthers ?? namesOthers(claimed.raw)) ? lookedAt(claimed) : NONE
  found.set(claimed, foreign)
  return foreign
}

const READ = [...INSTALLED.map((field) => [field, field] as const), ['overriddenDependencies', 'dependencies'] as const]

/** After the same normalisation as the comparison with the tarball, so that both speak of the same dependencies. */
function lookedAt({ raw }: VersionManifest): readonly ForeignDependency[] {
  const manifest = normalise(raw)
  const foreign: ForeignDependency[] = []
  for (const [from, field] of READ)
    for (const [name, spec] of Object.entries(ownObject(manifest, from) ?? {})) {
      if (typeof spec !== 'string' || isOfARegistry(spec)) continue
      const kind = kindOf(spec)
      if (kind !== undefined) foreign.push({ field, name, spec, kind })
      if (foreign.length === MAX_FOUND) return foreign
    }
  return foreign
}

/** What is plain to see is not parsed: an upstream can write a million of them. */
export function kindOf(spec: string): ForeignDependency['kind'] | undefined {
  if (/^git[+:]/i.test(spec) || canonicalSpec(spec).startsWith('git:')) return 'git'
  if (/^https?:/i.test(spec)) return 'url'
  if (/^(?:file:|[./]|~\/|[a-z]:)/i.test(spec) || (isArchive(spec) && !spec.includes(':'))) return 'file'
  return parsedKindOf(spec)
}

const MAX_KNOWN = 1000
const MAX_PARSED = 256
const known = new Map<string, ForeignDependency['kind'] | undefined>()

function parsedKindOf(spec: string): ForeignDependency['kind'] | undefined {
  if (spec.length > MAX_PARSED) return 'unknown'
  if (known.has(spec)) return known.get(spec)
  if (known.size >= MAX_KNOWN) known.clear()
  const kind = npmKindOf(spec)
  known.set(spec, kind)
  return kind
}

/** Undefined for what a registry serves. The name does not matter to it; where it is installed neither, so that nothing is looked up. */
function npmKindOf(spec: string): ForeignDependency['kind'] | undefined {
  try {
    const { registry, type } = npa.resolve('name', spec, '/')
    // An alias stands for a version, range or tag of a registry here, and for nothing else.
    return registry ? undefined : (KINDS.get(type) ?? 'unknown')
  } catch {
    // Of a kind npm does not install (`workspace:`, `jsr:`, an alias of an address): another client may, from wherever.
    return 'unknown'
  }
}

const KINDS: ReadonlyMap<string, ForeignDependency['kind']> = new Map([
  ['git', 'git'],
  ['remote', 'url'],
  ['file', 'file'],
  ['directory', 'file'],
])
