import type { z } from 'zod'
import type { Problem } from '../domain/errors.ts'

/** zod's issues as problems with a place and a remedy. */
export function problemsOf(error: z.ZodError, root: string): readonly Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, root))
}

function problemsOfIssue(issue: z.core.$ZodIssue, root: string): readonly Problem[] {
  const place = placeOf(issue.path, root)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: `${place}.${key}`, message: 'is not a known key', remedy: 'docs/configuration.md lists the keys there are.' }))
    case 'invalid_union': {
      const deepest = issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length)[0]
      if (deepest !== undefined && deepest.path.length > 0) return problemsOfIssue({ ...deepest, path: [...issue.path, ...deepest.path] }, root)
      return [{ path: place, message: issue.errors.flat().map(({ message }) => message).join('; or '), remedy: 'Give one of these.' }]
    }
    case 'invalid_type':
      if (issue.expected === 'never') return [{ path: place, message: issue.message, remedy: 'Remove it.' }]
      return [{ path: place, message: 'is of the wrong type', remedy: `Write ${EXPECTED.get(issue.expected) ?? issue.expected}.` }]
    case 'invalid_value':
      return [{ path: place, message: 'is not a value it can have', remedy: `One of: ${issue.values.map(String).join(', ')}.` }]
    default: {
      const remedy = issue.code === 'custom' ? (issue.params?.remedy as unknown) : undefined
      return [{ path: place, message: issue.message, remedy: typeof remedy === 'string' ? remedy : 'See docs/configuration.md.' }]
    }
  }
}

/** zod's names of types in the words of YAML. */
const EXPECTED: ReadonlyMap<string, string> = new Map([
  ['object', 'a mapping'],
  ['record', 'a mapping'],
  ['array', 'a list'],
  ['string', 'text'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
])

const placeOf = (path: readonly PropertyKey[], root: string): string =>
  path.reduce<string>((place, key) => (typeof key === 'number' ? `${place}[${String(key)}]` : `${place}.${String(key)}`), root)
