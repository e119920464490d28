/** Which addresses in a lockfile lead to the mirror, as each client follows them (docs/clients.md). */
import { tarballFileName } from '../domain/package-ref.ts'
import type { LockedPackage, LockfileFormat } from '../lockfile/index.ts'

export interface Addresses {
  /** Where the mirror is, as lockfiles may name it. */
  readonly mirrors: readonly URL[]
  /** Hosts that npm replaces by the registry it is configured with: the public registry's. */
  readonly replaced: readonly string[]
}

/** Names of this machine: clients on it reach a mirror by each of them. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * Whether a client that installs from the lockfile fetches from the mirror. Without an address it asks the registry it is configured
 * with; npm does so too for addresses of the public registry. Everybody else goes where the lockfile says.
 */
export function isCovered(format: LockfileFormat, resolved: string | undefined, addresses: Addresses): boolean {
  if (resolved === undefined) return true
  const url = URL.parse(resolved)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return false
  return addresses.mirrors.some((mirror) => isAt(url, mirror)) || (format === 'npm' && addresses.replaced.includes(url.host))
}

function isAt(url: URL, mirror: URL): boolean {
  const folder = mirror.pathname.replace(/\/*$/, '/')
  if (!url.pathname.startsWith(folder)) return false
  if (url.host === mirror.host && url.protocol === mirror.protocol) return true
  return LOOPBACK.test(url.hostname) && LOOPBACK.test(mirror.hostname) && (mirror.port === '' || url.port === mirror.port)
}

/**
 * Whether an address of a tarball is not that of the package and version in a registry's form (`…/<name>/-/<file>`). Clients fetch it and ask nobody
 * whether it belongs to the name above it: the verdict would be on one package, and another one installed.
 */
export function isOfAnother({ name, version, resolved }: Pick<LockedPackage, 'name' | 'version' | 'resolved'>): boolean {
  const path = pathOf(resolved)
  // Some lockfiles have the address of the registry alone, and some registries hand out tarballs without a name.
  if (path === undefined || !/\/-\/|\.t(?:ar\.)?gz$/.test(path)) return false
  const file = tarballFileName({ name, version })
  // Some registries repeat the scope in the name of the file.
  const own = [`/${name}/-/${file}`, `/${name}/-/${name}-${version}.tgz`].find((end) => path.endsWith(end))
  return own === undefined || (!name.startsWith('@') && /\/@[^/]*$/.test(path.slice(0, -own.length)))
}

function pathOf(resolved: string | undefined): string | undefined {
  const path = URL.parse(resolved ?? '')?.pathname
  try {
    return path === undefined ? undefined : decodeURIComponent(path)
  } catch {
    return path
  }
}
