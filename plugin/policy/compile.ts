import type { Problem } from '../domain/errors.ts'
import type { EvidenceNeeds, Policy } from '../domain/ports.ts'
import { inTurns, nextTurn } from '../domain/turns.ts'
import { identityDoubts, shadowedRules, waiverDoubts } from './doubts.ts'
import { parseDuration, parseWindow } from './duration.ts'
import { evaluate } from './evaluate.ts'
import type { Example, Included, Part } from './included.ts'
import { baseOf, overlay, type Downgrade, type EffectiveRequire } from './presets.ts'
import { pinLevelOf } from './pin.ts'
import { meaningDigest } from './revision.ts'
import { compileRule, effectiveRule, entriesOf, finderAmong, ruleFinder, type EffectiveRule, type RuleFinder } from './rules.ts'
import type { BranchDocument, ExampleDocument, PolicyDocument, PresetName } from './schema.ts'
import type { Source } from './source.ts'
import { ISSUERS } from './values.ts'
import { pinFinder, waiverFinder, waiverOf, type Waiver } from './waiver.ts'

/** A policy in force, and what people want to know about it. */
export interface TrustPolicy extends Policy {
  /** `none` for a policy that extends none. */
  readonly preset: PresetName | 'none'
  /** sha256 over the policy's meaning, hex: `revision` is its beginning. */
  readonly digest: string
  readonly onUnavailable: 'deny' | 'allow'
  /** In the order in which they are tried, the preset's own last. */
  readonly rules: readonly EffectiveRule[]
  /** What is allowed in the file and probably not meant. */
  readonly warnings: readonly Problem[]
  readonly waivers: readonly Waiver[]
  readonly examples: readonly Example[]
  /** The files it includes, whose changes change it. */
  readonly includes: readonly string[]
}

/** Compiles a document that was validated. Pure: nothing is read after this. */
export function compilePolicy(document: PolicyDocument, source: Source, included: readonly Included[], now: Date): TrustPolicy {
  const base = baseOf(document)
  const mode = document.mode ?? base.mode
  const listing = document.listing ?? base.listing
  const withheld = document.withheld ?? 'hidden'
  const onUnavailable = document.onUnavailable ?? base.onUnavailable
  const rules = effectiveRules(document, included, overlay(base.require, document.defaults))
  const compiled = rules.map(compileRule)
  const ruleFor = ruleFinder(compiled)
  const parts: readonly Part[] = [{ document, source, scope: [] }, ...included]
  const waivers = parts.flatMap(({ document: { waivers = [] }, scope }) => waivers.map((waiver) => waiverOf(waiver, scope)))
  const digest = meaningDigest({
    mode,
    listing,
    withheld,
    onUnavailable,
    rules: rules.map((rule) => ({ ...rule, require: meaningOf(rule.require) })),
    waivers: waivers.map((waiver) => ({ ...waiver, expires: waiver.expires.toISOString() })),
  })
  return {
    digest,
    revision: digest.slice(0, 12),
    preset: document.extends ?? 'none',
    mode,
    listing,
    withheld,
    onUnavailable,
    rules,
    warnings: [
      ...parts.flatMap(identityDoubts),
      ...shadowedRules(rules, parts),
      ...waiverDoubts(waivers, parts, ruleFor, now),
    ],
    waivers,
    examples: parts.flatMap(({ document: { examples }, source }) => examplesOf(examples, source)),
    includes: included.map(({ path }) => path),
    ...deciding({ mode, listing, onUnavailable, waivers }, ruleFor),
  }
}

type Deciding = 'evaluate' | 'needs' | 'pinLevel' | 'holdsIdentity' | 'pinnedIntegrities'

/** A policy without what it can do: it travels between threads. */
export type PolicyData = Omit<TrustPolicy, Deciding>

export const dataOf = ({ digest, revision, preset, mode, listing, withheld, onUnavailable, rules, warnings, waivers, examples, includes }: TrustPolicy): PolicyData => ({
  digest,
  revision,
  preset,
  mode,
  listing,
  withheld,
  onUnavailable,
  rules,
  warnings,
  waivers,
  examples,
  includes,
})

/** The policy that another thread read and compiled; a few milliseconds at a time, however many rules it has. */
export async function policyOf(data: PolicyData): Promise<TrustPolicy> {
  const entries = await inTurns(data.rules, (rule) => entriesOf(compileRule(rule)))
  await nextTurn()
  return { ...data, ...deciding(data, finderAmong(entries.flat())) }
}

function deciding({ mode, listing, onUnavailable, waivers }: Pick<TrustPolicy, 'mode' | 'listing' | 'onUnavailable' | 'waivers'>, ruleFor: RuleFinder): Pick<TrustPolicy, Deciding> {
  const waiversFor = waiverFinder(waivers)
  return {
    evaluate: (candidate, stage, now) => {
      const situation = { stage, now, listing, onUnavailable }
      return evaluate(ruleFor(candidate.ref, candidate.origin), candidate, situation, mode, waiversFor(candidate, now))
    },
    needs: (ref, origin = 'upstream') => {
      const rule = ruleFor(ref, origin)
      // What no evidence can save needs none.
      return rule === undefined || rule.verdict?.outcome === 'deny' ? NOTHING : rule.examines
    },
    pinLevel: (ref, origin = 'upstream') => {
      const rule = ruleFor(ref, origin)
      return rule === undefined || rule.verdict !== undefined ? 'off' : pinLevelOf(rule.require)
    },
    holdsIdentity: (ref, origin = 'upstream') => {
      const rule = ruleFor(ref, origin)
      return rule !== undefined && rule.verdict === undefined && typeof rule.require.provenance === 'object'
    },
    pinnedIntegrities: pinFinder(waivers),
  }
}

const NOTHING: EvidenceNeeds = { signature: false, publishAttestation: false, provenance: false }

/** Own rules, so that a team's cannot get before them; then those of the teams; then the preset's. */
function effectiveRules(document: PolicyDocument, included: readonly Included[], defaults: EffectiveRequire): readonly EffectiveRule[] {
  const rules = [
    ...(document.rules ?? []).map((rule, index) => effectiveRule(rule, { index, file: undefined, scope: [] }, defaults)),
    ...included.flatMap(({ document: { rules = [] }, file, scope }) =>
      rules.map((rule, index) => effectiveRule(rule, { index, file, scope }, defaults)),
    ),
  ]
  if (document.extends === undefined) return rules
  const rest: EffectiveRule = {
    name: `every other package (${document.extends})`,
    packages: ['**'],
    // What is published here is the organisation's own: judged where a rule says so.
    origin: 'upstream',
    require: defaults,
    onFailure: 'deny',
    scope: [],
  }
  return [...rules, rest]
}

const examplesOf = (examples: readonly ExampleDocument[] = [], source: Source): readonly Example[] =>
  examples.map((document, index) => ({ file: source.included, line: source.lineOf(['examples', index]), document }))

/** Two spellings of one duration, or of one issuer, are one meaning. */
function meaningOf(
  require: BranchDocument & { readonly anyOf?: readonly BranchDocument[] | undefined; readonly trustDowngrade?: Downgrade },
): unknown {
  const { minimumReleaseAge: age, provenance, trustDowngrade, anyOf } = require
  return {
    ...require,
    trustDowngrade: trustDowngrade && { inLine: parseWindow(trustDowngrade.inLine), offLine: parseWindow(trustDowngrade.offLine) },
    minimumReleaseAge: age === undefined ? undefined : parseDuration(age),
    provenance: typeof provenance === 'object' ? { ...provenance, issuer: issuersOf(provenance.issuer) } : provenance,
    anyOf: anyOf?.map(meaningOf),
  }
}

const issuersOf = (issuer: string | readonly string[] | undefined): readonly string[] | undefined =>
  issuer === undefined ? undefined : (typeof issuer === 'string' ? [issuer] : issuer).map((one) => ISSUERS.get(one) ?? one)
