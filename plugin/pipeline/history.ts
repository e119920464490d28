/** What came before a version, out of what the packument says, what verified here, and what the ledger remembers. Nobody is asked. */
import semver from 'semver'
import { chronologyOf, standingOf, type Release } from '../domain/chronology.ts'
import type { Candidate, Evidence, VersionClaims } from '../domain/evidence.ts'
import type { Hint } from '../domain/history.ts'
import { isOneSha512 } from '../domain/integrity.ts'
import type { VersionManifest } from '../domain/packument.ts'
import type { AttestationResult, Ledger } from '../domain/ports.ts'
import { inTurns } from '../domain/turns.ts'
import { knownAttestations } from './attestations.ts'
import { claimsOf, hintsOf, notBefore } from './candidate.ts'
import type { PackageContext } from './context.ts'
import { isSettled, releaseLine } from './selection.ts'
import { knownSignature } from './signatures.ts'

/**
 * All versions of a package, each with what came before it. Where none is better than another, nothing is built. Without `known`, the
 * candidates are all there is to go by.
 */
export async function withHistory(
  candidates: readonly Candidate[],
  known?: { readonly context: PackageContext; readonly ledger: Ledger },
): Promise<readonly Candidate[]> {
  const remembered = known === undefined ? [] : onlyRemembered(known.context)
  if (remembered.length === 0 && !(await differ(candidates))) return candidates
  const named = await inTurns(candidates, (candidate) => ofCandidate(candidate, known?.context))
  const gone = await inTurns(remembered, (manifest) => (known === undefined ? [] : ofMemory(known.context, manifest, known.ledger)))
  const history = chronologyOf(() => [...named, ...gone].flat(), byNumber)
  return inTurns(candidates, (candidate) => ({ ...candidate, history }))
}

/**
 * One version with what came before it, as far as that is known. `recent` is what was found wrong with another version's attestations
 * a moment ago.
 */
export async function withKnownHistory(
  context: PackageContext,
  candidate: Candidate,
  ledger: Ledger,
  recent: (manifest: VersionManifest) => AttestationResult | undefined = () => undefined,
): Promise<Candidate> {
  const outranks = outranker(context, candidate)
  const others = [...context.document.packument.versions.values()].filter(({ version }) => version !== candidate.ref.version)
  const shown = (await inTurns(others, (manifest) => (outranks(manifest) ? [manifest] : []))).flat()
  const remembered = onlyRemembered(context).filter(({ version }) => version !== candidate.ref.version)
  if (shown.length === 0 && remembered.length === 0) return candidate
  const before = await inTurns(shown, (manifest) => ofManifest(context, manifest, candidate.notBefore, ledger, recent))
  const gone = await inTurns(remembered, (manifest) => ofMemory(context, manifest, ledger))
  const history = chronologyOf(() => [ofCandidate(candidate, context), ...before, ...gone].flat(), byNumber)
  return { ...candidate, history }
}

const HINTS = ['trustedPublisher', 'stagedPublish'] as const satisfies readonly Hint[]

interface Numbered extends Release {
  readonly number: semver.SemVer
}
const byNumber = (a: Numbered, b: Numbered): number => semver.compare(a.number, b.number, { loose: true })

type Vouching = Pick<Candidate, 'signature' | 'publishAttestation' | 'provenance'>

interface Known {
  readonly version: string
  readonly notBefore: Date
  readonly evidence: Vouching
  readonly announcesProvenance: boolean
  readonly hints: Pick<VersionClaims, Hint>
  /** Its bytes can be held against a digest, and against the one they always had. */
  readonly isSound: boolean
}

function release({ version, notBefore, evidence, announcesProvenance, hints, isSound }: Known): readonly Numbered[] {
  const number = semver.parse(version, { loose: true })
  // Nobody can say which line it is of, or what it precedes.
  if (number === null) return []
  const { signature, publishAttestation, provenance } = evidence
  const states = { signature: signature.state, publishAttestation: publishAttestation.state, provenance: provenance.state }
  const standing = isSound ? standingOf(states, announcesProvenance) : { signature: undefined, provenance: undefined }
  return [
    {
      version,
      number,
      line: releaseLine(number),
      isPrerelease: number.prerelease.length > 0,
      notBefore,
      hints: isSound ? HINTS.filter((hint) => hints[hint]) : [],
      ...standing,
    },
  ]
}

function ofCandidate(candidate: Candidate, context: PackageContext | undefined): readonly Numbered[] {
  const { ref: { version }, notBefore, claims, integrity } = candidate
  const recorded = context?.records.get(version)?.integrity
  const isSound = integrity.state === 'ok' && (recorded === undefined || recorded === integrity.sri)
  const announcesProvenance = context === undefined || hasProvenance(context, version)
  return release({ version, notBefore, evidence: candidate, announcesProvenance, hints: claims, isSound })
}

function ofManifest(
  context: PackageContext,
  manifest: VersionManifest,
  until: Date,
  ledger: Ledger,
  recent: (manifest: VersionManifest) => AttestationResult | undefined,
): readonly Numbered[] {
  const { version, dist } = manifest
  const claims = claimsOf(context, manifest)
  // It can have been published later than it says, and not earlier.
  if (claims.published !== undefined && claims.published > until) return []
  const known = knownAttestations(context, manifest)
  const attestations = isSettled(known) ? known : (recent(manifest) ?? known)
  const recorded = context.records.get(version)?.integrity
  return release({
    version,
    notBefore: notBefore(context, manifest, claims, attestations, ledger),
    evidence: { ...attestations, signature: knownSignature(context, manifest) },
    announcesProvenance: hasProvenance(context, version),
    hints: claims,
    isSound: recorded === undefined ? isOneSha512(dist.integrity) : recorded === dist.integrity,
  })
}

/**
 * Versions that verified here and that the upstream no longer shows, or shows with other bytes: whoever takes them down, or changes them,
 * does not lower the bar.
 */
function onlyRemembered({ records, document: { packument } }: PackageContext): readonly VersionManifest[] {
  return [...records.values()]
    .filter(({ version, integrity }) => packument.versions.get(version)?.dist.integrity !== integrity)
    .filter(({ had, signatures }) => had.provenance || signatures.length > 0)
    .map(({ version, integrity }) => ({
      version,
      raw: {},
      dist: { integrity, shasum: undefined, tarball: undefined, signatures: undefined, attestations: undefined },
    }))
}

function ofMemory(context: PackageContext, manifest: VersionManifest, ledger: Ledger): readonly Numbered[] {
  const attestations = knownAttestations(context, manifest)
  const claims = claimsOf(context, manifest)
  // The mirror may have met all versions on one day, in whatever order they were published.
  const published = claims.published ?? loggedAt(attestations.provenance)
  return release({
    version: manifest.version,
    notBefore: notBefore(context, manifest, { ...claims, published }, attestations, ledger),
    evidence: { ...attestations, signature: knownSignature(context, manifest) },
    announcesProvenance: hasProvenance(context, manifest.version),
    hints: claims,
    isSound: true,
  })
}

/** By the packument's word, or by that of the ledger, which outlasts it. */
const hasProvenance = ({ document: { packument }, records }: PackageContext, version: string): boolean =>
  packument.versions.get(version)?.dist.attestations?.provenance !== undefined || records.get(version)?.had.provenance === true

const loggedAt = (evidence: AttestationResult['provenance']): Date | undefined =>
  evidence.state === 'verified' ? new Date(evidence.facts.loggedAt) : undefined

/** Whether one version has what another lacks; where all are alike, none can be a step down from another. */
async function differ(candidates: readonly Candidate[]): Promise<boolean> {
  const had = new Set<Difference>()
  const lacked = new Set<Difference>()
  await inTurns(candidates, (candidate) => {
    for (const difference of DIFFERENCES) {
      if (!had.has(difference) && difference.has(candidate)) had.add(difference)
      if (!lacked.has(difference) && difference.lacks(candidate)) lacked.add(difference)
    }
  })
  return DIFFERENCES.some((difference) => had.has(difference) && lacked.has(difference))
}

const isThere = ({ state }: Evidence<unknown>): boolean => state !== 'absent' && state !== 'invalid'
/** A claim is taken at its word in a listing, and is pending everywhere else. */
const mayBeLess = ({ state }: Evidence<unknown>): boolean => state !== 'verified' && state !== 'claimed'

interface Difference {
  readonly has: (candidate: Candidate) => boolean
  readonly lacks: (candidate: Candidate) => boolean
}
const DIFFERENCES: readonly Difference[] = [
  { has: ({ provenance }) => isThere(provenance), lacks: ({ provenance }) => mayBeLess(provenance) },
  { has: ({ signature }) => isThere(signature), lacks: ({ signature }) => mayBeLess(signature) },
  ...HINTS.map((hint) => ({ has: ({ claims }: Candidate) => claims[hint], lacks: ({ claims }: Candidate) => !claims[hint] })),
]

/** Whether a version shows anything that this one has not, verified: all others need not be looked into. */
function outranker(context: PackageContext, { provenance, signature, claims }: Candidate): (manifest: VersionManifest) => boolean {
  const lacksProvenance = provenance.state !== 'verified'
  const lacksSignature = signature.state !== 'verified'
  const lacking = HINTS.filter((hint) => !claims[hint])
  return (manifest) => {
    const { version, dist } = manifest
    if (lacksProvenance && hasProvenance(context, version)) return true
    if (lacksSignature && (dist.signatures !== undefined || (context.records.get(version)?.signatures.length ?? 0) > 0)) return true
    if (lacking.length === 0) return false
    const hints = hintsOf(manifest)
    return lacking.some((hint) => hints[hint])
  }
}
