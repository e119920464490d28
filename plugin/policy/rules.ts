import type { Candidate } from '../domain/evidence.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { EvidenceNeeds } from '../domain/ports.ts'
import { compileCondition, type Condition } from './condition.ts'
import { isRefusal, type Check } from './finding.ts'
import { compilePackagePattern, rangeHolds, type PackagePattern } from './package-pattern.ts'
import { overlay, type EffectiveRequire } from './presets.ts'
import { compileRequirements } from './requirements.ts'
import type { RuleDocument } from './schema.ts'
import { inScope, type Scope } from './scope.ts'

/** A rule as it is in force: defaults in, nothing left open. Plain data, and what the policy's revision is computed over. */
export interface EffectiveRule {
  readonly name: string
  readonly packages: readonly string[]
  readonly origin: 'upstream' | 'local' | 'any'
  readonly verdict?: { readonly outcome: 'deny' | 'allow'; readonly reason: string }
  readonly require: EffectiveRequire
  readonly where?: string
  readonly onFailure: 'deny' | 'warn'
  /** What the file it stands in may speak of; none is everything. */
  readonly scope: Scope
}

export interface Rule extends EffectiveRule {
  readonly checks: readonly Check[]
  /** Evidence that is not ignored: forgery in it is excused by nothing. */
  readonly examines: EvidenceNeeds
  readonly condition: Condition | undefined
}

/** Where a rule stands: an included file gives its rules its name, and no more than its packages. */
export interface RulePlace {
  readonly index: number
  readonly file: string | undefined
  readonly scope: Scope
}

/** Fills in what a rule of the file leaves to the defaults. A rule without a name goes by its place and its packages. */
export function effectiveRule(rule: RuleDocument, { index, file, scope }: RulePlace, defaults: EffectiveRequire): EffectiveRule {
  const name = rule.name ?? `rules[${index}]: ${rule.packages.slice(0, 3).join(', ')}${rule.packages.length > 3 ? ', ...' : ''}`
  return {
    name: file === undefined ? name : `${file}: ${name}`,
    packages: rule.packages,
    origin: rule.origin ?? 'upstream',
    ...(rule.verdict === undefined ? {} : { verdict: { outcome: rule.verdict, reason: rule.reason ?? '' } }),
    require: overlay(defaults, rule.require),
    ...(rule.where === undefined ? {} : { where: rule.where }),
    onFailure: rule.onFailure ?? 'deny',
    scope,
  }
}

export function compileRule(rule: EffectiveRule): Rule {
  const condition = rule.where === undefined ? undefined : compileCondition(rule.where)
  const checks = [...checksOf(rule), ...(condition === undefined ? [] : [condition.check])]
  return { ...rule, checks, examines: either(examinedBy(rule.require), condition?.reads), condition }
}

function checksOf({ verdict, require }: EffectiveRule): readonly Check[] {
  if (verdict === undefined) return compileRequirements(require)
  if (verdict.outcome === 'deny') return []
  // `verdict: allow` excuses every requirement, and forgery by none: so evidence that is there is looked at all the same.
  const present = compileRequirements({
    registrySignature: require.registrySignature === 'ignore' ? 'ignore' : 'ifPresent',
    publishAttestation: require.publishAttestation === 'ignore' ? 'ignore' : 'ifPresent',
    provenance: require.provenance === 'ignore' ? 'ignore' : 'ifPresent',
  })
  return present.map((check) => (candidate, situation) => check(candidate, situation).filter((finding) => !isRefusal(finding)))
}

function examinedBy(require: EffectiveRequire): EvidenceNeeds {
  const all = [require, ...(require.anyOf ?? [])]
  const looksAt = (key: 'registrySignature' | 'publishAttestation' | 'provenance'): boolean =>
    all.some((branch) => branch[key] !== undefined && branch[key] !== 'ignore')
  return {
    signature: looksAt('registrySignature'),
    publishAttestation: looksAt('publishAttestation'),
    provenance: looksAt('provenance'),
  }
}

/** A condition that reads evidence looks at it, whatever the requirements beside it ignore. */
const either = (a: EvidenceNeeds, b: EvidenceNeeds | undefined): EvidenceNeeds => ({
  signature: a.signature || b?.signature === true,
  publishAttestation: a.publishAttestation || b?.publishAttestation === true,
  provenance: a.provenance || b?.provenance === true,
})

/** One pattern of one rule. */
interface Entry {
  readonly rule: Rule
  readonly pattern: PackagePattern
}

/** Finds the rule that decides: the first that matches. */
export type RuleFinder = (ref: PackageRef, origin: Candidate['origin']) => Rule | undefined

/**
 * Exact names, of which an organisation may list thousands, are looked up; only patterns are tried one by one, and once for all
 * versions of a package, which are judged in a row.
 */
export const ruleFinder = (rules: readonly Rule[]): RuleFinder => finderAmong(rules.flatMap(entriesOf))

export const entriesOf = (rule: Rule): readonly Entry[] => rule.packages.map((text) => ({ rule, pattern: compilePackagePattern(text) }))

export function finderAmong(entries: readonly Entry[]): RuleFinder {
  const order = new Map(entries.map((entry, index) => [entry, index]))
  const exact = Map.groupBy(
    entries.filter(({ pattern }) => pattern.name.literal !== undefined),
    ({ pattern }) => pattern.name.literal,
  )
  const globs = entries.filter(({ pattern }) => pattern.name.literal === undefined)
  const speakingOf = (name: string): readonly Entry[] =>
    [...(exact.get(name) ?? []), ...globs.filter(({ pattern }) => pattern.name.matches(name))]
      .filter(({ rule }) => inScope(rule.scope, name))
      .toSorted((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0))
  let last: { readonly name: string; readonly entries: readonly Entry[] } | undefined
  return (ref, origin) => {
    if (last?.name !== ref.name) last = { name: ref.name, entries: speakingOf(ref.name) }
    return last.entries.find((entry) => isOf(entry, ref, origin))?.rule
  }
}

const isOf = ({ rule, pattern }: Entry, ref: PackageRef, origin: Candidate['origin']): boolean =>
  (rule.origin === 'any' || rule.origin === origin) && rangeHolds(pattern, ref, rule.verdict?.outcome === 'deny')
