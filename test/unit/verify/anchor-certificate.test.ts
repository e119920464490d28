import assert from 'node:assert/strict'
import { bundleFromJSON, type Bundle as ReadBundle } from '@sigstore/bundle'
import { X509Certificate } from '@sigstore/core'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity } from '@sigstore/verify'
import type { AttestationResult, TrustMaterial } from '../../../plugin/domain/ports.ts'
import { AnchorCertificate } from '../../../plugin/verify/anchor-certificate.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust, type CompiledTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial, loadTrustMaterial, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { EvidenceFault } from '../../../plugin/verify/fault.ts'
import { withQuickLeaf } from '../../../plugin/verify/leaf-certificate.ts'
import {
  CRYPTO_FAULTS,
  githubIdentity,
  gitlabIdentity,
  mergeTrustedRoots,
  NPM_PUBLISH,
  PrivateSigstore,
  provenanceStatement,
  publishStatement,
  REGISTRY,
  SLSA_V1,
  type Bundle,
  type CryptoFault,
  type KeylessOptions,
} from '../../support/private-sigstore.ts'
import { publicTrust, realData } from '../../support/real-data.ts'
import { artifact, sigstore, trust, trustOf } from './support.ts'

const identity = githubIdentity()
const statement = provenanceStatement(artifact, identity)
const foreign = PrivateSigstore.create({ name: 'private-foreign' })

interface Case {
  readonly what: string
  readonly trust: TrustMaterial
  readonly task: Parameters<typeof verifyAttestationDocument>[0]
}

/** The trust material with the library's own certificates, which remember nothing. */
const stock = (material: TrustMaterial): CompiledTrust => {
  const compiled = compileTrust(material)
  const found = (hint: string) => {
    const usable = compiled.attestationKeys.get(hint)
    if (usable === undefined)
      throw new EvidenceFault('signature-key-unknown', 'the publish attestation is signed with a key that is not trusted here', { keyid: hint }, { state: 'unknown-key' })
    const { starts, expires } = usable.entry
    const holds = (date: Date): boolean => (starts === null || new Date(starts) <= date) && (expires === null || date <= new Date(expires))
    return { publicKey: usable.key, validFor: holds }
  }
  const plain = toTrustMaterial(TrustedRoot.fromJSON(material.trustedRoot), found)
  return { ...compiled, verifier: new Verifier(plain, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 }) }
}

const documentOf = (predicateType: string, bundle: unknown): Buffer => Buffer.from(JSON.stringify({ attestations: [{ predicateType, bundle }] }))
const taskOf = (document: Buffer): Case['task'] => ({ ref: artifact, sha512: artifact.sha512, document, registry: REGISTRY })

const FORMS: readonly (readonly [string, KeylessOptions])[] = [
  ['dsse/0.0.1', {}],
  ['intoto/0.0.2 in a bundle 0.1', { bundle: '0.1' }],
  ['dsse/0.0.1 with a timestamp', { timestamp: true }],
  ['dsse/0.0.2', { kind: 'dsse/0.0.2' }],
  ['hashedrekord/0.0.2', { kind: 'hashedrekord/0.0.2' }],
]
const PURPOSES = ['codeSigning', 'serverAuth', 'none'] as const

/** Undefined for a fault that this form has no place for. */
function minted(options: KeylessOptions, fault: CryptoFault | undefined): Bundle | undefined {
  try {
    return sigstore.keyless(statement, identity, { ...options, ...(fault !== undefined && { fault }) })
  } catch {
    return undefined
  }
}

function privateCases(): readonly Case[] {
  const roots: readonly (readonly [string, TrustMaterial])[] = [
    ['its own root', trust],
    ['another root', trustOf(foreign)],
    ['both roots', buildTrustMaterial({ ...trust, trustedRoot: parseTrustedRoot(mergeTrustedRoots(foreign.trustedRoot(), sigstore.trustedRoot()), 'root') })],
  ]
  const bundles = FORMS.flatMap(([form, options]) =>
    [undefined, ...CRYPTO_FAULTS].flatMap((fault) => {
      const bundle = fault === 'huge-proof' ? undefined : minted(options, fault)
      return bundle === undefined ? [] : [{ what: `${form}, ${fault ?? 'good'}`, document: documentOf(SLSA_V1, bundle) }]
    }),
  )
  const others = [
    ...PURPOSES.map((purpose) => ({ what: `a certificate for ${purpose}`, document: documentOf(SLSA_V1, sigstore.keyless(statement, identity, { purpose })) })),
    { what: 'another identity', document: documentOf(SLSA_V1, sigstore.keyless(provenanceStatement(artifact, gitlabIdentity()), gitlabIdentity())) },
    { what: 'a publish attestation', document: documentOf(NPM_PUBLISH, sigstore.keyed(publishStatement(artifact))) },
    { what: 'a certificate of an authority as the leaf', document: documentOf(SLSA_V1, withLeaf(sigstore.keyless(statement, identity), () => authority())) },
    { what: 'a leaf whose signature was altered', document: documentOf(SLSA_V1, withLeaf(sigstore.keyless(statement, identity), spoiltSignature)) },
    { what: 'a leaf that was cut short', document: documentOf(SLSA_V1, withLeaf(sigstore.keyless(statement, identity), (der) => der.subarray(0, -1))) },
    { what: 'a leaf altered in its claims', document: documentOf(SLSA_V1, withLeaf(sigstore.keyless(statement, identity), spoiltClaim)) },
  ]
  return roots.flatMap(([root, material]) => [...bundles, ...others].map(({ what, document }) => ({ what: `${what}, ${root}`, trust: material, task: taskOf(document) })))
}

function realCases(): readonly Case[] {
  const data = realData()
  if (data === undefined) return []
  const { registry } = publicTrust()
  const material = loadTrustMaterial({ registry })
  return data.evidence.map((row) => ({
    what: `${row.package}@${row.version} of ${row.file.split('/').at(-1) ?? ''}`,
    trust: material,
    task: {
      ref: { name: row.package, version: row.version },
      sha512: row.sha512,
      registry,
      document: documentOf(row.predicateTypes.response ?? row.predicateTypes.signed, data.bundle(row)),
    },
  }))
}

const certificateIn = (certificates: unknown, at: number): Buffer =>
  Buffer.from((certificates as readonly { readonly rawBytes: string }[])[at]?.rawBytes ?? '', 'base64')
interface Authorities {
  readonly certificateAuthorities: readonly [{ readonly certChain: { readonly certificates: unknown } }]
  readonly timestampAuthorities: readonly [{ readonly certChain: { readonly certificates: unknown } }]
}
const authority = (): Buffer => certificateIn((sigstore.trustedRoot() as unknown as Authorities).certificateAuthorities[0].certChain.certificates, 0)

const withLeaf = (bundle: Bundle, change: (der: Buffer) => Buffer): Bundle => {
  const raw = bundle.verificationMaterial.certificate?.rawBytes ?? ''
  return { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, certificate: { rawBytes: change(Buffer.from(raw, 'base64')).toString('base64') } } }
}
/** The last byte of a certificate is its signature's, which neither the CT log nor anybody but the chain looks at. */
const spoiltSignature = (der: Buffer): Buffer => Buffer.concat([der.subarray(0, -1), Buffer.of((der.at(-1) ?? 0) ^ 1)])
const spoiltClaim = (der: Buffer): Buffer => Buffer.from(der.toString('latin1').replace('refs/', 'REFS/'), 'latin1')

const MINTED = privateCases()
const compiled = new Map<TrustMaterial, CompiledTrust>()
const outcome = (one: Case, known: Map<TrustMaterial, CompiledTrust>): ReturnType<typeof verifyAttestationDocument> => {
  const material = known.get(one.trust) ?? compileTrust(one.trust)
  known.set(one.trust, material)
  return verifyAttestationDocument(one.task, material)
}
/** What the library alone makes of the first bundle of a case: who signed, or why not, in its own words. */
function libraryOutcome({ task }: Case, material: CompiledTrust | undefined, leaf: (entity: SignedEntity, bundle: ReadBundle) => SignedEntity): string {
  try {
    const [{ bundle }] = (JSON.parse(Buffer.from(task.document).toString()) as { readonly attestations: readonly [{ readonly bundle: unknown }] }).attestations
    const read = bundleFromJSON(bundle)
    const { key, identity } = material?.verifier.verify(leaf(toSignedEntity(read), read)) ?? assert.fail('no trust material')
    return JSON.stringify({ key: key.export({ type: 'spki', format: 'der' }).toString('base64'), identity })
  } catch (error) {
    assert.ok(error instanceof Error)
    return [error.name, error.message, error.cause instanceof Error ? error.cause.message : ''].join(' | ')
  }
}
const states = ({ publishAttestation, provenance }: AttestationResult): string => `${publishAttestation.state} ${provenance.state}`

describe('verify: certificates of the trusted root', function () {
  this.timeout(60_000)
  for (const [what, cases] of [['minted', MINTED], ['real', realCases()]] as const)
    it(`neither they nor the leaf change an outcome of the library: ${cases.length} ${what} cases${cases.length === 0 ? ' (../shared/data is not here)' : ''}`, function () {
      if (cases.length === 0) this.skip()
      const plain = new Map([...new Set(cases.map((one) => one.trust))].map((material) => [material, stock(material)]))
      const expected = new Map(cases.map((one) => [one, libraryOutcome(one, plain.get(one.trust), (entity) => entity)]))
      // One memory for all of them, met in both orders, so that whatever a case leaves behind is there for every other.
      for (const one of [...cases, ...cases.toReversed()]) {
        outcome(one, compiled)
        assert.deepEqual(libraryOutcome(one, compiled.get(one.trust), withQuickLeaf), expected.get(one), one.what)
      }
      assert.ok(new Set(expected.values()).size > 5)
    })

  it('both outcomes are among the cases', () => {
    assert.ok(MINTED.length >= 181, String(MINTED.length))
    const seen = new Set(MINTED.map((one) => states(outcome(one, compiled).result)))
    assert.deepEqual(['absent verified', 'absent invalid', 'verified absent'].filter((state) => !seen.has(state)), [])
  })

  it('a leaf is verified each time, and the certificates above it once', () => {
    const { count, restore } = counted()
    try {
      const compiled = compileTrust(trust)
      const good = taskOf(documentOf(SLSA_V1, sigstore.keyless(statement, identity)))
      verifyAttestationDocument(good, compiled)
      const first = count()
      for (let times = 0; times < 5; times++) assert.equal(verifyAttestationDocument(good, compiled).result.provenance.state, 'verified')
      // One look for its issuer, nothing of the CA's own signature.
      assert.equal(count() - first, 5)
      assert.ok(first > 1)
    } finally {
      restore()
    }
  })

  for (const [what, change] of [['signature', spoiltSignature], ['claims', spoiltClaim]] as const)
    it(`a leaf altered in its ${what} is refused after one like it was verified`, () => {
      const compiled = compileTrust(trust)
      const bundle = sigstore.keyless(statement, identity)
      assert.equal(verifyAttestationDocument(taskOf(documentOf(SLSA_V1, bundle)), compiled).result.provenance.state, 'verified')
      const altered = taskOf(documentOf(SLSA_V1, withLeaf(bundle, change)))
      assert.equal(verifyAttestationDocument(altered, compiled).result.provenance.state, 'invalid')
    })

  it('what one issuer vouches for says nothing of another', () => {
    const chain = (sigstore.trustedRoot() as unknown as Authorities).timestampAuthorities[0].certChain.certificates
    const read = (der: Buffer): AnchorCertificate => AnchorCertificate.of(X509Certificate.parse(Buffer.from(der)))
    const [stamp, root, other] = [read(certificateIn(chain, 0)), read(certificateIn(chain, 1)), read(authority())]
    const asked = [root, other, root, other].map((issuer) => stamp.verify(issuer))
    assert.deepEqual(asked, [true, false, true, false])
    assert.deepEqual([stamp.verify(), root.verify()], [false, true])
    assert.deepEqual([stamp.equals(root), root.equals(read(certificateIn(chain, 1))), root.equals(stamp)], [false, true, false])
  })

  it('nothing is remembered of an issuer that is none of them', () => {
    const { count, restore } = counted()
    try {
      const leaf = X509Certificate.parse(Buffer.from(authority()))
      const anchor = AnchorCertificate.of(X509Certificate.parse(Buffer.from(authority())))
      assert.deepEqual([anchor.verify(leaf), anchor.verify(leaf)], [true, true])
      assert.equal(count(), 2)
    } finally {
      restore()
    }
  })
})

/** How often the library worked out a certificate's signature. */
function counted(): { readonly count: () => number; readonly restore: () => void } {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called below with the certificate it is asked of
  const { verify } = X509Certificate.prototype
  let times = 0
  X509Certificate.prototype.verify = function (issuer) {
    times++
    return verify.call(this, issuer)
  }
  return { count: () => times, restore: () => { X509Certificate.prototype.verify = verify } }
}
