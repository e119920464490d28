import type { Request, Response } from 'express'
import type { RegistryKey } from '../domain/ports.ts'
import { namesHere, type VerdaccioStorage } from './access.ts'
import { keysDocument } from './evidence.ts'
import { Body, send } from './respond.ts'

export interface KeysDeps {
  readonly storage: VerdaccioStorage
  /** The keys of the uplinks' registries. */
  readonly registryKeys: () => readonly RegistryKey[]
  /** The keys of packages published here; with `needed` the first one is made when there is none. */
  readonly localKeys: (needed: boolean) => readonly RegistryKey[]
}

/** `/-/npm/v1/keys`: npm knows one list of keys for all packages of a registry. */
export const keysRoute =
  ({ storage, registryKeys, localKeys }: KeysDeps) =>
  async (request: Request, response: Response): Promise<void> => {
    // Before packages published here are asked for: npm asks for keys first, and once.
    const own = localKeys((await namesHere(storage)).length > 0)
    // Own keys last, since the last one of an id is listed: no registry may put a key of its own under the id of this mirror's.
    await send(request, response, new Body(keysDocument([...registryKeys(), ...own]), 'application/json'), { cacheControl: 'no-cache' })
  }
