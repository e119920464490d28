import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { isObject } from '../domain/json.ts'

/**
 * Verdaccio mounts its web API at `/-/verdaccio/` under routes that repeat that prefix. They match only because its request
 * log puts the whole address back into `url` when the request closes, in the middle of the routing; here, behind a plugin that
 * waits for answers, that has happened before. So it is waited for, and the prefix is repeated.
 */
export const reachWebApi: RequestHandler = (request, _response, next) => {
  const go = (): void => {
    if (!request.url.startsWith('/-/verdaccio/-/')) request.url = `/-/verdaccio${request.url}`
    next('router')
  }
  if (request.closed) go()
  else request.once('close', go)
}

/**
 * Requests at which Verdaccio's own handlers throw where nobody catches: each would end the process, or at least hang. They
 * are 400 before they get there.
 */
export function onlyHandled(request: Request, response: Response, next: NextFunction): void {
  const body: unknown = request.body
  const error = isObject(body) ? (attachmentProblem(body._attachments) ?? userProblem(body)) : undefined
  if (error === undefined) next()
  else response.status(400).json({ error })
}

/** A file without a name, or whose bytes are no text, stops the publish after its package was made. */
function attachmentProblem(attachments: unknown): string | undefined {
  if (!isObject(attachments)) return undefined
  const good = Object.entries(attachments).every(
    ([name, attachment]) => /[^/\\]$/.test(name) && !name.includes('*') && isObject(attachment) && typeof attachment.data === 'string',
  )
  return good ? undefined : 'every attachment needs a file name and its data as a string'
}

/** The user file is read into a plain object, where such a name has an entry that is no password. */
function userProblem({ name, username }: Readonly<Record<string, unknown>>): string | undefined {
  const reserved = [name, username].some((user) => typeof user === 'string' && user in Object.prototype)
  return reserved ? 'this name is reserved' : undefined
}
