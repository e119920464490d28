import assert from 'node:assert/strict'
import { X509Certificate } from '@sigstore/core'
import { EvidenceFault } from '../../../plugin/verify/fault.ts'
import { signerIdentityOf } from '../../../plugin/verify/fulcio-claims.ts'
import { bits, context, integer, octets, oid, primitive, sequence, set, TRUE, utf8 } from '../../support/sigstore/der.ts'

const extension = (id: string, value: Uint8Array): Buffer => sequence(oid(id), octets(value))
const claim = (number: number, value: Uint8Array | string): Buffer =>
  extension(`1.3.6.1.4.1.57264.1.${number}`, typeof value === 'string' ? (number <= 6 ? Buffer.from(value) : utf8(value)) : value)
const uri = (text: string): Buffer => primitive(6, Buffer.from(text, 'latin1'))
const names = (...general: readonly Buffer[]): Buffer => extension('2.5.29.17', sequence(...general))
const codeSigning = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.3')))

const SAN = 'https://github.com/acme/widget/.github/workflows/release.yml@refs/tags/v1.0.0'
const GITHUB = 'https://token.actions.githubusercontent.com'
const ALGORITHM = sequence(oid('1.2.840.10045.4.3.2'))

/** A certificate that nobody signed: who signed it is verified before its claims are read. */
const certificate = (extensions: readonly Buffer[], outer = ALGORITHM): X509Certificate =>
  X509Certificate.parse(Buffer.from(sequence(tbsOf(extensions), outer, bits(Buffer.alloc(8)))))
const tbsOf = (extensions: readonly Buffer[]): Buffer =>
  sequence(context(0, integer(2)), integer(1), ALGORITHM, sequence(), sequence(), sequence(), sequence(), context(3, sequence(...extensions)))
const read = (...extensions: readonly Buffer[]) => signerIdentityOf(certificate([codeSigning, names(uri(SAN)), ...extensions]))

const assertFault = (run: () => unknown, code: string): void => {
  assert.throws(run, (error) => error instanceof EvidenceFault && error.reason.code === code && error.state === 'invalid')
}

describe('verify: Fulcio claims', () => {
  it('are read by number, from 8 on as UTF8String', () => {
    const values = new Map(Array.from({ length: 17 }, (_, index) => [index + 8, `claim ${index + 8} ü`]))
    const identity = read(...[...values].map(([number, value]) => claim(number, value)))
    assert.deepEqual(identity, {
      issuer: values.get(8),
      subjectAlternativeName: SAN,
      sourceRepository: values.get(12),
      sourceRepositoryId: values.get(15),
      sourceOwner: values.get(16),
      sourceOwnerId: values.get(17),
      sourceRef: values.get(14),
      sourceDigest: values.get(13),
      buildConfig: values.get(18),
      buildSigner: values.get(9),
      trigger: values.get(20),
      runner: values.get(11),
      run: values.get(21),
      visibility: values.get(22),
      environment: values.get(23),
    })
  })
  it('of the legacy form stand in, and GitHub is where its repositories are', () => {
    const identity = read(
      claim(1, GITHUB),
      claim(2, 'push'),
      claim(3, 'abc'),
      claim(5, 'acme/widget'),
      claim(6, 'refs/heads/main'),
    )
    assert.equal(identity.sourceRepository, 'https://github.com/acme/widget')
    assert.deepEqual([identity.trigger, identity.sourceDigest, identity.sourceRef], ['push', 'abc', 'refs/heads/main'])
    assert.equal(read(claim(1, `${GITHUB}/acme`), claim(5, 'acme/widget')).sourceRepository, undefined)
    assert.equal(read(claim(1, 'https://evil.example'), claim(5, 'acme/widget')).sourceRepository, undefined)
  })
  it('longer than 127 and 255 bytes are read', () => {
    for (const length of [127, 128, 255, 256, 5000]) assert.equal(read(claim(8, 'x'.repeat(length))).issuer.length, length)
  })
  it('that are not known yet are not read', () => {
    assert.equal(read(claim(8, GITHUB), claim(99, Buffer.of(0xff))).issuer, GITHUB)
  })

  const invalid: readonly (readonly [string, readonly Buffer[]])[] = [
    ['twice', [claim(8, GITHUB), claim(8, GITHUB)]],
    ['that are not a UTF8String', [claim(8, Buffer.from(GITHUB))]],
    ['of another string type', [claim(8, primitive(0x13 - 0x80, Buffer.from('abc')))]],
    ['with bytes after them', [claim(8, Buffer.concat([utf8('abc'), Buffer.of(0)]))]],
    ['cut short', [claim(8, utf8('abcdef').subarray(0, 5))]],
    ['with a length longer than need be', [claim(8, Buffer.concat([Buffer.of(0x0c, 0x81, 3), Buffer.from('abc')]))]],
    [
      'with a length in two bytes that fits in one',
      [claim(8, Buffer.concat([Buffer.of(0x0c, 0x82, 0, 200), Buffer.alloc(200, 97)]))],
    ],
    ['of indefinite length', [claim(8, Buffer.of(0x0c, 0x80, 0x61, 0, 0))]],
    ['that are empty bytes', [claim(8, Buffer.alloc(0))]],
    ['that are not UTF-8', [claim(8, Buffer.of(0x0c, 1, 0xff))]],
    ['not UTF-8 in the legacy form', [claim(1, Buffer.of(0xff))]],
    ['in no string of octets', [claim(8, GITHUB), sequence(oid('1.3.6.1.4.1.57264.1.20'), utf8('push'))]],
    ['unused here, but malformed', [claim(8, GITHUB), claim(24, Buffer.of(1))]],
    ['of two issuers', [claim(1, GITHUB), claim(8, 'https://gitlab.com')]],
    ['of two triggers', [claim(8, GITHUB), claim(2, 'push'), claim(20, 'release')]],
    ['of two commits', [claim(8, GITHUB), claim(3, 'a'), claim(13, 'b')]],
    ['of two refs', [claim(8, GITHUB), claim(6, 'a'), claim(14, 'b')]],
    ['of two repositories', [claim(8, GITHUB), claim(5, 'acme/widget'), claim(12, 'https://github.com/evil/widget')]],
    ['of two servers', [claim(8, GITHUB), claim(5, 'acme/widget'), claim(12, 'https://github.com.evil.test/acme/widget')]],
    [
      'of two repositories, of another issuer',
      [claim(8, 'https://ci.example'), claim(5, 'acme/widget'), claim(12, 'https://git.example/evil/widget')],
    ],
  ]
  for (const [name, extensions] of invalid)
    it(`${name} are invalid`, () => {
      assertFault(() => read(...extensions), 'provenance-invalid')
    })
  it('a server of its own is fine where the issuer is another', () => {
    const address = 'https://git.example/acme/widget'
    assert.equal(read(claim(8, 'https://ci.example'), claim(5, 'acme/widget'), claim(12, address)).sourceRepository, address)
  })

  const issuer = claim(8, GITHUB)
  it('without an issuer nobody vouches for the signer', () => {
    assertFault(() => read(), 'provenance-unsupported')
  })
  const unsupported: readonly (readonly [string, readonly Buffer[]])[] = [
    ['[7a] an e-mail address', [names(primitive(1, Buffer.from('a@b.example')))]],
    ['[7a] an e-mail address as a URI', [names(uri('mailto:a@b.example'))]],
    ['[7a] a workflow and an e-mail address', [names(uri(SAN), primitive(1, Buffer.from('a@b.example')))]],
    ['[7a] an e-mail address that looks like a workflow', [names(primitive(1, Buffer.from(SAN)))]],
    ['two workflows', [names(uri(SAN), uri(`${SAN}2`))]],
    ['another kind of name', [names(context(0, oid('1.3.6.1.4.1.57264.1.7'), context(0, utf8('user'))))]],
    ['no name at all', []],
    ['a list of no names', [names()]],
    ['a name that is no address', [names(uri('acme/widget'))]],
  ]
  for (const [name, extensions] of unsupported)
    it(`${name} is not a build`, () => {
      assertFault(() => signerIdentityOf(certificate([codeSigning, issuer, ...extensions])), 'provenance-unsupported')
    })

  it('two subject alternative names in two extensions are invalid', () => {
    assertFault(
      () => signerIdentityOf(certificate([codeSigning, issuer, names(uri(SAN)), names(uri(SAN))])),
      'provenance-invalid',
    )
  })
  it('an address with a line break or another alphabet is invalid', () => {
    for (const text of [`${SAN}\n`, `${SAN}\u00e9`, SAN.replace('acme', 'ac\nme')])
      assertFault(() => signerIdentityOf(certificate([codeSigning, issuer, names(uri(text))])), 'provenance-invalid')
  })
  it('a certificate of an authority signs no provenance', () => {
    const authority = extension('2.5.29.19', sequence(TRUE))
    assertFault(() => signerIdentityOf(certificate([codeSigning, issuer, names(uri(SAN)), authority])), 'provenance-invalid')
  })
  it('a certificate not for code signing signs no provenance', () => {
    for (const usage of [[], [extension('2.5.29.37', sequence(oid('2.5.29.37.0')))]])
      assertFault(() => signerIdentityOf(certificate([...usage, issuer, names(uri(SAN))])), 'provenance-invalid')
  })
  it('a byte order mark is a part of a claim', () => {
    assert.equal(read(claim(8, `\ufeff${GITHUB}`)).issuer, `\ufeff${GITHUB}`)
  })
  for (const [what, change] of [
    ['is a set', (parts: readonly Buffer[]) => set(...parts)],
    ['has a fourth part', (parts: readonly Buffer[]) => sequence(...parts, sequence())],
    ['has a signature that is no string of bits', ([tbs, algorithm]: readonly Buffer[]) => sequence(tbs!, algorithm!, octets(Buffer.alloc(9)))],
    ['has a signature of broken octets', ([tbs, algorithm]: readonly Buffer[]) => sequence(tbs!, algorithm!, bits(Buffer.alloc(8), 4))],
    ['signs a set', ([tbs, ...rest]: readonly Buffer[]) => sequence(Buffer.concat([Buffer.of(0x31), tbs!.subarray(1)]), ...rest)],
  ] as const)
    it(`a certificate that ${what} is invalid: one signer, one sequence of bytes`, () => {
      const der = change([tbsOf([codeSigning, issuer, names(uri(SAN))]), ALGORITHM, bits(Buffer.alloc(8))])
      assertFault(() => signerIdentityOf(X509Certificate.parse(Buffer.from(der))), 'provenance-invalid')
    })
  it('a certificate that names another algorithm outside than inside is invalid', () => {
    const leaf = certificate([codeSigning, issuer, names(uri(SAN))], sequence(oid('1.2.840.10045.4.3.3')))
    assertFault(() => signerIdentityOf(leaf), 'provenance-invalid')
  })
})
