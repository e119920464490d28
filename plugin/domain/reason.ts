/**
 * Every reason code, grouped by what it speaks of. The union is closed: HTTP bodies, headers, log, metrics and CLI use
 * these words and no others.
 */
const CODES = {
  /** Somebody lied, or bytes are not what was promised: excused by no rule, waiver, branch or `verdict: allow`. */
  forgery: [
    'signature-invalid',
    'publish-attestation-invalid',
    'provenance-invalid',
    'subject-mismatch',
    'statement-mismatch',
    'manifest-mismatch',
    'integrity-missing',
    'integrity-malformed',
    'integrity-mismatch',
    'integrity-changed',
  ],
  /** Evidence the policy asked for is not there, or cannot be judged by any key or rule known here. */
  evidence: [
    'signature-absent',
    'signature-key-unknown',
    'signature-key-expired',
    'publish-attestation-absent',
    'provenance-absent',
    'provenance-unsupported',
    'attestation-missing',
  ],
  /** The evidence is genuine, and of somebody or something else than the rule asks for. */
  identity: [
    'issuer-mismatch',
    'source-repository-mismatch',
    'source-repository-id-mismatch',
    'source-owner-mismatch',
    'source-ref-mismatch',
    'workflow-mismatch',
    'signer-workflow-mismatch',
    'trigger-mismatch',
    'runner-mismatch',
    'environment-mismatch',
    'identity-claim-missing',
    'manifest-repository-mismatch',
  ],
  /** Compared with what this mirror saw before. */
  history: ['identity-changed', 'origin-changed', 'trust-downgrade', 'evidence-withdrawn', 'version-withdrawn', 'recalled'],
  circumstance: ['release-too-young', 'dependency-source', 'tarball-host-refused'],
  policy: ['denied-by-rule', 'condition-unmet', 'requirement-unmet', 'staged-publish-absent', 'trusted-publisher-absent'],
  /** Not a refusal but "cannot decide now": 503, never 403, and never stored. */
  unavailable: ['evidence-unavailable', 'verification-pending', 'trust-material-stale', 'internal-error'],
} as const

export type ReasonKind = keyof typeof CODES
export type ReasonCodeOf<Kind extends ReasonKind> = (typeof CODES)[Kind][number]
export type ReasonCode = ReasonCodeOf<ReasonKind>
export type UnavailableCode = (typeof CODES.unavailable)[number]

const KIND_OF: ReadonlyMap<string, ReasonKind> = new Map(
  (Object.keys(CODES) as ReasonKind[]).flatMap((kind) => CODES[kind].map((code) => [code, kind] as const)),
)

export const REASON_CODES = [...KIND_OF.keys()] as readonly ReasonCode[]
/** By what they speak of, in the order of this file. */
export const CODES_BY_KIND: Readonly<Record<ReasonKind, readonly ReasonCode[]>> = CODES
export const isReasonCode = (code: string): code is ReasonCode => KIND_OF.has(code)
export const isForgery = (code: ReasonCode): boolean => KIND_OF.get(code) === 'forgery'
/** Excused by nothing, and by no mode: an operator recalls a version knowing the policy. */
export const isRecall = (code: ReasonCode): boolean => code === 'recalled'
export const isUnavailable = (code: ReasonCode): code is UnavailableCode => KIND_OF.get(code) === 'unavailable'

/**
 * Why a version is refused, warned about or undecided.
 * `message` is one English sentence without a full stop, free of secrets and e-mail addresses; `detail` holds its parts
 * for machines (expected, actual, …).
 */
export interface Reason {
  readonly code: ReasonCode
  readonly message: string
  readonly detail?: Readonly<Record<string, string>>
}

export const reason = (code: ReasonCode, message: string, detail?: Readonly<Record<string, string>>): Reason =>
  detail === undefined ? { code, message } : { code, message, detail }
