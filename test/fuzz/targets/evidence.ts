/** Attestations, bundles, statements, certificates: nothing that was changed may verify as something else than it was. */
import { X509Certificate } from '@sigstore/core'
import { isObject, type JsonObject } from '../../../plugin/domain/json.ts'
import type { AttestationResult } from '../../../plugin/domain/ports.ts'
import { parseStrictJson } from '../../../plugin/domain/strict-json.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { EvidenceFault } from '../../../plugin/verify/fault.ts'
import { signerIdentityOf } from '../../../plugin/verify/fulcio-claims.ts'
import { assertPredicate } from '../../../plugin/verify/predicate-agreement.ts'
import { verifyProvenance } from '../../../plugin/verify/provenance.ts'
import { verifyPublishAttestation } from '../../../plugin/verify/publish-attestation.ts'
import { predicateOf } from '../../../plugin/verify/statement.ts'
import { buildTrustMaterial, parseRegistryKeys, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import {
  PrivateSigstore,
  REGISTRY,
  githubIdentity,
  gitlabIdentity,
  provenanceStatement,
  publishStatement,
  type Bundle,
  type KeylessOptions,
  type WorkflowIdentity,
} from '../../support/private-sigstore.ts'
import { must, orRefused, type Target } from '../target.ts'

/** One moment for all, so that evidence of an earlier run is the same evidence. */
const at = new Date('2026-03-01T10:00:00Z')
export const sigstore = PrivateSigstore.create({ name: 'fuzz', clock: { now: () => at } })
const trust = compileTrust(
  buildTrustMaterial({
    trustedRoot: parseTrustedRoot(sigstore.trustedRoot(), 'trusted_root.json'),
    registryKeys: parseRegistryKeys(sigstore.registryKeysTarget(), 'keys.json'),
    source: { trustedRoot: 'fuzz', registryKeys: 'fuzz' },
  }),
)
const artifact = { name: '@acme/widget', version: '1.0.0', sha512: 'ab'.repeat(64) }
const task = { ref: artifact, sha512: artifact.sha512, registry: REGISTRY, document: new Uint8Array() }
const identity = githubIdentity({ ref: 'refs/tags/v1.0.0' })
const SLSA_V1 = 'https://slsa.dev/provenance/v1'
const SLSA_V02 = 'https://slsa.dev/provenance/v0.2'
const NPM_PUBLISH = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'
const WORDS = [
  ...[SLSA_V1, SLSA_V02, NPM_PUBLISH, 'subject', 'predicate', 'predicateType', 'dsseEnvelope', 'messageSignature', 'certificate'],
  ...['publicKey', 'hint', 'hashes', 'tlogEntries', 'inclusionProof', 'inclusionPromise', 'rfc3161Timestamps', '"', '{', '\\u0000'],
  ...['application/vnd.in-toto+json', 'application/vnd.dev.sigstore.bundle.v0.3+json', 'pkg:npm/%40acme/widget@1.0.0', 'sha512'],
]
const COVERS = ['attestation-document', 'bundle', 'bundle-anchors', 'statement', 'predicate-agreement', 'predicate-claims', 'fulcio-claims', 'provenance', 'publish-attestation', 'base64']
const covers = COVERS.map((file) => `verify/${file}.ts`)

interface Minted {
  readonly predicateType: string
  readonly bundle: Bundle
}

const minted = (by: WorkflowIdentity, slsa: '1' | '0.2' | 'early', options: KeylessOptions = {}): Minted => {
  const statement = provenanceStatement(artifact, by, slsa)
  return { predicateType: statement.predicateType, bundle: sigstore.keyless(statement, by, { at, ...options }) }
}
const publish = (): Minted => ({ predicateType: NPM_PUBLISH, bundle: sigstore.keyed(publishStatement(artifact), { at }) })
const bundles = (): readonly Minted[] => [
  minted(identity, '1'),
  minted(identity, '0.2', { bundle: '0.1' }),
  minted(identity, '1', { kind: 'dsse/0.0.2' }),
  minted(gitlabIdentity(), '0.2', { timestamp: true }),
  publish(),
]
const documentsOf = (all: readonly Minted[]): readonly string[] => all.map((one) => JSON.stringify({ attestations: [one] }))
const documents = (): readonly string[] => [
  JSON.stringify({ attestations: [publish(), minted(identity, '1')] }),
  ...documentsOf(bundles()),
]

const verifyDocument = (document: Uint8Array): AttestationResult => verifyAttestationDocument({ ...task, document }, trust).result

/** What any minted evidence says, as text; the place in the log apart, which is another for each. */
const said = (facts: object): string => JSON.stringify({ ...facts, logIndex: undefined })
const genuine = new Set(
  documents().flatMap((document) => {
    const { provenance, publishAttestation } = verifyDocument(Buffer.from(document))
    return [provenance, publishAttestation].flatMap((evidence) => (evidence.state === 'verified' ? [said(evidence.facts)] : []))
  }),
)
must(genuine.size >= 4, 'minted evidence does not verify')

function assertGenuine(facts: object): void {
  must(genuine.has(said(facts)), `changed evidence verified as ${said(facts)}`)
}

const parsed = (input: Buffer): JsonObject | undefined => {
  try {
    const value = parseStrictJson(input)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const attestations: Target = {
  name: 'attestations',
  kind: 'json',
  seeds: documents,
  words: WORDS,
  covers,
  quick: 60,
  longest: 64 * 1024,
  run: (input) => {
    const { provenance, publishAttestation } = verifyDocument(input)
    for (const evidence of [provenance, publishAttestation]) {
      if (evidence.state === 'verified') assertGenuine(evidence.facts)
      must(evidence.state !== 'claimed', 'what was looked at is no claim any more')
      if ('reasons' in evidence) must(evidence.reasons.length > 0, 'bad evidence without a reason')
    }
  },
}

const bundle: Target = {
  name: 'bundle',
  kind: 'json',
  seeds: () => bundles().map((one) => JSON.stringify(one.bundle)),
  words: WORDS,
  covers,
  quick: 60,
  longest: 64 * 1024,
  run: (input) => {
    const raw = parsed(input)
    if (raw === undefined) return
    for (const type of [SLSA_V1, SLSA_V02]) {
      const verified = orRefused(() => verifyProvenance(type, raw, task, trust), EvidenceFault)
      if (verified !== undefined) assertGenuine(verified.result)
    }
    const published = orRefused(() => verifyPublishAttestation(raw, task, trust), EvidenceFault)
    if (published !== undefined) assertGenuine(published.result)
  },
}

const derOf = ({ bundle: { verificationMaterial } }: Minted): Buffer<ArrayBuffer> => Buffer.from(verificationMaterial.certificate?.rawBytes ?? '', 'base64')
const certified = signerIdentityOf(X509Certificate.parse(derOf(minted(identity, '1'))))

const statement: Target = {
  name: 'statement',
  kind: 'json',
  seeds: () => [
    ...(['1', '0.2', 'early'] as const).map((slsa) => JSON.stringify(provenanceStatement(artifact, identity, slsa))),
    JSON.stringify(provenanceStatement(artifact, gitlabIdentity(), '0.2')),
    JSON.stringify(publishStatement(artifact)),
  ],
  words: [...WORDS, 'https://github.com/acme/widget', 'git+https://', '@refs/tags/v1.0.0', 'gitCommit', 'configSource', 'workflow'],
  covers: ['verify/statement.ts', 'verify/predicate-agreement.ts', 'verify/predicate-claims.ts'],
  quick: 1500,
  run: (input) => {
    const envelope = { payload: input, payloadType: 'application/vnd.in-toto+json', signatures: [] }
    for (const type of [SLSA_V1, SLSA_V02]) {
      const predicate = orRefused(() => predicateOf(envelope as never, type, task, 'provenance-invalid'), EvidenceFault)
      if (predicate === undefined) continue
      const { subject } = JSON.parse(input.toString()) as { subject: { name: string; digest: { sha512: string } }[] }
      must(subject.length === 1 && subject[0]?.digest.sha512 === artifact.sha512, 'a statement about something else')
      orRefused(() => assertPredicate(type, predicate, certified), EvidenceFault)
    }
  },
}

const fulcio: Target = {
  name: 'fulcio',
  kind: 'bytes',
  seeds: () => [identity, gitlabIdentity(), githubIdentity({ environment: 'npm' })].map((by) => derOf(minted(by, '1'))),
  words: ['\u0006\u000a+\u0006\u0001\u0004\u0001\u0083\u00bf0\u0001', '\u000c\u0005', '\u0030\u0082', '\u0086\u0020https://', '\u0004\u0003'],
  covers: ['verify/fulcio-claims.ts'],
  quick: 1500,
  run: (input) => {
    let certificate: X509Certificate
    try {
      certificate = X509Certificate.parse(Buffer.from(input))
    } catch {
      // The library's to refuse, in whatever way: `guarded` around it takes every error for an invalid bundle.
      return
    }
    const found = orRefused(() => signerIdentityOf(certificate), EvidenceFault)
    if (found !== undefined) must(/^[a-z][a-z0-9+.-]*:[\x20-\x7e]*$/i.test(found.subjectAlternativeName), 'a signer that is no address')
  },
}

export const EVIDENCE_TARGETS: readonly Target[] = [attestations, bundle, statement, fulcio]
