import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import { isObject, ownString } from '../../domain/json.ts'
import { userOf } from '../access.ts'
import { addressOf, type TrustsProxy } from '../asker.ts'
import { asAsking, type Asked } from './asked.ts'
import { bringsPassword, limitedClass } from './classes.ts'
import { clientOf, type Client } from './client.ts'
import type { ClientLimits, RatedClass, Refused } from './limits.ts'
import { refuseLimited } from './refuse.ts'

/** The client of a request; undefined where it is not limited. */
const counted = (request: IncomingMessage, limits: ClientLimits, trusts: TrustsProxy): Client | undefined =>
  limits.allows(addressOf(request, trusts)) ? undefined : clientOf(request, trusts)

/** Refuses who had his share, of what a request is counted as. Warm answers never come here. */
export const clientLimits = (limits: ClientLimits, trusts: TrustsProxy): RequestHandler => (request, response, next) => {
  const limited = limitedClass(request.method, request.url)
  const isPassword = bringsPassword(request.headers.authorization)
  const client = limited === undefined && !isPassword ? undefined : counted(request, limits, trusts)
  if (client === undefined) {
    next()
    return
  }
  // Verdaccio goes on with a wrong password as with none: the answer would tell it from the right one, were there no end to trying.
  const refused = passwordRefusal(limits, client, limited, isPassword) ?? (limited && limits.refusal(limited, client))
  if (isPassword && isWrong(request)) limits.charge('passwords', client)
  if (refused !== undefined) {
    refuseLimited(request, response, refused, trusts)
    return
  }
  if (limited === undefined) next()
  else if (limited === 'uplink') {
    const asked: Asked = { uplink: false }
    // What was asked behind the answer was not asked for this client.
    response.once('finish', () => { if (asked.uplink) limits.charge('uplink', client) })
    asAsking(asked, next)
  } else {
    limits.charge(limited, client)
    if (limited === 'login') response.once('finish', () => { if (response.statusCode >= 400 && response.statusCode < 500) limits.charge('passwords', { ...client, user: undefined }) })
    next()
  }
}

/**
 * The same for passwords, before Verdaccio looks at one: it hashes it on the thread that answers everybody.
 * @returns whether the request was refused
 */
export const passwordGate = (limits: ClientLimits, trusts: TrustsProxy) => (request: IncomingMessage, response: ServerResponse): boolean => {
  const limited = limitedClass(request.method, request.url)
  const isPassword = bringsPassword(request.headers.authorization)
  if (limited !== 'login' && !isPassword) return false
  const client = counted(request, limits, trusts)
  const refused = client && passwordRefusal(limits, client, limited, isPassword)
  if (refused === undefined) return false
  refuseLimited(request, response, refused, trusts)
  return true
}

/** By address alone: else anybody could keep a user out by trying passwords for him. */
const passwordRefusal = (limits: ClientLimits, { address }: Client, limited: RatedClass | undefined, isPassword: boolean): Refused | undefined =>
  limited === 'login' || isPassword ? limits.refusal('passwords', { address, user: undefined }) : undefined

/** As Verdaccio's middleware for tokens leaves it (@verdaccio/auth, apiJWTmiddleware). */
function isWrong(request: IncomingMessage): boolean {
  const user = userOf(request)
  return isObject(user) && ownString(user, 'error') !== undefined
}
