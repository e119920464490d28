import type { NextFunction, Request, Response } from 'express'
import { isRefusal, permitted, userOf, type AccessOptions, type VerdaccioStorage } from './access.ts'
import { answerOf } from './patience.ts'
import { filesOf, type StoredManifest } from './second-line.ts'

type Handler = (request: Request, response: Response, next: NextFunction) => Promise<void>

/**
 * Lets the core serve a file of a package published here, if a version published here has that file: the core serves any
 * other name that lies in the package's directory, its raw manifest `package.json` and what was proxied before among them.
 */
export const localTarball =
  (storage: VerdaccioStorage): Handler =>
  async ({ params: { package: name = '', filename = '' } }, response, next) => {
    if (filesOf(await stored(storage, name)).has(filename)) next('router')
    else response.status(404).json({ error: `no version of ${name} has a tarball of this name` })
  }

/**
 * Lets the core serve the manifest of a package published here. `npm unpublish` and `npm deprecate` ask with `?write=true`
 * and send it back changed; the core then deletes what is not in it. So whoever may publish is shown all of it, and nobody else.
 */
export const localManifest =
  ({ auth, unfiltered }: Pick<AccessOptions, 'auth'> & { readonly unfiltered: (run: () => void) => void }): Handler =>
  async (request, _response, next) => {
    const { package: packageName = '', version } = request.params
    const writes = request.query.write === 'true' && version === undefined && (await mayPublish({ auth, packageName, user: userOf(request) }))
    if (writes) unfiltered(() => { next('router') })
    else next('router')
  }

async function mayPublish(asked: { readonly auth: AccessOptions['auth']; readonly packageName: string; readonly user: unknown }): Promise<boolean> {
  try {
    await permitted(asked.auth, 'publish', { packageName: asked.packageName }, asked.user)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

const stored = (storage: VerdaccioStorage, name: string): Promise<StoredManifest> =>
  answerOf(`the stored manifest of ${name}`, (resolve, reject) => {
    storage.getPackage({
      name,
      uplinksLook: false,
      callback: (error, manifest) => {
        // In the list of packages and not in the storage: there is nothing to serve.
        if (error && !isRefusal(error)) reject(error)
        else resolve(manifest ?? { name })
      },
    })
  })
