import assert from 'node:assert/strict'
import { bundleFromJSON, type Bundle } from '@sigstore/bundle'
import { ASN1Obj, X509Certificate } from '@sigstore/core'
import { toSignedEntity, type SignedEntity } from '@sigstore/verify'
import fc from 'fast-check'
import { readBundle } from '../../../plugin/verify/bundle.ts'
import { withQuickLeaf } from '../../../plugin/verify/leaf-certificate.ts'
import { githubIdentity, provenanceStatement } from '../../support/private-sigstore.ts'
import { artifact, sigstore } from './support.ts'

const identity = githubIdentity()
const bundleOf = (): Bundle => bundleFromJSON(sigstore.keyless(provenanceStatement(artifact, identity), identity))

const certificateOf = ({ key }: SignedEntity): X509Certificate => {
  assert.equal(key.$case, 'certificate')
  assert.ok('certificate' in key)
  return key.certificate
}
/** An entity whose certificate is whatever these bytes are read as. */
function entityOf(der: Buffer, holder = der): { readonly before: SignedEntity; readonly after: SignedEntity } {
  const bundle = bundleOf()
  const before = { ...toSignedEntity(bundle), key: { $case: 'certificate' as const, certificate: new X509Certificate(ASN1Obj.parseBuffer(Buffer.from(der))) } }
  const material = { ...bundle.verificationMaterial, content: { $case: 'certificate' as const, certificate: { rawBytes: holder } } }
  return { before, after: withQuickLeaf(before, { ...bundle, verificationMaterial: material }) }
}

const header = (tag: number, length: number): Buffer => {
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) octets.unshift(rest % 0x100)
  return length < 0x80 ? Buffer.of(tag, length) : Buffer.of(tag, 0x80 | octets.length, ...octets)
}
const tlv = (tag: number, content: Uint8Array): Buffer => Buffer.concat([header(tag, content.length), content])
/** Sizes around those at which a length takes one more octet. */
const octets = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(0, 1, 126, 127, 128, 255, 256, 257, 65_535, 65_536).map((size) => Buffer.alloc(size, 7)))
const { der } = fc.letrec<{ der: Buffer; list: Buffer[] }>((tie) => ({
  der: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(fc.constantFrom(0x02, 0x03, 0x04, 0x06, 0x0c, 0x80, 0x86), octets).map(([tag, content]) => tlv(tag, content)),
    fc.tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), tie('list')).map(([tag, parts]) => tlv(tag, Buffer.concat(parts))),
    tie('list').map((parts) => tlv(0x04, Buffer.concat(parts))),
  ),
  list: fc.array(tie('der'), { maxLength: 4 }),
}))

const assertSame = (actual: Buffer, expected: Buffer | undefined): void => { assert.ok(expected !== undefined && actual.equals(expected)) }

describe('verify: the leaf of a bundle', () => {
  it('is encoded as the library encodes it, whatever it holds, whole and with a part taken out', function () {
    this.timeout(30_000)
    let parts = 0
    fc.assert(
      fc.property(fc.array(der, { minLength: 1, maxLength: 5 }).map((list) => tlv(0x30, Buffer.concat(list))), (bytes) => {
        const { before, after } = entityOf(bytes)
        const [stock, quick] = [certificateOf(before), certificateOf(after)]
        assert.notEqual(quick, stock)
        assertSame(quick.root.toDER(), bytes)
        for (const [index, sub] of quick.root.subs.entries()) assertSame(sub.toDER(), stock.root.subs[index]?.toDER())
        const [cut, expected] = [quick.clone(), stock.clone()]
        cut.root.subs.splice(0, 1)
        expected.root.subs.splice(0, 1)
        parts += expected.root.subs.length
        assertSame(cut.root.toDER(), expected.root.toDER())
        // The copy's parts are its own.
        assertSame(quick.root.toDER(), bytes)
      }),
      { seed: 20_260_101, numRuns: 60 },
    )
    assert.ok(parts > 40, String(parts))
  })

  it('stays the library\'s own where its bytes are not those of the bundle', () => {
    const raw = tlv(0x30, tlv(0x02, Buffer.of(1)))
    const { before, after } = entityOf(raw, tlv(0x30, tlv(0x02, Buffer.of(2))))
    assert.equal(certificateOf(after), certificateOf(before))
  })

  it('and a key is left alone', () => {
    const bundle = bundleFromJSON(sigstore.keyed({}))
    const entity = toSignedEntity(bundle)
    assert.equal(withQuickLeaf(entity, bundle), entity)
  })

  for (const bundle of ['0.1', '0.3'] as const)
    it(`of a real form of bundle it is quick: ${bundle}`, () => {
      const raw = sigstore.keyless(provenanceStatement(artifact, identity), identity, { bundle })
      const { entity } = readBundle(JSON.parse(JSON.stringify(raw)) as never, 'provenance-invalid')
      assert.notEqual(certificateOf(entity).constructor, X509Certificate)
    })
})
