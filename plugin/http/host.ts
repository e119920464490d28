import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** The addresses clients may use for this mirror. */
export interface PublicAddresses {
  /** Configured `publicUrl`s, without a trailing slash. */
  readonly urls: readonly URL[]
  /** Verdaccio's `url_prefix`, e.g. `/npm` or empty; for loopback names, since a `publicUrl` has its own path. */
  readonly prefix: string
}

type Asked = Pick<IncomingMessage, 'headers' | 'socket'>

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * The public URL that the request's Host header selects, without a trailing slash, or undefined when no address of this
 * mirror has that host. Forwarded headers are not read: whoever can send them could have tarball addresses of his own
 * rewritten into packuments that are then served to others.
 */
export function publicBase({ headers: { host }, socket }: Asked, { urls, prefix }: PublicAddresses): string | undefined {
  if (host === undefined || !/^[A-Za-z0-9.:[\]-]+$/.test(host)) return undefined
  // Parsed, so that a default port that is written out (`:443`) is the same address.
  const configured = urls.find((url) => URL.parse(`${url.protocol}//${host}`)?.host === url.host)
  if (configured !== undefined) return configured.href.replace(/\/$/, '')
  const url = URL.parse(`${'encrypted' in socket ? 'https' : 'http'}://${host}`)
  return url !== null && LOOPBACK.test(url.hostname) ? `${url.origin}${prefix}` : undefined
}

/**
 * Checks the request's Host and leaves in its headers what was checked, in the one spelling: Verdaccio's core makes tarball
 * addresses of Host and X-Forwarded-Proto whatever its `trustProxy` says, and throws outside any handler at a Host that it
 * does not understand (`localhost:`).
 * @returns whether the host is one of this mirror's
 */
export function pinAddress(request: Asked, addresses: PublicAddresses): boolean {
  const base = publicBase(request, addresses)
  if (base === undefined) return false
  const { host, protocol } = new URL(base)
  request.headers.host = host
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
  delete request.headers['x-forwarded-host']
  delete request.headers['x-forwarded-port']
  // That a proxy passed it on stays known: `unknown` is what RFC 7239 (6.2) has for whom it names to nobody.
  if (request.headers.forwarded !== undefined) request.headers['x-forwarded-for'] ??= 'unknown'
  delete request.headers.forwarded
  return true
}

/** What a client is told that uses another address. */
export const UNKNOWN_HOST = { error: 'this mirror has no such host name; an operator adds it to middlewares.provenance.publicUrl' }

export const METRICS_PATH = '/-/provenance/metrics'

/**
 * A question for metrics that names a machine (`10.2.0.7:4873`) or a container (`mirror:4873`), as scrapers do. Any other name has to be
 * one of this mirror's: a page of the web whose own name leads here (DNS rebinding) could otherwise read what its visitor may.
 */
export function isScrape({ url, headers: { host = '' } }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  if (url !== METRICS_PATH) return false
  const name = host.replace(/:\d+$/, '')
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || /^[a-z0-9-]+$/i.test(name)
}

/** Asked by probes under whatever address the machine has; what they answer depends on no address. */
export const isProbe = (path: string | undefined): boolean => path === '/-/provenance/health' || path === '/-/provenance/ready'
