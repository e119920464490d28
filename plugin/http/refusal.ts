import type { Request, Response } from 'express'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import type { Reason } from '../domain/reason.ts'
import { printable } from '../enforce/text.ts'
import { addressThatSays } from './said-in-address.ts'

/** Everything a refused developer is told. */
export interface Refusal {
  /** Without a version when every version of the package is refused. */
  readonly ref: { readonly name: string; readonly version?: string }
  readonly reasons: readonly Reason[]
  /** Name of the policy rule that decided, or undefined when no rule was asked. */
  readonly rule: string | undefined
  readonly nearestAllowed: string | undefined
  /** Address of the explanation. */
  readonly explain: string
}

/** Where clients and their users stop reading. */
const MAX_SENTENCE = 400
const MAX_RULE = 80
const MIN_REASON = 40

/** On every answer that rests on a policy: which. Set before anything is decided, so that it is there however the answer ends. */
export const POLICY_REVISION = 'npm-policy-revision'

/** Printable ASCII: clients print this raw, and an upstream wrote parts of it (terminal escapes, header splitting). */
const plain = (text: string): string => printable(text, MAX_SENTENCE)

/**
 * 403, the one refusal every client takes at once; the sentence stands where clients look for it: reason phrase, `error`
 * and `message` (docs/clients).
 */
export function refuse(request: Request, response: Response, refusal: Refusal): void {
  answer(request, response, 403, sentenceOf(refusal), refusal.ref, refusal.reasons, {
    explain: refusal.explain,
    ...(refusal.nearestAllowed === undefined ? {} : { nearestAllowed: refusal.nearestAllowed }),
  })
}

/** 403 to whoever publishes: nothing of the version was stored, so there is no address to read on. */
export function refusePublish(request: Request, response: Response, { ref, reasons, rule }: Pick<Refusal, 'reasons' | 'rule'> & { readonly ref: PackageRef }): void {
  const [head, tail] = [`publishing ${specOf(ref)} is refused: `, rule === undefined ? '' : ` (policy rule "${printable(rule, MAX_RULE)}")`]
  const why = printable(reasons[0]?.message ?? 'no reason was recorded', Math.max(MIN_REASON, MAX_SENTENCE - head.length - tail.length))
  answer(request, response, 403, `${head}${why}${tail}`, ref, reasons, {})
}

/** 503: nothing was decided. Clients try again. */
export function unavailable(request: Request, response: Response, why: Reason, ref: Partial<PackageRef>): void {
  response.setHeader('Retry-After', '1')
  const subject = ref.name === undefined ? 'this request' : ref.version === undefined ? ref.name : `${ref.name}@${ref.version}`
  answer(request, response, 503, `cannot decide on ${subject} now: ${why.message}`, ref, [why], {})
}

/** What is long is cut in the reason and the rule's name: version, what passes and the address to read on are what people act on. */
function sentenceOf({ ref, reasons, rule, nearestAllowed, explain }: Refusal): string {
  const by = rule === undefined ? '' : ` (policy rule "${printable(rule, MAX_RULE)}")`
  const instead = nearestAllowed === undefined ? '' : `; ${ref.name}@${nearestAllowed} passes`
  const subject = ref.version === undefined ? `every version of ${ref.name}` : `${ref.name}@${ref.version}`
  const [head, tail] = [`${subject} is refused: `, `${by}${instead}; see ${explain}`]
  const why = printable(reasons[0]?.message ?? 'no reason was recorded', Math.max(MIN_REASON, MAX_SENTENCE - head.length - tail.length))
  return `${head}${why}${tail}`
}

function answer(
  request: Request,
  response: Response,
  status: 403 | 503,
  sentence: string,
  ref: Partial<PackageRef>,
  reasons: readonly Reason[],
  extra: Readonly<Record<string, string>>,
): void {
  const text = plain(sentence)
  const policyRevision = response.getHeader(POLICY_REVISION)
  const body = JSON.stringify({
    error: text,
    message: text,
    ...(ref.name === undefined ? {} : { package: ref.name }),
    ...(ref.version === undefined ? {} : { version: ref.version }),
    reasons: reasons.map(({ code, message, detail }) => ({ code, message: plain(message), ...(detail === undefined ? {} : { detail: plainDetail(detail) }) })),
    ...(policyRevision === undefined ? {} : { policyRevision }),
    ...extra,
  })
  const says = status === 403 ? addressThatSays(request, text) : undefined
  if (says !== undefined) response.setHeader('Location', says)
  response.statusMessage = text
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.setHeader('Cache-Control', 'no-store')
  response.status(says === undefined ? status : 302).end(request.method === 'HEAD' ? undefined : body)
}

const plainDetail = (detail: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, plain(value)]))
