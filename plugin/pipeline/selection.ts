import semver from 'semver'
import type { Candidate } from '../domain/evidence.ts'
import type { Packument, VersionManifest } from '../domain/packument.ts'
import { PUBLISHED_HERE, type AttestationResult, type Policy } from '../domain/ports.ts'
import { inTurns } from '../domain/turns.ts'
import { knownAttestations } from './attestations.ts'
import type { PackageContext } from './context.ts'

const NEWEST_PER_LINE = 3
/** An upstream can name 100,000 release lines; no deadline lets more than some hundred be verified. */
export const MAX_PICKS = 1000

/**
 * The versions an install is likely to pick, likeliest first: every dist-tag's target, `latest` leading, then the newest of
 * each release line (the major; for 0.x the minor), newest line first. These are verified before the first answer.
 */
export function likelyPicks(packument: Packument): Promise<readonly string[]> {
  const known = picks.get(packument) ?? picksOf(packument)
  picks.set(packument, known)
  return known
}

const picks = new WeakMap<Packument, Promise<readonly string[]>>()

async function picksOf(packument: Packument): Promise<readonly string[]> {
  const tagged = [packument.distTags.get('latest'), ...packument.distTags.values()].filter((version) => version !== undefined)
  const lines = new Map<string, semver.SemVer[]>()
  // Not by sorting all of them: an upstream can name 100,000.
  await inTurns(packument.versions.keys(), (version) => {
    const number = semver.parse(version, { loose: true })
    if (number === null) return
    const key = releaseLine(number)
    const line = lines.get(key)
    if (line === undefined) lines.set(key, [number])
    else insert(line, number)
  })
  const newest = [...lines.values()].sort(([a], [b]) => (a === undefined || b === undefined ? 0 : byNewest(a, b)))
  const found = [...new Set([...tagged, ...newest.flat().map(({ raw }) => raw)])].filter((version) => packument.versions.has(version))
  return found.slice(0, MAX_PICKS)
}

/** Into the newest few of a line, the newest first. */
function insert(line: semver.SemVer[], number: semver.SemVer): void {
  const place = line.findIndex((other) => byNewest(number, other) < 0)
  if (place >= 0) line.splice(place, 0, number)
  else if (line.length < NEWEST_PER_LINE) line.push(number)
  if (line.length > NEWEST_PER_LINE) line.pop()
}

/** What is verified before a first answer: where nothing may be listed on a claim, all of it. */
export async function wantedFirst(context: PackageContext, policy: Policy): Promise<readonly VersionManifest[]> {
  const { packument } = context.document
  const versions = policy.listing === 'verified' ? newestFirst([...packument.versions.keys()]) : await likelyPicks(packument)
  return versions
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
export async function leftOver(context: PackageContext, candidates: readonly Candidate[], policy: Policy): Promise<readonly VersionManifest[]> {
  const { packument } = context.document
  const claimed = new Set(candidates.filter((candidate) => !isSettled(candidate)).map(({ ref }) => ref.version))
  if (claimed.size === 0) return []
  const order = new Set([...(await likelyPicks(packument)), ...newestFirst([...claimed])])
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
    .sort(byNewest)
    .map(({ raw }) => raw)
}

/** The numbers first, and not `semver.rcompare`, which parses what was parsed loosely once more at every comparison. */
const byNewest = (a: semver.SemVer, b: semver.SemVer): number => b.major - a.major || b.minor - a.minor || b.patch - a.patch || b.compare(a)

/** The major; for 0.x the minor, since there each minor may break what the last one promised (semver 2.0.0, 4). */
export function releaseLine(version: string | semver.SemVer): string {
  const { major, minor } = typeof version === 'string' ? new semver.SemVer(version, { loose: true }) : version
  return major === 0 ? `0.${String(minor)}` : String(major)
}
