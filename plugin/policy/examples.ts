import type { Candidate, Evidence, ProvenanceFacts } from '../domain/evidence.ts'
import { NO_PINS, type Pins } from '../domain/history.ts'
import { parseIntegrity, sriOf } from '../domain/integrity.ts'
import { splitSpec } from '../domain/package-ref.ts'
import { builtBy } from '../domain/pins.ts'
import { reason, type ReasonCode } from '../domain/reason.ts'
import type { SignerIdentity } from '../domain/signer-identity.ts'
import type { Outcome } from '../domain/verdict.ts'
import type { TrustPolicy } from './compile.ts'
import { parseDuration } from './duration.ts'
import { exampleHistory } from './example-history.ts'
import type { ExampleDocument } from './schema.ts'
import { ISSUERS, parseDate } from './values.ts'
import type { EvidenceKind } from './words.ts'

/** What a policy said of one of its examples. */
export interface ExampleResult {
  /** Undefined for the policy itself. */
  readonly file: string | undefined
  readonly line: number | undefined
  readonly name: string
  readonly passed: boolean
  readonly expected: { readonly outcome: Outcome; readonly reasons: readonly string[] | undefined }
  readonly actual: { readonly outcome: Outcome; readonly reasons: readonly ReasonCode[]; readonly rule: string }
}

/** Judges every example as the tarball gate would. Pure, as all evaluation is. */
export const runExamples = (policy: TrustPolicy, now: Date): readonly ExampleResult[] =>
  policy.examples.map(({ file, line, document }) => {
    const { outcome, reasons, rule } = policy.evaluate(candidateOf(document, now), 'gate', now)
    const codes = [...new Set(reasons.map(({ code }) => code))]
    const { expect, reasons: wanted } = document
    return {
      file,
      line,
      name: document.name ?? document.package,
      passed: outcome === expect && (wanted === undefined || sameSet(wanted, codes)),
      expected: { outcome: expect, reasons: wanted },
      actual: { outcome, reasons: codes, rule },
    }
  })

const sameSet = (a: readonly string[], b: readonly string[]): boolean => a.every((item) => b.includes(item)) && b.every((item) => a.includes(item))

const YEAR = '365d'

function candidateOf(example: ExampleDocument, now: Date): Candidate {
  const { evidence = {}, hints, age = YEAR, published, integrity, signs = true, origin = 'upstream' } = example
  const { name, version = '' } = splitSpec(example.package)
  const notBefore = published === undefined ? new Date(now.getTime() - parseDuration(age)) : parseDate(published)
  return {
    ref: { name, version },
    uplink: 'example',
    origin,
    uplinkSigns: signs,
    integrity: parseIntegrity(integrity ?? sriOf('0'.repeat(128))),
    faults: [],
    warnings: [],
    signature: evidenceOf('signature', evidence.signature, { keyid: 'example', keyExpires: null }),
    publishAttestation: evidenceOf('publishAttestation', evidence.publishAttestation, {
      keyid: 'example',
      registry: '',
      loggedAt: notBefore.toISOString(),
    }),
    provenance: provenanceOf(evidence.provenance, notBefore),
    claims: { published: notBefore, trustedPublisher: hints?.trustedPublisher ?? false, stagedPublish: hints?.stagedPublish ?? false },
    notBefore,
    history: exampleHistory(example, notBefore, now),
    pins: pinsOf(example.pinned, now),
    contents: example.repository === undefined ? undefined : { repository: example.repository === 'none' ? undefined : example.repository },
    foreignDependencies: Object.entries(example.dependencies ?? {}).flatMap(([dependency, kind]) =>
      kind === 'registry' ? [] : [{ field: 'dependencies', name: dependency, spec: kind, kind }],
    ),
  }
}

type State = Evidence<unknown>['state']
type Claims = Exclude<NonNullable<NonNullable<ExampleDocument['evidence']>['provenance']>, string>

const CODES = {
  signature: { invalid: 'signature-invalid', 'unknown-key': 'signature-key-unknown' },
  publishAttestation: { invalid: 'publish-attestation-invalid', 'unknown-key': 'publish-attestation-invalid' },
  provenance: { invalid: 'provenance-invalid', 'unknown-key': 'provenance-invalid' },
} as const satisfies Record<EvidenceKind, Record<'invalid' | 'unknown-key', ReasonCode>>

function evidenceOf<Facts>(kind: EvidenceKind, state: State | undefined, facts: Facts): Evidence<Facts> {
  switch (state) {
    case 'verified':
      return { state, facts }
    case 'claimed':
      return { state }
    case 'invalid':
    case 'unknown-key':
      return { state, reasons: [reason(CODES[kind][state], 'as the example says')] }
    case 'unavailable':
      return { state, reasons: [reason('evidence-unavailable', 'as the example says')] }
    case 'absent':
    case undefined:
      return { state: 'absent' }
  }
}

function provenanceOf(said: State | Claims | undefined, loggedAt: Date): Evidence<ProvenanceFacts> {
  const claims = typeof said === 'object' ? said : {}
  const facts = {
    predicateType: 'https://slsa.dev/provenance/v1',
    buildType: '',
    identity: identityOf(claims),
    loggedAt: loggedAt.toISOString(),
    logIndex: undefined,
  }
  return evidenceOf('provenance', typeof said === 'object' ? 'verified' : said, facts)
}

/** As of a package that was built by one identity, before the version and before any that this mirror saw. */
function pinsOf(pinned: Claims | undefined, now: Date): Pins {
  const by = pinned === undefined ? undefined : builtBy(identityOf(pinned))
  if (by === undefined) return NO_PINS
  const since = new Date(now.getTime() - 2 * parseDuration(YEAR))
  return { pins: [{ ...by, version: 'an earlier one', since, latest: since, because: 'found', until: undefined }], isEstablished: false }
}

/** A certificate that says what the example says, and nothing else. */
function identityOf(claims: Claims): SignerIdentity {
  const { issuer = '', sourceRepository, sourceRepositoryId, sourceOwnerId, sourceRef, workflow, signerWorkflow } = claims
  const { trigger, runner, environment, visibility } = claims
  const ref = sourceRef === undefined ? '' : `@${sourceRef}`
  const buildConfig = sourceRepository === undefined || workflow === undefined ? undefined : `${sourceRepository}/${workflow}${ref}`
  const signer = signerWorkflow ?? buildConfig
  return {
    issuer: ISSUERS.get(issuer) ?? issuer,
    subjectAlternativeName: signer ?? '',
    sourceRepository,
    sourceRepositoryId,
    sourceOwner: undefined,
    sourceOwnerId,
    sourceRef,
    sourceDigest: undefined,
    buildConfig,
    buildSigner: signer,
    trigger,
    runner,
    run: undefined,
    visibility,
    environment,
  }
}
