/**
 * What no single value is guilty of. Works on the document as it came, so that these problems are listed together with those of
 * its values rather than after them.
 */
import type { Problem } from '../domain/errors.ts'
import { isObject, own, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { problemAt } from './problems.ts'
import type { FragmentDocument } from './schema.ts'
import type { Source } from './source.ts'
import { parseDate } from './values.ts'

interface RawRule {
  readonly index: number
  readonly rule: JsonObject
}

export function crossCheck(source: Source): readonly Problem[] {
  if (!isObject(source.value)) return []
  const rules = rulesOf(source.value)
  return [
    ...rules.flatMap((rule) => verdictProblems(rule, source)),
    ...duplicateNames(rules, source),
    ...(own(source.value, 'extends') === undefined && !rules.some(catchesAll) ? [nothingCatchesAll(source)] : []),
  ]
}

/** The same for an included file, whose rules need not catch everything. */
export function fragmentCrossCheck(source: Source): readonly Problem[] {
  if (!isObject(source.value)) return []
  const rules = rulesOf(source.value)
  return [...rules.flatMap((rule) => verdictProblems(rule, source)), ...duplicateNames(rules, source)]
}

/** An exception that is over is either forgotten or still needed: somebody has to say which. */
export const expiryProblems = ({ source, document }: { readonly source: Source; readonly document: FragmentDocument }, now: Date): readonly Problem[] =>
  (document.waivers ?? []).flatMap(({ expires }, index) =>
    parseDate(expires) > now
      ? []
      : [problemAt(source, ['waivers', index, 'expires'], `"${expires}" is over`, 'Remove the waiver, or have it approved again with a later day')],
  )

function rulesOf(document: JsonObject): readonly RawRule[] {
  const rules = own(document, 'rules')
  if (!Array.isArray(rules)) return []
  return (rules as readonly Json[]).flatMap((rule, index) => (isObject(rule) ? [{ index, rule }] : []))
}

function verdictProblems({ index, rule }: RawRule, source: Source): readonly Problem[] {
  const has = (key: string): boolean => own(rule, key) !== undefined
  const at = (key: string, message: string, remedy: string): Problem => problemAt(source, ['rules', index, key], message, remedy)
  const idle = has('verdict') ? ['require', 'where', 'onFailure'].filter(has) : []
  return [
    ...idle.map((key) => at(key, 'stands beside a verdict, which decides without it', `Remove \`${key}\`, or \`verdict\` and \`reason\``)),
    ...(has('verdict') && !has('reason')
      ? [at('verdict', 'has no reason', 'Add `reason` with a sentence that people will see, and understand later')]
      : []),
    ...(has('reason') && !has('verdict')
      ? [at('reason', 'has no verdict', 'Add `verdict: deny` or `verdict: allow`, or remove it')]
      : []),
  ]
}

/** A verdict names its rule, so a name must be one rule's. */
function duplicateNames(rules: readonly RawRule[], source: Source): readonly Problem[] {
  const seen = new Map<string, number>()
  return rules.flatMap(({ index, rule }) => {
    const name = ownString(rule, 'name')
    if (name === undefined) return []
    const first = seen.get(name)
    if (first === undefined) seen.set(name, index)
    else
      return [
        problemAt(source, ['rules', index, 'name'], `is the name of rules[${first}] too`, 'Give each rule a name of its own'),
      ]
    return []
  })
}

/** Packages published here need no rule; all others do. */
function catchesAll({ rule }: RawRule): boolean {
  const packages = own(rule, 'packages')
  return Array.isArray(packages) && packages.includes('**') && own(rule, 'origin') !== 'local'
}

const nothingCatchesAll = (source: Source): Problem =>
  problemAt(
    source,
    ['rules'],
    'no rule catches every package',
    'Add `extends: recommended`, or end the rules with one whose packages are ["**"] (a single * stops at the slash of a scope)',
  )
