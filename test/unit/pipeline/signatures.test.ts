import assert from 'node:assert/strict'
import { signaturesOf } from '../../../plugin/pipeline/signatures.ts'
import {
  SIGNATURES,
  World,
  documentOf,
  failed,
  integrityOf,
  manifestOf,
  recordOf,
  short,
  signed,
  trustOf,
  type Draft,
} from './support.ts'

describe('registry signatures of a package', () => {
  let world: World
  beforeEach(() => { world = new World() })

  const ask = async (draft: Draft = {}): Promise<string | undefined> => {
    const context = await world.open(documentOf({ '1.0.0': draft }))
    const evidence = await signaturesOf(context, [manifestOf(context)], world.verifier, world.ledger.port)
    await context.facts.save()
    return short(evidence.get('1.0.0'))
  }
  const UNSIGNED = { dist: { signatures: undefined } } as never as Draft

  it('verified', async () => assert.equal(await ask(), 'verified'))
  it('what is verified is version, integrity and signatures', async () => {
    await ask()
    assert.deepEqual(world.verifier.signatureTasks, [{ version: '1.0.0', integrity: integrityOf('1.0.0'), signatures: SIGNATURES }])
  })
  it('[1f] none is absent, and the verifier is not asked', async () => {
    assert.equal(await ask(UNSIGNED), 'absent')
    assert.deepEqual(world.verifier.signatureTasks, [])
  })
  it('[1g] an empty list is absent', async () => assert.equal(await ask({ dist: { signatures: [] } }), 'absent'))
  it('a malformed list is not absent: it goes to the verifier', async () => {
    world.verifier.signature = ({ signatures }) => (signatures === 'malformed' ? failed('invalid', 'signature-invalid') : signed)
    assert.equal(await ask({ dist: { signatures: 'none' } }), 'invalid signature-invalid')
  })
  for (const [title, integrity] of [['no integrity', undefined], ['[1j] two hashes', 'sha512-a sha1-b']] as const)
    it(`${title}: there is nothing a signature could cover`, async () => assert.equal(await ask({ dist: { integrity: integrity } }), 'absent'))

  it('each version gets its own result', async () => {
    world.verifier.signature = ({ version }) => (version === '1.1.0' ? failed('invalid', 'signature-invalid') : signed)
    const context = await world.open(documentOf({ '1.0.0': {}, '1.1.0': {}, '1.2.0': {} }))
    const evidence = await signaturesOf(context, [...context.document.packument.versions.values()], world.verifier, world.ledger.port)
    assert.deepEqual([...evidence].map(([version, one]) => `${version} ${short(one) ?? ''}`), ['1.0.0 verified', '1.1.0 invalid signature-invalid', '1.2.0 verified'])
    assert.deepEqual(world.ledger.written.map(({ version }) => version), ['1.0.0', '1.2.0'])
  })
  it('more results than questions are an error', async () => {
    world.verifier.signatures = () => Promise.resolve([{ result: signed, anchors: [] }, { result: signed, anchors: [] }])
    await assert.rejects(ask(), RangeError)
  })

  describe('facts', () => {
    const stored = (): number => [...world.facts.stored.keys()].filter((key) => key.startsWith('signature:')).length

    it('a verified signature is not verified again', async () => {
      await ask()
      assert.equal(await ask(), 'verified')
      assert.equal(world.verifier.signatureTasks.length, 1)
    })
    it('an invalid one neither', async () => {
      world.verifier.signature = () => failed('invalid', 'signature-invalid')
      await ask()
      assert.equal(await ask(), 'invalid signature-invalid')
      assert.equal(world.verifier.signatureTasks.length, 1)
    })
    for (const [title, draft] of [
      ['another integrity', { dist: { integrity: integrityOf('2.0.0') } }],
      ['another signature', { dist: { signatures: [{ keyid: 'SHA256:k', sig: 'b3RoZXI=' }] } }],
    ] as const)
      it(`of ${title} is verified anew`, async () => {
        await ask()
        await ask(draft)
        assert.equal(world.verifier.signatureTasks.length, 2)
      })
    it('a key that is no longer trusted ends what it verified', async () => {
      await ask()
      world.trust = trustOf({ revision: 'r2', anchors: new Set() })
      await ask()
      assert.equal(world.verifier.signatureTasks.length, 2)
    })
    it('new trust material ends what did not verify under the old', async () => {
      world.verifier.signature = () => failed('invalid', 'signature-invalid')
      await ask()
      world.trust = trustOf({ revision: 'r2' })
      world.verifier.signature = () => signed
      assert.equal(await ask(), 'verified')
    })
    for (const [state, code] of [['unavailable', 'evidence-unavailable'], ['unknown-key', 'signature-key-unknown']] as const)
      it(`nothing is stored of ${state}`, async () => {
        world.verifier.signature = () => failed(state, code)
        assert.equal(await ask(), `${state} ${code}`)
        assert.equal(stored(), 0)
        assert.deepEqual(world.ledger.written, [])
      })
  })

  describe('ledger', () => {
    it('a verified signature is remembered with what it covers', async () => {
      await ask()
      const [record] = world.ledger.written
      assert.deepEqual([record?.version, record?.integrity, record?.because, record?.signatures], ['1.0.0', integrityOf('1.0.0'), 'signature', SIGNATURES])
      assert.deepEqual([record?.attestations, record?.had], [undefined, { publishAttestation: false, provenance: false }])
    })
    it('and that the registry signs', async () => {
      await ask()
      assert.equal(world.ledger.signing, true)
    })
    for (const state of ['invalid', 'unknown-key'] as const)
      it(`nothing is remembered of ${state}, and the registry does not count as signing`, async () => {
        world.verifier.signature = () => failed(state, 'signature-invalid')
        await ask()
        assert.deepEqual([world.ledger.written, world.ledger.signing], [[], false])
      })
    it('[3d] a signature over other bytes than the remembered ones is not written', async () => {
      world.ledger.known.set('1.0.0', recordOf({ integrity: integrityOf('2.0.0') }))
      await ask()
      assert.deepEqual(world.ledger.written, [])
    })
    it('a registry\'s own word about its keys obliges it to nothing', async () => {
      world.trust = trustOf({ keysArePinned: true })
      await ask()
      assert.deepEqual([world.ledger.written.length, world.ledger.signing], [1, false])
    })
    it('what a fact outlived is written again', async () => {
      await ask()
      world.ledger.forget()
      await ask()
      assert.deepEqual([world.verifier.signatureTasks.length, world.ledger.written.length, world.ledger.signing], [1, 1, true])
    })
    it('also beside a version that is verified only now', async () => {
      await ask()
      world.ledger.forget()
      const context = await world.open(documentOf({ '1.0.0': {}, '1.1.0': {} }))
      await signaturesOf(context, [...context.document.packument.versions.values()], world.verifier, world.ledger.port)
      assert.deepEqual(world.ledger.written.map(({ version }) => version).sort(), ['1.0.0', '1.1.0'])
    })
    it('what is written is not written with every look at it', async () => {
      await ask()
      await ask()
      assert.equal(world.ledger.written.length, 1)
    })
    it('a fact of what is invalid is never written', async () => {
      world.verifier.signature = () => failed('invalid', 'signature-invalid')
      await ask()
      await ask()
      assert.deepEqual(world.ledger.written, [])
    })
    it('[3d] nor is one of other bytes than the remembered ones', async () => {
      await ask()
      world.ledger.forget()
      world.ledger.known.set('1.0.0', recordOf({ integrity: integrityOf('2.0.0') }))
      await ask()
      assert.deepEqual(world.ledger.written, [])
    })
    it('a fact of bytes that only bytes vouched for is written', async () => {
      await ask()
      world.ledger.forget()
      world.ledger.known.set('1.0.0', recordOf({ because: 'bytes' }))
      await ask()
      assert.equal(world.ledger.written.length, 1)
    })
    it('a signature added later to remembered bytes is written', async () => {
      world.ledger.known.set('1.0.0', recordOf({ because: 'bytes' }))
      await ask()
      assert.equal(world.ledger.written.length, 1)
    })
  })

  describe('[6h] gone upstream', () => {
    it('the mirror\'s own copy is verified and marked', async () => {
      await ask()
      assert.equal(await ask(UNSIGNED), 'verified withdrawn')
    })
    it('without a stored fact too', async () => {
      await ask()
      world.facts.stored.clear()
      assert.equal(await ask(UNSIGNED), 'verified withdrawn')
    })
    it('not for other bytes', async () => {
      await ask()
      assert.equal(await ask({ dist: { ...UNSIGNED.dist, integrity: integrityOf('2.0.0') } }), 'absent')
    })
    it('a record without signatures is no copy', async () => {
      world.ledger.known.set('1.0.0', recordOf({ because: 'bytes' }))
      assert.equal(await ask(UNSIGNED), 'absent')
    })
    it('what the upstream offers goes before the own copy', async () => {
      await ask()
      world.verifier.signature = () => failed('invalid', 'signature-invalid')
      assert.equal(await ask({ dist: { signatures: [{ keyid: 'SHA256:k', sig: 'YmFk' }] } }), 'invalid signature-invalid')
    })
    it('a copy that no longer verifies is not marked', async () => {
      await ask()
      world.trust = trustOf({ revision: 'r2', anchors: new Set() })
      world.verifier.signature = () => failed('unknown-key', 'signature-key-unknown')
      assert.equal(await ask(UNSIGNED), 'unknown-key signature-key-unknown')
    })
  })
})
