import { createHash } from 'node:crypto'
import type { JsonObject } from '../domain/json.ts'
import { specOf, tarballFileName, type PackageRef } from '../domain/package-ref.ts'
import type { Clock, Policy } from '../domain/ports.ts'
import { signEnvelope, type EnvelopeSigner } from '../keys/dsse.ts'
import type { Judgement, Pipeline } from '../pipeline/pipeline.ts'
import { buildLevel, PAYLOAD_TYPE, summaryOf, type SummaryContext } from './summary.ts'

export interface IssueDeps {
  /** The policy in force, with the digest of its meaning. */
  readonly policy: () => Policy & { readonly digest: string }
  /** A key of its own. */
  readonly signer: EnvelopeSigner
  /** URI of this mirror, the same for all its summaries. */
  readonly verifier: () => string
  readonly tool: string
  readonly clock: Clock
}

export interface IssueFrom {
  readonly pipeline: Pick<Pipeline, 'tarball'>
  /** What this mirror serves as the attestations of the version, byte for byte; undefined when there are none. */
  readonly attestations: (ref: PackageRef) => Promise<Uint8Array | undefined>
  /** This mirror's address, without a slash at the end; undefined where it has none that others could ask. */
  readonly base: string | undefined
}

export type Issued =
  | { readonly kind: 'issued'; readonly envelope: JsonObject; readonly policyRevision: string }
  /** With the policy that judged, which may have been reloaded since. */
  | { readonly kind: 'refused'; readonly judgement: Judgement; readonly policy: Policy }
  | { readonly kind: 'withdrawn'; readonly policy: Policy }
  | { readonly kind: 'absent' }

/**
 * A signed summary of a version, when evidence, bytes and manifest pass as they must for its tarball to be served. What `monitor`
 * serves although policy refuses it has none.
 * @throws Unavailable
 */
export async function issueSummary(ref: PackageRef, { pipeline, attestations, base }: IssueFrom, deps: IssueDeps): Promise<Issued> {
  const policy = deps.policy()
  const answer = await pipeline.tarball(ref.name, tarballFileName(ref), policy)
  if (answer.kind === 'absent') return { kind: 'absent' }
  if (answer.kind === 'withdrawn') return { kind: 'withdrawn', policy }
  const { judgement } = answer
  // A file name may be another version's at its registry.
  if (judgement.ref.version !== ref.version) return { kind: 'absent' }
  if (answer.kind === 'refused' || judgement.verdict.monitored === true) return { kind: 'refused', judgement, policy }
  const evaluated = policy.needs(ref, judgement.candidate.origin).provenance
  const isLookedAt = [judgement.candidate.publishAttestation, judgement.candidate.provenance].some(({ state }) => state === 'verified')
  const served = isLookedAt ? await attestations(ref) : undefined
  const statement = summaryOf(judgement.candidate, {
    verifier: deps.verifier(),
    tool: deps.tool,
    timeVerified: deps.clock.now(),
    level: buildLevel(judgement.candidate, evaluated),
    policy: { uri: uriOf(base, 'policy', policy.digest), digest: policy.digest },
    attestations: served && inputOf(ref, served, base),
  })
  return { kind: 'issued', envelope: signEnvelope(deps.signer, PAYLOAD_TYPE, Buffer.from(JSON.stringify(statement))), policyRevision: policy.revision }
}

function inputOf(ref: PackageRef, served: Uint8Array, base: string | undefined): SummaryContext['attestations'] {
  const sha256 = createHash('sha256').update(served).digest('hex')
  return { uri: uriOf(base, `attestations/${specOf(ref).replace('/', '%2f')}`, sha256), sha256 }
}

/** A statement outlives the machine it was made on: what has no address for others is named by its digest (RFC 6920). */
const uriOf = (base: string | undefined, what: string, sha256: string): string =>
  base === undefined ? `ni:///sha-256;${Buffer.from(sha256, 'hex').toString('base64url')}` : `${base}/-/provenance/v1/${what}`
