import type { NextFunction, Request, Response } from 'express'
import type { PackageLocks } from '../domain/package-locks.ts'
import { isRefusal, permitted, userOf, type VerdaccioAuth } from './access.ts'
import type { Handler } from './guarded.ts'

/**
 * One request at a time changes a package, from the first look at what is stored until the answer: Verdaccio's core reads,
 * changes and writes in several steps, and two mirrors over one storage would each lose what the other did in between.
 */
export const locked =
  (locks: PackageLocks | undefined): Handler =>
  async (request, response, next) => {
    const name = request.params.package
    if (locks === undefined || name === undefined) {
      next()
      return
    }
    const release = await locks.acquire(name)
    // Broken off while it waited: nobody would give it free.
    if (response.closed || response.destroyed) {
      release()
      return
    }
    response.once('close', release)
    next()
  }

/** What is done with a package for those who may change it; the core refuses the others, and nobody else has to wait for them. */
export const forThoseWhoMay =
  (auth: VerdaccioAuth, action: 'publish' | 'unpublish', handler: Handler): Handler =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    try {
      await permitted(auth, action, { packageName: request.params.package ?? '' }, userOf(request))
    } catch (error) {
      if (!isRefusal(error)) throw error
      next()
      return
    }
    await handler(request, response, next)
  }
