import type { Filter } from './filter.ts'

/** What databases say differently. Values are always parameters. */
export interface Dialect {
  /** The n-th parameter, from 1. */
  parameter(n: number): string
  /** True where the text holds the parameter. */
  contains(column: string, parameter: string): string
  /** True where the text matches the parameter as `pattern` writes it. */
  matches(column: string, parameter: string): string
  /** `*` stands for anything, all else for itself. */
  pattern(glob: string): string
}

export type Value = string | number | null

export interface Statement {
  readonly sql: string
  readonly values: readonly Value[]
}

/** What both databases understand, for a question. */
export function selectOf({ query, from, to, newestFirst, after, limit }: Filter, dialect: Dialect): Statement {
  const values: Value[] = []
  const p = (value: Value): string => dialect.parameter(values.push(value))
  const anyOf = (column: string, list: readonly string[] | undefined): readonly string[] =>
    list === undefined || list.length === 0 ? [] : [`${column} IN (${list.map(p).join(', ')})`]
  const is = (column: string, value: string | undefined): readonly string[] => (value === undefined ? [] : [`${column} = ${p(value)}`])
  const { reasons = [], text, package: name } = query
  const conditions = [
    ...anyOf('kind', query.kinds),
    ...anyOf('outcome', query.outcomes),
    ...(name?.includes('*') === true ? [dialect.matches('package', p(dialect.pattern(name)))] : is('package', name)),
    ...is('version', query.version),
    ...is('rule', query.rule),
    ...is('user_name', query.user),
    ...is('address', query.address),
    ...is('revision', query.policyRevision),
    ...(reasons.length === 0 ? [] : [`(${reasons.map((code) => dialect.contains('codes', p(` ${code} `))).join(' OR ')})`]),
    ...(text === undefined || text === '' ? [] : [dialect.contains('words', p(text.toLowerCase()))]),
    ...(from === undefined ? [] : [`at >= ${p(from)}`]),
    ...(to === undefined ? [] : [`at < ${p(to)}`]),
    ...(after === undefined ? [] : [`(at, chain, sequence) ${newestFirst ? '<' : '>'} (${p(after.at)}, ${p(after.chain)}, ${p(after.sequence)})`]),
  ]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`
  const direction = newestFirst ? 'DESC' : 'ASC'
  const order = ['at', 'chain', 'sequence'].map((column) => `${column} ${direction}`).join(', ')
  return { sql: `SELECT at, chain, sequence, body, hash FROM decision_entry${where} ORDER BY ${order} LIMIT ${p(limit)}`, values }
}
