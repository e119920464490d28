import { BlockList, isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import type { Request, RequestHandler } from 'express'
import { tokenChecks, userOf, type AccessOptions } from './access.ts'
import { guarded } from './guarded.ts'
import { isScrape, METRICS_PATH, pinAddress, UNKNOWN_HOST, type PublicAddresses } from './host.ts'
import type { Router } from 'express'

export interface MetricsOptions {
  /** In Prometheus' text format. */
  readonly text: () => Promise<string>
  readonly contentType: string
  /** Names of users and groups, as in Verdaccio's `packages`. */
  readonly access: readonly string[]
  /** Addresses, and networks in CIDR notation, that need no login. */
  readonly allow: readonly string[]
}

export interface MetricsDeps extends Pick<AccessOptions, 'storage' | 'logger'> {
  readonly addresses: PublicAddresses
  /** Undefined where they are switched off. */
  readonly metrics?: MetricsOptions | undefined
}

/** Before what bounds the number of requests: a mirror that is too busy is when somebody looks. */
export function metricsRoute(router: Router, deps: MetricsDeps): void {
  const { metrics, addresses } = deps
  if (metrics === undefined) return
  const isAllowed = addressesAllowed(metrics.allow)
  router.get(METRICS_PATH, ourHost(addresses), ...tokenChecks(deps), guarded(async (request, response) => {
    response.setHeader('Cache-Control', 'no-store')
    if (!isMember(request, metrics.access) && !isAllowed(request)) {
      const { error, status } = refusalOf(request, metrics.access)
      if (status === 401) response.set('WWW-Authenticate', 'Basic, Bearer')
      response.status(status).json({ error })
      return
    }
    response.setHeader('Content-Type', metrics.contentType)
    response.end(await metrics.text())
  }, deps))
}

/** Undefined as the name of a user is Verdaccio's for everybody who is not logged in. */
const isMember = (request: Request, access: readonly string[]): boolean => groupsOf(request).some((group) => access.includes(group))

function groupsOf(request: Request): readonly string[] {
  const user = userOf(request) as { readonly name?: unknown; readonly groups?: unknown } | null | undefined
  const groups = Array.isArray(user?.groups) ? user.groups.filter((group): group is string => typeof group === 'string') : []
  return typeof user?.name === 'string' && user.name !== '' ? [user.name, ...groups] : groups
}

function refusalOf(request: Request, access: readonly string[]): { readonly status: 401 | 403; readonly error: string } {
  const remedy = 'an operator adds one to middlewares.provenance.metrics.access, or an address to metrics.allow'
  const user = userOf(request) as { readonly name?: unknown } | null | undefined
  const isSignedIn = typeof user?.name === 'string' && user.name !== ''
  if (isSignedIn || access.length === 0) return { status: 403, error: `metrics are for other users, groups and addresses; ${remedy}` }
  return { status: 401, error: 'metrics are for users of this mirror who are logged in, and for some addresses' }
}

/**
 * Whether a request comes from an address that needs no login. Not one that a proxy passed on for somebody whom Verdaccio was not told to
 * believe it of (`server.trustProxy`): its address would be the proxy's. And not one that a web page makes in the browser of somebody on
 * such an address, since Verdaccio lets every page read every answer (CORS).
 */
function addressesAllowed(allow: readonly string[]): (request: Request) => boolean {
  const list = new BlockList()
  for (const entry of allow) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return (request) => {
    const isPassedOn = FORWARDED.some((header) => request.headers[header] !== undefined)
    const isBelieved = Boolean(request.app.get('trust proxy'))
    if ((isPassedOn && !isBelieved) || FROM_A_PAGE.some((header) => request.headers[header] !== undefined)) return false
    const address = isBelieved ? request.ip : request.socket.remoteAddress
    return address !== undefined && isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

const FORWARDED = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'] as const
const FROM_A_PAGE = ['origin', 'referer', 'sec-fetch-site'] as const

/** Scrapers find machines by their addresses, which are no names of this mirror. */
const ourHost = (addresses: PublicAddresses): RequestHandler => (request, response, next) => {
  if (isScrape(request as IncomingMessage) || pinAddress(request, addresses)) next()
  else response.status(400).json(UNKNOWN_HOST)
}
