import assert from 'node:assert/strict'
import type { RegistrySignature } from '../../../plugin/domain/packument.ts'
import type { SignatureTask, TrustMaterial } from '../../../plugin/domain/ports.ts'
import type { ReasonCode } from '../../../plugin/domain/reason.ts'
import { buildTrustMaterial, parseRegistryKeys } from '../../../plugin/verify/index.ts'
import { verifyRegistrySignatures } from '../../../plugin/verify/registry-signature.ts'
import { EXPIRED_KEY_END, PrivateSigstore } from '../../support/private-sigstore.ts'
import { sigstore, trust } from './support.ts'

const name = '@acme/widget'
const version = '1.0.0'
const integrity = `sha512-${'A'.repeat(86)}==`
const good = sigstore.signRegistry(name, version, integrity)
const stranger = PrivateSigstore.create({ name: 'stranger' }).registryKey

function check(signatures: SignatureTask['signatures'], sri = integrity, material: TrustMaterial = trust) {
  const [outcome] = verifyRegistrySignatures(name, [{ version, integrity: sri, signatures }], material)
  assert.ok(outcome)
  return outcome
}

function assertRefused(
  signatures: SignatureTask['signatures'],
  code: ReasonCode,
  state: 'invalid' | 'unknown-key' = 'invalid',
  sri = integrity,
): void {
  const { result, anchors } = check(signatures, sri)
  assert.equal(result.state, state)
  assert.ok('reasons' in result)
  assert.equal(result.reasons[0].code, code)
  assert.deepEqual(anchors, [`revision:${trust.revision}`])
}

describe('verify: registry signatures', () => {
  it('verify by the key of their id, and rest on it', () => {
    const { result, anchors } = check([good])
    assert.deepEqual(result, { state: 'verified', facts: { keyid: sigstore.registryKey.keyid, keyExpires: null } })
    assert.equal(anchors.length, 1)
    assert.ok(anchors.every((anchor) => trust.anchors.has(anchor)))
  })
  it('tell when their key ends, and leave it to others to compare', () => {
    const old = sigstore.signRegistry(name, version, integrity, sigstore.expiredKey)
    assert.deepEqual(check([old]).result, {
      state: 'verified',
      facts: { keyid: sigstore.expiredKey.keyid, keyExpires: EXPIRED_KEY_END },
    })
  })
  it('one task, one result, in order', () => {
    const tasks = ['1.0.0', '1.0.1', '1.0.2'].map((version) => ({ version, integrity, signatures: [good] }))
    assert.deepEqual(
      verifyRegistrySignatures(name, tasks, trust).map(({ result }) => result.state),
      ['verified', 'invalid', 'invalid'],
    )
  })

  const faults: readonly (readonly [string, readonly RegistrySignature[] | 'malformed', ReasonCode])[] = [
    ['[1a] of another version', [sigstore.signRegistry(name, '1.0.1', integrity)], 'signature-invalid'],
    ['[1b] of another package', [sigstore.signRegistry('@acme/gadget', version, integrity)], 'signature-invalid'],
    ['[1c] of another integrity', [sigstore.signRegistry(name, version, `sha512-${'B'.repeat(85)}A==`)], 'signature-invalid'],
    [
      '[1e] by another key under a known keyid',
      [{ ...sigstore.signRegistry(name, version, integrity, stranger), keyid: good.keyid }],
      'signature-invalid',
    ],
    [
      '[1h] one good, one bad',
      [good, { ...good, sig: sigstore.signRegistry(name, '1.0.1', integrity).sig }],
      'signature-invalid',
    ],
    ['[1h] one bad, one good', [{ ...good, sig: 'AAAA' }, good], 'signature-invalid'],
    ['malformed', 'malformed', 'signature-invalid'],
    ['more than anybody makes', Array.from({ length: 33 }, () => good), 'signature-invalid'],
    ['not base64', [{ ...good, sig: '???' }], 'signature-invalid'],
    ['empty', [{ ...good, sig: '' }], 'signature-invalid'],
    ['in another base64 of the same bytes', [{ ...good, sig: good.sig.replaceAll('=', '') + '\n' }], 'signature-invalid'],
    [
      'with bytes after its DER',
      [{ ...good, sig: Buffer.concat([Buffer.from(good.sig, 'base64'), Buffer.of(0)]).toString('base64') }],
      'signature-invalid',
    ],
    ['not in DER but as two numbers', [{ ...good, sig: Buffer.alloc(64, 1).toString('base64') }], 'signature-invalid'],
  ]
  for (const [fault, signatures, code] of faults)
    it(fault, () => {
      assertRefused(signatures, code)
    })

  it('[1d] by an unknown key', () => {
    assertRefused([sigstore.signRegistry(name, version, integrity, stranger)], 'signature-key-unknown', 'unknown-key')
  })
  it('[16d] key ids that are names of properties', () => {
    for (const keyid of ['__proto__', 'constructor', 'hasOwnProperty'])
      assertRefused([{ ...good, keyid }], 'signature-key-unknown', 'unknown-key')
  })
  it('an unknown key beside a good one changes nothing', () => {
    assert.equal(check([sigstore.signRegistry(name, version, integrity, stranger), good]).result.state, 'verified')
  })
  it('[1g] an empty list is absent', () => {
    assert.deepEqual(check([]), { result: { state: 'absent' }, anchors: [] })
  })
  for (const [fault, sri] of [
    ['two hashes', `${integrity} sha512-${'B'.repeat(85)}A==`],
    ['not canonical', `sha512-${'A'.repeat(85)}B==`],
    ['sha1 only', 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk='],
  ] as const)
    it(`[1j] integrity: ${fault}, though the registry signed it so`, () => {
      assertRefused([sigstore.signRegistry(name, version, sri)], 'integrity-malformed', 'invalid', sri)
    })

  it('a key for attestations only does not verify signatures', () => {
    const registryKeys = trust.registryKeys.filter(({ usages }) => usages.includes('attestations'))
    assert.equal(check([good], integrity, buildTrustMaterial({ ...trust, registryKeys })).result.state, 'unknown-key')
  })
  it('a key of another type or scheme verifies nothing', () => {
    const { keys } = sigstore.registryKeys() as { keys: object[] }
    for (const change of [{ keytype: 'ml-dsa-65' }, { scheme: 'rsassa-pss' }]) {
      const registryKeys = parseRegistryKeys({ keys: keys.map((key) => ({ ...key, ...change })) }, 'keys.json')
      assert.equal(check([good], integrity, buildTrustMaterial({ ...trust, registryKeys })).result.state, 'unknown-key')
    }
  })
})
