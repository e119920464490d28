import express, { type Request, type RequestHandler, type Response, type Router } from 'express'
import type { DecisionWriter } from '../domain/decision.ts'
import type { BuildersDocument } from '../domain/identity-document.ts'
import type { PackageLocks } from '../domain/package-locks.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { Policy } from '../domain/ports.ts'
import { nearestAllowed } from '../enforce/nearest.ts'
import type { Listing } from '../pipeline/listing.ts'
import type { Judgement, Pipeline } from '../pipeline/pipeline.ts'
import { auditRoutes, type AuditDeps } from './audit.ts'
import { beforeRoutes, mayAccess, onlyPackages, type AccessOptions } from './access.ts'
import { onlyHandled, reachWebApi } from './core-requests.ts'
import { checkRoutes } from './dashboard/check.ts'
import { dashboardRoutes, type DashboardDeps } from './dashboard/routes.ts'
import { pageForBrowsers } from './dashboard/to-page.ts'
import { webToken } from './dashboard/who.ts'
import { verifiedPart } from './evidence.ts'
import { askerOf, TRUSTS_NONE, type TrustsProxy } from './asker.ts'
import { expectsOtherBytes, OTHER_BYTES, refusalOfOthers } from './expected-integrity.ts'
import { explainPackage, explainVersion, explainWithdrawn } from './explain.ts'
import { guarded, INTERNAL, notFound, type Handler, type JudgedHandler } from './guarded.ts'
import { publicBase, type PublicAddresses } from './host.ts'
import { keysRoute, type KeysDeps } from './keys.ts'
import { forWriters, localAnswers, localAttestations, type LocalPackages } from './local.ts'
import { metricsRoute, type MetricsDeps } from './metrics.ts'
import { PackumentAnswers, explainUrl, formFor, type AnswerOptions } from './packuments.ts'
import { forgetMaintainers, userDocument } from './maintainers.ts'
import { inFlight } from './in-flight.ts'
import { clientLimits } from './limits/handler.ts'
import type { ClientLimits } from './limits/limits.ts'
import { forThoseWhoMay, locked } from './locked.ts'
import { sameRevision } from './revision.ts'
import { publishGuard, type PublishedHere } from './publish.ts'
import { publishVersion } from './publish-version.ts'
import { forgetting, ifLocal, knownHost, namesOf, refOf, specParam, type Source } from './sources.ts'
import { statusRoutes, type StatusDeps } from './status.ts'
import { POLICY_REVISION, refuse, unavailable, type Refusal } from './refusal.ts'
import { withdrawnReason } from '../domain/withdrawn.ts'
import { Body, encodingFor, send } from './respond.ts'
import { searchRoutes } from './search.ts'
import { policyWarning, sendTarball } from './tarballs.ts'
import type { AccessLines } from './access-lines.ts'
import type { WarmAnswers } from './warm.ts'
import { sendSummary, summaryFor, vsaKeysRoute, type VsaDeps } from './vsa.ts'

export interface RouterDeps extends AccessOptions, StatusDeps, KeysDeps, AuditDeps, VsaDeps, MetricsDeps {
  readonly pipeline: Pipeline
  readonly policy: () => Policy
  readonly addresses: PublicAddresses
  /** Globs of names that may be published although an uplink serves them. */
  readonly mayShadow: (name: string) => boolean
  readonly publishedHere: PublishedHere
  /** Who built a package, as far as the ledger knows. */
  readonly builders: (name: string) => BuildersDocument
  readonly local: LocalPackages
  /** Who changes a package published here; nobody waits for another when not given. */
  readonly locks?: PackageLocks | undefined
  /** Runs something with the whole of what the core has stored in sight, for those who are about to change it. */
  readonly unfiltered: (run: () => void) => void
  /** Told of answers that may be given again before anything else looks at a request. */
  readonly warm?: WarmAnswers | undefined
  readonly lines?: AccessLines | undefined
  /** How answers of uplinks' packages are written and kept. */
  readonly answers?: AnswerOptions | undefined
  readonly dashboard: DashboardDeps
  /** Told of what is published here. */
  readonly events?: DecisionWriter | undefined
  /** Which proxies say where a request came from; none when not given. */
  readonly trusts?: TrustsProxy | undefined
  /** Requests that may wait for their answers at one time; a default when not given. */
  readonly maxInFlight?: number | undefined
  /** What one client may have; not limited when not given. */
  readonly limits?: ClientLimits | undefined
}

const JSON_TYPE = 'application/json'
const NO_CACHE = { cacheControl: 'no-cache' }

/**
 * The mirror's routes. Every package is answered for here, never by Verdaccio's core: of uplinks, or published here. What changes
 * a package published here goes on to the core, once it was judged.
 */
export function createRouter(deps: RouterDeps): Router {
  const router = express.Router()
  const { auth, local } = deps
  const base = (request: Request): string => publicBase(request, deps.addresses) ?? unreachableBase()
  const route = (handler: Handler): RequestHandler => guarded(handler, deps)
  /** A request is answered by the policy it began with: a reload in the middle must not judge one half of an answer. */
  const judged = (handler: JudgedHandler): RequestHandler => route((request, response) => {
    const policy = deps.policy()
    response.setHeader(POLICY_REVISION, policy.revision)
    return handler(request, response, policy)
  })
  const { trusts = TRUSTS_NONE } = deps
  deps.warm?.open(auth, trusts)
  deps.lines?.open(trusts)
  const noteDocument = (request: Request, response: Response, { name, version, answers }: { readonly name: string; readonly version: string | undefined; readonly answers: PackumentAnswers }): void => {
    const ready = version === undefined ? answers.readyPackument.bind(answers) : (listing: Listing, _form: unknown, at: string) => answers.readyVersion(listing, version, at)
    deps.warm?.note(request, response, { kind: 'document', name, ready }, negotiatedBy(request))
  }
  const access = route(mayAccess(auth))
  const uplinks: Source = { pipeline: deps.pipeline, answers: new PackumentAnswers(deps.answers) }
  const here: Source = { pipeline: local.pipeline, answers: new PackumentAnswers({ more: localAnswers(local), revision: () => local.signer.revision() }) }
  const sources = new WeakMap<Request, Source>()
  const sourceOf = (request: Request): Source => sources.get(request) ?? uplinks
  const isHere = (request: Request): boolean => sourceOf(request) === here
  const owner = route(ifLocal(deps, (request) => { sources.set(request, here) }))

  /** Nothing is said for a version any more that an operator recalled. */
  const unlessRecalled = route((request, response, next) => {
    const ref = refOf(request)
    const recalled = sourceOf(request).pipeline.recalled(ref)
    if (recalled === undefined) next()
    else refuse(request, response, { ref, reasons: [recalled], rule: undefined, nearestAllowed: undefined, explain: explainUrl(base(request), ref.name, ref.version) })
  })

  const withdrawn = async (request: Request, response: Response, ref: Refusal['ref'], policy: Policy): Promise<void> => {
    const { name, version } = ref
    const nearestAllowed = version === undefined ? undefined : nearest(await sourceOf(request).pipeline.listing(name, policy), version)
    const explain = version === undefined ? `${base(request)}/-/provenance/v1/packages/${name}` : explainUrl(base(request), name, version)
    refuse(request, response, { ref, reasons: [withdrawnReason(ref)], rule: undefined, nearestAllowed, explain })
  }
  /** What was here once is refused by name, so that nobody takes a takedown for a typing error. */
  const gone = async (request: Request, response: Response, ref: Refusal['ref'], policy: Policy, otherwise: string): Promise<void> => {
    if (sourceOf(request).pipeline.knew(ref)) await withdrawn(request, response, ref, policy)
    else notFound(response, otherwise)
  }

  const refuseJudged = async (request: Request, response: Response, { ref, verdict }: Judgement, policy: Policy): Promise<void> => {
    const { reasons, rule } = verdict
    if (verdict.outcome === 'unavailable') {
      unavailable(request, response, reasons[0] ?? INTERNAL, ref)
      return
    }
    const nearestAllowed = nearest(await sourceOf(request).pipeline.listing(ref.name, policy), ref.version)
    refuse(request, response, { ref, reasons, rule, nearestAllowed, explain: explainUrl(base(request), ref.name, ref.version) })
  }

  const status = statusRoutes(deps)
  router.get('/-/provenance/health', status.health)
  router.get('/-/provenance/ready', status.ready)
  metricsRoute(router, deps)
  router.use(inFlight(deps.maxInFlight))
  if (deps.limits !== undefined) router.use(clientLimits(deps.limits, trusts))
  if (deps.warm !== undefined) router.use(forgetting(deps.warm))
  router.use(knownHost(deps))
  auditRoutes(router, deps, route)
  const web = webToken(auth)
  checkRoutes(router, { ...deps, ...deps.dashboard, base }, route, web)
  router.use('/-/provenance', web)
  router.use(...beforeRoutes(deps))

  router.get('/-/user/:user', userDocument)
  router.use(['/-/user', '/-/v1/login', '/-/verdaccio'], onlyHandled)
  searchRoutes(router, deps, route)
  router.all('/-/verdaccio/*', reachWebApi)

  dashboardRoutes(router, { ...deps, access, base }, route)

  router.get('/-/npm/v1/keys', route(keysRoute(deps)))

  router.get('/-/provenance/v1/keys', route(vsaKeysRoute(deps)))
  router.get('/-/provenance/v1/vsa/:package/:version', onlyPackages, access, owner, route(async (request, response) => {
    const ref = refOf(request)
    const document = async (): Promise<Uint8Array | undefined> => {
      const found = isHere(request) ? (await localAttestations(local, ref))?.document : await uplinks.pipeline.attestations(ref)
      return found === 'absent' ? undefined : found
    }
    const issued = await summaryFor(ref, { pipeline: sourceOf(request).pipeline, document, base: base(request) }, deps)
    switch (issued.kind) {
      case 'issued':
        response.setHeader(POLICY_REVISION, issued.policyRevision)
        return sendSummary(request, response, issued.envelope)
      case 'refused':
        return refuseJudged(request, response, issued.judgement, issued.policy)
      case 'withdrawn':
        return withdrawn(request, response, ref, issued.policy)
      case 'absent':
        return notFound(response, `${ref.name} has no version ${ref.version}`)
    }
  }))

  router.get('/-/npm/v1/attestations/:spec', specParam, onlyPackages, access, owner, unlessRecalled, route(async (request, response) => {
    const ref = refOf(request)
    const kept = isHere(request) ? await localAttestations(local, ref) : undefined
    // Every client holds what is here against the public-good Sigstore.
    const document = isHere(request) ? (kept?.publicGood === true ? kept.document : 'absent') : await uplinks.pipeline.attestations(ref)
    await sendAttestations(request, response, ref, document)
  }))
  router.get('/-/provenance/v1/attestations/:spec', specParam, onlyPackages, access, owner, unlessRecalled, route(async (request, response) => {
    const ref = refOf(request)
    const document = isHere(request) ? (await localAttestations(local, ref))?.document : await uplinks.pipeline.attestations(ref)
    await sendAttestations(request, response, ref, document ?? 'absent')
  }))

  router.get('/-/provenance/v1/packages/:package/:version?', onlyPackages, pageForBrowsers(deps.dashboard, base), access, owner, judged(async (request, response, policy) => {
    const { name, version } = namesOf(request)
    const listing = await sourceOf(request).pipeline.listing(name, policy)
    const one = version === undefined || listing === 'absent' ? 'absent' : await sourceOf(request).pipeline.judge({ name, version }, policy)
    if (listing === 'absent' || (version !== undefined && one === 'absent')) {
      if (!sourceOf(request).pipeline.knew({ name, version })) return notFound(response, `${name} is not known here`)
      await send(request, response, new Body(explainWithdrawn(name, version, policy.revision), JSON_TYPE), NO_CACHE)
    } else {
      const candidates = one === 'absent' ? await sourceOf(request).pipeline.evidence(name, policy) : 'absent'
      const document = one === 'absent' ? explainPackage(listing, deps.builders(name), candidates === 'absent' ? [] : candidates) : explainVersion(one, nearestAllowed(one.ref.version, listing.verdicts), deps.builders(name))
      await send(request, response, new Body(document, JSON_TYPE), NO_CACHE)
    }
  }))

  router.get('/-/package/:package/dist-tags', onlyPackages, access, owner, judged(async (request, response, policy) => {
    const listing = await sourceOf(request).pipeline.listing(namesOf(request).name, policy)
    if (listing === 'absent' || listing.verdicts.size === 0) await gone(request, response, { name: namesOf(request).name }, policy, NO_PACKAGE)
    else await sourceOf(request).answers.distTags(request, response, listing)
  }))

  router.get('/:package/-/:filename', onlyPackages, access, owner, judged(async (request, response, policy) => {
    const { name } = namesOf(request)
    const answer = await sourceOf(request).pipeline.tarball(name, request.params.filename ?? '', policy, { asker: askerOf(request, trusts), refuses: refusalOfOthers(request) })
    switch (answer.kind) {
      case 'served':
        if (expectsOtherBytes(request, answer.tarball.sha512)) {
          const { ref } = answer.judgement
          return refuse(request, response, { ref, reasons: [OTHER_BYTES], rule: undefined, nearestAllowed: undefined, explain: explainUrl(base(request), name, ref.version) })
        }
        if (!isHere(request)) deps.warm?.note(request, response, { kind: 'tarball', name, fileName: request.params.filename ?? '' }, negotiatedBy(request))
        return sendTarball(request, response, { tarball: answer.tarball, warning: policyWarning(answer.judgement.verdict) })
      case 'absent':
        return notFound(response, `no version of ${name} has a tarball of this name`)
      case 'withdrawn':
        return withdrawn(request, response, answer.ref, policy)
      case 'refused':
        return refuseJudged(request, response, answer.judgement, policy)
    }
  }))

  router.get('/:package/:version?', onlyPackages, access, owner, route(forWriters(deps, isHere)), judged(async (request, response, policy) => {
    const { name, version } = namesOf(request)
    const listing = await sourceOf(request).pipeline.listing(name, policy)
    if (listing === 'absent') return gone(request, response, { name }, policy, NO_PACKAGE)
    if (version === undefined && listing.verdicts.size === 0) return gone(request, response, { name }, policy, NO_PACKAGE)
    const { answers } = sourceOf(request)
    if (!isHere(request)) noteDocument(request, response, { name, version, answers })
    if (version === undefined) return answers.packument(request, response, listing, base(request))
    if (await answers.version(request, response, listing, version, base(request))) return
    return gone(request, response, { name, version }, policy, `${name} has no version or tag ${version}`)
  }))

  // The core reads some of these in another way (a second scope in the path): no address of a package is left to it.
  router.get('/:package/*', onlyPackages, (_request, response) => { notFound(response, NO_PACKAGE) })

  const alone = locked(deps.locks)
  const unchanged = sameRevision(deps)
  const ifMayUnpublish = (handler: Handler): RequestHandler => route(forThoseWhoMay(auth, 'unpublish', handler))
  // Before the next one, which leaves the router with every address that begins with `/-/`.
  const tagged = [onlyPackages, route(forThoseWhoMay(auth, 'publish', alone)), leaveToCore] as const
  router.route('/-/package/:package/dist-tags/:tag?').put(...tagged).post(...tagged).delete(...tagged)
  router.delete('/:package/*', onlyPackages, owner, ifMayUnpublish(alone), ifMayUnpublish(unchanged), route(async (request, response, next) => {
    const { name } = namesOf(request)
    if (isHere(request)) await local.registry.remember(name)
    const isWhole = request.params[0]?.startsWith('-rev/') === true
    if (isWhole) response.once('finish', () => { if (response.statusCode === 201) forgetMaintainers(name, local, deps.logger) })
    next('router')
  }))
  router.put(['/:package', '/:package/*'], onlyPackages, onlyHandled, route(publishGuard(deps)), route(alone), route(unchanged), route(publishVersion({ ...deps, base })))
  return router
}

const negotiatedBy = (request: Request): Parameters<WarmAnswers['note']>[3] => ({ form: formFor(request), encoding: encodingFor(request) })

const NO_PACKAGE = 'no such package available'

const leaveToCore: RequestHandler = (_request, _response, next) => { next('router') }

const nearest = (listing: Listing | 'absent', version: string): string | undefined =>
  listing === 'absent' ? undefined : nearestAllowed(version, listing.verdicts)

const sendAttestations = async (request: Request, response: Response, ref: PackageRef, document: Uint8Array | 'absent'): Promise<void> =>
  document === 'absent'
    ? notFound(response, `no attestations of ${ref.name}@${ref.version} were verified here`)
    : send(request, response, new Body(verifiedPart(document), JSON_TYPE), NO_CACHE)

const unreachableBase = (): never => {
  throw new Error('the host was checked before')
}
