import type { Request } from 'express'

/** The addresses clients may use for this mirror. */
export interface PublicAddresses {
  /** Configured `publicUrl`s, without a trailing slash. */
  readonly urls: readonly URL[]
  /** Verdaccio's `url_prefix`, e.g. `/npm` or empty; for loopback names, since a `publicUrl` has its own path. */
  readonly prefix: string
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * The public URL that the request's Host header selects, without a trailing slash, or undefined when no address of this
 * mirror has that host. Forwarded headers are not read: whoever can send them could have tarball addresses of his own
 * rewritten into packuments that are then served to others.
 */
export function publicBase(request: Request, { urls, prefix }: PublicAddresses): string | undefined {
  const host = request.headers.host
  if (host === undefined || !/^[A-Za-z0-9.:[\]-]+$/.test(host)) return undefined
  const configured = urls.find((url) => url.host === host.toLowerCase())
  if (configured !== undefined) return configured.href.replace(/\/$/, '')
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  const url = URL.parse(`${scheme}://${host}`)
  return url !== null && LOOPBACK.test(url.hostname) ? `${url.origin}${prefix}` : undefined
}
