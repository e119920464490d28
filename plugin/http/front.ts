import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AccessLines } from './access-lines.ts'
import type { AccessLog } from './access-log.ts'
import { isProbe, isScrape, pinAddress, UNKNOWN_HOST, type PublicAddresses } from './host.ts'
import type { WarmAnswers } from './warm.ts'
import { addressThatSays } from './said-in-address.ts'

/** What looks at requests before Verdaccio does. */
export interface BeforeAll {
  readonly warm?: WarmAnswers | undefined
  /** Verdaccio's own, of warm answers; it writes those that come to it itself. */
  readonly log?: AccessLog | undefined
  /** This mirror's, of all that is not warm: that writes its own. */
  readonly lines?: Pick<AccessLines, 'begin'> | undefined
  readonly gate?: Gate | undefined
}

/** Whether it refused a request, and answered it. */
export type Gate = (request: IncomingMessage, response: ServerResponse) => boolean

/** Puts a server's listener behind `front`. */
export function standInFront(server: Server, addresses: PublicAddresses, before: BeforeAll = {}): void {
  const listeners = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  for (const listener of listeners) server.on('request', front(addresses, listener, before))
}

/**
 * Stands before Verdaccio: a request that is not for this mirror never reaches Express, whose first middlewares, log and
 * body parser would work on it before any plugin is asked.
 */
export function front(addresses: PublicAddresses, listener: RequestListener, { warm, log, lines, gate }: BeforeAll = {}): RequestListener {
  const ours = onlyOurs(addresses, gate === undefined ? listener : (request, response) => { if (!gate(request, response)) listener(request, response) })
  const whole: RequestListener = (request, response) => {
    lines?.begin(request, response)
    ours(request, response)
  }
  return (request, response) => {
    // Before anything else: most requests are for what was answered a moment ago.
    const length = hostsOf(request) === 1 ? warm?.answer(request, response, whole) : undefined
    if (length === undefined) whole(request, response)
    else log?.(request, response, length)
  }
}

function onlyOurs(addresses: PublicAddresses, listener: RequestListener): RequestListener {
  return (request, response) => {
    // RFC 9112, 3.2: `GET http://other/…` and `CONNECT other` are for proxies, `OPTIONS *` for none of the resources here.
    if (request.url?.startsWith('/') !== true) refuse(response, { error: 'the request target is not a path' })
    else if (hostsOf(request) > 1) refuse(response, { error: 'more than one Host' })
    else if (isProbe(request.url) || isScrape(request)) {
      request.headers.host = 'localhost'
      listener(request, response)
    } else if (pinAddress(request, addresses)) listener(request, response)
    else refuse(response, UNKNOWN_HOST, addressThatSays(request, UNKNOWN_HOST.error))
  }
}

/** RFC 9112, 3.2: more than one Host is 400. Node keeps the first, a proxy in front may have looked at the last. */
function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.length === 4 && rawHeaders[index]?.toLowerCase() === 'host') hosts++
  return hosts
}

function refuse(response: ServerResponse, body: { readonly error: string }, says?: string): void {
  // The body of the request stays unread, so nothing that follows it on this connection is a request.
  const headers = { 'Content-Type': 'application/json', Connection: 'close', ...(says === undefined ? {} : { Location: says }) }
  response.writeHead(says === undefined ? 400 : 302, body.error, headers).end(JSON.stringify(body))
}
