import assert from 'node:assert/strict'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { Evidence } from '../../../plugin/domain/evidence.ts'
import type { TrustRenewal } from '../../../plugin/domain/ports.ts'
import { verifiedAttestations } from '../../../plugin/pipeline/attestations.ts'
import { assertNotRenewing, renewalEnds, restsOnUnknown, unlessRenewing, type Judging } from '../../../plugin/pipeline/renewal.ts'
import { candidate } from '../policy/support.ts'
import { ABSENT, BOTH, NOW, World, failed, later, manifestOf, short, signed, trustOf } from './support.ts'

const UNKNOWN_KEY = failed('unknown-key', 'signature-key-unknown')
const UNKNOWN_LOG: Evidence<never> = { ...(failed('invalid', 'provenance-invalid') as Evidence<never> & { state: 'invalid' }), unknownAnchor: true }
const INVALID = failed('invalid', 'provenance-invalid')
const STALE = failed('unavailable', 'trust-material-stale')
const NEXT = later(600_000)

describe('while newer trust material is on its way', () => {
  let asked: unknown[][]
  const judging = (renewing: boolean, next: Date | undefined = NEXT): Judging => {
    const renewal: TrustRenewal = {
      isRenewing: (...args) => {
        asked.push(args)
        return renewing
      },
      nextRenewal: () => next,
    }
    return { upstream: new World().upstream.port, trust: trustOf(), renewal }
  }
  beforeEach(() => { asked = [] })

  describe('evidence', () => {
    for (const evidence of [UNKNOWN_KEY, UNKNOWN_LOG])
      it(`${evidence.state} by what is not known is undecided`, () => {
        assert.equal(short(unlessRenewing(judging(true), evidence)), 'unavailable trust-material-stale')
        assert.throws(() => { assertNotRenewing(judging(true), { publishAttestation: ABSENT, provenance: evidence }) }, Unavailable)
        assert.throws(() => { assertNotRenewing(judging(true), { publishAttestation: evidence, provenance: ABSENT }) }, Unavailable)
      })
    for (const evidence of [UNKNOWN_KEY, UNKNOWN_LOG, INVALID, signed])
      it(`${short(evidence) ?? ''} stands when nothing newer comes`, () => {
        assert.equal(unlessRenewing(judging(false), evidence), evidence)
        assert.equal(unlessRenewing({ ...judging(true), renewal: undefined }, evidence), evidence)
      })
    for (const evidence of [INVALID, signed, ABSENT, STALE])
      it(`${short(evidence) ?? ''} rests on nothing unknown, and nobody is asked`, () => {
        assert.equal(unlessRenewing(judging(true), evidence), evidence)
        assert.deepEqual(asked, [])
      })
    it('a document of which nothing is unknown is judged', () => { assertNotRenewing(judging(true), BOTH) })
    it('asks for the kind of anchor, the uplink and what it was judged with', () => {
      unlessRenewing(judging(true), UNKNOWN_KEY)
      unlessRenewing(judging(true), UNKNOWN_LOG)
      assert.deepEqual(asked, [['main', 'registry-key', 'r1'], ['main', 'sigstore', 'r1']])
    })
    it('rests on the unknown by key or by anchor', () => {
      assert.deepEqual([UNKNOWN_KEY, UNKNOWN_LOG, INVALID, signed, ABSENT].map(restsOnUnknown), [true, true, false, false, false])
    })
  })

  describe('a listing', () => {
    const ends = (evidence: Evidence<never>, next: Date | undefined = NEXT): readonly Date[] =>
      renewalEnds([candidate(), candidate({ provenance: evidence })], judging(false, next), NOW)
    it('with what is undecided for that ends at once', () => assert.deepEqual(ends(STALE), [NOW]))
    it('with what rests on the unknown ends when newer material may be asked for', () => assert.deepEqual([ends(UNKNOWN_LOG), ends(UNKNOWN_KEY)], [[NEXT], [NEXT]]))
    it('or never, when nothing would come of it', () => {
      assert.deepEqual(renewalEnds([candidate({ provenance: UNKNOWN_KEY })], { upstream: new World().upstream.port, trust: trustOf() }, NOW), [])
    })
    it('with nothing of the kind does not end', () => assert.deepEqual([ends(INVALID), ends(failed('unavailable', 'evidence-unavailable'))], [[], []]))
  })

  it('nothing is stored and nothing remembered of a document that waits for it', async () => {
    const world = new World()
    world.renewal = { isRenewing: () => true, nextRenewal: () => NEXT }
    world.attest()
    world.verifier.attestation = () => ({ ...BOTH, provenance: UNKNOWN_LOG })
    const context = await world.open()
    const { provenance } = await verifiedAttestations(context, manifestOf(context), world.deps)
    await context.facts.save()
    assert.deepEqual([short(provenance), world.facts.stored.size, world.ledger.written], ['unavailable trust-material-stale', 0, []])
  })
  it('what rests on an unknown anchor is not stored when it stands either', async () => {
    const world = new World()
    world.attest()
    world.verifier.attestation = () => ({ ...BOTH, provenance: UNKNOWN_LOG })
    const context = await world.open()
    await verifiedAttestations(context, manifestOf(context), world.deps)
    await context.facts.save()
    assert.equal(world.facts.stored.size, 0)
  })
})
