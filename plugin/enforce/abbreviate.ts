import { own, ownObject, type Json, type JsonObject } from '../domain/json.ts'

/**
 * What `application/vnd.npm.install-v1+json` holds of a version (npm/registry, package-metadata.md, "Abbreviated version
 * object"), with what later clients read from it as well.
 */
const FIELDS = [
  'name',
  'version',
  'deprecated',
  'dependencies',
  'optionalDependencies',
  'devDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bundleDependencies',
  'acceptDependencies',
  'bin',
  'directories',
  'dist',
  'engines',
  'os',
  'cpu',
  'libc',
  'funding',
  '_hasShrinkwrap',
] as const

export const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'] as const

/** A full version manifest cut down to what an install needs. */
export function abbreviate(manifest: JsonObject): JsonObject {
  const kept: Partial<Record<(typeof FIELDS)[number] | 'hasInstallScript', Json>> = {}
  for (const field of FIELDS) {
    const value = own(manifest, field)
    if (value !== undefined) kept[field] = value
  }
  const bundled = own(manifest, 'bundledDependencies')
  if (bundled !== undefined) kept.bundleDependencies ??= bundled
  if (hasInstallScript(manifest)) kept.hasInstallScript = true
  return kept
}

/** The registry computes it for the abbreviated form; a full document does not carry it. */
function hasInstallScript(manifest: JsonObject): boolean {
  if (own(manifest, 'hasInstallScript') === true || own(manifest, 'gypfile') === true) return true
  const scripts = ownObject(manifest, 'scripts') ?? {}
  return INSTALL_SCRIPTS.some((script) => Boolean(own(scripts, script)))
}
