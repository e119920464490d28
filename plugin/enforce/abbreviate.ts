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
  const kept: Partial<Record<(typeof FIELDS)[number] | 'hasInstallScript' | '_npmUser', Json>> = {}
  for (const field of FIELDS) {
    const value = own(manifest, field)
    if (value !== undefined) kept[field] = value
  }
  const bundled = own(manifest, 'bundledDependencies')
  if (bundled !== undefined) kept.bundleDependencies ??= bundled
  if (hasInstallScript(manifest)) kept.hasInstallScript = true
  const publisher = publisherHints(manifest)
  if (publisher !== undefined) kept._npmUser = publisher
  return kept
}

/**
 * What pnpm's `trustPolicy: no-downgrade` reads of `_npmUser`: it takes the abbreviated form for complete where a registry is
 * known to give times in it (`registrySupportsTimeField`). Who the approver is, is nothing an install needs.
 */
function publisherHints(manifest: JsonObject): JsonObject | undefined {
  const user = ownObject(manifest, '_npmUser') ?? {}
  const trustedPublisher = own(user, 'trustedPublisher')
  const hints = {
    ...(trustedPublisher === undefined ? {} : { trustedPublisher }),
    ...(Boolean(own(user, 'approver')) ? { approver: {} } : {}),
  }
  return Object.keys(hints).length === 0 ? undefined : hints
}

/** The registry computes it for the abbreviated form; a full document does not carry it. */
function hasInstallScript(manifest: JsonObject): boolean {
  if (own(manifest, 'hasInstallScript') === true || own(manifest, 'gypfile') === true) return true
  const scripts = ownObject(manifest, 'scripts') ?? {}
  return INSTALL_SCRIPTS.some((script) => Boolean(own(scripts, script)))
}
