import semver from 'semver'
import type { Candidate } from '../domain/evidence.ts'
import type { Packument, VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE, type AttestationResult, type Policy } from '../domain/ports.ts'
import { knownAttestations } from './attestations.ts'
import type { PackageContext } from './context.ts'

const NEWEST_PER_LINE = 3
/** An upstream can name 100,000 release lines; no deadline lets more than some hundred be verified. */
export const MAX_PICKS = 1000

/**
 * The versions an install is likely to pick, likeliest first: every dist-tag's target, `latest` leading, then the newest of
 * each release line (the major; for 0.x the minor), newest line first. These are verified before the first answer.
 */
export function likelyPicks(packument: Packument): readonly string[] {
  const tagged = [packument.distTags.get('latest'), ...packument.distTags.values()].filter((version) => version !== undefined)
  const lines = new Map<string, string[]>()
  for (const version of newestFirst([...packument.versions.keys()])) {
    const key = releaseLine(version)
    const line = lines.get(key)
    if (line === undefined) lines.set(key, [version])
    else if (line.length < NEWEST_PER_LINE) line.push(version)
  }
  const picks = [...new Set([...tagged, ...[...lines.values()].flat()])].filter((version) => packument.versions.has(version))
  return picks.slice(0, MAX_PICKS)
}

/** What is verified before a first answer: where nothing may be listed on a claim, all of it. */
export function wantedFirst(context: PackageContext, policy: Policy): readonly VersionManifest[] {
  const { packument } = context.document
  const picks = policy.listing === 'verified' ? newestFirst([...packument.versions.keys()]) : likelyPicks(packument)
  return picks
    .map((version) => packument.versions.get(version))
    .filter((manifest) => manifest !== undefined)
    .filter((manifest) => needsAttestations(policy, context, manifest))
    .filter((manifest) => !isSettled(knownAttestations(context, manifest)))
    .slice(0, MAX_PICKS)
}

export function needsAttestations(policy: Policy, { upstream, document }: PackageContext, { version }: VersionManifest): boolean {
  const origin = upstream.registry === PUBLISHED_HERE ? 'local' : 'upstream'
  const needs = policy.needs({ name: document.packument.name, version }, origin)
  return needs.publishAttestation || needs.provenance
}

/** Known without asking anybody: one listing verifies so many, the next one goes on behind them. */
export const isSettled = ({ publishAttestation, provenance }: AttestationResult): boolean =>
  publishAttestation.state !== 'claimed' && provenance.state !== 'claimed'

/** What a listing names on a claim, and not on a guess (`probe`): what an install is likely to pick first, then the newest. */
export function leftOver(context: PackageContext, candidates: readonly Candidate[], policy: Policy): readonly VersionManifest[] {
  const { packument } = context.document
  const claimed = new Set(candidates.filter((candidate) => !isSettled(candidate)).map(({ ref }) => ref.version))
  if (claimed.size === 0) return []
  const order = new Set([...likelyPicks(packument), ...newestFirst([...claimed])])
  return [...order]
    .filter((version) => claimed.has(version))
    .map((version) => packument.versions.get(version))
    .filter((manifest) => manifest !== undefined)
    .filter(({ dist }) => dist.attestations !== undefined)
    .filter((manifest) => needsAttestations(policy, context, manifest))
}

/** Valid versions in descending order; what is no version is left out. */
export function newestFirst(versions: readonly string[]): readonly string[] {
  return versions
    .map((version) => semver.parse(version, { loose: true }))
    .filter((version) => version !== null)
    .sort(semver.rcompare)
    .map(({ raw }) => raw)
}

/** The major; for 0.x the minor, since there each minor may break what the last one promised (semver 2.0.0, 4). */
export function releaseLine(version: string | semver.SemVer): string {
  const { major, minor } = new semver.SemVer(version, { loose: true })
  return major === 0 ? `0.${String(minor)}` : String(major)
}
