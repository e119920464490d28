/** The dashboard: its pages, and what they ask. All of it also serves other programs; see docs/dashboard.md. */
import type { Request, RequestHandler, Router } from 'express'
import type { DecisionReader } from '../../domain/decision.ts'
import { isObject, ownString, type Json, type JsonObject } from '../../domain/json.ts'
import type { Clock } from '../../domain/ports.ts'
import { onlyPackages, type VerdaccioAuth } from '../access.ts'
import type { Handler, Route } from '../guarded.ts'
import { Body, send } from '../respond.ts'
import type { PolicyStatus } from '../status.ts'
import type { CheckDesk } from './check.ts'
import { decisionsRoute, streamRoute } from './decisions.ts'
import type { LiveDecisions } from './live.ts'
import { overviewRoute, ruleHits } from './overview.ts'
import { assetFile, indexPage, type BuiltPages } from './pages.ts'
import { fetchedRoute, liftRecall, makeRecall, recallsRoute, type RecallDesk } from './recalls.ts'
import { decidePin, pinsOfRoute, pinsRoute, type PinsDesk } from './pins.ts'
import { canRead, canWrite, mayRead, mayWrite, onlyJson, signedIn, type Groups } from './who.ts'

/** What the dashboard needs of the rest of the mirror. */
export interface DashboardDeps {
  /** Without it there are no pages, and nothing but checks and the policy can be asked. */
  readonly enabled: boolean
  readonly groups: Groups
  readonly log: DecisionReader
  readonly live: LiveDecisions
  readonly pins: PinsDesk
  readonly recalls: RecallDesk
  readonly check: CheckDesk
  /** Policy, trust material, uplinks, mode and version, as they are now. */
  readonly status: () => JsonObject
  readonly clock: Clock
  readonly pages: () => BuiltPages | undefined
  /** Verdaccio's login for its web pages is there. */
  readonly hasWebLogin: boolean
}

interface Around {
  readonly auth: VerdaccioAuth
  readonly dashboard: DashboardDeps
  readonly policyStatus: PolicyStatus
  readonly access: RequestHandler
  readonly base: (request: Request) => string
}

const V1 = '/-/provenance/v1'
const PAGES = ['decisions', 'policy', 'pins', 'what-if', 'packages', 'packages/*', 'recalls'].map((page) => `/-/provenance/${page}`)

export function dashboardRoutes(router: Router, { auth, dashboard, policyStatus, access, base }: Around, route: Route): void {
  const { groups } = dashboard
  const [read, write] = [mayRead(groups), mayWrite(groups)]
  router.get(`${V1}/policy`, read, route(policyRoute(policyStatus, dashboard)))
  if (!dashboard.enabled) return

  const deps = { auth, ...dashboard }
  router.get(`${V1}/session`, route(sessionRoute(dashboard)))
  router.get(`${V1}/overview`, read, route(overviewRoute(deps)))
  router.get(`${V1}/decisions/stream`, read, route(streamRoute(deps)))
  router.get(`${V1}/decisions`, read, route(decisionsRoute(deps)))
  router.get(`${V1}/pins`, read, route(pinsRoute(deps)))
  router.get(`${V1}/pins/:package`, read, onlyPackages, access, route(pinsOfRoute(deps)))
  router.post(`${V1}/pins/:package/approve`, write, onlyJson, onlyPackages, access, route(decidePin('approve', deps)))
  router.post(`${V1}/pins/:package/drop`, write, onlyJson, onlyPackages, access, route(decidePin('drop', deps)))

  router.get(`${V1}/recalls`, read, route(recallsRoute(deps)))
  router.get(`${V1}/recalls/:id/fetched`, write, route(fetchedRoute(deps)))
  router.post(`${V1}/recalls`, write, onlyJson, route(makeRecall(deps)))
  router.delete(`${V1}/recalls/:id`, write, onlyJson, route(liftRecall(deps)))

  const page = indexPage(dashboard.pages, base)
  router.get('/-/provenance', route((request, response) => {
    // Addresses in the page are relative to its folder.
    if (request.path.endsWith('/')) page(request, response)
    else response.redirect(308, `${base(request)}/-/provenance/`)
  }))
  router.get(PAGES, route(page))
  router.get('/-/provenance/assets/:file', route(assetFile(dashboard.pages, 'assets')))
  router.get('/-/provenance/:file.:extension(svg|ico|png)', route((request, response) => {
    Object.assign(request.params, { file: `${request.params.file ?? ''}.${request.params.extension ?? ''}` })
    assetFile(dashboard.pages, 'others')(request, response)
  }))
}

/** Who asks, and what they may; for strangers too, since the pages ask it first. */
const sessionRoute =
  ({ groups, hasWebLogin }: DashboardDeps): Handler =>
  (request, response) => {
    const user = signedIn(request)
    response.setHeader('Cache-Control', 'no-store')
    response.json({ user: user?.name ?? null, groups: user?.groups ?? [], canRead: canRead(user, groups), canWrite: canWrite(user, groups), login: hasWebLogin ? 'web' : 'npm' })
  }

/** A policy names private packages, repositories and people: it is for those who may read, whoever may install. */
function policyRoute(status: PolicyStatus, { log, clock }: DashboardDeps): Handler {
  const hits = ruleHits(log, clock)
  return async (request, response) => {
    const document = status.full()
    // A log that does not answer is no reason to keep the policy back.
    const counted = await hits().catch(() => undefined)
    const rules = Array.isArray(document.rules) ? (document.rules as readonly Json[]).filter(isObject) : []
    const body = {
      ...document,
      rules: rules.map((rule) => ({ ...rule, hits: counted === undefined ? null : { ...counted.rules.get(ownString(rule, 'name') ?? '') } })),
      hitsSince: counted?.from ?? null,
    }
    await send(request, response, new Body(body, 'application/json'), { cacheControl: 'private, no-cache' })
  }
}
