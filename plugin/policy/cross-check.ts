/**
 * What no single value is guilty of. Works on the document as it came, so that these problems are listed together with those of
 * its values rather than after them.
 */
import type { Problem } from '../domain/errors.ts'
import { isObject, own, ownObject, ownString, type Json, type JsonObject } from '../domain/json.ts'
import { problemAt } from './problems.ts'
import type { Source } from './source.ts'

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

/** What is allowed and probably not meant. */
export function doubts(source: Source): readonly Problem[] {
  if (!isObject(source.value)) return []
  const rules = rulesOf(source.value)
  const last = rules.findIndex(catchesAll)
  const identities = [
    { path: ['defaults', 'provenance'], identity: provenanceOf(ownObject(source.value, 'defaults')) },
    ...rules.map(({ rule, index }) => ({
      path: ['rules', index, 'require', 'provenance'],
      identity: provenanceOf(ownObject(rule, 'require')),
    })),
  ]
  return [
    ...rules
      .filter(({ rule }, position) => last !== -1 && position > last && reaches(rules[last], rule))
      .map(({ index }) =>
        problemAt(
          source,
          ['rules', index],
          'is never reached, since a rule before it catches every package',
          'Move it up, or remove it',
        ),
      ),
    ...identities.flatMap(({ path, identity }) => (identity === undefined ? [] : identityDoubts(identity, path, source))),
  ]
}

function rulesOf(document: JsonObject): readonly RawRule[] {
  const rules = own(document, 'rules')
  if (!Array.isArray(rules)) return []
  return (rules as readonly Json[]).flatMap((rule, index) => (isObject(rule) ? [{ index, rule }] : []))
}

function verdictProblems({ index, rule }: RawRule, source: Source): readonly Problem[] {
  const has = (key: string): boolean => own(rule, key) !== undefined
  const at = (key: string, message: string, remedy: string): Problem => problemAt(source, ['rules', index, key], message, remedy)
  return [
    ...(has('verdict') && has('require')
      ? [at('require', 'stands beside a verdict, which decides without it', 'Remove `require`, or `verdict` and `reason`')]
      : []),
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

function catchesAll({ rule }: RawRule): boolean {
  const packages = own(rule, 'packages')
  return Array.isArray(packages) && packages.includes('**')
}

const nothingCatchesAll = (source: Source): Problem =>
  problemAt(
    source,
    ['rules'],
    'no rule catches every package',
    'Add `extends: recommended`, or end the rules with one whose packages are ["**"] (a single * stops at the slash of a scope)',
  )

/** A rule for upstream packages leaves local ones to the rules behind it. */
const reaches = (before: RawRule | undefined, rule: JsonObject): boolean =>
  before !== undefined && (own(before.rule, 'origin') === 'any' || own(rule, 'origin') !== 'any')

const provenanceOf = (require: JsonObject | undefined): JsonObject | undefined =>
  require === undefined ? undefined : ownObject(require, 'provenance')

function identityDoubts(identity: JsonObject, path: readonly (string | number)[], source: Source): readonly Problem[] {
  const has = (key: string): boolean => own(identity, key) !== undefined
  // A reusable workflow may be called by anybody: who signed is not where it came from.
  const names = ['sourceRepository', 'sourceRepositoryId', 'sourceOwnerId']
  return [
    ...(names.some(has)
      ? []
      : [problemAt(source, path, 'names no source, so every project of the issuer satisfies it', 'Add `sourceRepository`')]),
    ...(has('sourceRepository') && has('sourceRepositoryId')
      ? [
          problemAt(
            source,
            [...path, 'sourceRepository'],
            'is not compared, since sourceRepositoryId stands beside it',
            'Keep it for readers, or remove it',
          ),
        ]
      : []),
    ...(ownString(identity, 'signerWorkflow')?.endsWith('@*') === true
      ? [
          problemAt(
            source,
            [...path, 'signerWorkflow'],
            'ends with @*, which matches a commit but no branch or tag (refs/...), since * stops at a slash',
            'Write @** for any ref, or @refs/tags/*',
          ),
        ]
      : []),
  ]
}
