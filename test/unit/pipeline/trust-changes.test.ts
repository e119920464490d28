/** What a change of trust material means for evidence that was judged before, and for evidence that only newer material can judge. */
import assert from 'node:assert/strict'
import type { Evidence } from '../../../plugin/domain/evidence.ts'
import type { AttestationResult, TrustRenewal } from '../../../plugin/domain/ports.ts'
import { verifiedAttestations } from '../../../plugin/pipeline/attestations.ts'
import { openPackage, type PackageContext } from '../../../plugin/pipeline/context.ts'
import { signaturesOf } from '../../../plugin/pipeline/signatures.ts'
import { ABSENT, BOTH, World, documentOf, failed, manifestOf, short, trustOf } from './support.ts'

const UNKNOWN_KEY = failed('unknown-key', 'signature-key-unknown')
const UNKNOWN_CA = { ...failed('invalid', 'provenance-invalid'), unknownAnchor: true } as Evidence<never>

describe('trust material that changes', () => {
  let world: World
  let asked: string[]
  let renewing: boolean
  const renewal: TrustRenewal = {
    isRenewing: (...question) => {
      asked.push(question.join(' '))
      return renewing
    },
    nextRenewal: () => undefined,
  }
  beforeEach(() => {
    world = new World()
    asked = []
    renewing = true
    world.attest()
  })

  const open = (): Promise<PackageContext> =>
    openPackage(world.upstream.port, documentOf({ '1.0.0': {} }), world.trust, { facts: world.facts, ledger: world.ledger.port, renewal })
  const signature = async (): Promise<string | undefined> => {
    const context = await open()
    const evidence = await signaturesOf(context, [manifestOf(context)], world.verifier, world.ledger.port)
    await context.facts.save()
    return short(evidence.get('1.0.0'))
  }
  const attestations = async (): Promise<AttestationResult> => {
    const context = await open()
    const result = await verifiedAttestations(context, manifestOf(context), world.deps)
    await context.facts.save()
    return result
  }
  const nothingKept = (): void => {
    assert.equal(world.facts.stored.size, 0)
    assert.deepEqual([world.ledger.written, world.bytes.documents.size], [[], 0])
  }

  describe('a signature by a key that is not known', () => {
    beforeEach(() => { world.verifier.signature = () => UNKNOWN_KEY })
    it('is undecided while newer material is on its way, and nothing is stored', async () => {
      assert.equal(await signature(), 'unavailable trust-material-stale')
      assert.deepEqual(asked, ['main registry-key r1'])
      nothingKept()
    })
    it('is unknown once the material at hand has the last word; still nothing is stored', async () => {
      renewing = false
      assert.equal(await signature(), 'unknown-key signature-key-unknown')
      nothingKept()
    })
  })

  for (const [title, result, anchor] of [
    ['a CA or log', { publishAttestation: ABSENT, provenance: UNKNOWN_CA }, 'sigstore'],
    ['the log of a publish attestation', { publishAttestation: UNKNOWN_CA, provenance: BOTH.provenance }, 'sigstore'],
    ['the key of a publish attestation', { publishAttestation: UNKNOWN_KEY, provenance: BOTH.provenance }, 'registry-key'],
  ] as const)
    describe(`${title} that is not known`, () => {
      beforeEach(() => { world.verifier.attestation = () => result })
      it('leaves the whole document undecided while newer material is on its way', async () => {
        const { publishAttestation, provenance } = await attestations()
        assert.deepEqual([short(publishAttestation), short(provenance)], Array(2).fill('unavailable trust-material-stale'))
        assert.deepEqual(asked, [`main ${anchor} r1`])
        nothingKept()
      })
      it('is what it was judged once the material at hand has the last word; not stored, so that it is judged again', async () => {
        renewing = false
        assert.deepEqual(await attestations(), result)
        nothingKept()
        await attestations()
        assert.equal(world.verifier.attestationTasks.length, 2)
      })
    })

  it('nothing is verified again when the old anchors stay', async () => {
    await signature()
    await attestations()
    world.trust = trustOf({ revision: 'r2', anchors: new Set(['key', 'ca', 'a new key', 'a new ca']) })
    assert.equal(await signature(), 'verified')
    assert.equal((await attestations()).provenance.state, 'verified')
    assert.deepEqual([world.verifier.signatureTasks.length, world.verifier.attestationTasks.length], [1, 1])
  })
  for (const [title, anchors, again] of [['key', ['ca'], [2, 1]], ['CA', ['key'], [1, 2]]] as const)
    it(`what rests on a ${title} that is gone counts no longer, and nothing else is affected`, async () => {
      await signature()
      await attestations()
      world.trust = trustOf({ revision: 'r2', anchors: new Set(anchors) })
      await signature()
      await attestations()
      assert.deepEqual([world.verifier.signatureTasks.length, world.verifier.attestationTasks.length], again)
    })

  it('keys pinned on first use never oblige the registry to sign', async () => {
    world.trust = trustOf({ keysArePinned: true })
    assert.equal(await signature(), 'verified')
    assert.equal(world.ledger.written.length, 1)
    assert.equal(world.ledger.signing, false)
  })
})
