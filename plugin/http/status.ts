import type { RequestHandler } from 'express'
import type { JsonObject } from '../domain/json.ts'
import { CHECKS, type Problem } from '../domain/state.ts'

export interface StatusDeps {
  /** What keeps the mirror from doing its job, empty when nothing does. Asks nobody: probes do not wait. */
  readonly notReady: () => readonly Problem[]
  /** What keeps it from some of its job: no reason to take the mirror away. */
  readonly warnings?: (() => readonly string[]) | undefined
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
}

/** What operators ask of the mirror itself. */
export const statusRoutes = ({ notReady, warnings = () => [], policyStatus }: StatusDeps): StatusRoutes => ({
  health: (_request, response) => void response.json({ ok: true }),

  ready: (_request, response) => {
    const problems = notReady()
    const told = warnings()
    // A policy that was refused is told and is no reason to take the mirror away: it works, by the policy before it.
    const failed = new Set(problems.map(({ check }) => check))
    const checks = Object.fromEntries(CHECKS.map((check) => [check, failed.has(check) ? 'failed' : 'ok']))
    response
      .status(problems.length === 0 ? 200 : 503)
      .json({ ready: problems.length === 0, problems: problems.map(({ message }) => message), ...(told.length === 0 ? {} : { warnings: told }), checks, policy: policyStatus.brief() })
  },
})
