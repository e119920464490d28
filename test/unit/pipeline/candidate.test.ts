import assert from 'node:assert/strict'
import type { Candidate, Evidence, ProvenanceFacts } from '../../../plugin/domain/evidence.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import type { ReasonCode } from '../../../plugin/domain/reason.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import { candidateOf, isVouchedFor, tarballFactKey } from '../../../plugin/pipeline/candidate.ts'
import {
  ABSENT,
  BOTH,
  DAY,
  NOW,
  REGISTRY,
  World,
  attested,
  codes,
  digestOf,
  documentOf,
  failed,
  integrityOf,
  later,
  manifestOf,
  recordOf,
  signed,
  type Draft,
} from './support.ts'

describe('a candidate: a version put together for policy', () => {
  let world: World
  let version: string
  beforeEach(() => {
    world = new World()
    version = '1.0.0'
  })

  interface Options {
    readonly draft?: Draft
    readonly more?: JsonObject
    readonly provenance?: Evidence<ProvenanceFacts>
    readonly byteFaults?: readonly ReasonCode[]
    readonly signsAlways?: boolean
  }
  const candidate = async ({ draft = {}, more = {}, provenance = ABSENT, byteFaults = [], signsAlways = false }: Options = {}): Promise<Candidate> => {
    const context = await world.open(documentOf({ [version]: draft }, more))
    const parts = { signature: signed, attestations: { ...BOTH, provenance }, byteFaults: byteFaults.map((code) => reason(code, 'in a test')) }
    return candidateOf(context, manifestOf(context, version), parts, { ...world.deps, signsAlways: () => signsAlways })
  }
  const faults = async (options: Options = {}): Promise<readonly ReasonCode[]> => codes((await candidate(options)).faults)

  describe('faults', () => {
    it('none', async () => assert.deepEqual(await faults(), []))
    it('[20d] the entry is of another package', async () => assert.deepEqual(await faults({ draft: { entry: { name: 'other' } } }), ['manifest-mismatch']))
    it('[20d] the entry is of another version', async () => assert.deepEqual(await faults({ draft: { entry: { version: '1.0.1' } } }), ['manifest-mismatch']))
    it('a key that is no version', async () => {
      version = 'newest'
      assert.deepEqual(await faults(), ['manifest-mismatch'])
    })
    it('an old spelling that npm still installs is none', async () => {
      version = '3.0.0rc3'
      assert.deepEqual(await faults(), [])
    })
    it('[1j] no integrity', async () => assert.deepEqual(await faults({ draft: { dist: { integrity: undefined } } }), ['integrity-missing']))
    it('[1j] two hashes', async () => {
      assert.deepEqual(await faults({ draft: { dist: { integrity: `${integrityOf('1.0.0')} ${integrityOf('2')}` } } }), ['integrity-malformed'])
    })
    it('a long integrity is cut short in the reason', async () => {
      const { faults: [fault] } = await candidate({ draft: { dist: { integrity: 'x'.repeat(5000) } } })
      assert.equal(fault?.detail?.actual?.length, 200)
    })
    it('[3d] another integrity than the remembered one', async () => {
      world.ledger.known.set('1.0.0', recordOf({ integrity: integrityOf('2.0.0') }))
      assert.deepEqual(await faults(), ['integrity-changed'])
    })
    it('the remembered integrity is none', async () => {
      world.ledger.known.set('1.0.0', recordOf())
      assert.deepEqual(await faults(), [])
    })
    it('[14a] an address on another host', async () => {
      assert.deepEqual(await faults({ draft: { dist: { tarball: 'https://elsewhere.example/x.tgz' } } }), ['tarball-host-refused'])
    })
    it('no address', async () => assert.deepEqual(await faults({ draft: { dist: { tarball: undefined } } }), ['tarball-host-refused']))
    it('what another tarball holds is nothing of this one', async () => {
      world.facts.stored.set(tarballFactKey(digestOf('other')), { anchors: [], value: { manifest: { fault: 'has another name' } } })
      assert.deepEqual(await faults(), [])
    })
    it('what its tarball is known to hold is there for policy', async () => {
      assert.equal((await candidate()).contents, undefined)
      const known = async (value: JsonObject): Promise<Candidate['contents']> => {
        world.facts.stored.set(tarballFactKey(digestOf('1.0.0')), { anchors: [], value })
        return (await candidate()).contents
      }
      assert.deepEqual(await known({ manifest: { repository: 'acme/widget' } }), { repository: 'acme/widget' })
      assert.equal(await known({ refused: 'not gzip' }), undefined)
    })
    it('a tarball known to contradict the packument', async () => {
      world.facts.stored.set(tarballFactKey(digestOf('1.0.0')), { anchors: [], value: { manifest: { fault: 'has another name' } } })
      assert.deepEqual(await faults(), ['manifest-mismatch'])
    })
    it('a tarball known to agree', async () => {
      world.facts.stored.set(tarballFactKey(digestOf('1.0.0')), { anchors: [], value: { manifest: {} } })
      assert.deepEqual(await faults(), [])
    })
    it('[3f] a tarball known to be none', async () => {
      world.facts.stored.set(tarballFactKey(digestOf('1.0.0')), { anchors: [], value: { refused: 'not gzip' } })
      assert.deepEqual(await faults(), ['manifest-mismatch'])
    })
    it('what the bytes brought', async () => assert.deepEqual(await faults({ byteFaults: ['integrity-mismatch'] }), ['integrity-mismatch']))
    it('the same fault found twice is said once', async () => {
      assert.deepEqual(await faults({ byteFaults: ['integrity-mismatch', 'integrity-mismatch'] }), ['integrity-mismatch'])
    })
    it('all of them, not the first alone', async () => {
      const draft = { entry: { name: 'other' }, dist: { integrity: 'sha1-x', tarball: 'file:///etc/passwd' } }
      assert.deepEqual(await faults({ draft, byteFaults: ['integrity-mismatch'] }), ['manifest-mismatch', 'integrity-malformed', 'tarball-host-refused', 'integrity-mismatch'])
    })
  })

  describe('origin', () => {
    it('nobody owns the name yet', async () => assert.deepEqual(await faults(), []))
    it('its owner', async () => {
      world.ledger.owner = REGISTRY
      assert.deepEqual(await faults(), [])
    })
    it('[21b] another registry than the owner', async () => {
      world.ledger.owner = 'https://user:secret@private.example/npm/'
      const { faults: [fault, ...others] } = await candidate()
      assert.deepEqual([fault?.code, fault?.detail, others], ['origin-changed', { expected: 'private.example/npm', actual: 'registry.example' }, []])
      assert.ok(!fault?.message.includes('secret'))
    })
    it('an owner whose address cannot be read is still another', async () => {
      world.ledger.owner = 'not an address'
      assert.deepEqual(await faults(), ['origin-changed'])
    })
    const vouched = async (changes: Partial<Candidate>): Promise<boolean> => isVouchedFor({ ...(await candidate()), ...changes })
    const BAD = failed('invalid', 'signature-invalid')
    it('its registry vouches for it by a signature or by a publish attestation', async () => {
      assert.deepEqual([await vouched({ publishAttestation: ABSENT }), await vouched({ signature: ABSENT })], [true, true])
    })
    it('and by nothing else: no claim, nothing invalid, no provenance', async () => {
      for (const evidence of [ABSENT, { state: 'claimed' } as const, BAD]) assert.equal(await vouched({ signature: evidence, publishAttestation: evidence, provenance: attested }), false)
    })
  })

  describe('whether its uplink signs', () => {
    const signs = async (configured: boolean): Promise<boolean> => (await candidate({ signsAlways: configured })).uplinkSigns
    it('as configured', async () => assert.equal(await signs(true), true))
    it('as seen', async () => {
      world.ledger.signing = true
      assert.equal(await signs(false), true)
    })
    it('neither', async () => assert.equal(await signs(false), false))
  })

  describe('claims', () => {
    const claims = async (options: Options) => (await candidate(options)).claims
    it('nothing claimed', async () => {
      assert.deepEqual(await claims({}), { published: undefined, trustedPublisher: false, stagedPublish: false })
    })
    it('a time that is none is not claimed', async () => assert.equal((await claims({ more: { time: { '1.0.0': 'yesterday' } } })).published, undefined))
    it('trusted publisher and staged publish', async () => {
      const entry = { _npmUser: { trustedPublisher: { id: 'github' }, approver: { name: 'x' } } }
      assert.deepEqual(await claims({ draft: { entry } }), { published: undefined, trustedPublisher: true, stagedPublish: true })
    })
    it('[16] inherited names claim nothing', async () => {
      assert.equal((await claims({ draft: { entry: { _npmUser: 'constructor' } } })).trustedPublisher, false)
    })
  })

  describe('the earliest moment it can have been published', () => {
    const notBefore = async (options: Options = {}): Promise<string> => (await candidate(options)).notBefore.toISOString()
    const time = (at: Date): Options => ({ more: { time: { '1.0.0': at.toISOString() } } })
    const OLD = later(-100 * DAY)

    it('the claimed time', async () => assert.equal(await notBefore(time(OLD)), OLD.toISOString()))
    it('[1i] not before the last answer that lacked it', async () => {
      world.ledger.sightings.set('1.0.0', { firstSeen: NOW, lastAbsent: later(-DAY) })
      assert.equal(await notBefore(time(OLD)), later(-DAY).toISOString())
    })
    it('the first sight says nothing against a claimed time: the mirror may be younger than the version', async () => {
      world.ledger.sightings.set('1.0.0', { firstSeen: NOW, lastAbsent: undefined })
      assert.equal(await notBefore(time(OLD)), OLD.toISOString())
    })
    it('not before the log time of its verified provenance', async () => {
      const provenance = { ...attested, facts: { ...(attested as { facts: ProvenanceFacts }).facts, loggedAt: later(-2 * DAY).toISOString() } } as Evidence<ProvenanceFacts>
      assert.equal(await notBefore({ ...time(OLD), provenance }), later(-2 * DAY).toISOString())
    })
    it('provenance that did not verify says nothing', async () => {
      assert.equal(await notBefore({ ...time(OLD), provenance: failed('invalid', 'provenance-invalid') }), OLD.toISOString())
    })
    it('the claimed time where it is later than all that is known', async () => {
      world.ledger.sightings.set('1.0.0', { firstSeen: OLD, lastAbsent: OLD })
      assert.equal(await notBefore({ ...time(NOW), provenance: attested }), NOW.toISOString())
    })
    it('a time in the future stands', async () => assert.equal(await notBefore(time(later(DAY))), later(DAY).toISOString()))
    it('without a claimed time, when it was first seen', async () => {
      world.ledger.sightings.set('1.0.0', { firstSeen: later(-3 * DAY), lastAbsent: undefined })
      assert.equal(await notBefore(), later(-3 * DAY).toISOString())
    })
    it('never seen before: now', async () => assert.equal(await notBefore(), NOW.toISOString()))
  })

  it('carries name, uplink, origin, integrity and evidence as they came', async () => {
    const { ref, uplink, origin, integrity, signature, publishAttestation } = await candidate()
    assert.deepEqual([ref, uplink, origin], [{ name: 'widget', version: '1.0.0' }, 'main', 'upstream'])
    assert.equal(integrity.state === 'ok' && integrity.sha512, digestOf('1.0.0'))
    assert.deepEqual([signature, publishAttestation], [signed, BOTH.publishAttestation])
  })
})
