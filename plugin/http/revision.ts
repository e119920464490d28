import type { NextFunction, Request, Response } from 'express'
import { isObject, own, ownString } from '../domain/json.ts'
import { isRefusal, type VerdaccioStorage } from './access.ts'
import { answerOf } from './patience.ts'
import { namesOf } from './sources.ts'

/** As Verdaccio's core makes them; people write others by hand, which say nothing. */
const REVISION = /^\d{1,15}-[0-9a-f]{8,64}$/

/**
 * `npm unpublish` and `npm deprecate` send back the whole of what they got, changed, and the core deletes every version that is not
 * in it: also one that somebody else has published in between. So what was changed meanwhile is fetched again first, as at CouchDB,
 * whose protocol this is ("Updating an existing document"). To be asked while nobody else changes the package.
 */
export const sameRevision =
  ({ storage }: { readonly storage: VerdaccioStorage }) =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const { name } = namesOf(request)
    const known = revisionOf(request)
    const stored = known === undefined ? undefined : await storedRevision(storage, name)
    if (known === undefined || stored === undefined || stored === known) {
      next()
      return
    }
    const error = `${name} was changed by somebody else meanwhile: nothing was done, try again`
    response.status(409).json({ error, message: error })
  }

/** Of what the client has changed; undefined where it adds a version, takes away the file of one that is gone, or does not say. */
function revisionOf({ params, body }: Request): string | undefined {
  const inPath = /^-rev\/([^/]+)$/.exec(params[0] ?? '')?.[1]
  const document: unknown = body
  const inBody = isObject(document) && isObject(own(document, 'versions')) && Object.keys(own(document, '_attachments') ?? {}).length === 0 ? ownString(document, '_rev') : undefined
  return [inPath, inBody].find((revision) => revision !== undefined && REVISION.test(revision))
}

const storedRevision = (storage: VerdaccioStorage, name: string): Promise<string | undefined> =>
  answerOf<string | undefined>(`the stored manifest of ${name}`, (resolve, reject) => {
    storage.getPackage({
      name,
      uplinksLook: false,
      callback: (error, manifest) => {
        if (error && !isRefusal(error)) reject(error)
        else resolve(error || !isObject(manifest) ? undefined : ownString(manifest, '_rev'))
      },
    })
  })
