import { allow, antiLoop, encodeScopePackage, enforceGeneratedTokenMetadata } from '@verdaccio/middleware'
import { validationUtils } from '@verdaccio/core'
import type { NextFunction, Request, RequestHandler, Response } from 'express'

/** What this mirror needs of Verdaccio's Auth; it is handed on to Verdaccio's own middleware. */
export interface VerdaccioAuth {
  allow_access(
    pkg: { packageName: string; packageVersion?: string },
    user: unknown,
    callback: (error: Error | null, allowed?: boolean) => void,
  ): void
}

/** What this mirror needs of Verdaccio's Storage. */
export interface VerdaccioStorage {
  readTokens(filter: { user: string }): Promise<{ key: string }[]>
  readonly localStorage: { readonly storagePlugin: LocalPackageList }
}

/** The list of packages published here. Older storage plugins take a callback, newer ones return a promise. */
export interface LocalPackageList {
  get(callback: (error: Error | null, names: readonly string[]) => void): Promise<readonly string[]> | undefined
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
export const beforeRoutes = ({ storage, serverId, logger }: AccessOptions): readonly RequestHandler[] => [
  enforceGeneratedTokenMetadata(storage as never, logger as never),
  antiLoop({ server_id: serverId } as never) as RequestHandler,
  encodeScopePackage as unknown as RequestHandler,
]

/** Verdaccio's `access` rule of the package in `:package`. */
export const mayAccess = (auth: VerdaccioAuth): RequestHandler => (allow(auth) as (action: string) => RequestHandler)('access')

/** Names Verdaccio itself would not accept, and its own `/-/` addresses, are not packages of an uplink. */
export function onlyPackages(request: Request, _response: Response, next: NextFunction): void {
  const name = request.params.package
  next(name !== undefined && name !== '-' && validationUtils.validatePackage(name) ? undefined : 'router')
}

/** Whether a package was published here; such a name is never asked of an uplink. */
export async function isLocal(storage: VerdaccioStorage, name: string): Promise<boolean> {
  const { storagePlugin } = storage.localStorage
  const names = await new Promise<readonly string[]>((resolve, reject) => {
    const promise = storagePlugin.get((error, list) => {
      if (error) reject(error)
      else resolve(list)
    })
    promise?.then(resolve, reject)
  })
  return names.includes(name)
}
