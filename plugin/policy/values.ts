/** The single values of a policy: each reader throws a Mistake that says what would be right. */
import type { z } from 'zod'
import { isOneSha512 } from '../domain/integrity.ts'
import { isForgery, isReasonCode, isUnavailable, REASON_CODES, type ReasonCode } from '../domain/reason.ts'
import { nearestWord } from './nearest.ts'
import { Mistake } from './mistake.ts'

/** Runs a parser that throws Mistake, and keeps the value as it was written. */
export const readBy =
  <T>(parse: (value: T) => unknown) =>
  (value: T, context: z.RefinementCtx<T>): void => {
    try {
      parse(value)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      context.addIssue({ code: 'custom', message: error.message, params: { remedy: error.remedy } })
    }
  }

export const ISSUERS: ReadonlyMap<string, string> = new Map([
  ['github-actions', 'https://token.actions.githubusercontent.com'],
  ['gitlab-ci', 'https://gitlab.com'],
])

export function parseIssuer(value: string): void {
  if (ISSUERS.has(value)) return
  const remedy = `Write the issuer's whole address (https://...) or one of ${[...ISSUERS.keys()].join(', ')}`
  if (value.includes('*')) throw new Mistake('has a wildcard, and issuers are compared exactly', remedy)
  if (!/^https?:\/\/[^\s/]+\S*$/.test(value)) throw new Mistake(`"${value}" is not an issuer`, remedy)
}

export function parseExact(value: string): void {
  if (value === '' || value.trim() !== value) throw new Mistake('is empty or has spaces around it', 'Write the value itself')
  if (value.includes('*')) throw new Mistake('has a wildcard, and this field is compared exactly', 'Write the whole value')
}

export function parseText(value: string): void {
  if (value.trim() === '') throw new Mistake('is empty', 'Write a sentence that people will understand later')
}

export function parseRepository(value: string): void {
  const isAddress = /^https:\/\/[^\s/@#?]+\/[^\s@#?]*[^\s@#?/]$/.test(value) && !value.endsWith('.git')
  if (value !== 'none' && !isAddress)
    throw new Mistake('is not the address of a repository', 'Write it as a certificate does, whatever the package.json writes: https://github.com/acme/ui; or none')
}

export function parsePin(value: string): void {
  if (!isOneSha512(value))
    throw new Mistake('is not one canonical sha512', 'Write dist.integrity of the version, as `npm view NAME@VERSION dist.integrity` prints it')
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z$/

/**
 * A day is its first moment in UTC: what ends on a day is over when the day begins.
 * @throws Mistake
 */
export function parseDate(value: string): Date {
  const date = new Date(DAY.test(value) ? `${value}T00:00:00Z` : value)
  // 2027-02-30 is a date to no calendar, and another day to some parsers.
  const isReal = (DAY.test(value) || MOMENT.test(value)) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value.slice(0, 10))
  if (!isReal) throw new Mistake(`"${value}" is not a date`, 'Write a day such as 2027-03-01, or a time in UTC such as 2027-03-01T12:00:00Z')
  return date
}

/** YAML 1.1, in which another configuration may be written, reads a bare date as a date. */
export const dateText = (value: unknown): unknown =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString().replace(/T00:00:00\.000Z$/, '') : value

/** What stands outside a rule's requirements, and what to do about it instead of a waiver. */
const NEVER_WAIVED: ReadonlyMap<ReasonCode, readonly [message: string, remedy: string]> = new Map([
  ['denied-by-rule', ['is a rule that refuses, which no waiver excuses', 'Put a rule for the version before it']],
  ['origin-changed', ['is not waived for a version', 'It is about the whole name: use `ledger reset NAME`']],
  ['tarball-host-refused', ['is not a requirement of the policy', "Name the host in the uplink's `tarballHosts`"]],
  ['version-withdrawn', ['is not a requirement of the policy', 'The registry has no bytes to serve']],
  ['recalled', ['is not a requirement of the policy', 'Take the recall back instead']],
  ['evidence-withdrawn', ['is a warning, and refuses nothing', 'Remove it']],
])

/** The one forgery that a waiver excuses, by naming the bytes itself: a version older than integrities, of which there is a shasum only. */
const WAIVED_WITH_A_PIN: ReasonCode = 'integrity-missing'

/** Codes that a waiver may name: of requirements, and the one that its pin makes good. */
export const WAIVABLE: readonly ReasonCode[] = REASON_CODES.filter(
  (code) => code === WAIVED_WITH_A_PIN || (!isForgery(code) && !isUnavailable(code) && !NEVER_WAIVED.has(code)),
)

export function parseWaived(code: string): void {
  parseCode(code)
  if (!isReasonCode(code)) return
  const never = NEVER_WAIVED.get(code)
  if (never !== undefined) throw new Mistake(`"${code}" ${never[0]}`, never[1])
  if (isForgery(code) && code !== WAIVED_WITH_A_PIN) throw new Mistake(`"${code}" is forgery, which is never waived`, 'Remove it: nobody should install these bytes')
  if (isUnavailable(code)) throw new Mistake(`"${code}" is no refusal, so there is nothing to waive`, 'Remove it')
}

export function parseCode(code: string): void {
  if (isReasonCode(code)) return
  const near = nearestWord(code, REASON_CODES)
  throw new Mistake(`"${code}" is not a reason code`, near === undefined ? 'Write one of the codes in docs/reasons.md' : `Did you mean "${near}"?`)
}
