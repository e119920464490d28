import assert from 'node:assert/strict'
import {
  CRYPTO_FAULTS,
  emailIdentity,
  githubIdentity,
  gitlabIdentity,
  mergeTrustedRoots,
  NPM_PUBLISH,
  PrivateSigstore,
  provenanceStatement,
  publishStatement,
  SLSA_V02,
  SLSA_V1,
  subjectOf,
  type Artifact,
  type Bundle,
  type CryptoFault,
  type Statement,
} from '../../support/private-sigstore.ts'
import type { Reason } from '../../../plugin/domain/reason.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial } from '../../../plugin/verify/index.ts'
import { REGISTRY } from '../../support/private-sigstore.ts'
import { anchored, artifact, assertRefused, factsOf, sha512, sigstore, trust, trustOf, verify } from './support.ts'

const identity = githubIdentity()
const statement = provenanceStatement(artifact, identity)

const provenance = (bundle: Bundle, predicateType: unknown = SLSA_V1) => [{ predicateType, bundle }]
const publish = (bundle: Bundle, predicateType: unknown = NPM_PUBLISH) => [{ predicateType, bundle }]
const signed = (change: Partial<Statement>) =>
  verify(provenance(sigstore.keyless({ ...statement, ...change }, identity))).provenance
const published = (change: object) =>
  verify(publish(sigstore.keyed({ ...publishStatement(artifact), ...change }))).publishAttestation

const refusalOf = (bundle: Bundle): Reason => {
  const evidence = verify(provenance(bundle)).provenance
  assert.ok(evidence.state === 'invalid')
  return evidence.reasons[0]
}

describe('verify: attestations', () => {
  it('of a complete document both verify, with their facts and anchors', () => {
    const at = new Date('2026-03-01T10:00:00Z')
    const { result, anchors } = anchored(sigstore.attestations(artifact, identity, { at }).attestations)
    assert.deepEqual(factsOf(result.publishAttestation), {
      keyid: sigstore.registryKey.keyid,
      registry: REGISTRY,
      loggedAt: '2026-03-01T10:00:00.000Z',
    })
    const facts = factsOf(result.provenance)
    assert.equal(facts.predicateType, SLSA_V1)
    assert.equal(facts.identity.subjectAlternativeName, identity.san)
    assert.equal(facts.loggedAt, '2026-03-01T10:00:00.000Z')
    assert.match(facts.logIndex ?? '', /^\d+$/)
    assert.deepEqual(anchors.map((anchor) => anchor.split(':')[0]).sort(), ['ca', 'ctlog', 'key', 'tlog'])
    assert.ok(anchors.every((anchor) => trust.anchors.has(anchor)))
  })

  for (const kind of ['dsse/0.0.2', 'hashedrekord/0.0.2'] as const)
    it(`Rekor v2 (${kind}) verifies by its timestamp, which is an anchor, and has no signed log index`, () => {
      const at = new Date('2026-03-01T10:00:07Z')
      const { result, anchors } = anchored(provenance(sigstore.keyless(statement, identity, { kind, at })))
      const facts = factsOf(result.provenance)
      assert.equal(facts.loggedAt, '2026-03-01T10:00:07.000Z')
      assert.equal(facts.logIndex, undefined)
      assert.ok(anchors.some((anchor) => anchor.startsWith('tsa:')))
    })

  for (const [what, log, stamp] of [['timestamp', 1, 4], ['log', 4, 1]] as const)
    it(`of two verified times the later one counts, here that of the ${what}`, () => {
      const after = (minutes: number): Date => new Date(Date.parse('2026-03-01T10:00:00.000Z') + minutes * 60_000)
      const bundle = sigstore.keyless(statement, identity, { at: after(0), logAt: after(log), timestamp: true, stampAt: after(stamp) })
      assert.equal(factsOf(verify(provenance(bundle)).provenance).loggedAt, after(4).toISOString())
    })

  it('an envelope with two signatures is refused, though both are good', () => {
    const bundle = sigstore.keyless(statement, identity) as Bundle & { dsseEnvelope: { signatures: object[] } }
    const [signature] = bundle.dsseEnvelope.signatures
    const twice = { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [signature, signature] } } as never
    assert.equal(refusalOf(twice).code, 'provenance-invalid')
  })
  it('a bundle without an envelope is refused', () => {
    const { dsseEnvelope: _envelope, ...bundle } = sigstore.keyless(statement, identity) as Bundle & { dsseEnvelope: object }
    const digest = { algorithm: 'SHA2_256', digest: Buffer.alloc(32).toString('base64') }
    const plain = { ...bundle, messageSignature: { messageDigest: digest, signature: 'AA==' } } as never
    assert.equal(refusalOf(plain).detail?.cause, 'envelope')
  })

  it('a log that was retired before the timestamp no longer proves anything', () => {
    const root = sigstore.trustedRoot() as { tlogs: { publicKey: object }[] }
    const validFor = { start: '2020-01-01T00:00:00Z', end: '2026-02-01T00:00:00Z' }
    const tlogs = root.tlogs.map((log) => ({ ...log, publicKey: { ...log.publicKey, validFor } }))
    const material = buildTrustMaterial({ ...trust, trustedRoot: { ...sigstore.trustedRoot(), tlogs } })
    const bundle = sigstore.keyless(statement, identity, { kind: 'dsse/0.0.2', at: new Date('2026-03-01T10:00:00Z') })
    const document = Buffer.from(JSON.stringify({ attestations: provenance(bundle) }))
    const task = { ref: artifact, sha512: artifact.sha512, document, registry: REGISTRY }
    assertRefused(verifyAttestationDocument(task, compileTrust(material)).result.provenance, 'provenance-invalid', 'RangeError')
    assert.equal(verifyAttestationDocument(task, compileTrust(trust)).result.provenance.state, 'verified')
  })

  it('what did not verify rests on the whole of the trust material', () => {
    const { anchors } = anchored(provenance(sigstore.keyless(statement, identity, { fault: 'altered-set' })))
    assert.deepEqual(anchors, [`revision:${trust.revision}`])
  })

  it('an empty list is absent, and other types are ignored', () => {
    assert.deepEqual(verify([]), { publishAttestation: { state: 'absent' }, provenance: { state: 'absent' } })
    const other = verify([
      { predicateType: 'https://other.example/v1', bundle: null },
      ...provenance(sigstore.keyless(statement, identity)),
    ])
    assert.equal(other.publishAttestation.state, 'absent')
    assert.equal(other.provenance.state, 'verified')
  })

  it('[4d] an unknown type in the place of provenance is no provenance', () => {
    assert.equal(
      verify(provenance(sigstore.keyless(statement, identity), 'https://slsa.dev/provenance/v9')).provenance.state,
      'absent',
    )
  })
})

describe('verify: documents', () => {
  const unread: readonly (readonly [string, string])[] = [
    ['[6f] garbage', '<html>'],
    ['[6f] null', 'null'],
    ['[6f] a string', '"attestations"'],
    ['an object without attestations', '{}'],
    ['an entry that is none', '{"attestations":[null]}'],
    ['an entry without a type', '{"attestations":[{"bundle":{}}]}'],
    ['[6g] more than 2 MiB', JSON.stringify({ attestations: [], padding: 'x'.repeat(2 * 1024 * 1024) })],
  ]
  for (const [name, document] of unread)
    it(`${name}: the registry has not answered`, () => {
      const { publishAttestation, provenance: evidence } = verify(document)
      assertRefused(publishAttestation, 'evidence-unavailable', undefined, 'unavailable')
      assertRefused(evidence, 'evidence-unavailable', undefined, 'unavailable')
    })

  const good = JSON.stringify({ attestations: provenance(sigstore.keyless(statement, identity)) })
  const refused: readonly (readonly [string, string, string])[] = [
    [
      '[4e] duplicate keys in the document',
      good.replace('{"attestations"', '{"attestations":[],"attestations"'),
      'duplicate-key',
    ],
    ['[4e] duplicate keys in a bundle', good.replace('"dsseEnvelope":', '"dsseEnvelope":{},"dsseEnvelope":'), 'duplicate-key'],
    [
      '[4e] duplicate keys spelled in two ways',
      good.replace('"predicateType":', '"predicate\\u0054ype":"x","predicateType":'),
      'duplicate-key',
    ],
    ['[17b] nested too deep', `{"attestations":${'['.repeat(100)}${']'.repeat(100)}}`, 'too-deep'],
    [
      'more attestations than anybody publishes',
      JSON.stringify({ attestations: Array.from({ length: 33 }, () => ({ predicateType: 'x' })) }),
      'too-many',
    ],
  ]
  for (const [name, document, cause] of refused)
    it(name, () => {
      const result = verify(document)
      assertRefused(result.provenance, 'provenance-invalid', cause)
      assertRefused(result.publishAttestation, 'publish-attestation-invalid', cause)
    })

  it('[17h] a bundle with megabytes of proof', () => {
    const bundle = sigstore.keyless(statement, identity)
    const padded = { ...bundle, padding: 'x'.repeat(256 * 1024) }
    assertRefused(verify(provenance(padded)).provenance, 'provenance-invalid', 'too-large')
  })

  for (const bundle of [null, 7, 'x', [], {}, { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }])
    it(`a bundle that is ${JSON.stringify(bundle)} is invalid, not absent`, () => {
      assertRefused(verify([{ predicateType: SLSA_V1, bundle }]).provenance, 'provenance-invalid')
      assertRefused(verify([{ predicateType: NPM_PUBLISH, bundle }]).publishAttestation, 'publish-attestation-invalid')
    })
})

describe('verify: subjects', () => {
  const subject = (change: object): Statement['subject'] => [{ ...subjectOf(artifact), ...change }]
  const other = (change: Partial<Artifact>) => [subjectOf({ ...artifact, ...change })]
  const faults: readonly (readonly [string, unknown])[] = [
    ['[2a] another package', other({ name: '@acme/gadget' })],
    ['[2b] another version', other({ version: '1.0.1' })],
    ['[2c] another digest', other({ sha512: sha512('other') })],
    ['[2d] no subject', []],
    ['[2d] subject missing', undefined],
    ['[2e] several subjects, ours first', [subjectOf(artifact), subjectOf({ ...artifact, name: 'evil' })]],
    ['[2e] our subject twice', [subjectOf(artifact), subjectOf(artifact)]],
    ['[2f] sha256 only', subject({ digest: { sha256: 'a'.repeat(64) } })],
    ['[2g] purl in another case', subject({ name: 'pkg:npm/%40Acme/widget@1.0.0' })],
    ['[2g] purl in another encoding', subject({ name: 'pkg:npm/@acme/widget@1.0.0' })],
    ['[2g] purl with qualifiers', subject({ name: 'pkg:npm/%40acme/widget@1.0.0?a=b' })],
  ]
  for (const [name, subjects] of faults) {
    it(`${name}, in provenance`, () => {
      assertRefused(signed({ subject: subjects as Statement['subject'] }), 'subject-mismatch')
    })
    it(`${name}, in a publish attestation`, () => {
      assertRefused(published({ subject: subjects }), 'subject-mismatch')
    })
  }

  it('[2h] two provenances by two signers', () => {
    const twin = githubIdentity({ repo: 'acme/gadget' })
    const bundles = [sigstore.keyless(statement, identity), sigstore.keyless(provenanceStatement(artifact, twin), twin)]
    assertRefused(verify(bundles.flatMap((bundle) => provenance(bundle))).provenance, 'statement-mismatch')
  })

  it('[2h] a good provenance and a bad one', () => {
    const bundles = [sigstore.keyless(statement, identity), sigstore.keyless(statement, identity, { fault: 'altered-set' })]
    assertRefused(verify(bundles.flatMap((bundle) => provenance(bundle))).provenance, 'provenance-invalid')
  })

  it('[2h] a good publish attestation and one of an unknown key', () => {
    const bundles = [
      sigstore.keyed(publishStatement(artifact)),
      sigstore.keyed(publishStatement(artifact), { hint: 'SHA256:x', keyid: 'SHA256:x' }),
    ]
    const { publishAttestation } = verify(bundles.flatMap((bundle) => publish(bundle)))
    assertRefused(publishAttestation, 'signature-key-unknown', undefined, 'unknown-key')
  })

  it('two provenances that agree are one, of the later time', () => {
    const times = [new Date('2026-03-01T10:00:00Z'), new Date('2026-03-01T10:05:00Z'), new Date('2026-03-01T10:01:00Z')]
    const bundles = times.map((at) => sigstore.keyless(statement, identity, { at }))
    assert.equal(factsOf(verify(bundles.flatMap((bundle) => provenance(bundle))).provenance).loggedAt, '2026-03-01T10:05:00.000Z')
  })
})

describe('verify: statements', () => {
  it('[4a] outer predicateType forged', () => {
    assertRefused(verify(provenance(sigstore.keyless(statement, identity), SLSA_V02)).provenance, 'statement-mismatch')
    assertRefused(verify(publish(sigstore.keyed(statement))).publishAttestation, 'statement-mismatch')
  })
  it('[4b] payloadType of something else, properly signed', () => {
    const bundle = sigstore.keyless(statement, identity, { payloadType: 'application/vnd.in-toto+yaml' })
    assertRefused(verify(provenance(bundle)).provenance, 'statement-mismatch')
  })
  it('[4c] _type of something else', () => {
    assertRefused(signed({ _type: 'https://in-toto.io/Statement/v2' }), 'statement-mismatch')
  })
  it('[4e] duplicate keys in the signed payload', () => {
    const text = JSON.stringify(statement).replace('"subject":', '"subject":[],"subject":')
    assertRefused(verify(provenance(sigstore.keyless(text, identity))).provenance, 'provenance-invalid')
  })
  for (const [name, payload] of [
    ['not JSON', 'x'],
    ['null', 'null'],
    ['a list', '[]'],
    ['nested too deep', `${'['.repeat(99)}${']'.repeat(99)}`],
  ] as const)
    it(`a signed payload that is ${name}`, () => {
      assertRefused(verify(provenance(sigstore.keyless(payload, identity))).provenance, 'provenance-invalid')
    })
  it('a statement without predicate', () => {
    assertRefused(signed({ predicate: [] as never }), 'provenance-invalid')
  })
  it('provenance without a build type cannot be judged', () => {
    assertRefused(signed({ predicate: { builder: { id: 'x' } } }), 'provenance-unsupported')
  })
})

describe('verify: signers', () => {
  it('[5a] publish attestation signed by a certificate', () => {
    const bundle = sigstore.keyless(publishStatement(artifact), identity)
    assertRefused(verify(publish(bundle)).publishAttestation, 'publish-attestation-invalid', 'signer-kind')
  })
  it('[5b] DSSE keyid is not the hint', () => {
    const bundle = sigstore.keyed(publishStatement(artifact), { keyid: sigstore.expiredKey.keyid })
    assertRefused(verify(publish(bundle)).publishAttestation, 'statement-mismatch')
  })
  for (const [field, value] of [
    ['name', '@acme/gadget'],
    ['version', '1.0.1'],
    ['registry', 'https://registry.example.evil'],
    ['registry', undefined],
  ] as const)
    it(`[5c] publish predicate with ${value === undefined ? 'no' : 'another'} ${field}`, () => {
      const { predicate } = publishStatement(artifact)
      assertRefused(published({ predicate: { ...predicate, [field]: value } }), 'statement-mismatch')
    })
  it('a publish attestation may name its registry with a slash at the end', () => {
    const { predicate } = publishStatement(artifact)
    assert.equal(factsOf(published({ predicate: { ...predicate, registry: `${REGISTRY}/` } })).registry, REGISTRY)
  })
  it('[5d] provenance signed by a key of the registry', () => {
    assertRefused(verify(provenance(sigstore.keyed(statement))).provenance, 'provenance-invalid', 'signer-kind')
  })
  it('[1d] publish attestation by a key that is not known', () => {
    const stranger = PrivateSigstore.create({ name: 'stranger' }).registryKey
    const { publishAttestation } = verify(publish(sigstore.keyed(publishStatement(artifact), { key: stranger })))
    assertRefused(publishAttestation, 'signature-key-unknown', undefined, 'unknown-key')
  })
  it('[16d] a hint that is the name of a property', () => {
    for (const hint of ['__proto__', 'constructor', 'hasOwnProperty']) {
      const { publishAttestation } = verify(publish(sigstore.keyed(publishStatement(artifact), { hint, keyid: hint })))
      assertRefused(publishAttestation, 'signature-key-unknown', undefined, 'unknown-key')
    }
  })
  it('[1e] publish attestation by another key under a known keyid', () => {
    const stranger = { ...PrivateSigstore.create({ name: 'stranger' }).registryKey, keyid: sigstore.registryKey.keyid }
    const { publishAttestation } = verify(publish(sigstore.keyed(publishStatement(artifact), { key: stranger })))
    assertRefused(publishAttestation, 'publish-attestation-invalid', 'SIGNATURE_ERROR')
  })
  it('a key for signatures only does not verify attestations', () => {
    const registryKeys = trust.registryKeys.filter(({ usages }) => !usages.includes('attestations'))
    const material = buildTrustMaterial({ ...trust, registryKeys })
    const document = Buffer.from(JSON.stringify({ attestations: publish(sigstore.keyed(publishStatement(artifact))) }))
    const task = { ref: artifact, sha512: artifact.sha512, document, registry: REGISTRY }
    const { publishAttestation } = verifyAttestationDocument(task, compileTrust(material)).result
    assertRefused(publishAttestation, 'signature-key-unknown', undefined, 'unknown-key')
  })
  it('a publish attestation logged after its key ended, and one before', () => {
    const key = sigstore.expiredKey
    const late = sigstore.keyed(publishStatement(artifact), { key, at: new Date('2025-02-01T00:00:00Z') })
    assertRefused(verify(publish(late)).publishAttestation, 'publish-attestation-invalid', 'PUBLIC_KEY_ERROR')
    const timely = sigstore.keyed(publishStatement(artifact), { key, at: new Date('2025-01-01T00:00:00Z') })
    assert.equal(factsOf(verify(publish(timely)).publishAttestation).keyid, key.keyid)
  })
  for (const purpose of ['serverAuth', 'none'] as const)
    it(`a certificate for ${purpose === 'none' ? 'no purpose' : 'TLS servers'} signs no provenance`, () => {
      const bundle = sigstore.keyless(statement, identity, { purpose })
      assertRefused(verify(provenance(bundle)).provenance, 'provenance-invalid', 'extended-key-usage')
    })
  it('[7a] e-mail signer: unsupported, and the address is shown to nobody', () => {
    const { provenance: evidence } = verify(provenance(sigstore.keyless(statement, emailIdentity('somebody@acme.example'))))
    assertRefused(evidence, 'provenance-unsupported')
    assert.ok(!JSON.stringify(evidence).includes('somebody'))
  })
  for (const [id, issuer] of [
    ['[7b] enterprise issuer sharing a prefix', `${identity.issuer}/acme`],
    ['[7c] another provider', 'https://oidc.circleci.example'],
  ] as const)
    it(`${id} is reported as it is`, () => {
      const id = githubIdentity({ issuer })
      assert.equal(
        factsOf(verify(provenance(sigstore.keyless(provenanceStatement(artifact, id), id))).provenance).identity.issuer,
        issuer,
      )
    })
})

describe('verify: cryptography', () => {
  const expected: Readonly<Record<Exclude<CryptoFault, 'huge-proof'>, readonly [id: string, cause: string]>> = {
    'no-sct': ['[12a]', 'CERTIFICATE_ERROR'],
    'foreign-sct': ['[12b]', 'unknown-anchor'],
    'no-log-entry': ['[12c]', 'TIMESTAMP_ERROR'],
    'foreign-log': ['[12d]', 'unknown-anchor'],
    'altered-set': ['[12e]', 'TLOG_INCLUSION_PROMISE_ERROR'],
    'altered-time': ['[12e]', 'TLOG_INCLUSION_PROMISE_ERROR'],
    'bad-proof': ['[12f]', 'TLOG_INCLUSION_PROOF_ERROR'],
    'bad-checkpoint': ['[12f]', 'TLOG_INCLUSION_PROOF_ERROR'],
    'no-timestamp': ['[12g]', 'TIMESTAMP_ERROR'],
    'log-time': ['[12h]', 'CERTIFICATE_ERROR'],
    'duplicate-entries': ['[12i]', 'TIMESTAMP_ERROR'],
    'foreign-instance': ['[12j]', 'unknown-anchor'],
    'altered-payload': ['[12k]', 'TLOG_BODY_ERROR'],
    'altered-signature': ['[12k]', 'TLOG_BODY_ERROR'],
    'altered-payload-type': ['[4b]', 'SIGNATURE_ERROR'],
    'two-contents': ['[12l]', 'ambiguous'],
    'two-holders': ['[12l]', 'ambiguous'],
    'unknown-media-type': ['[12m]', 'media-type'],
  }
  for (const fault of CRYPTO_FAULTS) {
    if (fault === 'huge-proof') continue
    const [id, cause] = expected[fault]
    it(`${id} ${fault}`, () => {
      assertRefused(verify(provenance(sigstore.keyless(statement, identity, { fault }))).provenance, 'provenance-invalid', cause)
    })
    if (fault.includes('sct')) continue
    it(`${id} ${fault}, in a publish attestation`, () => {
      const { publishAttestation } = verify(publish(sigstore.keyed(publishStatement(artifact), { fault })))
      // Keys of the registry are valid at any time here, and a foreign instance has a foreign log.
      if (fault === 'log-time') assert.equal(publishAttestation.state, 'verified')
      else assertRefused(publishAttestation, 'publish-attestation-invalid', cause)
    })
  }
  it('[12c] no log entry, but a timestamp', () => {
    const bundle = sigstore.keyless(statement, identity, { timestamp: true, fault: 'no-log-entry' })
    assertRefused(verify(provenance(bundle)).provenance, 'provenance-invalid', 'TLOG_ERROR')
  })
  it('[12g] Rekor v2 without timestamp', () => {
    const bundle = sigstore.keyless(statement, identity, { kind: 'dsse/0.0.2', timestamp: false })
    assertRefused(verify(provenance(bundle)).provenance, 'provenance-invalid', 'TIMESTAMP_ERROR')
  })
  it('[12i] duplicate entries of Rekor v2', () => {
    const bundle = sigstore.keyless(statement, identity, { kind: 'dsse/0.0.2', fault: 'duplicate-entries' })
    assertRefused(verify(provenance(bundle)).provenance, 'provenance-invalid', 'TLOG_ERROR')
  })
  it('[12j] another instance is trusted once its root is, and only what is unknown is called so', () => {
    const foreign = PrivateSigstore.create({ name: 'foreign' })
    const document = Buffer.from(JSON.stringify({ attestations: provenance(foreign.keyless(statement, identity)) }))
    const task = { ref: artifact, sha512: artifact.sha512, document, registry: REGISTRY }
    const before = verifyAttestationDocument(task, compileTrust(trust)).result.provenance
    assertRefused(before, 'provenance-invalid', 'unknown-anchor')
    const trustedRoot = mergeTrustedRoots(sigstore.trustedRoot(), foreign.trustedRoot())
    const both = buildTrustMaterial({ ...trust, trustedRoot })
    const { result, anchors } = verifyAttestationDocument(task, compileTrust(both))
    assert.equal(result.provenance.state, 'verified')
    assert.ok(anchors.every((anchor) => trustOf(foreign).anchors.has(anchor)))
  })
  it('[12l] a payload that is not text', () => {
    const bundle = sigstore.keyless(statement, identity)
    const payload = [...Buffer.from(bundle.dsseEnvelope.payload, 'base64')] as unknown as string
    const other = { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload } }
    assertRefused(verify(provenance(other)).provenance, 'provenance-invalid', 'envelope')
  })
  it('hostile certificates and timestamps are invalid, whatever they make the reader throw', () => {
    const bundle = sigstore.keyless(statement, identity, { kind: 'dsse/0.0.2' })
    const der = Buffer.from(bundle.verificationMaterial.certificate?.rawBytes ?? '', 'base64')
    for (let cut = 0; cut < der.length; cut += 7) {
      const flipped = Buffer.of((der[cut] ?? 0) ^ 0x55)
      for (const raw of [der.subarray(0, cut), Buffer.concat([der.subarray(0, cut), flipped, der.subarray(cut + 1)])]) {
        const verificationMaterial = { ...bundle.verificationMaterial, certificate: { rawBytes: raw.toString('base64') } }
        assertRefused(verify(provenance({ ...bundle, verificationMaterial })).provenance, 'provenance-invalid')
      }
    }
    for (const signedTimestamp of ['', 'AA==', 'MAA=', 'MAMCAQA=']) {
      const timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp }] }
      const verificationMaterial = { ...bundle.verificationMaterial, timestampVerificationData }
      assertRefused(verify(provenance({ ...bundle, verificationMaterial })).provenance, 'provenance-invalid')
    }
  }).timeout(60_000)
  it('a GitLab job verifies', () => {
    const id = gitlabIdentity()
    assert.equal(
      factsOf(verify(provenance(sigstore.keyless(provenanceStatement(artifact, id), id), SLSA_V02)).provenance).identity.issuer,
      id.issuer,
    )
  })
})
