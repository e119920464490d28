/** What operators recalled: shown to those who may read, made and lifted by those who may write. */
import type { Request, Response } from 'express'
import type { Asker, DecisionReader } from '../../domain/decision.ts'
import { whoFetched } from '../../domain/fetched.ts'
import { ownString, type JsonObject } from '../../domain/json.ts'
import { recallDocument, type Lifted, type NewRecall, type Recall } from '../../domain/recall.ts'
import { rangeOf, readRecallSpec } from '../../pipeline/recalls.ts'
import type { VerdaccioAuth } from '../access.ts'
import { askerOf, trustedBy } from '../asker.ts'
import type { Handler } from '../guarded.ts'
import { Visible } from './visible.ts'
import { signedIn } from './who.ts'

export interface RecallDesk {
  /** Every one there ever was, oldest first. */
  all(): readonly Recall[]
  /** Recalls, and has it logged; what is recalled already is no news. */
  add(recall: Omit<NewRecall, 'at'>, asker: Asker): Promise<Recall>
  /** Undefined when there is none of this id in force. */
  lift(id: number, why: Omit<Lifted, 'at'>, asker: Asker): Promise<Recall | undefined>
}

export interface RecallDeps {
  readonly auth: VerdaccioAuth
  readonly recalls: RecallDesk
  readonly log: DecisionReader
}

const MAX_REASON = 500

/** Those in force; with `all=true`, what was lifted too. Newest first. */
export const recallsRoute =
  ({ auth, recalls }: RecallDeps): Handler =>
  async (request, response) => {
    const shown = recalls.all().filter(({ lifted }) => lifted === undefined || request.query.all === 'true')
    const seen = await new Visible(auth, request).only(shown, ({ name }) => name)
    response.json({ recalls: seen.toReversed().map(recallDocument) })
  }

export const makeRecall =
  ({ auth, recalls }: RecallDeps): Handler =>
  async (request, response) => {
    const body = request.body as JsonObject
    const read = readRecallSpec(ownString(body, 'package') ?? '')
    if ('problem' in read) return bad(response, `package ${read.problem}`, read.remedy)
    const reason = reasonIn(body)
    if (typeof reason !== 'string') return bad(response, reason.problem, reason.remedy)
    // Whether there is such a package is nobody's business who may not see it.
    if (!(await new Visible(auth, request).sees(read.name))) return forbidden(response)
    const recall = await recalls.add({ ...read, reason, by: nameOf(request) }, askerOf(request, trustedBy(request.app)))
    response.status(201).json({ recall: recallDocument(recall) })
  }

export const liftRecall =
  ({ auth, recalls }: RecallDeps): Handler =>
  async (request, response) => {
    const reason = reasonIn(request.body as JsonObject)
    if (typeof reason !== 'string') return bad(response, reason.problem, reason.remedy)
    const recall = await visibleRecall(request, { auth, recalls })
    const lifted = recall?.lifted === undefined ? recall && await recalls.lift(recall.id, { reason, by: nameOf(request) }, askerOf(request, trustedBy(request.app))) : undefined
    if (lifted === undefined) return notFound(response)
    response.json({ recall: recallDocument(lifted) })
  }

/** Who fetched what a recall is of, by the decision log. */
export const fetchedRoute =
  ({ auth, recalls, log }: RecallDeps): Handler =>
  async (request, response) => {
    const recall = await visibleRecall(request, { auth, recalls })
    if (recall === undefined) return notFound(response)
    const fetched = await whoFetched(log, [{ name: recall.name, holds: rangeOf(recall.range) ?? (() => true) }])
    response.json({ recall: recallDocument(recall), fetched })
  }

async function visibleRecall(request: Request, { auth, recalls }: Pick<RecallDeps, 'auth' | 'recalls'>): Promise<Recall | undefined> {
  const recall = recalls.all().find(({ id }) => String(id) === request.params.id)
  return recall !== undefined && (await new Visible(auth, request).sees(recall.name)) ? recall : undefined
}

function reasonIn(body: JsonObject): string | { readonly problem: string; readonly remedy: string } {
  const reason = ownString(body, 'reason')?.trim() ?? ''
  if (reason === '') return { problem: 'reason says nothing', remedy: 'Say in a few words why: it is logged and kept.' }
  return reason.length <= MAX_REASON ? reason : { problem: `reason is longer than ${String(MAX_REASON)} characters`, remedy: 'Say it in fewer words.' }
}

const nameOf = (request: Request): string | undefined => signedIn(request)?.name
const bad = (response: Response, problem: string, remedy: string): void => void response.status(400).json({ error: `${problem}. ${remedy}` })
const notFound = (response: Response): void => void response.status(404).json({ error: 'there is no such recall in force' })
const forbidden = (response: Response): void => void response.status(403).json({ error: 'this package is not shown to you' })
