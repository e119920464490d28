import { purlOf } from '../../../plugin/domain/package-ref.ts'
import {
  altered,
  emailIdentity,
  NPM_PUBLISH,
  provenanceStatement,
  publishStatement,
  SLSA_V1,
  type CryptoFault,
  type MintOptions,
} from '../private-sigstore.ts'
import { garbage, hang, status } from '../registry/behaviour.ts'
import { sha512Of } from '../tarball.ts'
import {
  artifactOf,
  onAttestations,
  onlyPublish,
  publishedAs,
  resigned,
  statementOf,
  withAttestations,
  withDist,
  withoutDist,
  withProvenance,
  withPublish,
  type Fault,
} from './kit.ts'
import type { FaultId } from './ids.ts'

const CUSTOM = 'https://example.test/custom/v1'
const OTHER_DIGEST = sha512Of(Buffer.from('other bytes'))

const ours = (draft: Parameters<typeof statementOf>[0]) => ({ name: purlOf(draft), digest: { sha512: draft.artifact.sha512 } })
const theirs = { name: 'pkg:npm/other@1.0.0', digest: { sha512: OTHER_DIGEST } }

/** The same package to whoever decodes: a scope's `@` left as it is, or a letter escaped. */
const otherSpelling = (purl: string): string =>
  purl.includes('%40')
    ? purl.replace('%40', '@')
    : purl.replace(/npm\/(.)/, (_, letter: string) => `npm/%${letter.charCodeAt(0).toString(16)}`)

const crypto = (title: string, fault: CryptoFault, options: MintOptions = {}): Fault => ({
  title,
  apply: (draft) => resigned(draft, statementOf(draft), { ...options, fault }),
})

export const EVIDENCE_FAULTS = {
  '2a': {
    title: 'attestation of another package',
    apply: (draft) => resigned(draft, provenanceStatement(artifactOf(draft, { name: `${draft.name}-other` }), draft.identity)),
  },
  '2b': {
    title: 'attestation of another version',
    apply: (draft) => resigned(draft, provenanceStatement(artifactOf(draft, { version: '99.0.0' }), draft.identity)),
  },
  '2c': {
    title: 'attestation of another digest',
    apply: (draft) => resigned(draft, provenanceStatement(artifactOf(draft, { sha512: OTHER_DIGEST }), draft.identity)),
  },
  '2d': { title: 'no subject', apply: (draft) => resigned(draft, statementOf(draft, { subject: [] })) },
  '2e': {
    title: 'several subjects, ours first',
    apply: (draft) => resigned(draft, statementOf(draft, { subject: [ours(draft), theirs] })),
  },
  '2f': {
    title: 'subject with sha256 only',
    apply: (draft) => {
      const subject = { name: purlOf(draft), digest: { sha256: 'ab'.repeat(32) } }
      return resigned(draft, statementOf(draft, { subject: [subject] }))
    },
  },
  '2g': {
    title: 'purl with another encoding',
    apply: (draft) => resigned(draft, statementOf(draft, { subject: [{ ...ours(draft), name: otherSpelling(purlOf(draft)) }] })),
  },
  '2g.case': {
    title: 'purl with another case',
    apply: (draft) => resigned(draft, statementOf(draft, { subject: [{ ...ours(draft), name: purlOf(draft).toUpperCase() }] })),
  },
  '2h': {
    title: 'two attestations of one npm type that disagree',
    apply: (draft) => {
      const other = altered(draft.identity, { repo: 'mallory/widget', repoId: '6001', ownerId: '6002' })
      const bundle = draft.sigstore.keyless(provenanceStatement(draft.artifact, other), other, { at: draft.at })
      return withAttestations(draft, (all) => [...all, { predicateType: SLSA_V1, bundle }])
    },
  },

  '4a': {
    title: 'outer predicateType forged',
    apply: (draft) => resigned(draft, statementOf(draft, { predicateType: CUSTOM })),
  },
  '4a.publish': {
    title: 'provenance listed as the publish attestation',
    apply: (draft) =>
      withAttestations(draft, (all) => {
        const provenance = all.filter(({ predicateType }) => predicateType !== NPM_PUBLISH)
        return [...provenance, ...provenance.map((one) => ({ ...one, predicateType: NPM_PUBLISH }))]
      }),
  },
  '4b': {
    title: 'payloadType forged',
    apply: (draft) => resigned(draft, statementOf(draft), { payloadType: 'application/json' }),
  },
  '4c': {
    title: '_type forged',
    apply: (draft) => resigned(draft, statementOf(draft, { _type: 'https://example.test/Statement' })),
  },
  '4d': {
    title: 'unknown type announced as provenance',
    apply: (draft) => {
      const bundle = draft.sigstore.keyless(statementOf(draft, { predicateType: CUSTOM }), draft.identity, { at: draft.at })
      const dist = draft.manifest.dist as { readonly attestations: { readonly url: string } }
      const attestations = { ...dist.attestations, provenance: { predicateType: CUSTOM } }
      return withDist(withProvenance(draft, bundle, CUSTOM), { attestations })
    },
  },
  '4e': {
    title: 'duplicate JSON keys',
    apply: (draft) => resigned(draft, `{"subject":${JSON.stringify([theirs])},${JSON.stringify(statementOf(draft)).slice(1)}`),
  },

  '5a': {
    title: 'publish attestation signed by a certificate',
    apply: (draft) =>
      withPublish(draft, draft.sigstore.keyless(publishStatement(draft.artifact), emailIdentity(), { at: draft.at })),
  },
  '5b': {
    title: 'DSSE keyid is not the hint',
    apply: (draft) =>
      withPublish(draft, draft.sigstore.keyed(publishStatement(draft.artifact), { at: draft.at, keyid: 'SHA256:another' })),
  },
  '5c': { title: 'publish predicate with another name', apply: (draft) => publishedAs(draft, { name: `${draft.name}-other` }) },
  '5c.version': { title: 'publish predicate with another version', apply: (draft) => publishedAs(draft, { version: '99.0.0' }) },
  '5c.registry': {
    title: 'publish predicate with another registry',
    apply: (draft) => publishedAs(draft, { registry: 'https://registry.example.evil.test' }),
  },
  '5d': {
    title: 'provenance signed by a registry key',
    apply: (draft) => withProvenance(draft, draft.sigstore.keyed(statementOf(draft), { at: draft.at })),
  },

  '6a': { title: 'announced provenance is 404', apply: (draft) => ({ ...draft, document: undefined }) },
  '6b': { title: 'announced provenance is empty', apply: (draft) => withAttestations(draft, () => []) },
  '6c': { title: 'announced provenance is stripped', apply: onlyPublish },
  '6c.announcement': {
    title: 'provenance and its announcement are stripped',
    apply: (draft) => withoutDist({ ...draft, document: undefined }, 'attestations'),
  },
  '6d': { title: 'announced provenance is 5xx', apply: (draft) => onAttestations(draft, status(503)) },
  '6e': { title: 'announced provenance hangs', apply: (draft) => onAttestations(draft, hang) },
  '6f': { title: 'announced provenance is garbage', apply: (draft) => onAttestations(draft, garbage('<html>busy</html>')) },
  '6f.null': { title: 'announced provenance is null', apply: (draft) => onAttestations(draft, garbage('null')) },
  '6f.string': { title: 'announced provenance is a string', apply: (draft) => onAttestations(draft, garbage('"attestations"')) },
  '6g': {
    title: 'announced provenance is larger than the cap',
    apply: (draft) => {
      const padding = ' '.repeat(draft.size ?? 3 * 1024 * 1024)
      return onAttestations(draft, garbage(`${padding}${JSON.stringify(draft.document)}`))
    },
  },

  '12a': crypto('no SCT', 'no-sct'),
  '12b': crypto('foreign SCT', 'foreign-sct'),
  // A timestamp of its own, so that the missing entry is all that is wrong.
  '12c': crypto('no log entry', 'no-log-entry', { timestamp: true }),
  '12d': crypto('foreign log', 'foreign-log'),
  '12e': crypto('altered SET', 'altered-set'),
  '12e.time': crypto('altered log time', 'altered-time'),
  '12f': crypto('bad proof', 'bad-proof'),
  '12f.checkpoint': crypto('bad checkpoint', 'bad-checkpoint'),
  '12g': crypto('Rekor v2 without timestamp', 'no-timestamp', { kind: 'dsse/0.0.2' }),
  '12h': crypto('log time outside the certificate', 'log-time'),
  '12i': crypto('duplicate entries', 'duplicate-entries'),
  '12i.v2': crypto('duplicate entries of Rekor v2', 'duplicate-entries', { kind: 'dsse/0.0.2' }),
  '12j': crypto('another Sigstore instance', 'foreign-instance'),
  '12k': crypto('payload altered', 'altered-payload'),
  '12k.signature': crypto('signature altered', 'altered-signature'),
  '12l': crypto('two contents', 'two-contents'),
  '12l.holders': crypto('two holders of the key', 'two-holders'),
  '12m': crypto('unknown media type', 'unknown-media-type'),

  '17h': crypto('bundle with megabytes of proof', 'huge-proof'),
} satisfies Partial<Record<FaultId, Fault>>
