import type { z } from 'zod'
import type { Problem } from '../domain/errors.ts'
import { remedyFor, strayKey } from './keys.ts'
import { nearestWord } from './nearest.ts'
import type { Place } from './schema.ts'
import { pathText, type Path, type Source } from './source.ts'

type Issue = z.core.$ZodIssue

export const problemAt = (source: Source, path: Path, message: string, remedy: string): Problem => {
  const line = source.lineOf(path)
  return {
    path: pathText(path),
    ...(source.included === undefined ? {} : { file: source.included }),
    ...(line === undefined ? {} : { line }),
    message,
    remedy,
  }
}

/** Says what a validator found in the words of the policy language. */
export function problemsOf(issue: Issue, source: Source, above: Path = []): readonly Problem[] {
  const path = [...above, ...issue.path]
  const key = path.findLast((step) => typeof step === 'string') ?? ''
  const one = (message: string, remedy: string): readonly Problem[] => [problemAt(source, path, message, remedy)]
  if (issue.input === undefined && issue.code !== 'custom' && issue.code !== 'unrecognized_keys')
    return one('is missing', remedyFor(key, path[0] === 'examples'))
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((stray) => {
        const { message, remedy } = strayKey(stray, placeOf(path, source))
        return problemAt(source, [...path, stray], message, remedy)
      })
    case 'invalid_value':
      return one(...wrongValue(issue.input, issue.values.map(String), key))
    case 'invalid_union':
      return wrongAlternative(issue, source, path) ?? one(`is ${kindOf(issue.input)}, which it cannot be`, remedyFor(key))
    case 'too_small':
      return one('is an empty list', remedyFor(key))
    case 'custom':
      return one(issue.message, remedyOf(issue) ?? remedyFor(key))
    case 'invalid_type':
      return one(`is ${kindOf(issue.input)}, and must be ${EXPECTED.get(issue.expected) ?? issue.expected}`, remedyFor(key, path[0] === 'examples'))
    default:
      return one(issue.message, remedyFor(key))
  }
}

/** The alternative that was meant is the one that was understood as a whole, or else the list of words. */
function wrongAlternative(issue: Issue & { code: 'invalid_union' }, source: Source, path: Path): readonly Problem[] | undefined {
  const isAbout = (inner: Issue): boolean =>
    inner.path.length > 0 || inner.code === 'custom' || inner.code === 'unrecognized_keys'
  const meant =
    issue.errors.find((inner) => inner.length > 0 && inner.every(isAbout)) ??
    (typeof issue.input === 'string'
      ? issue.errors.find((inner) => inner.some(({ code }) => code === 'invalid_value'))
      : undefined)
  return meant?.flatMap((inner) => problemsOf(inner, source, path))
}

function wrongValue(input: unknown, values: readonly string[], key: string): [message: string, remedy: string] {
  if (typeof input !== 'string')
    return [`is ${kindOf(input)}, and must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`, remedyFor(key)]
  const near = nearestWord(input, values)
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`
  return [`"${input}" is not one of ${values.join(', ')}`, `${remedyFor(key)}${hint}`]
}

const remedyOf = (issue: Issue & { code: 'custom' }): string | undefined => {
  const remedy: unknown = issue.params?.remedy
  return typeof remedy === 'string' ? remedy : undefined
}

const EXPECTED: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['object', 'a mapping'],
  ['array', 'a list'],
])

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${String(value)}`
  return typeof value === 'string' ? 'text' : 'a mapping'
}

const IN_LISTS: ReadonlyMap<unknown, Place> = new Map<unknown, Place>([
  ['waivers', 'waiver'],
  ['include', 'include'],
  ['examples', 'example'],
  ['rules', 'rule'],
])
const IN_EXAMPLES: ReadonlyMap<unknown, Place> = new Map<unknown, Place>([
  ['evidence', 'evidence'],
  ['provenance', 'claims'],
  ['hints', 'hints'],
  ['pinned', 'claims'],
])

function placeOf(path: Path, source: Source): Place {
  const [list] = path
  const last = path.at(-1)
  if (list === undefined) return source.included === undefined ? 'policy' : 'fragment'
  if (list === 'examples' && path.at(-2) === 'after') return 'after'
  if (list === 'examples' && path.length > 2) return IN_EXAMPLES.get(last) ?? 'example'
  if (last === 'provenance') return 'identity'
  if (last === 'require' || last === 'defaults') return 'require'
  if (path.at(-2) === 'anyOf') return 'branch'
  if (last === 'trustDowngrade') return 'downgrade'
  if (last === 'identityPin' || last === 'manifestRepository' || last === 'dependencySources') return 'graded'
  return IN_LISTS.get(list) ?? 'rule'
}
