/** SLSA Verification Summary Attestations: https://slsa.dev/spec/v1.1/verification_summary */
import type { Candidate } from '../domain/evidence.ts'
import type { JsonObject } from '../domain/json.ts'
import { purlOf } from '../domain/package-ref.ts'

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
export const PREDICATE_TYPE = 'https://slsa.dev/verification_summary/v1'
/** Of the envelope (in-toto attestation framework, "Envelope"). */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** What a summary says beside the facts of its version. */
export interface SummaryContext {
  /** URI of who verified. */
  readonly verifier: string
  readonly tool: string
  readonly timeVerified: Date
  /** See `buildLevel`. */
  readonly level: BuildLevel
  readonly policy: { readonly uri: string; readonly digest: string }
  /** The attestations that were verified, as this mirror serves them; undefined where none were. */
  readonly attestations: { readonly uri: string; readonly sha256: string } | undefined
}

/**
 * The statement about a version that passed. Of a version that did not, there is none: `FAILED` would be one more thing that
 * somebody has to look at before it says no, while a missing summary says no by itself.
 * @throws TypeError when the version has no sha512, which no served version lacks
 */
export function summaryOf(candidate: Candidate, { verifier, tool, timeVerified, level, policy, attestations }: SummaryContext): JsonObject {
  const { ref, integrity } = candidate
  if (integrity.state !== 'ok') throw new TypeError('a version without a digest has no summary')
  const purl = purlOf(ref)
  return {
    _type: STATEMENT_TYPE,
    subject: [{ name: purl, digest: { sha512: integrity.sha512 } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      verifier: { id: verifier, version: { 'verdaccio-provenance': tool } },
      timeVerified: timeVerified.toISOString(),
      resourceUri: purl,
      policy: { uri: policy.uri, digest: { sha256: policy.digest } },
      inputAttestations: attestations === undefined ? [] : [{ uri: attestations.uri, digest: { sha256: attestations.sha256 } }],
      verificationResult: 'PASSED',
      verifiedLevels: [level],
      slsaVersion: '1.1',
    },
  }
}

/** As certified (Fulcio, 1.3.6.1.4.1.57264.1.11): GitHub's and GitLab's own machines. */
const HOSTED = new Set(['github-hosted', 'gitlab-hosted'])

export type BuildLevel = 'SLSA_BUILD_LEVEL_0' | 'SLSA_BUILD_LEVEL_1' | 'SLSA_BUILD_LEVEL_2' | 'SLSA_BUILD_LEVEL_UNEVALUATED'

/**
 * The SLSA build level that the verified facts carry, and no more:
 * - 2: the provenance is signed by a certificate that names a hosted builder;
 * - 1: there is verified provenance, and the certificate does not say so (a runner of one's own, certificates of early 2023);
 * - 0: the version has none;
 * - unevaluated: nobody looked, because the policy does not (`isLookedAt`), or what is there did not verify.
 * Never 3: npm's provenance is signed inside the build that it speaks of, whose own steps can reach what signs.
 */
export function buildLevel({ provenance }: Pick<Candidate, 'provenance'>, isLookedAt: boolean): BuildLevel {
  if (!isLookedAt) return 'SLSA_BUILD_LEVEL_UNEVALUATED'
  if (provenance.state === 'absent') return 'SLSA_BUILD_LEVEL_0'
  if (provenance.state !== 'verified') return 'SLSA_BUILD_LEVEL_UNEVALUATED'
  return HOSTED.has(provenance.facts.identity.runner ?? '') ? 'SLSA_BUILD_LEVEL_2' : 'SLSA_BUILD_LEVEL_1'
}
