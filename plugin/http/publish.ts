import type { NextFunction, Request, Response } from 'express'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { isLocal, type VerdaccioStorage } from './access.ts'

/**
 * A package published here is local for good and hides an uplink's package of the same name, so that name must be free:
 * else anybody who may publish could answer for a package that others install (dependency confusion, from the inside).
 * An uplink that does not answer leaves the question open, and the publish is not accepted meanwhile.
 */
export const publishGuard =
  ({ pipeline, storage, mayShadow }: { readonly pipeline: Pipeline; readonly storage: VerdaccioStorage; readonly mayShadow: (name: string) => boolean }) =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const name = request.params.package ?? ''
    if ((await isLocal(storage, name)) || mayShadow(name) || !(await pipeline.exists(name))) {
      next('router')
      return
    }
    const error = `an uplink serves ${name}: publishing that name here needs an entry in middlewares.provenance.local`
    response.status(403).json({ error, message: error })
  }
