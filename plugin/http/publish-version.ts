import type { NextFunction, Request, Response } from 'express'
import type { Asker, DecisionRecord, DecisionWriter } from '../domain/decision.ts'
import { eventRecord } from '../domain/decision-record.ts'
import { isObject, own, type JsonObject } from '../domain/json.ts'
import { specOf } from '../domain/package-ref.ts'
import { decide, PUBLISHED_HERE } from '../domain/ports.ts'
import { reason } from '../domain/reason.ts'
import { isServed } from '../domain/verdict.ts'
import { attestationsOf } from '../enforce/attachment.ts'
import { isRefusal, permitted, userOf, type TokenLogger, type VerdaccioAuth } from './access.ts'
import { askerOf, TRUSTS_NONE, type TrustsProxy } from './asker.ts'
import type { LocalPackages } from './local.ts'
import { documentWith, recordOf } from './local-registry.ts'
import { acceptedDocument, bringsFiles, readPublication, type PublishRequest } from './publication.ts'
import { readMaintainers } from './maintainers.ts'
import type { PublishedHere } from './publish.ts'
import { refusePublish, unavailable } from './refusal.ts'

export interface PublishVersionDeps {
  readonly auth: VerdaccioAuth
  readonly local: LocalPackages
  readonly mayShadow: (name: string) => boolean
  readonly publishedHere: PublishedHere
  readonly base: (request: Request) => string
  readonly logger: TokenLogger
  readonly trusts?: TrustsProxy | undefined
  /** Told of what was published. */
  readonly events?: DecisionWriter | undefined
}

type Handler = (request: Request, response: Response, next: NextFunction) => Promise<void> | void

/**
 * Stands before the core's writing: a version is judged with its provenance before anything of it is stored, and what the core
 * then stores says of the bytes what this mirror found. Changes of what is stored already pass, once the ledger knows all of it.
 */
export function publishVersion(deps: PublishVersionDeps): Handler {
  const { local } = deps
  const running = new Set<string>()
  return async (request, response, next) => {
    const { package: name = '', 0: rest = '' } = request.params
    const body: unknown = request.body
    if (rest.startsWith('-/')) return badRequest(response, 'a tarball is published together with its version')
    if (!isObject(body) || !bringsFiles(body)) {
      // The core deletes every version that such a document does not have.
      if (rest.startsWith('-rev') && isObject(body) && !isObject(own(body, 'versions')))
        return changeMaintainers(deps, response, name, body)
      await local.registry.remember(name)
      // Before it is gone, all mirrors know with which bytes it may come back.
      await decide(local.ledger, () => undefined)
      next('router')
      return
    }
    if (rest !== '') return badRequest(response, 'a version is published to the address of its package')
    if (!(await mayPublish(deps, request, name, next))) return
    const publication = readPublication(body, name, deps.base(request), nameOf(userOf(request)))
    if ('error' in publication) return badRequest(response, publication.error)

    const spec = specOf(publication.ref)
    // Broken off already: nobody would take it out of those that run.
    if (response.closed) return
    if (running.has(spec)) return conflict(response, spec)
    running.add(spec)
    response.once('close', () => { running.delete(spec) })
    await judged(deps, { request, response, next }, publication, body)
  }
}

/** `npm owner`: the guard has asked for the right to publish. */
async function changeMaintainers({ local }: PublishVersionDeps, response: Response, name: string, body: JsonObject): Promise<void> {
  const names = readMaintainers(own(body, 'maintainers'))
  if ('error' in names) {
    badRequest(response, names.error)
    return
  }
  if ((await local.registry.packument(name)) === 'absent') return void response.status(404).json({ error: `${name} is not published here` })
  await decide(local.ledger, () => { local.maintainers.setMaintainers(name, names) })
  response.status(201).json({ ok: 'maintainers changed' })
}

type Judged = (deps: PublishVersionDeps, exchange: Exchange, publication: PublishRequest, body: JsonObject) => Promise<void> | void
interface Exchange {
  readonly request: Request
  readonly response: Response
  readonly next: NextFunction
}

const judged: Judged = async (deps, { request, response, next }, publication, body) => {
  const { local, mayShadow, publishedHere, logger, trusts = TRUSTS_NONE, events } = deps
  const { ref, manifest, bytes, sha512, integrity } = publication
  const now = local.clock.now()
  const stored = await local.registry.packument(ref.name)
  if (stored !== 'absent' && stored.packument.versions.has(ref.version)) return conflict(response, specOf(ref))

  const answer = await local.judge({
    upstream: local.registry,
    ...publicationOf(documentWith(stored, ref.name, ref.version, manifest, now), ref.version),
    bytes,
    sha512,
    attestations: publication.bundle === undefined ? undefined : attestationsOf(publication.bundle),
    faults: publication.faults,
    asker: askerOf(request, trusts),
  })
  const { verdict, evidence } = answer
  if (verdict.outcome === 'unavailable') return unavailable(request, response, verdict.reasons[0] ?? reason('internal-error', 'the mirror failed'), ref)
  if (!isServed(verdict)) return refusePublish(request, response, { ref, reasons: verdict.reasons, rule: verdict.rule })

  // Before the version is there: without it the evidence says nothing, and a version without its evidence could be refused for good.
  const isShared = local.ledger.decided !== undefined
  await decide(local.ledger, () => {
    if (evidence !== undefined) local.evidence.keepEvidence({ ...ref, integrity }, evidence)
    // Where others could take the name from an uplink meanwhile, it is taken before anything is stored.
    if (isShared && !mayShadow(ref.name)) publishedHere.note(ref.name)
  })
  if (isShared && !mayShadow(ref.name) && !publishedHere.has(ref.name)) return taken(response, ref.name)
  await local.registry.removeLeftover(ref, stored)
  request.body = acceptedDocument(body, publication)
  response.once('finish', () => {
    if (response.statusCode !== 201) return
    events?.add(publishedRecord(answer, { at: local.clock.now(), asker: askerOf(request, trusts), integrity }))
    try {
      local.ledger.record(PUBLISHED_HERE, ref.name, [recordOf(ref.version, integrity, now)])
      if (!mayShadow(ref.name)) publishedHere.note(ref.name)
    } catch (error) {
      // It is recorded when it is first delivered, or changed.
      logger.error({ err: error, spec: specOf(ref), package: ref.name, version: ref.version }, '@{spec} was published and could not be recorded: @{err.message}')
    }
  })
  next('router')
}

const publishedRecord = (
  { ref, verdict, policyRevision, evidence }: Awaited<ReturnType<LocalPackages['judge']>>,
  { at, asker, integrity }: { readonly at: Date; readonly asker: Asker; readonly integrity: string },
): DecisionRecord => ({
  ...eventRecord({ at, kind: 'published', package: ref.name, version: ref.version, policyRevision, asker, detail: { provenance: evidence !== undefined } }),
  integrity,
  outcome: verdict.outcome,
  rule: verdict.rule,
  reasons: verdict.reasons.map(({ code, message }) => ({ code, message })),
})

function publicationOf(document: ReturnType<typeof documentWith>, version: string): Pick<Parameters<LocalPackages['judge']>[0], 'document' | 'manifest'> {
  const manifest = document.packument.versions.get(version)
  if (manifest === undefined) throw new RangeError('the version is in the document')
  return { document, manifest }
}

async function mayPublish({ auth }: PublishVersionDeps, request: Request, packageName: string, next: NextFunction): Promise<boolean> {
  try {
    await permitted(auth, 'publish', { packageName }, userOf(request))
    return true
  } catch (error) {
    if (!isRefusal(error)) throw error
    next(error)
    return false
  }
}

const nameOf = (user: unknown): string | undefined => {
  const name: unknown = user !== null && typeof user === 'object' && 'name' in user ? user.name : undefined
  return typeof name === 'string' ? name : undefined
}

const taken = (response: Response, name: string): void => {
  const error = `${name} is served from an uplink: another mirror has just given it to somebody`
  response.status(409).json({ error, message: error })
}

const badRequest = (response: Response, error: string): void => void response.status(400).json({ error, message: error })

const conflict = (response: Response, spec: string): void => {
  const error = `this package is already present: ${spec} is published, and no version is published twice`
  response.status(409).json({ error, message: error })
}
