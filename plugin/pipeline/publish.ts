/** What is published here is judged before it is written. */
import { Unavailable } from '../domain/errors.ts'
import type { Asker } from '../domain/decision.ts'
import type { Candidate, Evidence, ProvenanceFacts } from '../domain/evidence.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { VersionManifest } from '../domain/packument.ts'
import type { KeptDocument, Upstream, UpstreamPackument } from '../domain/ports.ts'
import { isUnavailable, type Reason } from '../domain/reason.ts'
import type { Verdict } from '../domain/verdict.ts'
import { candidateOf } from './candidate.ts'
import { openPackage, type PackageContext } from './context.ts'
import { withKnownHistory } from './history.ts'
import type { PipelineDeps } from './pipeline.ts'
import { assertNotRenewing } from './renewal.ts'
import { verifiedTarball } from './tarball.ts'

export interface Publication {
  readonly upstream: Upstream
  /** The package as it would be with the new version in it. */
  readonly document: UpstreamPackument
  readonly manifest: VersionManifest
  readonly bytes: Uint8Array
  /** lower-case hex, of `bytes` */
  readonly sha512: string
  /** What came with it, or why it is none; undefined when nothing did. */
  readonly attestations: { readonly predicateType: string; readonly document: Uint8Array } | { readonly refusal: Reason } | undefined
  /** What is wrong with the request already. */
  readonly faults: readonly Reason[]
  /** Who publishes it. */
  readonly asker?: Asker | undefined
}

export interface JudgedPublication {
  readonly ref: PackageRef
  readonly candidate: Candidate
  readonly verdict: Verdict
  readonly policyRevision: string
  /** To be kept when the version is accepted. */
  readonly evidence: KeptDocument | undefined
}

export interface PublishDeps
  extends Pick<PipelineDeps, 'verifier' | 'facts' | 'ledger' | 'bytes' | 'inspector' | 'policy' | 'trustOf' | 'renewal' | 'signsAlways' | 'decisions' | 'clock'> {
  /** Whether all that evidence rests on belongs to the Sigstore instance that every client trusts. */
  readonly isPublicGood: (anchors: readonly string[]) => boolean
}

const ABSENT = { state: 'absent' } as const
/** Before everything: what time alone cures does not refuse a publish, it keeps the version back afterwards. */
const LONG_AGO = new Date(0)

/**
 * The verdict on a version that somebody wants to publish, with its provenance, its bytes and the manifest inside looked at. A
 * manifest that contradicts the tarball and provenance that does not verify refuse it whatever the policy or its mode: its
 * publisher is here to be told, and can do it again.
 * @throws Unavailable
 */
export async function judgePublication(publication: Publication, deps: PublishDeps): Promise<JudgedPublication> {
  const { upstream, document, manifest, bytes, sha512 } = publication
  // Marked stale, so that no sighting is noted of a version that may never be.
  const context = await openPackage(upstream, { ...document, stale: true }, deps.trustOf(upstream.name, document.packument.name), deps)
  const { provenance, evidence } = await provenanceOf(publication, context, deps)
  await deps.bytes.ingest(once(bytes), sha512, 'publish')
  const { contents, faults } = await verifiedTarball(context, manifest, sha512, deps)
  await context.facts.save()

  const attestations = { publishAttestation: ABSENT, provenance }
  const byteFaults = [...publication.faults, ...faults]
  const known = await withKnownHistory(context, candidateOf(context, manifest, { signature: ABSENT, attestations, byteFaults }, deps), deps.ledger)
  const candidate = { ...known, contents, notBefore: LONG_AGO }
  const policy = deps.policy()
  const now = deps.clock.now()
  const verdict = refusedFirst([...candidate.faults, ...faultsOf(provenance)], policy.evaluate(candidate, 'delivery', now))
  const { ref } = candidate
  const integrity = candidate.integrity.state === 'ok' ? candidate.integrity.sri : undefined
  if (verdict.outcome !== 'allow')
    deps.decisions.record({
      kind: verdict.outcome === 'deny' ? 'refused' : verdict.outcome === 'warn' ? 'warned' : 'unavailable',
      ref,
      uplink: upstream.name,
      integrity,
      verdict,
      policyRevision: policy.revision,
      at: now,
      asker: publication.asker,
      isPublication: true,
    })
  return { ref, candidate, verdict, policyRevision: policy.revision, evidence }
}

async function provenanceOf(
  { attestations, manifest, sha512, upstream }: Publication,
  context: PackageContext,
  { verifier, isPublicGood }: PublishDeps,
): Promise<{ readonly provenance: Evidence<ProvenanceFacts>; readonly evidence?: KeptDocument | undefined }> {
  if (attestations === undefined) return { provenance: ABSENT }
  if ('refusal' in attestations) return { provenance: { state: 'invalid', reasons: [attestations.refusal] } }
  const ref = { name: context.document.packument.name, version: manifest.version }
  const task = { ref, sha512, document: attestations.document, registry: upstream.registry }
  const { result, anchors } = await verifier.attestations(task, context.trust)
  assertNotRenewing(context, result)
  const { provenance } = result
  if (provenance.state === 'unavailable') throw new Unavailable('evidence-unavailable', provenance.reasons[0].message)
  const evidence = provenance.state === 'verified' ? { ...attestations, publicGood: isPublicGood(anchors) } : undefined
  return { provenance, evidence }
}

const faultsOf = (evidence: Evidence<unknown>): readonly Reason[] => ('reasons' in evidence ? evidence.reasons : [])

/** No mode and no rule lets such a version in; what policy has against it is said too. */
function refusedFirst(faults: readonly Reason[], verdict: Verdict): Verdict {
  if (faults.length === 0 || faults.some(({ code }) => isUnavailable(code))) return verdict
  const { monitored: _monitored, waiver: _waiver, ...rest } = verdict
  const others = verdict.reasons.filter(({ code, message }) => !faults.some((fault) => fault.code === code && fault.message === message))
  return { ...rest, outcome: 'deny', reasons: [...faults, ...others] }
}

// eslint-disable-next-line @typescript-eslint/require-await -- the port takes a stream
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
