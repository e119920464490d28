import type { NextFunction, Request, RequestHandler, Response, Router } from 'express'
import { validationUtils } from '@verdaccio/core'
import { bulkAnswer, treeAnswer } from '../advisories/answer.ts'
import { advisoriesOf, type AdvisorySources, type Found } from '../advisories/desk.ts'
import { bulkQuestion, QuestionRefused, treeQuestion, type AskedPackages } from '../advisories/question.ts'
import type { JsonObject } from '../domain/json.ts'
import { printable } from '../enforce/text.ts'
import { isRefusal, namesHere, permitted, tokenChecks, userOf, type AccessOptions } from './access.ts'

export interface AuditDeps extends AccessOptions {
  readonly advisories: AdvisorySources
}

type Handler = (request: Request, response: Response, next: NextFunction) => Promise<void>

/**
 * `npm audit`, and what npm asks at the end of every install. Each uplink is asked about its own packages alone, with the mirror's
 * credentials and never the client's; names of packages published here, or that whoever asks may not see, leave nobody.
 */
export function auditRoutes(router: Router, deps: AuditDeps, route: (handler: Handler) => RequestHandler): void {
  // A question that is posted for its length alone: read-only tokens may ask it.
  const guards = tokenChecks(deps).map(asReading)

  router.post('/-/npm/v1/security/advisories/bulk', ...guards, route(answering((request) => {
    const asked = bulkQuestion(request.body)
    return { asked, answer: ({ advisories }) => bulkAnswer(advisories) }
  }, deps)))

  router.post(['/-/npm/v1/security/audits/quick', '/-/npm/v1/security/audits'], ...guards, route(answering((request) => {
    const { asked, nodes } = treeQuestion(request.body)
    return { asked, answer: ({ advisories }) => treeAnswer(advisories, nodes) }
  }, deps)))
}

interface Question {
  readonly asked: AskedPackages
  readonly answer: (found: Found) => JsonObject
}

const answering =
  (read: (request: Request) => Question, deps: AuditDeps): Handler =>
  async (request, response, next) => {
    try {
      const { asked, answer } = read(request)
      const found = await advisoriesOf(await sharable(asked, request, deps), deps.advisories)
      const notice = noticeOf(found)
      if (notice !== undefined) response.setHeader('npm-notice', notice)
      response.setHeader('Cache-Control', 'no-store')
      response.json(answer(found))
    } catch (error) {
      if (error instanceof QuestionRefused) response.status(error.status).json({ error: error.message })
      else if (isRefusal(error)) next(error)
      else throw error
    }
  }

/**
 * The packages that an uplink may be asked about for whoever asks.
 * @throws what the auth plugins refuse with, when they refuse everything
 */
async function sharable(asked: AskedPackages, request: Request, { auth, storage }: AuditDeps): Promise<AskedPackages> {
  const here = new Set(await namesHere(storage))
  const packages = [...asked].filter(([name]) => !here.has(name) && validationUtils.validatePackage(name))
  const refusals: unknown[] = []
  const permits = await Promise.all(
    packages.map(([packageName]) =>
      permitted(auth, 'access', { packageName }, userOf(request)).then(
        () => true,
        (error: unknown) => {
          if (!isRefusal(error)) throw error
          refusals.push(error)
          return false
        },
      ),
    ),
  )
  // An empty answer would say that nothing is known against any of them.
  if (refusals.length > 0 && refusals.length === packages.length) throw refusals[0]
  return new Map(packages.filter((_entry, index) => permits[index] === true))
}

function noticeOf({ silent }: Found): string | undefined {
  if (silent.size === 0) return undefined
  const parts = [...silent].map(([uplink, count]) => `${String(count)} from ${uplink}`)
  return printable(`packages not audited, since their registry publishes no advisories: ${parts.join(', ')}`, 300)
}

/** A read-only token may pass a guard that would refuse it a POST. */
export const asReading =
  (guard: RequestHandler): RequestHandler =>
  (request, response, next) => {
    const { method } = request
    request.method = 'GET'
    guard(request, response, (error?: unknown) => {
      request.method = method
      next(error)
    })
  }
