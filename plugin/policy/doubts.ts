/** What is allowed and probably not meant: said by `policy lint` and at start, never a reason to refuse a policy. */
import semver from 'semver'
import type { Problem } from '../domain/errors.ts'
import { splitSpec } from '../domain/package-ref.ts'
import type { ReasonCode } from '../domain/reason.ts'
import { refusesFor } from './downgrade.ts'
import type { Part } from './included.ts'
import { compilePackagePattern, exactVersionOf, type PackagePattern } from './package-pattern.ts'
import { pinLevelOf } from './pin.ts'
import { problemAt } from './problems.ts'
import type { EffectiveRule, RuleFinder } from './rules.ts'
import type { IdentityDocument, PolicyDocument } from './schema.ts'
import { coversNames, inScope, namesOf, type Names } from './scope.ts'
import type { Path } from './source.ts'
import { pinsMissing, type Waiver } from './waiver.ts'

type Doubt = readonly [path: Path, message: string, remedy: string]

export function identityDoubts({ document, source }: Part): readonly Problem[] {
  const { defaults, rules = [] } = document as PolicyDocument
  const requirements = [
    { path: ['defaults'] as Path, require: defaults },
    ...rules.map(({ require }, index) => ({ path: ['rules', index, 'require'] as Path, require })),
  ]
  const identities = requirements.flatMap(({ path, require }) => [
    { path: [...path, 'provenance'], identity: require?.provenance },
    ...(require?.anyOf ?? []).map(({ provenance }, index) => ({ path: [...path, 'anyOf', index, 'provenance'], identity: provenance })),
  ])
  return identities
    .flatMap(({ path, identity }) => (typeof identity === 'object' ? doubtsAbout(identity, path) : []))
    .map(([path, message, remedy]) => problemAt(source, path, message, remedy))
}

function doubtsAbout(identity: IdentityDocument, path: Path): readonly Doubt[] {
  const { sourceRepository, sourceRepositoryId, sourceOwnerId, signerWorkflow } = identity
  const isBound = (sourceRepositoryId ?? sourceOwnerId) !== undefined
  const doubt = (key: string, message: string, remedy: string): Doubt => [[...path, key], message, remedy]
  return [
    // A reusable workflow may be called by anybody: who signed is not where it came from.
    ...(sourceRepository === undefined && !isBound
      ? [[path, 'names no source, so every project of the issuer satisfies it', 'Add `sourceRepository`'] as const]
      : []),
    ...(sourceRepository !== undefined && sourceRepositoryId !== undefined
      ? [doubt('sourceRepository', 'is not compared, since sourceRepositoryId stands beside it', 'Keep it for readers, or remove it')]
      : []),
    ...(sourceRepository !== undefined && !isBound && coversOtherOwners(sourceRepository)
      ? [doubt('sourceRepository', 'covers repositories of other owners, whose names anybody may choose', 'Write the owner out, such as https://github.com/acme/*, or add `sourceOwnerId`')]
      : []),
    ...(signerWorkflow !== undefined && coversOtherOwners(signerWorkflow)
      ? [doubt('signerWorkflow', 'covers workflows of other owners', 'Write the owner out, such as https://github.com/acme/ci/.github/workflows/publish.yml@**')]
      : []),
    ...(signerWorkflow?.endsWith('@*') === true
      ? [doubt('signerWorkflow', 'ends with @*, which matches a commit but no branch or tag (refs/...), since * stops at a slash', 'Write @** for any ref, or @refs/tags/*')]
      : []),
  ]
}

/** Whether a wildcard stands in the host or in the first part of the path, where the provider puts the owner. */
function coversOtherOwners(pattern: string): boolean {
  const rest = pattern.replace(/^https?:\/\//, '')
  const [host = '', owner = '', ...repository] = rest.split('/')
  return host.includes('*') || owner.includes('*') || repository.length === 0
}

interface Earlier {
  readonly rule: EffectiveRule
  readonly pattern: PackagePattern
  /** The rule's place: the first that matches decides. */
  readonly order: number
}

/** Rules none of whose packages is left by the rules before them. `rules` are those of the parts in order, and the preset's. */
export function shadowedRules(rules: readonly EffectiveRule[], parts: readonly Part[]): readonly Problem[] {
  const places = parts.flatMap(({ document, source }) => (document.rules ?? []).map((_, index) => ({ source, index })))
  const before = new EarlierPatterns()
  return places.flatMap(({ source, index }, order) => {
    const rule = rules[order]
    if (rule === undefined) return []
    const patterns = rule.packages.map(compilePackagePattern)
    const takers = patterns.map((pattern) => {
      const names = namesOf(pattern.name.text)
      return before.first(pattern, (earlier) => takes(earlier, rule, pattern, names))
    })
    for (const pattern of patterns) before.add({ rule, pattern, order })
    const [first] = takers
    if (first === undefined || takers.includes(undefined)) return []
    const message = `is never reached, since "${first.rule.name}" before it takes its packages`
    return [problemAt(source, ['rules', index], message, 'Move it up, or remove it')]
  })
}

/**
 * By what stands before the first wildcard, and behind the last: only a pattern that begins with less of the same, and ends with
 * less of the same, can take another's names. Thousands of patterns are so held against a few each, and not against one another.
 */
class EarlierPatterns {
  readonly #byStart = new Map<string, Map<string, Earlier[]>>()

  add(earlier: Earlier): void {
    const [start, end] = endsOf(earlier.pattern)
    const byEnd = this.#byStart.get(start) ?? new Map<string, Earlier[]>()
    this.#byStart.set(start, byEnd)
    const known = byEnd.get(end)
    if (known === undefined) byEnd.set(end, [earlier])
    else known.push(earlier)
  }

  /** Not the first by its start: who follows the remedy moves the rule above the one that is named. */
  first(pattern: PackagePattern, takes: (earlier: Earlier) => boolean): Earlier | undefined {
    const [start, end] = endsOf(pattern)
    let first: Earlier | undefined
    for (let length = 0; length <= start.length; length++) {
      const byEnd = this.#byStart.get(start.slice(0, length))
      for (let from = 0; byEnd !== undefined && from <= end.length; from++) {
        const found = byEnd.get(end.slice(from))?.find(takes)
        if (found !== undefined && (first === undefined || found.order < first.order)) first = found
      }
    }
    return first
  }
}

const endsOf = ({ name }: PackagePattern): readonly [start: string, end: string] => {
  const parts = name.text.split('*')
  return [parts[0] ?? '', parts.at(-1) ?? '']
}

/** A rule for packages of one origin leaves those of the other to the rules behind it. */
function takes(earlier: Earlier, rule: EffectiveRule, { range }: PackagePattern, names: Names): boolean {
  if (earlier.rule.origin !== 'any' && earlier.rule.origin !== rule.origin) return false
  if (!coversNames(earlier.pattern.name, names)) return false
  const wider = earlier.pattern.range
  return wider === undefined || (range !== undefined && semver.subset(range, wider, { includePrerelease: true }))
}

const SOON = 14 * 86_400_000

export function waiverDoubts(waivers: readonly Waiver[], parts: readonly Part[], ruleFor: RuleFinder, now: Date): readonly Problem[] {
  const places = parts.flatMap(({ document, source }) => (document.waivers ?? []).map((_, index) => ({ source, index })))
  const contradicted = contradictedPins(waivers)
  return waivers.flatMap((waiver, order) => {
    const place = places[order]
    if (place === undefined) return []
    const at = (key: string, message: string, remedy: string): Problem => problemAt(place.source, ['waivers', place.index, key], message, remedy)
    const soon = waiver.expires.getTime() - now.getTime() < SOON
    const day = waiver.expires.toISOString().slice(0, 10)
    return [
      ...(soon ? [at('expires', `ends on ${day}; from then on the policy is refused at start`, 'Have it approved again, or plan to remove it')] : []),
      ...(contradicted.has(waiver) ? [at('integrity', 'names other bytes than another waiver of integrity-missing for the same version, so that neither counts', 'Find out which bytes are right, and remove the other')] : []),
      ...idle(waiver, ruleFor).map((why) => at('package', why, 'Remove the waiver, or name what it is meant to excuse')),
    ]
  })
}

/** As `pinFinder` passes them over, without a word. */
function contradictedPins(waivers: readonly Waiver[]): ReadonlySet<Waiver> {
  const counting = waivers.filter(pinsMissing).filter(({ package: spec, scope }) => inScope(scope, splitSpec(spec).name))
  const byVersion = Map.groupBy(counting, ({ package: spec }) => spec)
  return new Set([...byVersion.values()].filter((all) => new Set(all.map(({ integrity }) => integrity)).size > 1).flat())
}

/** Why a waiver for one version can change nothing, by the rule that decides on it: not where another decides if it is local. */
function idle({ package: spec, waives }: Waiver, ruleFor: RuleFinder): readonly string[] {
  const version = exactVersionOf(spec)
  const ref = { name: splitSpec(spec).name, version: version ?? '' }
  const [rule, local] = version === undefined ? [] : [ruleFor(ref, 'upstream'), ruleFor(ref, 'local')]
  if (rule === undefined || (local !== undefined && local !== rule)) return []
  // A verdict decides without requirements, and not without bytes.
  if (rule.verdict?.outcome === 'allow' && waives.includes('integrity-missing')) return []
  if (rule.verdict !== undefined) return [`has no effect: the rule "${rule.name}" decides on it by verdict`]
  const unasked = waives.filter((code) => !(ASKS.get(code)?.(rule) ?? true))
  return unasked.length === 0 ? [] : [`excuses what the rule "${rule.name}" does not ask for: ${unasked.join(', ')}`]
}

const ASKS: ReadonlyMap<ReasonCode, (rule: EffectiveRule) => boolean> = new Map<ReasonCode, (rule: EffectiveRule) => boolean>([
  ['signature-absent', ({ require }) => require.registrySignature === 'required' || require.registrySignature === 'whereSigned'],
  ['publish-attestation-absent', ({ require }) => require.publishAttestation === 'required'],
  ['provenance-absent', ({ require }) => require.provenance === 'required' || typeof require.provenance === 'object'],
  ['release-too-young', ({ require }) => require.minimumReleaseAge !== 0 && require.minimumReleaseAge !== '0'],
  ['trust-downgrade', ({ require: { trustDowngrade } }) => refusesFor(trustDowngrade.inLine) || refusesFor(trustDowngrade.offLine)],
  ['identity-changed', ({ require }) => pinLevelOf(require) !== 'off' && require.identityPin.onFailure === 'deny'],
  ['manifest-repository-mismatch', ({ require: { manifestRepository } }) => manifestRepository.level === 'match' && manifestRepository.onFailure === 'deny'],
  ['dependency-source', ({ require: { dependencySources } }) => dependencySources.level === 'registry' && dependencySources.onFailure === 'deny'],
  ['requirement-unmet', ({ require }) => require.anyOf !== undefined],
  ['condition-unmet', ({ where }) => where !== undefined],
  ['staged-publish-absent', ({ require }) => require.stagedPublish === 'required'],
  ['trusted-publisher-absent', ({ require }) => require.trustedPublisher === 'required'],
])
