import type { Request, Response } from 'express'
import { specOf, type PackageRef } from '../domain/package-ref.ts'
import { reason, type Reason } from '../domain/reason.ts'
import { printable } from '../enforce/text.ts'

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

const MAX_SENTENCE = 400

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

/** 503: nothing was decided. Clients try again. */
export function unavailable(request: Request, response: Response, why: Reason, ref: Partial<PackageRef>): void {
  response.setHeader('Retry-After', '1')
  const subject = ref.name === undefined ? 'this request' : ref.version === undefined ? ref.name : `${ref.name}@${ref.version}`
  answer(request, response, 503, `cannot decide on ${subject} now: ${why.message}`, ref, [why], {})
}

/** Without a version, of a whole package. */
export const withdrawnReason = ({ name, version }: { readonly name: string; readonly version?: string }): Reason =>
  reason('version-withdrawn', `${version === undefined ? name : specOf({ name, version })} was here and its registry no longer has it`)

function sentenceOf({ ref, reasons, rule, nearestAllowed, explain }: Refusal): string {
  const why = reasons[0]?.message ?? 'no reason was recorded'
  const by = rule === undefined ? '' : ` (policy rule "${rule}")`
  const instead = nearestAllowed === undefined ? '' : `; ${ref.name}@${nearestAllowed} passes`
  const subject = ref.version === undefined ? `every version of ${ref.name}` : `${ref.name}@${ref.version}`
  return `${subject} is refused: ${why}${by}${instead}; see ${explain}`
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
  const body = JSON.stringify({
    error: text,
    message: text,
    ...(ref.name === undefined ? {} : { package: ref.name }),
    ...(ref.version === undefined ? {} : { version: ref.version }),
    reasons: reasons.map(({ code, message, detail }) => ({ code, message: plain(message), ...(detail === undefined ? {} : { detail: plainDetail(detail) }) })),
    ...extra,
  })
  response.statusMessage = text
  response.setHeader('Content-Type', 'application/json')
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.setHeader('Cache-Control', 'no-store')
  response.status(status).end(request.method === 'HEAD' ? undefined : body)
}

const plainDetail = (detail: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, plain(value)]))
