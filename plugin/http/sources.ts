/** Where a package comes from: the uplinks, or what is published here. */
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { splitSpec, type PackageRef } from '../domain/package-ref.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { isLocal, type VerdaccioStorage } from './access.ts'
import type { Handler } from './guarded.ts'
import { pinAddress, UNKNOWN_HOST, type PublicAddresses } from './host.ts'
import type { PackumentAnswers } from './packuments.ts'
import type { PublishedHere } from './publish.ts'
import type { WarmAnswers } from './warm.ts'

export interface Source {
  readonly pipeline: Pipeline
  readonly answers: PackumentAnswers
}

interface LocalDeps {
  readonly storage: VerdaccioStorage
  readonly mayShadow: (name: string) => boolean
  readonly publishedHere: PublishedHere
}

/** Marks requests for packages published here, of which no uplink is asked. */
export const ifLocal =
  ({ storage, mayShadow, publishedHere }: LocalDeps, mark: (request: Request) => void): Handler =>
  async (request, _response, next) => {
    const { name } = namesOf(request)
    if (await isLocal(storage, name)) {
      // What stands in for an uplink's package gives way to it again.
      if (!mayShadow(name)) publishedHere.note(name)
      mark(request)
    }
    next()
  }

/** What is published here, or no longer, may be another's name. */
export const forgetting = (warm: WarmAnswers): RequestHandler => (request, response, next) => {
  if (['PUT', 'DELETE'].includes(request.method)) {
    warm.forget()
    response.once('close', () => { warm.forget() })
  }
  next()
}

/** Any Host that is not an address of this mirror is refused before anything is made of it; `serve` has done so already. */
export const knownHost = ({ addresses }: { readonly addresses: PublicAddresses }): RequestHandler => (request, response, next) => {
  if (pinAddress(request, addresses)) next()
  else {
    response.statusMessage = UNKNOWN_HOST.error
    response.status(400).json(UNKNOWN_HOST)
  }
}

/** `:spec` as `:package` and `:version`. */
export function specParam(request: Request, _response: Response, next: NextFunction): void {
  const { name, version } = splitSpec(request.params.spec ?? '')
  if (version === undefined) next('router')
  else {
    Object.assign(request.params, { package: name, version })
    next()
  }
}

export function namesOf({ params }: Request): { readonly name: string; readonly version: string | undefined } {
  return { name: params.package ?? '', version: params.version }
}

export const refOf = ({ params }: Request): PackageRef => ({ name: params.package ?? '', version: params.version ?? '' })
