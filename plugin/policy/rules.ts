import type { Candidate } from '../domain/evidence.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { EvidenceNeeds } from '../domain/ports.ts'
import { isRefusal, type Check } from './finding.ts'
import { compilePackagePattern, rangeHolds, type PackagePattern } from './package-pattern.ts'
import { overlay, type EffectiveRequire } from './presets.ts'
import { compileRequirements } from './requirements.ts'
import type { RuleDocument } from './schema.ts'

/** A rule as it is in force: defaults in, nothing left open. Plain data, and what the policy's revision is computed over. */
export interface EffectiveRule {
  readonly name: string
  readonly packages: readonly string[]
  readonly origin: 'upstream' | 'any'
  readonly verdict?: { readonly outcome: 'deny' | 'allow'; readonly reason: string }
  readonly require: EffectiveRequire
}

export interface Rule extends EffectiveRule {
  readonly checks: readonly Check[]
  /** Evidence that is not ignored: forgery in it is excused by nothing. */
  readonly examines: EvidenceNeeds
}

/** Fills in what a rule of the file leaves to the defaults. A rule without a name goes by its place and its packages. */
export function effectiveRule(rule: RuleDocument, index: number, defaults: EffectiveRequire): EffectiveRule {
  return {
    name: rule.name ?? `rules[${index}]: ${rule.packages.slice(0, 3).join(', ')}${rule.packages.length > 3 ? ', ...' : ''}`,
    packages: rule.packages,
    origin: rule.origin ?? 'upstream',
    ...(rule.verdict === undefined ? {} : { verdict: { outcome: rule.verdict, reason: rule.reason ?? '' } }),
    require: overlay(defaults, rule.require),
  }
}

export function compileRule(rule: EffectiveRule): Rule {
  return { ...rule, checks: checksOf(rule), examines: examinedBy(rule.require) }
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

/** One pattern of one rule, in the order of the file. */
interface Entry {
  readonly order: number
  readonly rule: Rule
  readonly pattern: PackagePattern
}

/** Finds the rule that decides: the first that matches. */
export type RuleFinder = (ref: PackageRef, origin: Candidate['origin']) => Rule | undefined

/** Exact names, of which an organisation may list thousands, are looked up; only patterns are tried one by one. */
export function ruleFinder(rules: readonly Rule[]): RuleFinder {
  const entries = rules.flatMap((rule, order) =>
    rule.packages.map((text) => ({ order, rule, pattern: compilePackagePattern(text) })),
  )
  const exact = Map.groupBy(
    entries.filter(({ pattern }) => pattern.name.literal !== undefined),
    ({ pattern }) => pattern.name.literal,
  )
  const globs = entries.filter(({ pattern }) => pattern.name.literal === undefined)
  return (ref, origin) => {
    const holds = (entry: Entry): boolean => isOf(entry, ref, origin)
    const named = exact.get(ref.name)?.find(holds)
    const general = globs.find((entry) => entry.pattern.name.matches(ref.name) && holds(entry))
    if (named === undefined || general === undefined) return (named ?? general)?.rule
    return named.order <= general.order ? named.rule : general.rule
  }
}

const isOf = ({ rule, pattern }: Entry, ref: PackageRef, origin: Candidate['origin']): boolean =>
  (rule.origin === 'any' || origin === 'upstream') && rangeHolds(pattern, ref, rule.verdict?.outcome === 'deny')
