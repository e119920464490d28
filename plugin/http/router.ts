import express, { type NextFunction, type Request, type RequestHandler, type Response, type Router } from 'express'
import { Unavailable } from '../domain/errors.ts'
import { splitSpec, type PackageRef } from '../domain/package-ref.ts'
import type { Policy, RegistryKey } from '../domain/ports.ts'
import { reason } from '../domain/reason.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import type { Listing } from '../pipeline/listing.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { beforeRoutes, isLocal, mayAccess, onlyPackages, type AccessOptions } from './access.ts'
import { onlyHandled, reachWebApi } from './core-requests.ts'
import { keysDocument, verifiedPart } from './evidence.ts'
import { explainPackage, explainVersion, explainWithdrawn } from './explain.ts'
import { pinAddress, publicBase, UNKNOWN_HOST, type PublicAddresses } from './host.ts'
import { localManifest, localTarball } from './local.ts'
import { PackumentAnswers, explainUrl } from './packuments.ts'
import { inFlight } from './in-flight.ts'
import { publishGuard, type PublishedHere } from './publish.ts'
import { refuse, unavailable, withdrawnReason, type Refusal } from './refusal.ts'
import { Body, send } from './respond.ts'
import { searchRoutes } from './search.ts'
import { sendTarball } from './tarballs.ts'

export interface RouterDeps extends AccessOptions {
  readonly pipeline: Pipeline
  readonly policy: () => Policy
  readonly registryKeys: () => readonly RegistryKey[]
  readonly addresses: PublicAddresses
  /** Globs of names that may be published although an uplink serves them. */
  readonly mayShadow: (name: string) => boolean
  readonly publishedHere: PublishedHere
  /** Runs something with the whole of what the core has stored in sight, for those who are about to change it. */
  readonly unfiltered: (run: () => void) => void
  /** What keeps the mirror from doing its job, empty when nothing does. */
  readonly notReady: () => readonly string[]
  /** Requests that may wait for their answers at one time; a default when not given. */
  readonly maxInFlight?: number | undefined
}

const JSON_TYPE = 'application/json'
const NO_CACHE = { cacheControl: 'no-cache' }

/**
 * The mirror's routes. Everything that names a package an uplink may have is answered here, never by Verdaccio's core;
 * packages published here go on to the core.
 */
export function createRouter(deps: RouterDeps): Router {
  const router = express.Router()
  const { pipeline, auth, storage } = deps
  const answers = new PackumentAnswers()
  const base = (request: Request): string => publicBase(request, deps.addresses) ?? unreachableBase()
  const route = (handler: Handler): RequestHandler => guarded(handler, deps)
  const access = route(mayAccess(auth))
  const upstream = route(upstreamOnly(deps, toCore))

  const withdrawn = async (request: Request, response: Response, ref: Refusal['ref']): Promise<void> => {
    const { name, version } = ref
    const nearestAllowed = version === undefined ? undefined : nearest(await pipeline.listing(name), version)
    const explain = version === undefined ? `${base(request)}/-/provenance/v1/packages/${name}` : explainUrl(base(request), name, version)
    refuse(request, response, { ref, reasons: [withdrawnReason(ref)], rule: undefined, nearestAllowed, explain })
  }
  /** What was here once is refused by name, so that nobody takes a takedown for a typing error. */
  const gone = async (request: Request, response: Response, ref: Refusal['ref'], otherwise: string): Promise<void> => {
    if (pipeline.knew(ref)) await withdrawn(request, response, ref)
    else notFound(response, otherwise)
  }

  router.get('/-/provenance/health', (_request, response) => void response.json({ ok: true }))
  router.get('/-/provenance/ready', (_request, response) => {
    const problems = deps.notReady()
    response.status(problems.length === 0 ? 200 : 503).json({ ready: problems.length === 0, problems })
  })
  router.use(inFlight(deps.maxInFlight))
  router.use(knownHost(deps))
  router.use(...beforeRoutes(deps))

  router.use(['/-/user', '/-/v1/login', '/-/verdaccio'], onlyHandled)
  searchRoutes(router, deps, route)
  router.all('/-/verdaccio/*', reachWebApi)

  router.get('/-/npm/v1/keys', route((request, response) => send(request, response, new Body(keysDocument(deps.registryKeys()), JSON_TYPE), NO_CACHE)))

  router.get('/-/npm/v1/attestations/:spec', specParam, onlyPackages, access, upstream, route(async (request, response) => {
    const ref = refOf(request)
    const document = await pipeline.attestations(ref)
    if (document === 'absent') notFound(response, `no attestations of ${ref.name}@${ref.version} were verified here`)
    else await send(request, response, new Body(verifiedPart(document), JSON_TYPE), NO_CACHE)
  }))

  router.get('/-/provenance/v1/packages/:package/:version?', onlyPackages, access, upstream, route(async (request, response) => {
    const { name, version } = namesOf(request)
    const listing = await pipeline.listing(name)
    const judged = version === undefined || listing === 'absent' ? 'absent' : await pipeline.judge({ name, version })
    if (listing === 'absent' || (version !== undefined && judged === 'absent')) {
      if (!pipeline.knew({ name, version })) return notFound(response, `${name} is not known here`)
      await send(request, response, new Body(explainWithdrawn(name, version, deps.policy().revision), JSON_TYPE), NO_CACHE)
    } else {
      const document =
        judged === 'absent' ? explainPackage(listing) : explainVersion(judged, deps.policy().revision, nearestAllowed(judged.ref.version, listing.verdicts))
      await send(request, response, new Body(document, JSON_TYPE), NO_CACHE)
    }
  }))

  router.get('/-/package/:package/dist-tags', onlyPackages, access, upstream, route(async (request, response) => {
    const listing = await pipeline.listing(namesOf(request).name)
    if (listing === 'absent' || listing.verdicts.size === 0) await gone(request, response, { name: namesOf(request).name }, NO_PACKAGE)
    else await answers.distTags(request, response, listing)
  }))

  router.get('/:package/-/:filename', onlyPackages, access, route(upstreamOnly(deps, localTarball(storage))), route(async (request, response) => {
    const { name } = namesOf(request)
    const answer = await pipeline.tarball(name, request.params.filename ?? '')
    switch (answer.kind) {
      case 'served':
        return sendTarball(request, response, answer)
      case 'absent':
        return notFound(response, `no version of ${name} has a tarball of this name`)
      case 'withdrawn':
        return withdrawn(request, response, answer.ref)
      case 'refused': {
        const { ref, verdict } = answer.judgement
        if (verdict.outcome === 'unavailable') return unavailable(request, response, verdict.reasons[0] ?? INTERNAL, ref)
        return refuse(request, response, {
          ref,
          reasons: verdict.reasons,
          rule: verdict.rule,
          nearestAllowed: nearest(await pipeline.listing(name), ref.version),
          explain: explainUrl(base(request), name, ref.version),
        })
      }
    }
  }))

  router.get('/:package/:version?', onlyPackages, access, route(upstreamOnly(deps, localManifest(deps))), route(async (request, response) => {
    const { name, version } = namesOf(request)
    const listing = await pipeline.listing(name)
    if (listing === 'absent') return gone(request, response, { name }, NO_PACKAGE)
    if (version === undefined && listing.verdicts.size === 0) return gone(request, response, { name }, NO_PACKAGE)
    if (version === undefined) return answers.packument(request, response, listing, base(request))
    if (await answers.version(request, response, listing, version, base(request))) return
    return gone(request, response, { name, version }, `${name} has no version or tag ${version}`)
  }))

  // The core reads some of these in another way (a second scope in the path): no address of a package is left to it.
  router.get('/:package/*', onlyPackages, (_request, response) => { notFound(response, NO_PACKAGE) })

  router.delete('/:package/*', onlyPackages, upstream, route(toCore))
  router.put(['/:package', '/:package/*'], onlyPackages, onlyHandled, route(publishGuard(deps)))
  return router
}

type Handler = (request: Request, response: Response, next: NextFunction) => Promise<void> | void

const NO_PACKAGE = 'no such package available'
const INTERNAL = reason('internal-error', 'the mirror failed')

/**
 * The one place where errors end: `Unavailable` is 503 with its reason, anything else 503 `internal-error` and a log line.
 * Nothing that throws lets a version through, and nothing ends the process (Express 4 does not wait for promises).
 */
function guarded(handler: Handler, { logger }: Pick<RouterDeps, 'logger'>): RequestHandler {
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

/** Any Host that is not an address of this mirror is refused before anything is made of it; `serve` has done so already. */
const knownHost = ({ addresses }: RouterDeps): RequestHandler => (request, response, next) => {
  if (pinAddress(request, addresses)) next()
  else response.status(400).json(UNKNOWN_HOST)
}

/** Packages published here are Verdaccio's core's to serve; `local` has a look at the request first. */
const upstreamOnly =
  ({ storage, mayShadow, publishedHere }: RouterDeps, local: Handler): Handler =>
  async (request, response, next) => {
    const { name } = namesOf(request)
    if (!(await isLocal(storage, name))) {
      next()
      return
    }
    // What stands in for an uplink's package gives way to it again.
    if (!mayShadow(name)) publishedHere.note(name)
    await local(request, response, next)
  }

const toCore: RequestHandler = (_request, _response, next) => { next('router') }

/** `:spec` as `:package` and `:version`. */
function specParam(request: Request, _response: Response, next: NextFunction): void {
  const { name, version } = splitSpec(request.params.spec ?? '')
  if (version === undefined) next('router')
  else {
    Object.assign(request.params, { package: name, version })
    next()
  }
}

function namesOf({ params }: Request): { readonly name: string; readonly version: string | undefined } {
  return { name: params.package ?? '', version: params.version }
}

const refOf = ({ params }: Request): PackageRef => ({ name: params.package ?? '', version: params.version ?? '' })

const partialRef = ({ params }: Request): Partial<PackageRef> => ({
  ...(params.package === undefined ? {} : { name: params.package }),
  ...(params.version === undefined ? {} : { version: params.version }),
})

const nearest = (listing: Listing | 'absent', version: string): string | undefined =>
  listing === 'absent' ? undefined : nearestAllowed(version, listing.verdicts)

const notFound = (response: Response, error: string): void => void response.status(404).json({ error })

const unreachableBase = (): never => {
  throw new Error('the host was checked before')
}
