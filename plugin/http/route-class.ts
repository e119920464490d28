import type { Route } from '../domain/measures.ts'

/** What an address asks for, as far as its path alone tells. */
export interface Addressed {
  readonly route: Route
  /** As it stands in the address, decoded; what looks like a name need not be one. */
  readonly name?: string | undefined
  readonly version?: string | undefined
}

const RESERVED: readonly (readonly [RegExp, Route])[] = [
  [/^\/-\/npm\/v1\/attestations\/|^\/-\/provenance\/v1\/(?:attestations|vsa)\//, 'attestations'],
  [/^\/-\/npm\/v1\/security\//, 'audit'],
  [/^\/-\/v1\/search$|^\/-\/all(?:\/|$)|^\/-\/verdaccio\/data\/search\//, 'search'],
  [/^\/-\/provenance\/v1\//, 'api'],
]
/** `/name`, `/@scope/name` or `/@scope%2fname`, and what follows. */
const PACKAGE = /^\/((?:@[^/%]+(?:\/|%2f))?[^/@-][^/]*)(?:\/(.*))?$/i

/**
 * The class of an address, of a closed set, for metrics and traces: nothing is decided by it.
 * @param path without `url_prefix`
 */
export function addressed(method: string | undefined, path: string): Addressed {
  const end = path.indexOf('?')
  const pathname = end === -1 ? path : path.slice(0, end)
  if (pathname.startsWith('/-/')) return { route: RESERVED.find(([pattern]) => pattern.test(pathname))?.[1] ?? 'other' }
  const [, encoded = '', rest = ''] = PACKAGE.exec(pathname) ?? []
  if (encoded === '') return { route: 'other' }
  const name = decoded(encoded)
  if (method === 'PUT' || method === 'DELETE' || method === 'POST') return { route: 'publish', name }
  if (rest === '') return { route: 'packument', name }
  if (rest.startsWith('-/')) return { route: 'tarball', name, version: versionOf(name, decoded(rest.slice(2))) }
  return rest.includes('/') ? { route: 'other', name } : { route: 'version', name, version: decoded(rest) }
}

/** Of npm's own file name of a tarball. */
function versionOf(name: string, file: string): string | undefined {
  const begin = `${name.slice(name.indexOf('/') + 1)}-`
  return file.startsWith(begin) && file.endsWith('.tgz') ? file.slice(begin.length, -'.tgz'.length) : undefined
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
