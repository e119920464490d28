import type { Contents, ForeignDependency } from '../domain/history.ts'
import { isObject, own, ownString, type Json } from '../domain/json.ts'
import type { InstallManifest } from '../domain/ports.ts'
import { repositoryAddress } from './repository.ts'

/**
 * What policy looks at of a tarball: see the port. The stored manifest keeps `repository` as it stands in the package.json, and what its
 * lockfiles name beside npm's registry: which addresses are this mirror's own may change.
 */
export function contentsOf(manifest: InstallManifest, ownAddresses: readonly URL[] = []): Contents {
  const repository = ownString(manifest, 'repository')
  const origins = new Set(ownAddresses.map(({ origin }) => origin))
  const locked = own(manifest, 'lockedElsewhere')
  const elsewhere = (Array.isArray(locked) ? (locked as readonly Json[]) : []).flatMap(lockedOf).filter(({ kind, spec }) => kind !== 'url' || !origins.has(URL.parse(spec)?.origin ?? ''))
  return {
    repository: repository === undefined || repository.trim() === '' ? undefined : repositoryAddress(repository),
    ...(elsewhere.length === 0 ? {} : { lockedElsewhere: elsewhere }),
  }
}

const KINDS: readonly ForeignDependency['kind'][] = ['git', 'url', 'file']

/** What cannot be read back is told, not passed over. */
function lockedOf(value: Json): readonly ForeignDependency[] {
  const text = (key: string): string => (isObject(value) ? ownString(value, key) : undefined) ?? ''
  return [{ field: text('field'), name: text('name'), spec: text('spec'), kind: KINDS.find((kind) => kind === text('kind')) ?? 'unknown' }]
}
