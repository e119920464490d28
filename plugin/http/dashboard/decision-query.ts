/** The address of a question to the decision log, read. */
import type { Request } from 'express'
import { BadQuery, type DecisionQuery } from '../../domain/decision.ts'
import { isReasonCode } from '../../domain/reason.ts'
import { printable } from '../../enforce/text.ts'

const OUTCOMES = ['allow', 'warn', 'deny', 'unavailable']
const SEVERAL = ['kind', 'outcome', 'reason']
const ONE = ['package', 'version', 'rule', 'user', 'address', 'policyRevision', 'text', 'from', 'to', 'order', 'cursor', 'limit']
const MAX_VALUES = 50
const MAX_LENGTH = 512
const MAX_LIMIT = 1000

/** The parameters of a request as they stand, not as objects that a parser may make of them. */
export const parametersOf = ({ originalUrl }: Pick<Request, 'originalUrl'>): URLSearchParams =>
  new URLSearchParams(originalUrl.includes('?') ? originalUrl.slice(originalUrl.indexOf('?') + 1) : '')

/** @throws BadQuery */
export function decisionQueryOf(parameters: URLSearchParams): DecisionQuery {
  const known = [...SEVERAL, ...ONE]
  for (const [name, value] of parameters) {
    if (!known.includes(name)) throw new BadQuery(`there is no parameter ${quoted(name)}; these are: ${known.join(', ')}`)
    if (value.length > MAX_LENGTH) throw new BadQuery(`${name} is longer than ${MAX_LENGTH} characters`)
    if (!SEVERAL.includes(name) && parameters.getAll(name).length > 1) throw new BadQuery(`${name} is given twice, and can have one value`)
  }
  const several = (name: string, isKnown: (value: string) => boolean): readonly string[] | undefined => {
    const values = parameters.getAll(name).filter((value) => value !== '')
    const wrong = values.find((value) => !isKnown(value))
    if (wrong !== undefined) throw new BadQuery(`${quoted(wrong)} is no ${name}`)
    if (values.length > MAX_VALUES) throw new BadQuery(`${name} has more than ${MAX_VALUES} values`)
    return values.length === 0 ? undefined : values
  }
  const one = (name: string): string | undefined => {
    const value = parameters.get(name)
    return value === null || value === '' ? undefined : value
  }
  return {
    kinds: several('kind', (value) => /^[a-z-]{1,40}$/.test(value)),
    outcomes: several('outcome', (value) => OUTCOMES.includes(value)),
    reasons: several('reason', isReasonCode),
    package: one('package'),
    version: one('version'),
    rule: one('rule'),
    user: one('user'),
    address: one('address'),
    policyRevision: one('policyRevision'),
    text: one('text'),
    from: timeOf(parameters, 'from'),
    to: timeOf(parameters, 'to'),
    order: orderOf(one('order')),
    cursor: one('cursor'),
    limit: numberOf(parameters, 'limit', 1, MAX_LIMIT),
  }
}

/** ISO 8601 in UTC. @throws BadQuery */
export function timeOf(parameters: URLSearchParams, name: string): string | undefined {
  const text = parameters.get(name) ?? ''
  if (text === '') return undefined
  const time = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(text) ? new Date(text) : new Date(NaN)
  if (Number.isNaN(time.getTime())) throw new BadQuery(`${name} is no time: write it as 2027-01-31T12:00:00Z`)
  return time.toISOString()
}

/** @throws BadQuery */
export function numberOf(parameters: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = parameters.get(name) ?? ''
  if (text === '') return undefined
  const number = /^\d{1,12}$/.test(text) ? Number(text) : NaN
  if (!(number >= min && number <= max)) throw new BadQuery(`${name} is no number from ${min} to ${max}`)
  return number
}

function orderOf(text: string | undefined): DecisionQuery['order'] {
  if (text === undefined || text === 'newest' || text === 'oldest') return text
  throw new BadQuery('order is newest or oldest')
}

const quoted = (text: string): string => `"${printable(text, 60)}"`
