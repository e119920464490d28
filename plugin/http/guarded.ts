import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { Unavailable } from '../domain/errors.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { Policy } from '../domain/ports.ts'
import { reason } from '../domain/reason.ts'
import type { TokenLogger } from './access.ts'
import { unavailable } from './refusal.ts'

export type Handler = (request: Request, response: Response, next: NextFunction) => Promise<void> | void
export type JudgedHandler = (request: Request, response: Response, policy: Policy) => Promise<void> | void
/** Makes a handler safe to mount. */
export type Route = (handler: Handler) => RequestHandler

export const INTERNAL = reason('internal-error', 'the mirror failed')

/**
 * The one place where errors end: `Unavailable` is 503 with its reason, anything else 503 `internal-error` and a log line.
 * Nothing that throws lets a version through, and nothing ends the process (Express 4 does not wait for promises).
 */
export function guarded(handler: Handler, { logger }: { readonly logger: TokenLogger }): RequestHandler {
  return (request, response, next) => {
    const failed = (error: unknown): void => {
      if (!(error instanceof Unavailable)) logger.error({ err: error, url: request.path }, 'internal error on @{url}: @{err.message}')
      if (response.headersSent) response.destroy()
      else unavailable(request, response, error instanceof Unavailable ? error.reason : INTERNAL, partialRef(request))
    }
    try {
      Promise.resolve(handler(request, response, next)).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}

const partialRef = ({ params }: Request): Partial<PackageRef> => ({
  ...(params.package === undefined ? {} : { name: params.package }),
  ...(params.version === undefined ? {} : { version: params.version }),
})

export const notFound = (response: Response, error: string): void => void response.status(404).json({ error })
