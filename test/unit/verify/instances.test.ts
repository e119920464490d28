/** Several Sigstore instances side by side: each vouches by itself, for its packages, and never with a part of another one. */
import assert from 'node:assert/strict'
import type { Evidence, ProvenanceFacts } from '../../../plugin/domain/evidence.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import type { TrustMaterial } from '../../../plugin/domain/ports.ts'
import { verifyAttestationDocument } from '../../../plugin/verify/attestation-document.ts'
import { compileTrust } from '../../../plugin/verify/compiled-trust.ts'
import { buildTrustMaterial, createVerifier, parseTrustedRoot } from '../../../plugin/verify/index.ts'
import { githubIdentity, PrivateSigstore, provenanceStatement, REGISTRY, type Bundle, type KeylessOptions } from '../../support/private-sigstore.ts'
import { artifact, factsOf, sigstore as publicOne, trust } from './support.ts'

const acme = PrivateSigstore.create({ name: 'acme' })
const stranger = PrivateSigstore.create({ name: 'stranger' })
const rootOf = (instance: PrivateSigstore, changes: JsonObject = {}): JsonObject => parseTrustedRoot({ ...instance.trustedRoot(), ...changes }, 'trusted_root.json')
const named = (name: string, instance: PrivateSigstore, changes?: JsonObject) => ({ instance: name, trustedRoot: rootOf(instance, changes) })

const both = buildTrustMaterial({ ...trust, others: [named('acme', acme)] })
const onlyAcme = buildTrustMaterial({ ...trust, ...named('acme', acme), elsewhere: [{ trustedRoot: trust.trustedRoot }] })
const onlyPublic = buildTrustMaterial({ ...trust, elsewhere: [named('acme', acme)] })

const identity = githubIdentity({ ref: 'refs/tags/v1.0.0' })
const statement = provenanceStatement(artifact, identity)
const mint = (by: PrivateSigstore, options: KeylessOptions = {}): Bundle => by.keyless(statement, identity, { at: new Date('2026-01-01T00:00:00Z'), ...options })
const taskOf = (...bundles: readonly Bundle[]) => ({
  ref: { name: artifact.name, version: artifact.version },
  sha512: artifact.sha512,
  registry: REGISTRY,
  document: Buffer.from(JSON.stringify({ attestations: bundles.map((bundle) => ({ predicateType: statement.predicateType, bundle })) })),
})
const check = (material: TrustMaterial, ...bundles: readonly Bundle[]) => {
  const { result, anchors } = verifyAttestationDocument(taskOf(...bundles), compileTrust(material))
  return { evidence: result.provenance, anchors }
}
const causeOf = (evidence: Evidence<ProvenanceFacts>): string | undefined => ('reasons' in evidence ? String(evidence.reasons[0].detail?.cause) : undefined)

describe('[12j] several Sigstore instances', () => {
  describe('no bundle rests on two of them', () => {
    const parts = ['ca', 'ctlog', 'log', 'tsa'] as const
    for (let mix = 0; mix < 16; mix++) {
      const ofAcme = parts.filter((_, index) => (mix & (1 << index)) !== 0)
      const isWhole = ofAcme.length === 0 || ofAcme.length === 4
      it(`${ofAcme.length === 0 ? 'nothing' : ofAcme.join(', ')} of the organisation's: ${isWhole ? 'verified' : 'refused'}`, () => {
        const bundle = mint(publicOne, { timestamp: true, from: Object.fromEntries(ofAcme.map((part) => [part, acme])) })
        const { evidence } = check(both, bundle)
        if (isWhole) assert.equal(factsOf(evidence).instance, ofAcme.length === 0 ? undefined : 'acme')
        // Timestamp authorities are recognised by a serial number, which two may share: then it is the stamp that does not verify.
        else assert.deepEqual([evidence.state, ['unknown-anchor', 'TIMESTAMP_ERROR'].includes(String(causeOf(evidence)))], ['invalid', true])
      })
    }
    it('a log that two share makes neither vouch for certificates of the other', () => {
      const shared = buildTrustMaterial({ ...trust, others: [named('acme', acme, { tlogs: publicOne.trustedRoot().tlogs! })] })
      const { evidence, anchors } = check(shared, mint(acme, { from: { log: publicOne } }))
      assert.equal(factsOf(evidence).instance, 'acme')
      assert.ok(anchors.every((anchor) => anchor.endsWith('@acme')), anchors.join(' '))
      assert.equal(check(shared, mint(publicOne, { from: { ctlog: acme } })).evidence.state, 'invalid')
      assert.equal(factsOf(check(shared, mint(publicOne)).evidence).instance, undefined)
    })
    it('two that know the same certificate authority: the one whose validity allows it vouches', () => {
      const ended = { ...(publicOne.trustedRoot().certificateAuthorities as readonly JsonObject[])[0]!, validFor: { start: '2020-01-01T00:00:00.000Z', end: '2021-01-01T00:00:00.000Z' } }
      const first = buildTrustMaterial({ ...trust, trustedRoot: rootOf(publicOne, { certificateAuthorities: [ended] }), others: [named('later', publicOne)] })
      assert.equal(factsOf(check(first, mint(publicOne)).evidence).instance, 'later')
    })
  })

  describe('an instance that may not vouch for a package', () => {
    it("the organisation's, for a public one: refused for good, and nothing newer is asked for", () => {
      const { evidence, anchors } = check(onlyPublic, mint(acme))
      assert.deepEqual([evidence.state, causeOf(evidence), 'unknownAnchor' in evidence], ['invalid', 'instance-not-allowed', false])
      assert.deepEqual(anchors, [`revision:${onlyPublic.revision}`])
    })
    it("the public one, for the organisation's alone", () => {
      assert.equal(causeOf(check(onlyAcme, mint(publicOne)).evidence), 'instance-not-allowed')
      assert.equal(factsOf(check(onlyAcme, mint(acme)).evidence).instance, 'acme')
    })
    it('is told apart from one that nobody knows', () => {
      for (const material of [both, onlyAcme, onlyPublic]) {
        const { evidence } = check(material, mint(stranger))
        assert.deepEqual([evidence.state, causeOf(evidence), 'unknownAnchor' in evidence], ['invalid', 'unknown-anchor', true])
      }
    })
    it('beside one that may: the document is refused', () => {
      assert.equal(check(onlyAcme, mint(acme), mint(publicOne)).evidence.state, 'invalid')
    })
    it('its root is never verified with', () => {
      const compiled = compileTrust(onlyPublic)
      assert.ok(compiled.elsewhere.every((one) => !('verifier' in one)))
    })
  })

  describe('facts', () => {
    const stands = (anchors: readonly string[], material: TrustMaterial): boolean => anchors.every((anchor) => material.anchors.has(anchor))
    it('of an instance stand while it may vouch, under its name, with the same parts', () => {
      const { anchors } = check(both, mint(acme))
      assert.equal(anchors.length, 3)
      assert.equal(stands(anchors, both), true)
      assert.equal(stands(anchors, onlyAcme), true)
      assert.equal(stands(anchors, onlyPublic), false)
      assert.equal(stands(anchors, trust), false)
      assert.equal(stands(anchors, buildTrustMaterial({ ...trust, ...named('other', acme) })), false)
      assert.equal(stands(anchors, buildTrustMaterial({ ...trust, ...named('acme', stranger) })), false)
      assert.equal(stands(anchors, buildTrustMaterial({ ...trust, trustedRoot: rootOf(acme) })), false)
    })
    it('of the default one do not stand where it may not vouch, even when a named one has the same parts', () => {
      const { anchors } = check(both, mint(publicOne))
      assert.equal(stands(anchors, both), true)
      assert.equal(stands(anchors, onlyAcme), false)
      assert.equal(stands(anchors, buildTrustMaterial({ ...trust, ...named('mirror', publicOne) })), false)
    })
    it('that did not verify change with who may vouch', () => {
      const revisions = [trust, both, onlyAcme, onlyPublic, buildTrustMaterial({ ...trust, ...named('acme', acme) }), buildTrustMaterial({ ...trust, ...named('other', acme) })].map(({ revision }) => revision)
      assert.equal(new Set(revisions).size, revisions.length)
    })
    it('with one instance, have the anchors that they had before there could be several', () => {
      assert.ok(check(trust, mint(publicOne)).anchors.every((anchor) => /^(?:ca|tlog|ctlog):[0-9a-f]{64}$/.test(anchor)))
    })
  })

  it('in a worker thread as well', async () => {
    const verifier = createVerifier({ size: 1 })
    try {
      const { result } = await verifier.attestations(taskOf(mint(acme)), both)
      assert.equal(factsOf(result.provenance).instance, 'acme')
      assert.equal(causeOf((await verifier.attestations(taskOf(mint(acme)), onlyPublic)).result.provenance), 'instance-not-allowed')
      assert.equal(causeOf((await verifier.attestations(taskOf(mint(publicOne)), onlyAcme)).result.provenance), 'instance-not-allowed')
    } finally {
      await verifier.close()
    }
  })
})
