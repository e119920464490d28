/** `POST /-/provenance/v1/check`: the verdict on everything a project locks, in one answer; and by a policy that is only tried out. */
import type { Request, RequestHandler, Response, Router } from 'express'
import { validationUtils } from '@verdaccio/core'
import pLimit from 'p-limit'
import { own, ownString, type Json, type JsonObject } from '../../domain/json.ts'
import { printable } from '../../enforce/text.ts'
import { namesHere, tokenChecks, type AccessOptions } from '../access.ts'
import { asReading } from '../audit.ts'
import type { Handler, Route } from '../guarded.ts'
import { POLICY_REVISION } from '../refusal.ts'
import type { Policy } from '../../domain/ports.ts'
import type { Pipeline } from '../../pipeline/pipeline.ts'
import type { LocalPackages } from '../local.ts'
import { judgeBatch, type Asked, type Judges } from './batch.ts'
import { canRead, onlyJson, signedIn, type Groups } from './who.ts'

/** What is asked about, as its sender wrote it. */
export interface Question {
  readonly lockfile: { readonly file: string; readonly text: string; readonly manifest: string | undefined } | undefined
  readonly specs: readonly string[]
  readonly policy: string | undefined
}

export interface Subjects {
  readonly asked: readonly Asked[]
  /** Which lockfile format it was; null for specs alone. */
  readonly format: string | null
  /** What no policy speaks of, since it comes from no registry, or past the mirror. */
  readonly notCovered: readonly JsonObject[]
}

/** A question that cannot be answered: what is wrong with it, and what would be right. */
export class QuestionRefused extends Error {
  override readonly name = 'QuestionRefused'
  readonly status: number
  readonly more: JsonObject
  constructor(status: number, message: string, more: JsonObject = {}) {
    super(message)
    this.status = status
    this.more = more
  }
}

/** What the rest of the mirror does for a question. */
export interface CheckDesk {
  /** Reads lockfile and specs, off the event loop. `base` is where the mirror is for whoever asks. @throws QuestionRefused */
  subjects(question: Question, base: string): Promise<Subjects>
  /** Reads a policy, off the event loop; files that it includes are not read. @throws QuestionRefused with every problem */
  policy(text: string): Promise<Policy>
  /** The version that a range or a tag means. */
  readonly meant: (wanted: string, versions: readonly string[], tags: ReadonlyMap<string, string>) => string | undefined
  /** Judges by what is here, and asks nobody. */
  readonly known: Pipeline
  /** Judges by another policy, and learns nothing. */
  whatIf(policy: Policy): Pipeline
}

export interface CheckDeps extends AccessOptions {
  readonly pipeline: Pipeline
  readonly policy: () => Policy
  readonly local: LocalPackages
  readonly base: (request: Request) => string
  readonly groups: Groups
  readonly check: CheckDesk
}

/** Bytes of the whole body. */
const MAX_BODY = 5 * 1024 * 1024
const MAX_SPECS = 20_000
const MAX_SPEC = 600
const AT_ONCE = 4
const WAITING = 32

export function checkRoutes(router: Router, deps: CheckDeps, route: Route, web: RequestHandler): void {
  // A question that is posted for its length alone: read-only tokens may ask it.
  const guards = tokenChecks(deps).map(asReading)
  // Strangers wait for strangers only.
  const turns = { known: boundedTurns(), strangers: boundedTurns() }
  router.post('/-/provenance/v1/check', web, ...guards, onlyJson, route(answering(deps, turns)))
}

type Turns = <Result>(task: () => Promise<Result>) => Promise<Result>

function boundedTurns(): Turns {
  const limit = pLimit(AT_ONCE)
  return (task) => {
    if (limit.pendingCount >= WAITING) throw new QuestionRefused(429, 'too many checks are waiting; try again in a moment')
    return limit(task)
  }
}

const answering =
  (deps: CheckDeps, turns: Readonly<Record<'known' | 'strangers', Turns>>): Handler =>
  async (request, response) => {
    response.setHeader('Cache-Control', 'no-store')
    try {
      const question = questionOf(request)
      const user = signedIn(request)
      if (question.policy !== undefined && !canRead(user, deps.groups)) throw notReader(user !== undefined)
      response.json(await turns[user === undefined ? 'strangers' : 'known'](() => answer(request, response, question, deps)))
    } catch (error) {
      if (!(error instanceof QuestionRefused)) throw error
      if (error.status === 429) response.setHeader('Retry-After', '5')
      if (error.status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
      response.status(error.status).json({ error: error.message, ...error.more })
    }
  }

async function answer(request: Request, response: Response, question: Question, deps: CheckDeps): Promise<JsonObject> {
  if (response.closed) return {}
  const inForce = deps.policy()
  const tried = question.policy === undefined ? undefined : await deps.check.policy(question.policy)
  const { asked, format, notCovered } = await deps.check.subjects(question, deps.base(request))
  if (asked.length > MAX_SPECS) throw new QuestionRefused(413, `names ${asked.length} versions, and ${MAX_SPECS} are judged at a time; send it in parts`)
  const here = new Set(await namesHere(deps.storage))
  const asks = signedIn(request) !== undefined
  const trials = tried && { upstream: { pipeline: deps.check.whatIf(tried), policy: tried }, local: { pipeline: deps.local.whatIf(tried), policy: tried } }
  const judges = (name: string): Judges => ({
    inForce: here.has(name) ? deps.local.pipeline : asks ? deps.pipeline : deps.check.known,
    tried: trials && (here.has(name) ? trials.local : trials.upstream),
  })
  response.setHeader(POLICY_REVISION, (tried ?? inForce).revision)
  const results = await judgeBatch(asked.filter(({ name }) => validationUtils.validatePackage(name)), {
    judges,
    policy: inForce,
    asks,
    request,
    response,
    auth: deps.auth,
    base: deps.base(request),
    meant: deps.check.meant,
  })
  const unreadable = asked.filter(({ name }) => !validationUtils.validatePackage(name)).map(({ name, wanted }) => ({ name: printable(name), version: printable(wanted), reason: 'not-a-package' }))
  return {
    policyRevision: (tried ?? inForce).revision,
    ...(tried === undefined ? {} : { before: { policyRevision: inForce.revision } }),
    format,
    results,
    notCovered: [...notCovered, ...unreadable],
  }
}

const notReader = (isSignedIn: boolean): QuestionRefused =>
  isSignedIn
    ? new QuestionRefused(403, 'trying out a policy needs one of the groups that middlewares.provenance.dashboard.read names')
    : new QuestionRefused(401, 'trying out a policy is for users of this mirror who are logged in')

/** @throws QuestionRefused */
export function questionOf(request: Pick<Request, 'headers' | 'body'>): Question {
  const body = request.body as JsonObject
  const unknown = Object.keys(body).find((key) => !['lockfile', 'fileName', 'manifest', 'specs', 'policy'].includes(key))
  if (unknown !== undefined) throw new QuestionRefused(400, `there is no "${printable(unknown, 60)}" in a check: it has lockfile, fileName, manifest, specs and policy`)
  const [lockfile, fileName, manifest, policy] = [textOf(body, 'lockfile'), textOf(body, 'fileName'), textOf(body, 'manifest'), textOf(body, 'policy')]
  const specs = specsOf(own(body, 'specs'))
  const sent = Number(request.headers['content-length'] ?? 0)
  const held = [lockfile, manifest, policy, ...specs].reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0)
  if (Math.max(sent, held) > MAX_BODY) throw new QuestionRefused(413, `is larger than ${MAX_BODY / 1024 ** 2} MB; send it in parts, or name the packages in specs`)
  if (lockfile === undefined && specs.length === 0 && policy === undefined) throw new QuestionRefused(400, 'asks about nothing: send a lockfile, or specs such as ["name@1.0.0"]')
  return { lockfile: lockfile === undefined ? undefined : { file: printable(fileName ?? 'lockfile', 100), text: lockfile, manifest }, specs, policy }
}

function textOf(body: JsonObject, key: string): string | undefined {
  const value = own(body, key)
  if (value !== undefined && value !== null && typeof value !== 'string') throw new QuestionRefused(400, `${key} must be text`)
  return ownString(body, key)
}

function specsOf(value: Json | undefined): readonly string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.some((spec) => typeof spec !== 'string' || spec.length > MAX_SPEC)) throw new QuestionRefused(400, 'specs must be a list of texts such as "name@1.0.0"')
  if (value.length > MAX_SPECS) throw new QuestionRefused(413, `specs has ${value.length} entries, and ${MAX_SPECS} are judged at a time; send it in parts`)
  return value as readonly string[]
}
