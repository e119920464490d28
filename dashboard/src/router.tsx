/** Pages by address, relative to `<base>`: the mirror may stand in a sub-path, behind a proxy. */
import { useCallback, useMemo, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent, type ReactNode } from 'react'

export type Route =
  | { readonly page: 'overview' | 'decisions' | 'policy' | 'pins' | 'recalls' | 'what-if' | 'packages' }
  | { readonly page: 'package'; readonly name: string; readonly version: string | undefined }
  | { readonly page: 'unknown' }

/** Ends with a slash. */
export const basePath = new URL(document.baseURI).pathname

const CHANGED = 'provenance:navigated'
const subscribe = (changed: () => void): (() => void) => {
  window.addEventListener('popstate', changed)
  window.addEventListener(CHANGED, changed)
  return () => {
    window.removeEventListener('popstate', changed)
    window.removeEventListener(CHANGED, changed)
  }
}

/** @param to - relative to the base, such as `packages/left-pad?x=1` */
export function navigate(to: string, { replace = false } = {}): void {
  const url = hrefOf(to)
  if (replace) history.replaceState(null, '', url)
  else history.pushState(null, '', url)
  window.dispatchEvent(new Event(CHANGED))
}

/** As a path of this host. */
export const hrefOf = (to: string): string => `${basePath}${to}`

export const packagePath = (name: string, version?: string): string => {
  const path = `packages/${name.split('/').map(encodeURIComponent).join('/').replaceAll('%40', '@')}`
  return version === undefined ? path : `${path}/v/${encodeURIComponent(version)}`
}

export function useLocation(): { readonly route: Route; readonly search: URLSearchParams; readonly path: string } {
  const pathname = useSyncExternalStore(subscribe, () => window.location.pathname)
  const query = useSyncExternalStore(subscribe, () => window.location.search)
  const path = pathname.startsWith(basePath) ? pathname.slice(basePath.length) : ''
  const route = useMemo(() => routeOf(path), [path])
  const search = useMemo(() => new URLSearchParams(query), [query])
  return { route, search, path }
}

const PAGES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['', { page: 'overview' }],
  ...(['decisions', 'policy', 'pins', 'recalls', 'what-if', 'packages'] as const).map((page) => [page, { page }] as const),
])

export function routeOf(path: string): Route {
  const parts = path.replace(/\/+$/, '').split('/').map(decoded)
  if (parts.length === 1) return PAGES.get(parts[0] ?? '') ?? { page: 'unknown' }
  if (parts[0] !== 'packages') return { page: 'unknown' }
  const isScoped = parts[1]?.startsWith('@') === true && !parts[1].includes('/')
  const name = parts.slice(1, isScoped ? 3 : 2).join('/')
  const [mark, version, ...rest] = parts.slice(isScoped ? 3 : 2)
  if (rest.length > 0 || (mark !== undefined && (mark !== 'v' || version === undefined))) return { page: 'unknown' }
  return { page: 'package', name, version }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Reads and writes one part of the query, without a new entry in the history. */
export function useQuery(): readonly [URLSearchParams, (changes: Readonly<Record<string, string | readonly string[] | undefined>>) => void] {
  const { search, path } = useLocation()
  const change = useCallback((changes: Readonly<Record<string, string | readonly string[] | undefined>>) => {
    const next = new URLSearchParams(window.location.search)
    for (const [key, value] of Object.entries(changes)) {
      next.delete(key)
      for (const one of typeof value === 'string' ? [value] : (value ?? [])) if (one !== '') next.append(key, one)
    }
    const text = next.toString()
    navigate(text === '' ? path : `${path}?${text}`, { replace: true })
  }, [path])
  return [search, change]
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  /** Relative to the base. */
  readonly to: string
  readonly children: ReactNode
}

export function Link({ to, children, onClick, ...rest }: LinkProps): ReactNode {
  const go = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event)
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    navigate(to)
  }
  return <a {...rest} href={hrefOf(to)} onClick={go}>{children}</a>
}
