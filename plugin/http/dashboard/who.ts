/** Who may see what the mirror decided, and who may change something. */
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { isObject } from '../../domain/json.ts'
import { userOf, type VerdaccioAuth } from '../access.ts'

export interface Groups {
  /** Any of these groups of Verdaccio's may read. */
  readonly read: readonly string[]
  /** And any of these approve, and see who asked. */
  readonly write: readonly string[]
}

export interface SignedIn {
  readonly name: string
  readonly groups: readonly string[]
}

/** Undefined where there is no token, or one that Verdaccio does not take: it leaves a user without a name. */
export function signedIn(request: Request): SignedIn | undefined {
  const user = userOf(request) as { readonly name?: unknown; readonly groups?: unknown } | null | undefined
  if (typeof user?.name !== 'string' || user.name === '') return undefined
  const groups: readonly unknown[] = Array.isArray(user.groups) ? user.groups : []
  return { name: user.name, groups: groups.filter((group) => typeof group === 'string') }
}

export const canRead = (user: SignedIn | undefined, { read, write }: Groups): boolean => isIn(user, read) || isIn(user, write)
export const canWrite = (user: SignedIn | undefined, { write }: Groups): boolean => isIn(user, write)

const isIn = (user: SignedIn | undefined, groups: readonly string[]): boolean => user?.groups.some((group) => groups.includes(group)) === true

export const mayRead = (groups: Groups): RequestHandler => only((user) => canRead(user, groups), 'read')
export const mayWrite = (groups: Groups): RequestHandler => only((user) => canWrite(user, groups), 'write')

const only =
  (passes: (user: SignedIn) => boolean, right: keyof Groups): RequestHandler =>
  (request, response, next) => {
    const user = signedIn(request)
    response.setHeader('Cache-Control', 'no-store')
    // Not Basic: browsers would open a window of their own for it, over the dashboard's.
    if (user === undefined) response.status(401).set('WWW-Authenticate', 'Bearer').json({ error: 'this is shown to users of this mirror who are logged in' })
    else if (passes(user)) next()
    else response.status(403).json({ error: `this needs one of the groups that middlewares.provenance.dashboard.${right} names` })
  }

/**
 * Takes the token of Verdaccio's web login as well, which the API's middleware does not where its tokens are of the older kind. A token
 * that was made by `npm token create` is never taken here: what restricts it, or that it was revoked, would not be looked at.
 */
export function webToken(auth: VerdaccioAuth): RequestHandler {
  const read = auth.webUIJWTmiddleware()
  return (request: Request, response: Response, next: NextFunction) => {
    const { authorization } = request.headers
    if (signedIn(request) !== undefined || !isWebToken(authorization)) return next()
    read(request, response, (error?: unknown) => {
      // It answers a header that it cannot read, and goes on all the same.
      if (!response.headersSent) next(error)
    })
  }
}

function isWebToken(authorization: string | undefined): boolean {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/.exec(authorization ?? '') ?? []
  if (payload === undefined) return false
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return isObject(claims) && !Object.hasOwn(claims, 'token')
  } catch {
    return false
  }
}

/** Writes come with a token in a header, which no other site's page can have sent, and as JSON, which no form can. */
export function onlyJson(request: Request, response: Response, next: NextFunction): void {
  const { 'content-type': type = '' } = request.headers
  if (!/^application\/json\s*(?:;|$)/i.test(type)) response.status(415).json({ error: 'the body must be JSON: send it with Content-Type: application/json' })
  else if (!isObject(request.body)) response.status(400).json({ error: 'the body must be a JSON object' })
  else next()
}
