/** Candidates to judge: a version with nothing wrong with it, from which each test takes what it is about. */
import type { Candidate, Evidence, ProvenanceFacts, PublishFacts, SignatureFacts } from '../../../plugin/domain/evidence.ts'
import { NO_HISTORY, NO_PINS } from '../../../plugin/domain/history.ts'
import { parseIntegrity, sriOf } from '../../../plugin/domain/integrity.ts'
import { reason, type Reason, type ReasonCode } from '../../../plugin/domain/reason.ts'
import type { SignerIdentity } from '../../../plugin/domain/signer-identity.ts'
import type { Stage } from '../../../plugin/domain/ports.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import { parsePolicy, type TrustPolicy } from '../../../plugin/policy/index.ts'

export const NOW = new Date('2026-06-01T00:00:00Z')
export const ago = (days: number): Date => new Date(NOW.getTime() - days * 86_400_000)

export const GITHUB = 'https://token.actions.githubusercontent.com'

export const identity = (changes: Partial<SignerIdentity> = {}): SignerIdentity => ({
  issuer: GITHUB,
  subjectAlternativeName: 'https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1.0.0',
  sourceRepository: 'https://github.com/acme/widget',
  sourceRepositoryId: '1001',
  sourceOwner: 'https://github.com/acme',
  sourceOwnerId: '2002',
  sourceRef: 'refs/tags/v1.0.0',
  sourceDigest: 'a'.repeat(40),
  buildConfig: 'https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1.0.0',
  buildSigner: 'https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1.0.0',
  trigger: 'push',
  runner: 'github-hosted',
  run: 'https://github.com/acme/widget/actions/runs/1',
  visibility: 'public',
  environment: 'npm',
  ...changes,
})

export const provenance = (changes: Partial<SignerIdentity> = {}): Evidence<ProvenanceFacts> => ({
  state: 'verified',
  facts: {
    predicateType: 'https://slsa.dev/provenance/v1',
    buildType: 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1',
    identity: identity(changes),
    loggedAt: ago(100).toISOString(),
    logIndex: '1',
  },
})

export const signature = (keyExpires: string | null = null): Evidence<SignatureFacts> => ({
  state: 'verified',
  facts: { keyid: 'SHA256:k', keyExpires },
})

export const publishAttestation: Evidence<PublishFacts> = {
  state: 'verified',
  facts: { keyid: 'SHA256:k', registry: 'https://registry.example', loggedAt: ago(100).toISOString() },
}

/** Signed and attested, a hundred days old. */
export const candidate = (changes: Partial<Candidate> = {}): Candidate => ({
  ref: { name: '@acme/widget', version: '1.0.0' },
  uplink: 'main',
  origin: 'upstream',
  uplinkSigns: true,
  integrity: parseIntegrity(sriOf('ab'.repeat(64))),
  faults: [],
  warnings: [],
  signature: signature(),
  publishAttestation,
  provenance: provenance(),
  claims: { published: ago(100), trustedPublisher: false, stagedPublish: false },
  notBefore: ago(100),
  history: NO_HISTORY,
  pins: NO_PINS,
  contents: undefined,
  foreignDependencies: [],
  ...changes,
})

export const failed = (state: 'invalid' | 'unknown-key' | 'unavailable', code: ReasonCode): Evidence<never> => ({
  state,
  reasons: [reason(code, `${code} in a test`)],
})

export const fault = (code: ReasonCode): Reason => reason(code, `${code} in a test`)

/** A policy that requires nothing but what the test says. */
export const policyOf = (document: object): TrustPolicy => parsePolicy({ version: 1, ...document }, 'policy.yaml', { now: NOW })

export const NOTHING = {
  registrySignature: 'ignore',
  publishAttestation: 'ignore',
  provenance: 'ignore',
  minimumReleaseAge: 0,
  dangerousTriggers: 'ignore',
} as const

/** One rule for every package, that requires only `require`. */
export const requiring = (require: object, document: object = {}): TrustPolicy =>
  policyOf({ ...document, defaults: NOTHING, rules: [{ name: 'all', packages: ['**'], origin: 'any', require }] })

export const judge = (policy: TrustPolicy, changes: Partial<Candidate> = {}, stage: Stage = 'gate', now = NOW): Verdict =>
  policy.evaluate(candidate(changes), stage, now)

export const codes = (verdict: Verdict): readonly ReasonCode[] => verdict.reasons.map(({ code }) => code)
/** Outcome and codes in one, for assertions. */
export const short = (verdict: Verdict): readonly string[] => [verdict.outcome, ...codes(verdict)]
