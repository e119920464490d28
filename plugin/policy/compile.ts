import type { Problem } from '../domain/errors.ts'
import type { EvidenceNeeds, Policy } from '../domain/ports.ts'
import { parseDuration } from './duration.ts'
import { evaluate } from './evaluate.ts'
import { baseOf, overlay, type EffectiveRequire } from './presets.ts'
import { revisionOf } from './revision.ts'
import { compileRule, effectiveRule, ruleFinder, type EffectiveRule } from './rules.ts'
import { ISSUERS, type BranchDocument, type PolicyDocument, type PresetName } from './schema.ts'

/** A policy in force, and what people want to know about it. */
export interface TrustPolicy extends Policy {
  /** `none` for a policy that extends none. */
  readonly preset: PresetName | 'none'
  readonly onUnavailable: 'deny' | 'allow'
  /** In the order in which they are tried, the preset's own last. */
  readonly rules: readonly EffectiveRule[]
  /** What belongs to the preset and is not enforced by this version. */
  readonly missing: readonly string[]
  /** What is allowed in the file and probably not meant. */
  readonly warnings: readonly Problem[]
}

/** Compiles a document that was validated. Pure: nothing is read after this. */
export function compilePolicy(document: PolicyDocument, warnings: readonly Problem[]): TrustPolicy {
  const base = baseOf(document)
  const mode = document.mode ?? base.mode
  const listing = document.listing ?? base.listing
  const onUnavailable = document.onUnavailable ?? base.onUnavailable
  const rules = effectiveRules(document, overlay(base.require, document.defaults))
  const compiled = rules.map(compileRule)
  const ruleFor = ruleFinder(compiled)
  return {
    revision: revisionOf({
      mode,
      listing,
      onUnavailable,
      rules: rules.map((rule) => ({ ...rule, require: meaningOf(rule.require) })),
    }),
    preset: document.extends ?? 'none',
    mode,
    listing,
    onUnavailable,
    rules,
    missing: document.extends === undefined ? [] : base.missing,
    warnings,
    evaluate: (candidate, stage, now) =>
      evaluate(ruleFor(candidate.ref, candidate.origin), candidate, { stage, now, listing, onUnavailable }, mode),
    needs: (ref) => {
      const rule = ruleFor(ref, 'upstream')
      // What no evidence can save needs none.
      return rule === undefined || rule.verdict?.outcome === 'deny' ? NOTHING : rule.examines
    },
  }
}

const NOTHING: EvidenceNeeds = { signature: false, publishAttestation: false, provenance: false }

function effectiveRules(document: PolicyDocument, defaults: EffectiveRequire): readonly EffectiveRule[] {
  const rules = (document.rules ?? []).map((rule, index) => effectiveRule(rule, index, defaults))
  if (document.extends === undefined) return rules
  return [...rules, { name: `every other package (${document.extends})`, packages: ['**'], origin: 'any', require: defaults }]
}

/** Two spellings of one duration, or of one issuer, are one meaning. */
function meaningOf(require: BranchDocument & { readonly anyOf?: readonly BranchDocument[] | undefined }): unknown {
  const { minimumReleaseAge: age, provenance, anyOf } = require
  return {
    ...require,
    minimumReleaseAge: age === undefined ? undefined : parseDuration(age),
    provenance: typeof provenance === 'object' ? { ...provenance, issuer: issuersOf(provenance.issuer) } : provenance,
    anyOf: anyOf?.map(meaningOf),
  }
}

const issuersOf = (issuer: string | readonly string[] | undefined): readonly string[] | undefined =>
  issuer === undefined ? undefined : (typeof issuer === 'string' ? [issuer] : issuer).map((one) => ISSUERS.get(one) ?? one)
