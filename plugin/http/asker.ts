import type { IncomingMessage } from 'node:http'
import type { Asker } from '../domain/decision.ts'
import { isObject, own, ownString } from '../domain/json.ts'
import { userOf } from './access.ts'

/** Whether an address is a proxy whose `X-Forwarded-For` counts, and the how-manieth: Express's `trust proxy fn`. */
export type TrustsProxy = (address: string, hop: number) => boolean

export const TRUSTS_NONE: TrustsProxy = () => false

/**
 * What Verdaccio was configured to trust (`server.trustProxy`); Express compiles it. Read with each question: the setting may come
 * after the plugin.
 */
export const trustedBy = (app: { readonly get?: (setting: string) => unknown }): TrustsProxy => (address, hop) => {
  const trusts = app.get?.('trust proxy fn')
  return typeof trusts === 'function' && (trusts as TrustsProxy)(address, hop)
}

const MAX_HOPS = 16
const MAX_CLIENT = 200

/**
 * Who sent a request. The address is that of the last hop which is not trusted, so that no client names one of his choice; Express says
 * the same of `request.ip`, and is not there yet where warm answers are given.
 */
export function askerOf(request: IncomingMessage, trusts: TrustsProxy): Asker {
  const user = userOf(request)
  const client = request.headers['user-agent']
  return {
    address: addressOf(request, trusts),
    client: client !== undefined && client.length > MAX_CLIENT ? client.slice(0, MAX_CLIENT) : client,
    ...(isObject(user) ? { user: ownString(user, 'name'), token: tokenOf(user) } : {}),
  }
}

/** Verdaccio's key of a generated token: it names the token in `npm token list`, and opens nothing. */
function tokenOf(user: Parameters<typeof own>[0]): string | undefined {
  const token = own(user, 'token')
  return isObject(token) ? ownString(token, 'key') : undefined
}

/** Of the last hop which is not trusted. */
export function addressOf({ socket, headers }: IncomingMessage, trusts: TrustsProxy): string | undefined {
  const peer = socket.remoteAddress
  const forwarded = headers['x-forwarded-for']
  if (forwarded === undefined || peer === undefined) return plain(peer)
  const hops = [peer, ...String(forwarded).split(',').map((hop) => hop.trim()).toReversed()].slice(0, MAX_HOPS)
  return plain(hops.find((hop, index) => index === hops.length - 1 || !trusts(hop, index)))
}

/** An IPv4 address, however the socket was opened. */
const plain = (address: string | undefined): string | undefined => (address?.startsWith('::ffff:') === true ? address.slice(7) : address)
