import type { Request, RequestHandler, Response } from 'express'
import type { JsonObject } from '../domain/json.ts'
import { userOf } from './access.ts'
import { Body, send } from './respond.ts'

export interface StatusDeps {
  /** What keeps the mirror from doing its job, empty when nothing does. */
  readonly notReady: () => readonly string[]
  readonly policyStatus: PolicyStatus
}

export interface PolicyStatus {
  /** Which policy is in force since when, and how the last reload went: for whoever reaches the mirror, so nothing of what it says. */
  readonly brief: () => JsonObject
  /** The whole policy as it is in force, its waivers and the problems of one that was refused. */
  readonly full: () => JsonObject
}

interface StatusRoutes {
  readonly health: RequestHandler
  readonly ready: RequestHandler
  readonly policy: (request: Request, response: Response) => Promise<void>
}

/** What operators ask of the mirror itself. */
export const statusRoutes = ({ notReady, policyStatus }: StatusDeps): StatusRoutes => ({
  health: (_request, response) => void response.json({ ok: true }),

  ready: (_request, response) => {
    const problems = notReady()
    // A policy that was refused is told and is no reason to take the mirror away: it works, by the policy before it.
    response.status(problems.length === 0 ? 200 : 503).json({ ready: problems.length === 0, problems, policy: policyStatus.brief() })
  },

  /** A policy names private packages, repositories and people: it is for those who have an account here, whoever may install. */
  policy: async (request, response) => {
    if (!isSignedIn(request)) {
      response.status(401).set('WWW-Authenticate', 'Basic, Bearer').json({ error: 'the policy is shown to users of this mirror who are logged in' })
      return
    }
    await send(request, response, new Body(policyStatus.full(), 'application/json'), { cacheControl: 'private, no-cache' })
  },
})

/** Verdaccio's token middleware leaves a user without a name where there is no token, or one that it does not take. */
function isSignedIn(request: Request): boolean {
  const user = userOf(request) as { readonly name?: unknown } | null | undefined
  return typeof user?.name === 'string' && user.name !== ''
}
