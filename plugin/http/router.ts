import express, { type NextFunction, type Request, type RequestHandler, type Response, type Router } from 'express'
import { Unavailable, messageOf } from '../domain/errors.ts'
import { splitSpec, type PackageRef } from '../domain/package-ref.ts'
import type { Policy, RegistryKey } from '../domain/ports.ts'
import { reason } from '../domain/reason.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import type { Listing } from '../pipeline/listing.ts'
import type { Pipeline } from '../pipeline/pipeline.ts'
import { beforeRoutes, isLocal, mayAccess, onlyPackages, type AccessOptions } from './access.ts'
import { keysDocument, verifiedPart } from './evidence.ts'
import { explainPackage, explainVersion } from './explain.ts'
import { publicBase, type PublicAddresses } from './host.ts'
import { PackumentAnswers, explainUrl } from './packuments.ts'
import { publishGuard } from './publish.ts'
import { refuse, unavailable, withdrawnReason } from './refusal.ts'
import { Body, send } from './respond.ts'
import { sendTarball } from './tarballs.ts'

export interface RouterDeps extends AccessOptions {
  readonly pipeline: Pipeline
  readonly policy: () => Policy
  readonly registryKeys: () => readonly RegistryKey[]
  readonly addresses: PublicAddresses
  /** Globs of names that may be published although an uplink serves them. */
  readonly mayShadow: (name: string) => boolean
  /** What keeps the mirror from doing its job, empty when nothing does. */
  readonly notReady: () => readonly string[]
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
  const access = mayAccess(auth)
  const base = (request: Request): string => publicBase(request, deps.addresses) ?? unreachableBase()
  const route = (handler: Handler): RequestHandler => guarded(handler, deps)

  router.get('/-/provenance/health', (_request, response) => void response.json({ ok: true }))
  router.get('/-/provenance/ready', (_request, response) => {
    const problems = deps.notReady()
    response.status(problems.length === 0 ? 200 : 503).json({ ready: problems.length === 0, problems })
  })
  router.use(knownHost(deps))
  router.use(...beforeRoutes(deps))

  router.get('/-/npm/v1/keys', route((request, response) => send(request, response, new Body(keysDocument(deps.registryKeys()), JSON_TYPE), NO_CACHE)))

  router.get('/-/npm/v1/attestations/:spec', specParam, onlyPackages, access, upstreamOnly(storage), route(async (request, response) => {
    const ref = refOf(request)
    const document = await pipeline.attestations(ref)
    if (document === 'absent') notFound(response, `no attestations of ${ref.name}@${ref.version} were verified here`)
    else await send(request, response, new Body(verifiedPart(document), JSON_TYPE), NO_CACHE)
  }))

  router.get('/-/provenance/v1/packages/:package/:version?', onlyPackages, access, upstreamOnly(storage), route(async (request, response) => {
    const { name, version } = namesOf(request)
    const listing = await pipeline.listing(name)
    const judged = version === undefined || listing === 'absent' ? 'absent' : await pipeline.judge({ name, version })
    if (listing === 'absent' || (version !== undefined && judged === 'absent')) notFound(response, `${name} is not known here`)
    else {
      const document =
        judged === 'absent' ? explainPackage(listing) : explainVersion(judged, deps.policy().revision, nearestAllowed(judged.ref.version, listing.verdicts))
      await send(request, response, new Body(document, JSON_TYPE), NO_CACHE)
    }
  }))

  router.get('/-/package/:package/dist-tags', onlyPackages, access, upstreamOnly(storage), route(async (request, response) => {
    const listing = await pipeline.listing(namesOf(request).name)
    if (listing === 'absent') notFound(response, NO_PACKAGE)
    else await answers.distTags(request, response, listing)
  }))

  router.get('/:package/-/:filename', onlyPackages, access, upstreamOnly(storage), route(async (request, response) => {
    const { name } = namesOf(request)
    const answer = await pipeline.tarball(name, request.params.filename ?? '')
    switch (answer.kind) {
      case 'served':
        return sendTarball(request, response, answer)
      case 'absent':
        return notFound(response, `no version of ${name} has a tarball of this name`)
      case 'withdrawn':
        return refuse(request, response, {
          ref: answer.ref,
          reasons: [withdrawnReason(answer.ref)],
          rule: undefined,
          nearestAllowed: nearest(await pipeline.listing(name), answer.ref.version),
          explain: explainUrl(base(request), name, answer.ref.version),
        })
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

  router.get('/:package/:version?', onlyPackages, access, upstreamOnly(storage), route(async (request, response) => {
    const { name, version } = namesOf(request)
    const listing = await pipeline.listing(name)
    if (listing === 'absent') return notFound(response, NO_PACKAGE)
    if (version === undefined) return answers.packument(request, response, listing, base(request))
    if (!(await answers.version(request, response, listing, version, base(request)))) notFound(response, `${name} has no version or tag ${version}`)
  }))

  router.put('/:package', onlyPackages, route(publishGuard(deps)))
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

/** Any Host that is not an address of this mirror is refused before anything is made of it. */
const knownHost = ({ addresses }: RouterDeps): RequestHandler => (request, response, next) => {
  if (publicBase(request, addresses) !== undefined) {
    next()
    return
  }
  response.status(400).json({ error: 'this mirror has no such host name; an operator adds it to middlewares.provenance.publicUrl' })
}

/** Packages published here are Verdaccio's core's to serve. */
const upstreamOnly = (storage: AccessOptions['storage']): RequestHandler => (request, response, next) => {
  isLocal(storage, namesOf(request).name).then(
    (local) => { next(local ? 'router' : undefined) },
    (error: unknown) => {
      unavailable(request, response, reason('internal-error', `the list of local packages cannot be read: ${messageOf(error)}`), partialRef(request))
    },
  )
}

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
