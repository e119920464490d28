import assert from 'node:assert/strict'
import type { RegistryKey } from '../../../plugin/domain/ports.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import { keysDocument, verifiedPart } from '../../../plugin/http/evidence.ts'
import { helpFor } from '../../../plugin/domain/reason-help.ts'
import { explainPackage, explainVersion } from '../../../plugin/http/explain.ts'
import { withoutUpstreamVersions, type StoredManifest } from '../../../plugin/http/second-line.ts'
import { Listing } from '../../../plugin/pipeline/listing.ts'
import { candidate, fault, failed } from '../policy/support.ts'
import { documentOf, later, plainPolicy } from '../pipeline/support.ts'

const PUBLISH = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'

describe('attestations served again', () => {
  const types = (document: unknown): readonly unknown[] =>
    (verifiedPart(Buffer.from(JSON.stringify(document))).attestations as { predicateType: unknown }[]).map(({ predicateType }) => predicateType)
  const of = (...predicateTypes: readonly unknown[]) => ({ attestations: predicateTypes.map((predicateType) => ({ predicateType, bundle: {} })) })

  it('the types that were looked at', () => {
    const known = [PUBLISH, 'https://slsa.dev/provenance/v0.2', 'https://slsa.dev/provenance/v1']
    assert.deepEqual(types(of(...known)), known)
  })
  it('[4d] unknown types were not looked at, and are left out', () => {
    assert.deepEqual(types(of('https://odd.example/v1', PUBLISH, 'https://slsa.dev/provenance/v1.1', 1, undefined)), [PUBLISH])
  })
  it('[16] an inherited type is none', () => {
    assert.deepEqual(verifiedPart(Buffer.from(`{"attestations":[{"__proto__":{"predicateType":"${PUBLISH}"}}]}`)).attestations, [])
  })
  for (const document of [null, [], 'x', {}, { attestations: {} }, { attestations: [null, 1, 'x'] }])
    it(`nothing of ${JSON.stringify(document)}`, () => assert.deepEqual(types(document), []))
  it('the bundle is passed on as it verified', () => {
    const [first] = verifiedPart(Buffer.from(JSON.stringify({ attestations: [{ predicateType: PUBLISH, bundle: { a: 1 } }] }))).attestations as { bundle: object }[]
    assert.deepEqual(first?.bundle, { a: 1 })
  })
})

describe('registry keys served again', () => {
  const key = (keyid: string, changes: Partial<RegistryKey> = {}): RegistryKey => ({
    keyid, spki: 'c3BraQ==', keytype: 'ecdsa-sha2-nistp256', scheme: 'ecdsa-sha2-nistp256', expires: null, starts: null, usages: ['signatures'], ...changes,
  })
  const ids = (keys: readonly RegistryKey[]) => (keysDocument(keys).keys as { keyid: string }[]).map(({ keyid }) => keyid)

  it('in npm\'s form, `expires: null` kept', () => {
    assert.deepEqual(keysDocument([key('a')]), {
      keys: [{ expires: null, keyid: 'a', keytype: 'ecdsa-sha2-nistp256', scheme: 'ecdsa-sha2-nistp256', key: 'c3BraQ==' }],
    })
  })
  it('a key for attestations alone signs no version', () => assert.deepEqual(ids([key('a', { usages: ['attestations'] }), key('b')]), ['b']))
  it('a key that two uplinks share appears once', () => assert.deepEqual(ids([key('a'), key('b'), key('a')]), ['a', 'b']))
  it('an expired key stays: what it signed in its time is served', () => assert.deepEqual(ids([key('a', { expires: '2025-01-29T00:00:00.000Z' })]), ['a']))
})

const BUILDERS = { package: 'widget', pins: [], pending: [], decisions: [] }

describe('explanations', () => {
  const explain = (changes: Parameters<typeof candidate>[0] = {}, nearest?: string) => {
    const one = candidate(changes)
    const validUntil = later(1000)
    return explainVersion({ ref: one.ref, candidate: one, verdict: { outcome: 'deny', rule: 'ours', reasons: [fault('trust-downgrade')], validUntil, monitored: true }, policyRevision: 'p1' }, nearest, BUILDERS)
  }

  it('verdict, policy, origin and evidence', () => {
    const document = explain({}, '0.9.0')
    assert.deepEqual(
      [document.package, document.version, document.outcome, document.rule, document.policyRevision, document.uplink, document.nearestAllowed, document.monitored, document.validUntil],
      ['@acme/widget', '1.0.0', 'deny', 'ours', 'p1', 'main', '0.9.0', true, later(1000).toISOString()],
    )
    const evidence = document.evidence as Record<string, { state: string; facts?: unknown }>
    assert.deepEqual(Object.entries(evidence).map(([kind, { state, facts }]) => [kind, state, facts !== undefined]), [
      ['signature', 'verified', true], ['publishAttestation', 'verified', true], ['provenance', 'verified', true],
    ])
  })
  it('each reason comes with what it means and what to do, for both who read it', () => {
    const [first] = explain().reasons as { help: { developer: string; security: string; remedy: { developer: string; security: string } } }[]
    assert.deepEqual(first?.help, helpFor('trust-downgrade'))
  })
  it('an integrity that cannot be used is not repeated', () => assert.equal(explain({ integrity: { state: 'malformed' } }).integrity, null))
  it('nothing nearest is left out', () => assert.equal(Object.hasOwn(explain(), 'nearestAllowed'), false))
  it('no facts of what did not verify, and why', () => {
    const { provenance } = explain({ provenance: failed('invalid', 'provenance-invalid') }).evidence as { provenance: { facts?: object; reasons: { code: string }[] } }
    assert.deepEqual([provenance.facts, provenance.reasons.map(({ code }) => code)], [undefined, ['provenance-invalid']])
  })
  it('a mark on what is gone upstream', () => {
    const { signature } = explain({ signature: { ...candidate().signature, withdrawn: true } as never }).evidence as { signature: { withdrawn: boolean } }
    assert.equal(signature.withdrawn, true)
  })
  it('no e-mail address of the packument: what _npmUser and maintainers say is not in it', () => {
    assert.ok(!JSON.stringify(explain()).includes('@example'))
    const listing = new Listing(
      documentOf({ '1.0.0': { entry: { _npmUser: { name: 'x', email: 'x@mail.example' }, maintainers: [{ email: 'y@mail.example' }] } } }),
      'main',
      plainPolicy(),
      new Map([['1.0.0', { outcome: 'allow', rule: 'ours', reasons: [] }]]),
      new Map(),
      later(0),
      [],
    )
    const text = JSON.stringify(explainPackage(listing, BUILDERS))
    assert.ok(!text.includes('mail.example'))
    assert.deepEqual(explainPackage(listing, BUILDERS).versions, { '1.0.0': { outcome: 'allow', rule: 'ours', reasons: [] } })
  })
  it('details of reasons are kept', () => {
    const one = candidate()
    const verdict = { outcome: 'deny', rule: 'ours', reasons: [reason('issuer-mismatch', 'x', { actual: 'y' })] } as const
    assert.deepEqual(explainVersion({ ref: one.ref, candidate: one, verdict, policyRevision: 'p1' }, undefined, BUILDERS).reasons, [
      { code: 'issuer-mismatch', message: 'x', detail: { actual: 'y' }, help: helpFor('issuer-mismatch') },
    ])
  })
})

describe('second line: what the core has stored', () => {
  const version = (file: string) => ({ dist: { tarball: `https://mirror.example/widget/-/${file}` } })
  const MANIFEST: StoredManifest = {
    name: 'widget',
    versions: { '1.0.0': version('widget-1.0.0.tgz'), '2.0.0': version('widget-2.0.0.tgz') },
    time: { created: 'c', modified: 'm', '1.0.0': 't1', '2.0.0': 't2' },
    'dist-tags': { latest: '2.0.0', old: '1.0.0' },
    _distfiles: { 'widget-2.0.0.tgz': {} },
  }
  const VERSIONS = (manifest: StoredManifest) => Object.keys(manifest.versions ?? {})

  it('versions from an uplink are gone, from time and tags too', () => {
    const { versions, time, 'dist-tags': tags, _distfiles } = withoutUpstreamVersions(MANIFEST, true)
    assert.deepEqual([Object.keys(versions ?? {}), time, tags, _distfiles], [['1.0.0'], { created: 'c', modified: 'm', '1.0.0': 't1' }, { latest: '1.0.0', old: '1.0.0' }, {}])
  })
  it('all versions are gone of a package that was not published here', () => {
    assert.deepEqual(VERSIONS(withoutUpstreamVersions({ ...MANIFEST, _distfiles: {} }, false)), [])
  })
  it('a package published here is left as it is', () => {
    const own = { ...MANIFEST, _distfiles: {} }
    assert.equal(withoutUpstreamVersions(own, true), own)
  })
  it('[16b] a file named like a property is no upstream file', () => {
    const own = { name: 'x', versions: { '1.0.0': version('constructor') }, _distfiles: {} }
    assert.deepEqual(VERSIONS(withoutUpstreamVersions(own, true)), ['1.0.0'])
  })
  it('a tag to nowhere named like a property goes', () => {
    const tags = withoutUpstreamVersions({ ...MANIFEST, 'dist-tags': { x: 'toString', y: '2.0.0' } }, true)['dist-tags'] ?? {}
    assert.deepEqual(Object.keys(tags).filter((tag) => tag !== 'latest'), [])
  })
  it('an empty manifest stays one', () => assert.deepEqual(VERSIONS(withoutUpstreamVersions({ name: 'x' }, false)), []))
})
