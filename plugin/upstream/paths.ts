import type { PackageRef } from '../domain/package-ref.ts'

const MAX_NAME = 512

/**
 * A package's name as one segment of a path: npm writes the scope's slash as `%2f` (npm-package-arg, `escapedName`).
 * Undefined for what cannot be one segment, such as `..`: nothing is published under such a name, and it must not reach
 * another path.
 */
export function escapedName(name: string): string | undefined {
  // npm's limit is 214; some older names are longer, and none that an attacker fills a cache with.
  if (name.length > MAX_NAME) return undefined
  const parts = name.split('/')
  if (parts.length > 2 || (parts.length === 2) !== name.startsWith('@')) return undefined
  if (parts.some((part) => part === '' || part === '@' || part === '.' || part === '..' || !part.isWellFormed())) return undefined
  return parts.map((part) => encodeURIComponent(part).replace(/^%40/, '@')).join('%2f')
}

export function packumentUrl(base: URL, name: string): URL | undefined {
  const escaped = escapedName(name)
  return escaped === undefined ? undefined : new URL(base.href + escaped)
}

/**
 * The address npm's registry gives in `dist.attestations.url`, made here and never taken from there: an upstream that names
 * an address of its choice would make this mirror ask it.
 */
export function attestationsUrl(base: URL, { name, version }: PackageRef): URL | undefined {
  const escaped = escapedName(name)
  if (escaped === undefined || version === '' || !version.isWellFormed()) return undefined
  return new URL(`${base.href}-/npm/v1/attestations/${escaped}@${encodeURIComponent(version)}`)
}

export const keysUrl = (base: URL): URL => new URL(`${base.href}-/npm/v1/keys`)

/** npm's registry API, "Audit": the one audit endpoint that is not being retired. */
export const advisoriesUrl = (base: URL): URL => new URL(`${base.href}-/npm/v1/security/advisories/bulk`)
