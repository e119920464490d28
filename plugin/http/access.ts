import { createRequire } from 'node:module'
import type { Readable } from 'node:stream'
import type * as Middleware from '@verdaccio/middleware'
import { errorUtils, tarballUtils, validationUtils } from '@verdaccio/core'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { answerOf } from './patience.ts'
import type { StoredManifest } from './second-line.ts'

export type Permission = (
  pkg: { packageName: string; packageVersion?: string },
  user: unknown,
  callback: (error: Error | null, allowed?: boolean) => void,
) => void

/** What this mirror needs of Verdaccio's Auth. */
export interface VerdaccioAuth {
  readonly allow_access: Permission
  readonly allow_publish: Permission
  readonly allow_unpublish?: Permission
  /** Asked in this order. */
  readonly plugins?: unknown
  /** Reads the token of the web UI, which is another than that of the API. */
  webUIJWTmiddleware(): RequestHandler
}

/** What this mirror needs of Verdaccio's Storage. */
export interface VerdaccioStorage {
  readTokens(filter: { user: string }): Promise<{ key: string }[]>
  /** The latest version of every package published here, after the filters. */
  getLocalDatabase(callback: (error: Error | null, latest?: readonly StoredVersion[]) => void): void
  /** A stored manifest, after the filters. */
  getPackage(options: {
    readonly name: string
    readonly uplinksLook: false
    readonly callback: (error: Error | null, manifest?: StoredManifest) => void
  }): void
  readonly localStorage: {
    readonly storagePlugin: LocalPackageList
    /** Emits `open`, or `error` with a `status` for a file that is not there. */
    getTarball(name: string, filename: string): Readable
  }
  filters?: readonly unknown[]
}

/** The manifest of a version published here, as its publisher sent it. */
export interface StoredVersion {
  readonly name: string
  readonly version: string
  readonly [field: string]: unknown
}

export interface LocalPackageFiles {
  /** Where they are, of a storage in files. */
  readonly path?: unknown
  deletePackage?(file: string, callback: (error: Error | null) => void): Promise<void> | undefined
}

/** The list of packages published here. Older storage plugins take a callback, newer ones return a promise. */
export interface LocalPackageList {
  get(callback: (error: Error | null, names: readonly string[]) => void): Promise<readonly string[]> | undefined
  /** The files of one package; of a plugin that has none of it, nothing. */
  getPackageStorage?(name: string): LocalPackageFiles | undefined
}

export interface AccessOptions {
  readonly auth: VerdaccioAuth
  readonly storage: VerdaccioStorage
  readonly serverId: string
  readonly logger: TokenLogger
}

export interface TokenLogger {
  warn(...args: readonly unknown[]): void
  error(...args: readonly unknown[]): void
}

/**
 * What Verdaccio's API router does before its own routes, and skips for a plugin's: revoked and restricted tokens, loops,
 * and scoped names as one path segment.
 */
export const beforeRoutes = (options: AccessOptions): readonly RequestHandler[] => [
  ...tokenChecks(options),
  middleware().antiLoop({ server_id: options.serverId } as never) as RequestHandler,
  middleware().encodeScopePackage as unknown as RequestHandler,
]

/** Revoked tokens, and restricted ones: by address, and to reading. */
export const tokenChecks = ({ storage, logger }: Pick<AccessOptions, 'storage' | 'logger'>): readonly RequestHandler[] => [
  middleware().enforceGeneratedTokenMetadata(patient(storage) as never, logger as never),
]

const patient = (storage: VerdaccioStorage): Pick<VerdaccioStorage, 'readTokens'> => ({
  readTokens: (filter) =>
    answerOf('the list of tokens', (resolve, reject) => { storage.readTokens(filter).then(resolve, reject) }),
})

/** The copy that Verdaccio has loaded. Commands that answer no requests load none: it brings Express, and all that makes pages. */
const middleware = (): typeof Middleware => createRequire(import.meta.url)('@verdaccio/middleware') as typeof Middleware

type Action = 'access' | 'publish' | 'unpublish'

/**
 * Asks the auth plugins for a package.
 * @throws what they refuse with, which has an HTTP `status`; Unavailable when they do not answer
 */
export const permitted = (auth: VerdaccioAuth, action: Action, pkg: Parameters<Permission>[0], user: unknown): Promise<void> =>
  answerOf(`the right to ${action} ${pkg.packageName}`, (resolve, reject) => {
    const answered: Parameters<Permission>[2] = (error, allowed) => {
      if (error) reject(error)
      else if (allowed === true) resolve(undefined)
      else reject(errorUtils.getForbidden())
    }
    if (action === 'unpublish' && auth.allow_unpublish === undefined) answered(null, false)
    else auth[`allow_${action}`]?.(pkg, user, answered)
  })

/** Whether an error of an auth plugin is a refusal, rather than a failure of the plugin. */
export function isRefusal(error: unknown): boolean {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : NaN
  return status >= 400 && status < 500
}

/** What an address is of, as auth plugins are asked for it: they may decide by version. */
export function packageOf({ package: packageName = '', version, filename }: Request['params']): Parameters<Permission>[0] {
  const packageVersion = filename === undefined ? version : tarballUtils.getVersionFromTarball(filename)
  return { packageName, ...(packageVersion === undefined ? {} : { packageVersion }) }
}

/** Verdaccio's `access` rule of the package in `:package`; refusals are Verdaccio's to word. */
export const mayAccess =
  (auth: VerdaccioAuth) =>
  async (request: Request, _response: Response, next: NextFunction): Promise<void> => {
    try {
      await permitted(auth, 'access', packageOf(request.params), userOf(request))
    } catch (error) {
      if (!isRefusal(error)) throw error
      next(error)
      return
    }
    next()
  }

/** Who asks, as Verdaccio's token middleware left it. */
export const userOf = (request: object): unknown => (request as { readonly remote_user?: unknown }).remote_user

/** Names Verdaccio itself would not accept, and its own `/-/` addresses, are not packages of an uplink. */
export function onlyPackages(request: Request, _response: Response, next: NextFunction): void {
  const name = request.params.package
  next(name !== undefined && name !== '-' && validationUtils.validatePackage(name) ? undefined : 'router')
}

/** Whether a package was published here; such a name is never asked of an uplink. */
export const isLocal = async (storage: VerdaccioStorage, name: string): Promise<boolean> => (await namesHere(storage)).includes(name)

/** The names of all packages published here. */
export function namesHere(storage: VerdaccioStorage): Promise<readonly string[]> {
  const { storagePlugin } = storage.localStorage
  return answerOf<readonly string[]>('the list of packages published here', (resolve, reject) => {
    const promise = storagePlugin.get((error, list) => {
      if (error) reject(error)
      else resolve(list)
    })
    promise?.then(resolve, reject)
  })
}
