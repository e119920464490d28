/** Signing what is published here: once, for those bytes, with a key that counts, and nothing that an uplink serves. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PUBLISHED_HERE } from '../../../plugin/domain/ports.ts'
import { keyFileIn } from '../../../plugin/keys/key-file.ts'
import { KeyRing, rotateKeys } from '../../../plugin/keys/key-ring.ts'
import { LocalSigner } from '../../../plugin/keys/local-signer.ts'
import { SqliteLedger } from '../../../plugin/store/ledger.ts'
import { verifyRegistrySignatures } from '../../../plugin/verify/registry-signature.ts'
import { integrityOf } from '../../support/tarball.ts'

const NOW = new Date('2026-05-01T12:00:00.000Z')
const DAY = 86_400_000
const NAME = '@acme/widget'
const INTEGRITY = integrityOf(Buffer.from('the bytes'))
const OTHER = integrityOf(Buffer.from('other bytes'))
const at = (days: number): Date => new Date(NOW.getTime() + days * DAY)

describe('keys: signing what is published here', () => {
  let dir: string
  let ledger: SqliteLedger
  let warnings: string[]
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'signer-'))
    ledger = new SqliteLedger({ file: ':memory:' })
    warnings = []
  })
  afterEach(() => {
    ledger.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const open = (mayShadow = false): LocalSigner => {
    const clock = { now: () => NOW }
    const warn = (message: string): void => { warnings.push(message) }
    return new LocalSigner({ ring: new KeyRing({ dir, clock, warn }), ledger, mayShadow: () => mayShadow, clock, warn })
  }
  const one = (signer: LocalSigner, { name = NAME, integrity = INTEGRITY, time = at(0) }: { name?: string; integrity?: string | undefined; time?: Date | undefined } = {}) =>
    signer.signatures(name, [{ version: '1.0.0', integrity, time }]).get('1.0.0')
  const rotate = (how: { overlap: number; revoke: boolean } = { overlap: 0, revoke: false }): void => void rotateKeys(dir, NOW, how)

  it('verifies as npm\'s registry signatures do', () => {
    const signer = open()
    const signature = one(signer)
    assert.ok(signature)
    const trust = { registryKeys: signer.publicKeys(false), trustedRoot: {}, source: { trustedRoot: '', registryKeys: '' }, asOf: undefined, revision: '', anchors: new Set<string>() }
    const [verified] = verifyRegistrySignatures(NAME, [{ version: '1.0.0', integrity: INTEGRITY, signatures: [signature] }], trust)
    assert.equal(verified?.result.state, 'verified')
  })
  it('the same bytes have the same signature, by another process too', () => {
    const signature = one(open())
    assert.deepEqual(one(open()), signature)
  })
  it('[17d] what is remembered is read once for however many versions, and not at all once they are signed', () => {
    let reads = 0
    const clock = { now: () => NOW }
    const warn = (): void => undefined
    const counting = { origin: (name: string) => ledger.origin(name), record: ledger.record.bind(ledger), records: (registry: string, name: string) => { reads++; return ledger.records(registry, name) } }
    const signer = new LocalSigner({ ring: new KeyRing({ dir, clock, warn }), ledger: counting, mayShadow: () => false, clock, warn })
    const versions = Array.from({ length: 200 }, (_, index) => ({ version: `1.0.${String(index)}`, integrity: INTEGRITY, time: at(0) }))
    assert.equal(signer.signatures(NAME, versions).size, 200)
    assert.equal(signer.signatures(NAME, versions).size, 200)
    assert.equal(reads, 1)
  })
  it('other bytes under a version that was signed are not vouched for, and it is said once', () => {
    const signer = open()
    one(signer)
    for (const again of [signer, open()]) assert.equal(one(again, { integrity: OTHER }), undefined)
    assert.equal(one(signer, { integrity: OTHER }), undefined)
    assert.equal(warnings.length, 2)
    assert.equal(ledger.records(PUBLISHED_HERE, NAME).get('1.0.0')?.integrity, INTEGRITY)
  })
  it('are vouched for once an operator made the mirror forget the version', () => {
    one(open())
    ledger.reset({ name: NAME, version: '1.0.0', reason: 'published again', at: NOW })
    assert.ok(one(open(), { integrity: OTHER }))
  })
  for (const [what, integrity] of [
    ['missing', undefined],
    ['a sha1', integrityOf(Buffer.from('x'), 'sha1')],
    ['two hashes', `${INTEGRITY} ${OTHER}`],
  ] as const)
    it(`no signature where the integrity is ${what}, and no key is made for it`, () => {
      const signer = open()
      assert.deepEqual([...signer.signatures(NAME, [{ version: '1.0.0', integrity, time: at(0) }])], [])
      assert.deepEqual(signer.publicKeys(false), [])
    })

  it('[21c] a name that an uplink serves is never signed for', () => {
    ledger.setOrigin(NAME, 'https://registry.example')
    assert.equal(one(open()), undefined)
    assert.equal(ledger.records(PUBLISHED_HERE, NAME).size, 0)
  })
  it('unless an operator lets it be published here', () => {
    ledger.setOrigin(NAME, 'https://registry.example')
    assert.ok(one(open(true)))
  })
  it('a name that is known to be published here is', () => {
    ledger.setOrigin(NAME, PUBLISHED_HERE)
    assert.ok(one(open()))
  })

  describe('after a rotation', () => {
    it('what was published before keeps its signature', () => {
      const before = one(open(), { time: at(-1) })
      rotate()
      assert.deepEqual(one(open(), { time: at(-1) }), before)
    })
    it('what was published when the old key had ended is signed by the new one', () => {
      const signer = open()
      const before = one(signer, { time: at(1) })
      rotate()
      const after = one(signer, { time: at(1) })
      assert.notEqual(after?.keyid, before?.keyid)
      assert.equal(after?.keyid, signer.publicKeys(false).at(-1)?.keyid)
    })
    it('so is what has no time of publication', () => {
      const signer = open()
      const before = one(signer, { time: undefined })
      rotate()
      assert.notEqual(one(signer, { time: undefined })?.keyid, before?.keyid)
    })
    it('within the overlap the old one counts', () => {
      const before = one(open(), { time: at(1) })
      rotate({ overlap: 2 * DAY, revoke: false })
      assert.deepEqual(one(open(), { time: at(1) }), before)
    })
    it('what a revoked key signed is signed anew', () => {
      const signer = open()
      const before = one(signer, { time: at(-1) })
      rotate({ overlap: 0, revoke: true })
      const after = one(signer, { time: at(-1) })
      assert.notEqual(after?.keyid, before?.keyid)
      assert.deepEqual(signer.publicKeys(false).map(({ keyid }) => keyid), [after?.keyid])
    })
  })

  describe('[18b] a shared store', () => {
    const plant = (sig: string, keyid: string): void => {
      ledger.record(PUBLISHED_HERE, NAME, [
        { version: '1.0.0', integrity: INTEGRITY, recordedAt: NOW, because: 'signature', signatures: [{ keyid, sig }], attestations: undefined, had: { publishAttestation: false, provenance: false } },
      ])
    }
    it('a planted signature of the mirror\'s key is not served', () => {
      const keyid = open().publicKeys(true)[0]?.keyid ?? ''
      plant('cGxhbnRlZA==', keyid)
      const served = one(open())
      assert.ok(served)
      assert.notEqual(served.sig, 'cGxhbnRlZA==')
    })
    it('nor one of another key', () => {
      plant('cGxhbnRlZA==', 'SHA256:foreign')
      assert.notEqual(one(open())?.keyid, 'SHA256:foreign')
    })
  })

  describe('keys', () => {
    it('the first is made when something is published here, so that clients have it before they ask for a package', () => {
      const signer = open()
      assert.deepEqual(signer.publicKeys(false), [])
      const [key] = signer.publicKeys(true)
      assert.equal(one(signer)?.keyid, key?.keyid)
    })
    it('verify signatures, not attestations', () => assert.deepEqual(open().publicKeys(true)[0]?.usages, ['signatures']))
    it('that cannot be read leave packages unsigned and none listed, and it is said once each', () => {
      open().publicKeys(true)
      writeFileSync(keyFileIn(dir), '{}')
      const signer = open()
      assert.deepEqual([one(signer), one(signer), signer.publicKeys(true), signer.publicKeys(true)], [undefined, undefined, [], []])
      assert.equal(warnings.length, 2)
    })
  })
  it('a name and a version that are properties are data', () => {
    const signer = open()
    const signed = signer.signatures('constructor', [{ version: '__proto__', integrity: INTEGRITY, time: at(0) }])
    assert.deepEqual([...signed.keys()], ['__proto__'])
  })
  it('a ledger that fails leaves packages unsigned', () => {
    const signer = open()
    ledger.close()
    assert.equal(one(signer), undefined)
    assert.equal(warnings.length, 1)
  })
})
