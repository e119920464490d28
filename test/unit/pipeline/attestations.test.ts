import assert from 'node:assert/strict'
import type { AttestationResult } from '../../../plugin/domain/ports.ts'
import { knownAttestations, verifiedAttestations } from '../../../plugin/pipeline/attestations.ts'
import {
  ABSENT,
  ANNOUNCED,
  BOTH,
  CLAIMED,
  DOCUMENT,
  REGISTRY,
  SLSA,
  World,
  digestOf,
  documentOf,
  failed,
  integrityOf,
  manifestOf,
  published,
  recordOf,
  short,
  trustOf,
  unavailable,
  type Draft,
} from './support.ts'

const UNANNOUNCED = { dist: { attestations: undefined } } as never as Draft
const PUBLISH_ONLY: Draft = { dist: { attestations: { url: ANNOUNCED.url } } }
const pair = ({ publishAttestation, provenance }: AttestationResult): readonly (string | undefined)[] => [short(publishAttestation), short(provenance)]

describe('attestations of a version', () => {
  let world: World
  beforeEach(() => { world = new World() })

  const ask = async (draft: Draft = {}): Promise<readonly (string | undefined)[]> => {
    const context = await world.open(documentOf({ '1.0.0': draft }))
    const result = await verifiedAttestations(context, manifestOf(context), world.deps)
    await context.facts.save()
    return pair(result)
  }
  const known = async (draft: Draft = {}): Promise<readonly (string | undefined)[]> => {
    const context = await world.open(documentOf({ '1.0.0': draft }))
    return pair(knownAttestations(context, manifestOf(context)))
  }
  const stored = (): number => world.facts.stored.size

  describe('asking', () => {
    beforeEach(() => { world.attest() })

    it('what is announced is fetched and verified', async () => assert.deepEqual(await ask(), ['verified', 'verified']))
    it('against the digest of the packument, its own name and the registry', async () => {
      await ask()
      const [task] = world.verifier.attestationTasks
      assert.deepEqual(task, { ref: { name: 'widget', version: '1.0.0' }, sha512: digestOf('1.0.0'), document: DOCUMENT, registry: REGISTRY })
    })
    it('unannounced is absent, without asking', async () => {
      assert.deepEqual(await ask(UNANNOUNCED), ['absent', 'absent'])
      assert.deepEqual(world.upstream.asked, [])
    })
    it('probe: asked though unannounced', async () => {
      world.upstream.attestationsMode = 'probe'
      assert.deepEqual(await ask(UNANNOUNCED), ['verified', 'verified'])
    })
    it('probe: 404 of what was not announced is absent', async () => {
      world.upstream.attestationsMode = 'probe'
      world.attest('1.0.0', 'absent')
      assert.deepEqual(await ask(UNANNOUNCED), ['absent', 'absent'])
    })
    it('[6a] probe: 404 of what was announced is missing', async () => {
      world.upstream.attestationsMode = 'probe'
      world.attest('1.0.0', 'absent')
      assert.deepEqual(await ask(), ['absent', 'invalid attestation-missing'])
    })
    it('none: never asked, even if announced', async () => {
      world.upstream.attestationsMode = 'none'
      assert.deepEqual(await ask(), ['absent', 'absent'])
      assert.deepEqual(world.upstream.asked, [])
    })
    it('without a usable integrity there is nothing to compare subjects with', async () => {
      assert.deepEqual(await ask({ dist: { integrity: 'sha1-x' } }), ['absent', 'absent'])
      assert.deepEqual(world.upstream.asked, [])
    })
  })

  describe('what another mirror verified since', () => {
    const elsewhere = async (): Promise<World> => {
      const other = world
      other.attest()
      await ask()
      world = new World()
      world.attest()
      return other
    }
    it('is not verified again, and is remembered as if it had been', async () => {
      const { facts } = await elsewhere()
      world.facts.look = () => Promise.resolve(facts.stored)
      assert.deepEqual([await ask(), world.verifier.attestationTasks.length], [['verified', 'verified'], 0])
      world.facts.look = () => Promise.resolve(undefined)
      assert.deepEqual(world.ledger.port.records(REGISTRY, 'widget').get('1.0.0')?.had, { publishAttestation: true, provenance: true })
    })
    for (const [what, found] of [['nothing', new Map()], ['nowhere to look', undefined]] as const)
      it(`${what}: it is verified here`, async () => {
        await elsewhere()
        world.facts.look = () => Promise.resolve(found)
        assert.deepEqual([await ask(), world.verifier.attestationTasks.length], [['verified', 'verified'], 1])
      })
    it('on anchors that are not trusted here: it is verified here', async () => {
      const { facts } = await elsewhere()
      world.facts.look = () => Promise.resolve(new Map([...facts.stored].map(([key, { value }]) => [key, { anchors: ['theirs'], value }])))
      await ask()
      assert.equal(world.verifier.attestationTasks.length, 1)
    })
  })

  describe('what was announced and is not there', () => {
    const answered = async (draft: Draft, result: AttestationResult | 'absent') => {
      world.attest('1.0.0', result === 'absent' ? 'absent' : DOCUMENT)
      if (result !== 'absent') world.verifier.attestation = () => result
      return ask(draft)
    }
    it('[6a] 404', async () => assert.deepEqual(await answered({}, 'absent'), ['absent', 'invalid attestation-missing']))
    it('[6a] 404 where only a publish attestation is announced', async () => {
      assert.deepEqual(await answered(PUBLISH_ONLY, 'absent'), ['invalid attestation-missing', 'absent'])
    })
    it('[6b] an empty document', async () => {
      assert.deepEqual(await answered({}, { publishAttestation: ABSENT, provenance: ABSENT }), ['absent', 'invalid attestation-missing'])
    })
    it('[6c] a document stripped of its provenance', async () => {
      assert.deepEqual(await answered({}, { ...BOTH, provenance: ABSENT }), ['verified', 'invalid attestation-missing'])
    })
    it('a publish attestation alone is enough where no provenance is announced', async () => {
      assert.deepEqual(await answered(PUBLISH_ONLY, { ...BOTH, provenance: ABSENT }), ['verified', 'absent'])
    })
    it('provenance alone is enough where only a publish attestation is announced', async () => {
      assert.deepEqual(await answered(PUBLISH_ONLY, { ...BOTH, publishAttestation: ABSENT }), ['absent', 'verified'])
    })
    it('[4d] provenance of a type that cannot be judged', async () => {
      const odd = { dist: { attestations: { ...ANNOUNCED, provenance: { predicateType: 'https://odd.example/v1' } } } }
      assert.deepEqual(await answered(odd, { ...BOTH, provenance: ABSENT }), ['verified', 'invalid provenance-unsupported'])
    })
    it('provenance that is there and invalid keeps its own reason', async () => {
      const invalid = failed('invalid', 'provenance-invalid')
      assert.deepEqual(await answered({}, { ...BOTH, provenance: invalid }), ['verified', 'invalid provenance-invalid'])
    })
    it('SLSA v0.2 is a type that can be judged', async () => {
      const early = { dist: { attestations: { ...ANNOUNCED, provenance: { predicateType: 'https://slsa.dev/provenance/v0.2' } } } }
      assert.deepEqual(await answered(early, 'absent'), ['absent', 'invalid attestation-missing'])
    })
  })

  describe('no answer is unavailable, and nothing is stored of it', () => {
    for (const [title, answer] of [
      ['[6d] the registry fails', unavailable()],
      ['[6f] garbage', Buffer.from('<html>')],
      ['[6f] null', Buffer.from('null')],
      ['[6f] a string', Buffer.from('"attestations"')],
      ['[6f] an array', Buffer.from('[]')],
      ['attestations that are no list', Buffer.from('{"attestations":{}}')],
      ['[16] attestations that are inherited', Buffer.from('{"__proto__":{"attestations":[]}}')],
    ] as const)
      it(title, async () => {
        world.attest('1.0.0', answer)
        assert.deepEqual(await ask(), ['unavailable evidence-unavailable', 'unavailable evidence-unavailable'])
        assert.deepEqual([stored(), world.ledger.written, world.verifier.attestationTasks], [0, [], []])
      })
    it('the verifier did not finish', async () => {
      world.attest()
      world.verifier.attestation = () => Promise.reject(unavailable())
      assert.deepEqual(await ask(), ['unavailable evidence-unavailable', 'unavailable evidence-unavailable'])
      assert.equal(stored(), 0)
    })
    it('any other error is nobody\'s evidence and is thrown', async () => {
      world.attest('1.0.0', new RangeError('a mistake'))
      await assert.rejects(ask(), RangeError)
    })
  })

  describe('facts and ledger', () => {
    beforeEach(() => { world.attest() })

    it('verified evidence is stored, its document kept, and the ledger says what it had', async () => {
      await ask()
      const [record] = world.ledger.written
      assert.equal(stored(), 1)
      assert.deepEqual([record?.integrity, record?.because, record?.had], [integrityOf('1.0.0'), 'attestation', { publishAttestation: true, provenance: true }])
      assert.deepEqual(world.bytes.documents.get(record?.attestations ?? ''), DOCUMENT)
    })
    it('what the document lacks is not remembered as had', async () => {
      world.verifier.attestation = () => ({ publishAttestation: published, provenance: ABSENT })
      await ask(PUBLISH_ONLY)
      assert.deepEqual(world.ledger.written[0]?.had, { publishAttestation: true, provenance: false })
    })
    it('provenance alone is remembered as such', async () => {
      world.verifier.attestation = () => ({ ...BOTH, publishAttestation: ABSENT })
      await ask()
      assert.deepEqual(world.ledger.written[0]?.had, { publishAttestation: false, provenance: true })
    })
    for (const [title, result] of [
      ['nothing in it', { publishAttestation: ABSENT, provenance: ABSENT }],
      ['one invalid', { publishAttestation: published, provenance: failed('invalid', 'provenance-invalid') }],
      ['one by an unknown key', { publishAttestation: failed('unknown-key', 'signature-key-unknown'), provenance: BOTH.provenance }],
    ] as const)
      it(`a document with ${title} is not remembered`, async () => {
        world.verifier.attestation = () => result
        await ask()
        assert.deepEqual([world.ledger.written, world.bytes.documents.size], [[], 0])
      })
    for (const state of ['unavailable', 'unknown-key'] as const)
      it(`no fact is stored of ${state}, nor of what came with it`, async () => {
        world.verifier.attestation = () => ({ publishAttestation: published, provenance: failed(state, 'evidence-unavailable') })
        await ask()
        assert.equal(stored(), 0)
      })
    it('[3d] evidence for other bytes than the remembered ones is not written', async () => {
      world.ledger.known.set('1.0.0', recordOf({ integrity: integrityOf('2.0.0') }))
      await ask()
      assert.deepEqual(world.ledger.written, [])
    })
    it('what is remembered is not written again', async () => {
      await ask()
      world.ledger.known.set('1.0.0', recordOf({ attestations: 'aa', integrity: integrityOf('1.0.0'), had: { publishAttestation: true, provenance: false } }))
      await ask()
      assert.equal(world.ledger.written.length, 1)
    })
    it('the same document is not verified twice', async () => {
      await ask()
      world.ledger.known.clear()
      await ask()
      assert.equal(world.verifier.attestationTasks.length, 1)
    })
    it('for other bytes it is', async () => {
      await ask()
      await ask({ dist: { integrity: integrityOf('2.0.0') } })
      assert.equal(world.verifier.attestationTasks.length, 2)
    })
  })

  describe('the mirror\'s own copy', () => {
    beforeEach(async () => {
      world.attest()
      await ask()
      world.upstream.asked.length = 0
      world.upstream.evidence.clear()
    })

    it('goes before the upstream', async () => {
      assert.deepEqual(await ask(), ['verified', 'verified'])
      assert.deepEqual(world.upstream.asked, [])
    })
    it('[6h] stands when the announcement is gone, with a mark', async () => {
      assert.deepEqual(await ask(UNANNOUNCED), ['verified withdrawn', 'verified withdrawn'])
    })
    it('[6h] of which only the provenance is no longer announced, marks that', async () => {
      assert.deepEqual(await ask(PUBLISH_ONLY), ['verified', 'verified withdrawn'])
    })
    it('is verified anew when its fact is lost', async () => {
      world.facts.stored.clear()
      assert.deepEqual(await ask(UNANNOUNCED), ['verified withdrawn', 'verified withdrawn'])
      assert.equal(world.verifier.attestationTasks.length, 2)
      assert.deepEqual(world.upstream.asked, [])
    })
    it('is verified anew when what it rested on is no longer trusted', async () => {
      world.trust = trustOf({ revision: 'r2', anchors: new Set() })
      world.verifier.attestation = () => ({ publishAttestation: ABSENT, provenance: failed('invalid', 'provenance-invalid') })
      assert.deepEqual(await ask(), ['absent', 'invalid provenance-invalid'])
    })
    it('that no longer stands does not keep newer evidence from being asked for', async () => {
      world.trust = trustOf({ revision: 'r2', anchors: new Set() })
      const newer = Buffer.from('{"attestations":[{}]}')
      world.attest('1.0.0', newer)
      world.verifier.attestation = ({ document }) =>
        Buffer.compare(document, newer) === 0 ? BOTH : { publishAttestation: published, provenance: failed('invalid', 'provenance-invalid') }
      assert.deepEqual(await ask(), ['verified', 'verified'])
    })
    it('that no longer stands is not absent because the upstream dropped it', async () => {
      world.trust = trustOf({ revision: 'r2', anchors: new Set() })
      world.verifier.attestation = () => ({ publishAttestation: published, provenance: failed('invalid', 'provenance-invalid') })
      assert.deepEqual(await ask(UNANNOUNCED), ['verified withdrawn', 'invalid provenance-invalid'])
    })
    it('that no longer stands is a claim for a listing, while the upstream can be asked', async () => {
      world.trust = trustOf({ revision: 'r2', anchors: new Set() })
      world.verifier.attestation = () => ({ publishAttestation: published, provenance: failed('invalid', 'provenance-invalid') })
      await ask()
      assert.deepEqual([await known(), await known(UNANNOUNCED)], [['claimed', 'claimed'], ['verified withdrawn', 'invalid provenance-invalid']])
    })
    it('that is lost is asked for again', async () => {
      world.facts.stored.clear()
      world.bytes.documents.clear()
      world.attest()
      assert.deepEqual(await ask(), ['verified', 'verified'])
      assert.equal(world.upstream.asked.length, 1)
    })
    it('is not for other bytes', async () => {
      const draft = { dist: { ...UNANNOUNCED.dist, integrity: integrityOf('2.0.0') } }
      assert.deepEqual(await ask(draft), ['absent', 'absent'])
    })
    it('of a publish attestation alone stands as well', async () => {
      world.ledger.forget()
      world.facts.stored.clear()
      world.attest()
      world.verifier.attestation = () => ({ publishAttestation: published, provenance: ABSENT })
      await ask(PUBLISH_ONLY)
      world.upstream.evidence.clear()
      assert.deepEqual(await ask(UNANNOUNCED), ['verified withdrawn', 'absent'])
    })
    it('is kept again when only its fact outlived a reset', async () => {
      const [digest] = world.bytes.documents.keys()
      world.ledger.forget()
      world.attest()
      await ask()
      assert.deepEqual([world.verifier.attestationTasks.length, world.ledger.written.map(({ attestations }) => attestations)], [1, [digest]])
    })
    it('without provenance does not answer for one announced later', async () => {
      const record = world.ledger.known.get('1.0.0')
      world.ledger.known.set('1.0.0', recordOf({ attestations: record?.attestations, had: { publishAttestation: true, provenance: false } }))
      world.attest()
      await ask()
      assert.equal(world.upstream.asked.length, 1)
    })
  })

  describe('for a listing, without asking', () => {
    it('announced is claimed', async () => assert.deepEqual(await known(), ['claimed', 'claimed']))
    it('a publish attestation announced claims no provenance', async () => assert.deepEqual(await known(PUBLISH_ONLY), ['claimed', 'absent']))
    it('unannounced is absent', async () => assert.deepEqual(await known(UNANNOUNCED), ['absent', 'absent']))
    it('probe: unannounced may be there all the same', async () => {
      world.upstream.attestationsMode = 'probe'
      assert.deepEqual(await known(UNANNOUNCED), ['claimed', 'claimed'])
    })
    it('none: absent', async () => {
      world.upstream.attestationsMode = 'none'
      assert.deepEqual(await known(), ['absent', 'absent'])
    })
    it('what was verified is known, and marked when it is gone', async () => {
      world.attest()
      await ask()
      assert.deepEqual([await known(), await known(UNANNOUNCED)], [['verified', 'verified'], ['verified withdrawn', 'verified withdrawn']])
    })
    it('[6h] an own copy whose fact is lost is a claim, not absent', async () => {
      world.attest()
      await ask()
      world.facts.stored.clear()
      assert.deepEqual(await known(UNANNOUNCED), ['claimed', 'claimed'])
    })
    it('[6h] an own copy of another registry\'s facts is not read as this one\'s', async () => {
      world.attest()
      await ask()
      const [[, fact] = []] = world.facts.stored
      world.facts.stored.clear()
      world.facts.stored.set('attestations:of-another', fact!)
      assert.deepEqual(await known(), [CLAIMED.state, CLAIMED.state])
    })
    it('asks nobody', async () => {
      await known()
      assert.deepEqual([world.upstream.asked, world.verifier.attestationTasks], [[], []])
    })
  })

  it('the predicate type of the announcement is npm\'s', () => assert.equal(ANNOUNCED.provenance.predicateType, SLSA))
})
