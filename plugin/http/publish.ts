import type { NextFunction, Request, Response } from 'express'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { isLocal, isRefusal, permitted, userOf, type VerdaccioAuth, type VerdaccioStorage } from './access.ts'

/** Names that were published here, also when they are no more. */
export interface PublishedHere {
  has(name: string): boolean
  /** A package of this name is published here. */
  note(name: string): void
}

export interface PublishDeps {
  readonly pipeline: Pipeline
  readonly auth: VerdaccioAuth
  readonly storage: VerdaccioStorage
  readonly mayShadow: (name: string) => boolean
  readonly publishedHere: PublishedHere
}

/**
 * A package published here is local for good and hides an uplink's package of the same name, so that name must be free:
 * else anybody who may publish could answer for a package that others install (dependency confusion, from the inside).
 * An uplink that does not answer leaves the question open, and the publish is not accepted meanwhile.
 */
export const publishGuard =
  ({ pipeline, auth, storage, mayShadow, publishedHere }: PublishDeps) =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const name = request.params.package ?? ''
    try {
      // Before anything is looked at: what comes after would tell whoever asks which names there are, here or at a private registry.
      await permitted(auth, 'publish', { packageName: name }, userOf(request))
    } catch (error) {
      if (!isRefusal(error)) throw error
      next(error)
      return
    }
    if ((await isLocal(storage, name)) || mayShadow(name) || publishedHere.has(name)) {
      next()
      return
    }
    // What an uplink had is not free when it is taken down, or denied by one answer: others install it still.
    if (!(await pipeline.exists(name)) && !pipeline.knew({ name })) {
      next()
      return
    }
    const error = `an uplink serves ${name}, or did: publishing that name here needs an entry in middlewares.provenance.local`
    response.status(403).json({ error, message: error })
  }
