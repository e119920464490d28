import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import pLimit from 'p-limit'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import { NotATarball, type Decision, type Policy, type TrustRenewal, type UpstreamPackument } from '../../../plugin/domain/ports.ts'
import type { VersionManifest } from '../../../plugin/domain/packument.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import type { Behind, Listener } from '../../../plugin/pipeline/behind.ts'
import type { Listing } from '../../../plugin/pipeline/listing.ts'
import { Pipeline, type PipelineDeps } from '../../../plugin/pipeline/pipeline.ts'
import {
  BOTH,
  DOCUMENT,
  NAME,
  NOW,
  REGISTRY,
  World,
  address,
  codes,
  digestOf,
  documentOf,
  failed,
  integrityOf,
  later,
  plainPolicy,
  recordOf,
  trustOf,
  unavailable,
  unread,
  type Draft,
} from './support.ts'

const VERSIONS = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0']
const FILE = `${NAME}-1.0.0.tgz`

describe('pipeline', () => {
  let world: World
  let policy: Policy
  let now: Date
  let decisions: Decision[]
  let errors: unknown[]
  let passDeadline: () => void
  let busy: Error | undefined
  let behind: Listener | undefined
  let handed: readonly string[]
  let renewal: TrustRenewal | undefined
  let deps: PipelineDeps
  let pipeline: Pipeline

  beforeEach(() => {
    world = new World()
    policy = plainPolicy()
    now = NOW
    decisions = []
    errors = []
    busy = undefined
    handed = []
    renewal = undefined
    const oneByOne = pLimit(1)
    const deadline = new Promise<void>((resolve) => { passDeadline = resolve })
    deps = {
      ...world.deps,
      facts: world.facts,
      upstreams: {
        all: [world.upstream.port],
        find: async () => {
          const document = await world.upstream.packument()
          return document === 'absent' ? 'absent' : { upstream: world.upstream.port, document }
        },
      },
      policy: () => policy,
      trustOf: () => world.trust,
      decisions: { record: (decision) => decisions.push(decision) },
      clock: { now: () => now },
      limit: async (task) => {
        if (busy !== undefined) throw busy
        return oneByOne(task)
      },
      listingMemory: 2 ** 20,
      deadline: () => deadline,
      renewal: { isRenewing: (...args) => renewal?.isRenewing(...args) === true, nextRenewal: (...args) => renewal?.nextRenewal(...args) },
      behind: {
        listen: (listener: Listener) => { behind = listener },
        add: (_context: unknown, manifests: readonly VersionManifest[]) => { handed = manifests.map(({ version }) => version) },
        signatures: { busy: () => undefined, hasRoom: () => false, add: () => undefined },
      } as unknown as Behind,
      onBackgroundError: (error) => errors.push(error),
    }
    pipeline = new Pipeline(deps)
  })

  const publish = (versions: Readonly<Record<string, Draft>> = { '1.0.0': {} }, changes: Partial<UpstreamPackument> = {}): void => {
    world.upstream.document = documentOf(versions, {}, changes)
    for (const version of Object.keys(versions)) world.attest(version)
  }
  const list = async (): Promise<Listing> => {
    const listing = await pipeline.listing(NAME)
    assert.ok(listing !== 'absent')
    return listing
  }
  const outcomes = (listing: Listing): readonly string[] => [...listing.verdicts].map(([version, { outcome }]) => `${version} ${outcome}`)
  const fetchTarball = async (file = FILE): Promise<readonly unknown[]> => {
    const answer = await pipeline.tarball(NAME, file)
    return 'judgement' in answer ? [answer.kind, ...codes(answer.judgement.verdict.reasons)] : [answer.kind]
  }
  const kinds = (): readonly string[] => decisions.map(({ kind, ref }) => `${kind} ${ref.version}`)
  const askedFor = (): readonly string[] => world.verifier.attestationTasks.map(({ ref }) => ref.version)

  describe('a listing', () => {
    it('a package no uplink has is absent', async () => assert.equal(await pipeline.listing(NAME), 'absent'))
    it('has a verdict on every version', async () => {
      publish({ '1.0.0': {}, '1.1.0': { dist: { tarball: 'file:///x' } } })
      assert.deepEqual(outcomes(await list()), ['1.0.0 allow', '1.1.0 deny'])
    })
    it('a refused version is withheld, and that is recorded with its policy', async () => {
      publish({ '1.0.0': {}, '1.1.0': { dist: { tarball: 'file:///x' } } })
      await list()
      assert.deepEqual(kinds(), ['withheld 1.1.0'])
      assert.deepEqual([decisions[0]?.policyRevision, decisions[0]?.integrity, decisions[0]?.uplink], ['p1', integrityOf('1.1.0'), 'main'])
    })
    it('[1a] an invalid signature refuses', async () => {
      world.verifier.signature = () => failed('invalid', 'signature-invalid')
      publish()
      assert.deepEqual(outcomes(await list()), ['1.0.0 deny'])
    })
    it('the likely picks are verified, the rest is listed on its claim', async () => {
      publish(Object.fromEntries(VERSIONS.map((version) => [version, {}])))
      await list()
      assert.deepEqual(askedFor(), ['1.4.0', '1.3.0', '1.2.0'])
    })
    it('`listing: verified` verifies all, newest first', async () => {
      policy = plainPolicy({ listing: 'verified' })
      publish(Object.fromEntries(VERSIONS.map((version) => [version, {}])))
      await list()
      assert.deepEqual(askedFor(), VERSIONS.toReversed())
    })
    for (const needs of [{ publishAttestation: true, provenance: false }, { publishAttestation: false, provenance: true }])
      it(`attestations are fetched when the rule looks at ${needs.provenance ? 'provenance' : 'publish attestations'} alone`, async () => {
        policy = plainPolicy({ needs: () => ({ signature: true, ...needs }) })
        publish()
        await list()
        assert.deepEqual(askedFor(), ['1.0.0'])
      })
    it('attestations the rule ignores are not fetched', async () => {
      policy = plainPolicy({ needs: () => ({ signature: true, publishAttestation: false, provenance: false }) })
      publish()
      await list()
      assert.deepEqual(askedFor(), [])
    })
    it('is kept while nothing changed', async () => {
      world.ledger.signing = true
      publish()
      assert.equal(await list(), await list())
    })
    for (const [what, change] of [
      ['the upstream\'s document', () => { publish({ '1.0.0': {}, '1.1.0': {} }) }],
      ['the policy', () => { policy = plainPolicy({ revision: 'p2' }) }],
      ['the trust material', () => { world.trust = trustOf({ revision: 'r2' }) }],
    ] as const)
      it(`is built anew when ${what} changed`, async () => {
        publish()
        const before = await list()
        change()
        assert.notEqual(await list(), before)
      })
    it('is built anew when the clock has ended one of its verdicts', async () => {
      const validUntil = later(1000)
      policy = plainPolicy({
        evaluate: (_candidate, _stage, at): Verdict =>
          at < validUntil ? { outcome: 'deny', rule: 'age', reasons: [], validUntil } : { outcome: 'allow', rule: 'age', reasons: [] },
      })
      publish()
      assert.deepEqual(outcomes(await list()), ['1.0.0 deny'])
      now = validUntil
      assert.deepEqual(outcomes(await list()), ['1.0.0 allow'])
    })
    it('stores what was verified', async () => {
      publish()
      await list()
      assert.equal(world.facts.adds, 1)
    })
    it('an owner that cannot be asked is thrown, not absent', async () => {
      world.upstream.packument = () => Promise.reject(unavailable())
      await assert.rejects(pipeline.listing(NAME), Unavailable)
    })
  })

  describe('the deadline of a first answer', () => {
    let finish: (version: string) => void
    /** Until somebody waits for a version. */
    let begun: () => Promise<void>
    beforeEach(() => {
      const pending = new Map<string, () => void>()
      finish = (version) => pending.get(version)?.()
      begun = async () => { while (pending.size === 0) await turn() }
      world.verifier.attestation = ({ ref }) => new Promise((resolve) => { pending.set(ref.version, () => { resolve(BOTH) }) })
    })
    const states = (): Promise<readonly string[]> => list().then(outcomes)

    it('what is not verified in time is listed on its claim', async () => {
      const seen: string[] = []
      policy = plainPolicy({
        evaluate: ({ ref, provenance }) => {
          seen.push(`${ref.version} ${provenance.state}`)
          return { outcome: 'allow', rule: 'all', reasons: [] }
        },
      })
      publish({ '1.0.0': {}, '1.1.0': {} })
      const answer = states()
      await begun()
      finish('1.1.0')
      await turn()
      passDeadline()
      await answer
      assert.deepEqual(seen, ['1.0.0 claimed', '1.1.0 verified'])
    })
    it('the listing is made anew once the rest was verified behind it', async () => {
      world.ledger.signing = true
      publish()
      const answer = list()
      await begun()
      passDeadline()
      const first = await answer
      assert.equal(await list(), first)
      finish('1.0.0')
      await turn()
      await turn()
      assert.notEqual(await list(), first)
      assert.equal(world.facts.stored.size, 2)
      assert.deepEqual(errors, [])
    })
    it('what had not begun by then is not begun', async () => {
      publish({ '1.0.0': {}, '1.1.0': {} })
      const answer = list()
      await begun()
      passDeadline()
      await answer
      finish('1.1.0')
      await turn()
      assert.deepEqual(askedFor(), ['1.1.0'])
    })
    it('`listing: verified` goes on with it, where nobody else does', async () => {
      pipeline = new Pipeline({ ...deps, behind: undefined })
      policy = plainPolicy({ listing: 'verified' })
      publish({ '1.0.0': {}, '1.1.0': {} })
      const answer = list()
      await begun()
      passDeadline()
      await answer
      finish('1.1.0')
      await turn()
      assert.deepEqual(askedFor(), ['1.1.0', '1.0.0'])
    })
    it('what arrives while the late answer is put together does not slip into it half', async () => {
      publish()
      const answer = list()
      await begun()
      passDeadline()
      finish('1.0.0')
      assert.deepEqual(outcomes(await answer), ['1.0.0 allow'])
    })
    it('a failure behind it is told, and ends nothing', async () => {
      publish()
      const answer = list()
      await begun()
      passDeadline()
      await answer
      world.facts.add = () => Promise.reject(new Error('the disk is full'))
      finish('1.0.0')
      await turn()
      await turn()
      assert.equal(errors.length, 1)
    })
  })

  describe('a tarball', () => {
    it('is served when evidence, bytes and manifest are right', async () => {
      publish()
      assert.deepEqual(await fetchTarball(), ['served'])
      assert.deepEqual(kinds(), ['served 1.0.0'])
      assert.equal(decisions[0]?.integrity, integrityOf('1.0.0'))
    })
    it('a warning is recorded as one', async () => {
      policy = plainPolicy({ evaluate: () => ({ outcome: 'warn', rule: 'all', reasons: [] }) })
      publish()
      assert.deepEqual(await fetchTarball(), ['served'])
      assert.deepEqual(kinds(), ['warned 1.0.0'])
    })
    it('a refused one is not fetched', async () => {
      world.verifier.attestation = () => ({ ...BOTH, provenance: failed('invalid', 'provenance-invalid') })
      publish()
      assert.deepEqual(await fetchTarball(), ['refused', 'provenance-invalid'])
      assert.deepEqual(kinds(), ['refused 1.0.0'])
      assert.deepEqual(world.upstream.asked.filter((asked) => asked.endsWith('.tgz')), [])
    })
    it('one that cannot be decided is not fetched, and recorded as such', async () => {
      publish()
      world.attest('1.0.0', unavailable())
      assert.deepEqual((await fetchTarball()).slice(0, 2), ['refused', 'evidence-unavailable'])
      assert.deepEqual(kinds(), ['unavailable 1.0.0'])
      assert.deepEqual(world.upstream.asked.filter((asked) => asked.endsWith('.tgz')), [])
    })
    it('is judged at the gate, where a claim is not enough, and again with its bytes', async () => {
      publish({ '1.0.0': {}, '1.1.0': {} })
      const stages: string[] = []
      policy = plainPolicy({
        evaluate: (_candidate, at) => {
          stages.push(at)
          return { outcome: 'allow', rule: 'all', reasons: [] }
        },
      })
      await fetchTarball()
      assert.deepEqual(stages, ['gate', 'delivery'])
    })
    it('evidence the rule ignores is not fetched', async () => {
      policy = plainPolicy({ needs: () => ({ signature: true, publishAttestation: false, provenance: false }) })
      publish()
      await fetchTarball()
      assert.deepEqual(askedFor(), [])
    })
    it('[1a] an invalid signature is seen at the gate', async () => {
      world.verifier.signature = () => failed('invalid', 'signature-invalid')
      publish()
      assert.deepEqual(await fetchTarball(), ['refused', 'signature-invalid'])
    })
    it('without a usable integrity is never delivered, whatever policy says', async () => {
      policy = plainPolicy({ evaluate: () => ({ outcome: 'allow', rule: 'all', reasons: [] }) })
      for (const integrity of [undefined, 'sha1-x']) {
        publish({ '1.0.0': { dist: { integrity: integrity } } })
        assert.deepEqual(await fetchTarball(), ['refused'])
      }
      assert.equal(decisions[0]?.integrity, undefined)
    })
    it('[3a] wrong bytes are refused even when policy excuses everything', async () => {
      policy = plainPolicy({ evaluate: () => ({ outcome: 'allow', rule: 'all', reasons: [] }) })
      publish()
      world.upstream.tarballs.set(address('1.0.0'), Buffer.from('other'))
      assert.deepEqual(await fetchTarball(), ['refused'])
    })
    it('[20a] a manifest that contradicts the packument is judged by policy at the gate', async () => {
      world.inspector.inside = { fault: 'has other dependencies' }
      publish()
      assert.deepEqual(await fetchTarball(), ['refused', 'manifest-mismatch'])
      assert.deepEqual(kinds(), ['refused 1.0.0'])
    })
    it('[3f] so is what is no tarball', async () => {
      world.inspector.refusal = new NotATarball('not gzip')
      publish()
      assert.deepEqual(await fetchTarball(), ['refused', 'manifest-mismatch'])
    })
    it('faults known before do not go when the bytes bring others', async () => {
      let faults: readonly string[] = []
      policy = plainPolicy({
        evaluate: (candidate) => {
          faults = codes(candidate.faults)
          return { outcome: 'allow', rule: 'all', reasons: [] }
        },
      })
      publish({ '1.0.0': { entry: { version: '9.9.9' } } })
      world.upstream.tarballs.set(address('1.0.0'), Buffer.from('other'))
      await fetchTarball()
      assert.deepEqual(faults, ['manifest-mismatch', 'integrity-mismatch'])
    })
    it('[3a] wrong bytes take the version out of the next listing, for five minutes', async () => {
      publish()
      await list()
      world.upstream.tarballs.set(address('1.0.0'), Buffer.from('other'))
      await fetchTarball()
      assert.deepEqual(outcomes(await list()), ['1.0.0 deny'])
      assert.deepEqual((await list()).validUntil, later(300_000))
      now = later(300_000)
      assert.deepEqual(outcomes(await list()), ['1.0.0 allow'])
    })
    it('right bytes bring it back at once', async () => {
      publish()
      world.upstream.tarballs.set(address('1.0.0'), Buffer.from('other'))
      await fetchTarball()
      await list()
      world.upstream.tarballs.delete(address('1.0.0'))
      assert.deepEqual(await fetchTarball(), ['served'])
      assert.deepEqual(outcomes(await list()), ['1.0.0 allow'])
    })
    it('stores what was verified, also when it refuses', async () => {
      world.verifier.attestation = () => ({ ...BOTH, provenance: failed('invalid', 'provenance-invalid') })
      publish()
      await fetchTarball()
      assert.equal(world.facts.stored.size, 2)
    })
    it('an upstream that does not deliver is thrown', async () => {
      publish()
      world.upstream.tarballs.set(address('1.0.0'), unavailable())
      await assert.rejects(fetchTarball(), Unavailable)
    })

    describe('what nothing but its bytes vouched for', () => {
      const UNSIGNED: Draft = { dist: { signatures: undefined, attestations: undefined } }
      it('is remembered when it was served', async () => {
        publish({ '1.0.0': UNSIGNED })
        await fetchTarball()
        assert.deepEqual(world.ledger.written.map(({ because, integrity }) => [because, integrity]), [['bytes', integrityOf('1.0.0')]])
        assert.deepEqual([world.ledger.written[0]?.attestations, world.ledger.written[0]?.had], [undefined, { publishAttestation: false, provenance: false }])
      })
      it('is not remembered when it was listed', async () => {
        publish({ '1.0.0': UNSIGNED })
        await list()
        assert.deepEqual(world.ledger.written, [])
      })
      it('is not remembered when it was refused', async () => {
        publish({ '1.0.0': UNSIGNED })
        world.inspector.inside = { fault: 'x' }
        await fetchTarball()
        assert.deepEqual(world.ledger.written, [])
      })
      it('is not written over what is remembered', async () => {
        publish({ '1.0.0': UNSIGNED })
        world.ledger.known.set('1.0.0', recordOf())
        await fetchTarball()
        assert.deepEqual(world.ledger.written, [])
      })
    })

    describe('that is not there', () => {
      it('known before: withdrawn, by name', async () => {
        publish({ '1.0.0': {}, '1.1.0': {} })
        await list()
        publish({ '1.1.0': {} })
        assert.deepEqual(await pipeline.tarball(NAME, FILE), { kind: 'withdrawn', ref: { name: NAME, version: '1.0.0' } })
      })
      it('known before, and the whole package gone', async () => {
        publish()
        await list()
        world.upstream.document = 'absent'
        assert.deepEqual(await fetchTarball(), ['withdrawn'])
      })
      it('never known: absent', async () => {
        publish()
        await list()
        assert.deepEqual(await fetchTarball(`${NAME}-9.9.9.tgz`), ['absent'])
        assert.deepEqual(await fetchTarball('package.json'), ['absent'])
      })
    })
  })

  describe('what is found after an answer leaves the next one', () => {
    const CLAIMED_FIRST = Object.fromEntries(VERSIONS.map((version) => [version, {}]))
    beforeEach(() => {
      world.ledger.signing = true
      publish(CLAIMED_FIRST)
    })
    it('at the gate, by evidence that does not verify', async () => {
      world.verifier.attestation = ({ ref }) => (ref.version === '1.0.0' ? { ...BOTH, provenance: failed('invalid', 'provenance-invalid') } : BOTH)
      assert.equal((await list()).verdicts.get('1.0.0')?.outcome, 'allow')
      assert.deepEqual(await fetchTarball(), ['refused', 'provenance-invalid'])
      assert.equal((await list()).verdicts.get('1.0.0')?.outcome, 'deny')
    })
    it('[6a] at the gate, by evidence that is announced and not there, which is no fact', async () => {
      world.attest('1.0.0', 'absent')
      assert.equal((await list()).verdicts.get('1.0.0')?.outcome, 'allow')
      assert.deepEqual(await fetchTarball(), ['refused', 'attestation-missing'])
      assert.equal((await list()).verdicts.get('1.0.0')?.outcome, 'deny')
    })
    it('by who verifies behind it, to whom the rest was handed', async () => {
      await list()
      assert.deepEqual(handed, ['1.1.0', '1.0.0'])
      const before = await list()
      behind?.learned(NAME)
      assert.notEqual(await list(), before)
    })
  })

  describe('a listing counts until', () => {
    it('a failed answer of the attestations endpoint is asked for again', async () => {
      publish()
      world.attest('1.0.0', 'absent')
      assert.deepEqual((await list()).validUntil, later(30_000))
    })
    it('newer trust material may be asked for', async () => {
      renewal = { isRenewing: () => false, nextRenewal: () => later(1000) }
      world.verifier.signature = () => failed('unknown-key', 'signature-key-unknown')
      publish()
      assert.deepEqual((await list()).validUntil, later(1000))
    })
  })

  describe('[21] the owner of a name', () => {
    const OTHER = 'https://other.example'
    const UNSIGNED: Draft = { dist: { signatures: undefined, attestations: undefined } }

    it('is who signs one of its versions, as soon as it is listed', async () => {
      publish({ '1.0.0': UNSIGNED, '1.1.0': {} })
      await list()
      assert.equal(world.ledger.owner, REGISTRY)
    })
    it('is nobody by a mere answer', async () => {
      publish({ '1.0.0': UNSIGNED })
      await list()
      assert.equal(world.ledger.owner, undefined)
    })
    it('is nobody by signatures whose keys a registry gave of itself', async () => {
      world.trust = trustOf({ keysArePinned: true })
      publish()
      await list()
      assert.equal(world.ledger.owner, undefined)
    })
    it('is whose bytes were served', async () => {
      publish({ '1.0.0': UNSIGNED })
      await fetchTarball()
      assert.equal(world.ledger.owner, REGISTRY)
    })
    it('is nobody whose bytes were refused', async () => {
      publish({ '1.0.0': UNSIGNED })
      world.inspector.inside = { fault: 'x' }
      await fetchTarball()
      assert.equal(world.ledger.owner, undefined)
    })
    it('[21b] what comes from another is refused, listed or asked for', async () => {
      world.ledger.owner = OTHER
      publish()
      assert.deepEqual(outcomes(await list()), ['1.0.0 deny'])
      assert.deepEqual(await fetchTarball(), ['refused', 'origin-changed'])
    })
    it('[21b] also when another became it between the judgement and the bytes', async () => {
      publish({ '1.0.0': UNSIGNED })
      world.upstream.onTarball = () => { world.ledger.owner = OTHER }
      assert.deepEqual(await fetchTarball(), ['refused', 'origin-changed'])
    })
    for (const [what, change] of [
      ['another owner', () => { world.ledger.owner = OTHER }],
      ['a reset of the ledger', () => { world.ledger.reset = 1 }],
      ['the first signature of its registry', () => { world.ledger.signing = !world.ledger.signing }],
    ] as const)
      it(`a listing ends with ${what}`, async () => {
        publish()
        await list()
        const before = await list()
        change()
        assert.notEqual(await list(), before)
      })
  })

  describe('known before', () => {
    it('a package, a version of it, and neither', async () => {
      publish()
      const knew = (version?: string): boolean => pipeline.knew({ name: NAME, version })
      assert.deepEqual([knew(), knew('1.0.0')], [false, false])
      await list()
      assert.deepEqual([knew(), knew('1.0.0'), knew('9.9.9')], [true, true, false])
    })
  })

  it('too many questions: what is not verified now stays on its claim', async () => {
    busy = unavailable()
    publish()
    const seen: string[] = []
    policy = plainPolicy({
      evaluate: ({ provenance }) => {
        seen.push(provenance.state)
        return { outcome: 'allow', rule: 'all', reasons: [] }
      },
    })
    await list()
    assert.deepEqual(seen, ['claimed'])
    busy = new RangeError('a mistake')
    publish({ '1.1.0': {} })
    await assert.rejects(list(), RangeError)
  })

  describe('one version', () => {
    const ref = { name: NAME, version: '1.0.0' }
    it('is judged in full, its bytes apart', async () => {
      publish()
      const judgement = await pipeline.judge(ref)
      assert.ok(judgement !== 'absent')
      assert.deepEqual([judgement.verdict.outcome, judgement.candidate.provenance.state], ['allow', 'verified'])
      assert.deepEqual(world.upstream.asked, [`${NAME}@1.0.0`])
      assert.equal(world.facts.adds, 1)
    })
    it('absent version, absent package', async () => {
      assert.equal(await pipeline.judge(ref), 'absent')
      publish({ '1.1.0': {} })
      assert.equal(await pipeline.judge(ref), 'absent')
    })
    it('[16b] a version that is a name of a property is absent', async () => {
      publish()
      assert.equal(await pipeline.judge({ name: NAME, version: '__proto__' }), 'absent')
    })
    it('whether a name exists', async () => {
      assert.equal(await pipeline.exists(NAME), false)
      publish()
      assert.equal(await pipeline.exists(NAME), true)
    })
    it('[21a] whether a name exists cannot be said while its uplink does not answer', async () => {
      world.upstream.packument = () => Promise.reject(unavailable())
      await assert.rejects(pipeline.exists(NAME), Unavailable)
    })
  })

  describe('attestations served again', () => {
    const ref = { name: NAME, version: '1.0.0' }
    it('are the document that verified', async () => {
      publish()
      assert.deepEqual(await pipeline.attestations(ref), DOCUMENT)
    })
    it('also when the policy does not need them', async () => {
      policy = plainPolicy({ needs: () => ({ signature: false, publishAttestation: false, provenance: false }) })
      publish()
      assert.deepEqual(await pipeline.attestations(ref), DOCUMENT)
      assert.ok(world.facts.adds > 0)
    })
    it('never one that did not verify', async () => {
      world.verifier.attestation = () => ({ ...BOTH, provenance: failed('invalid', 'provenance-invalid') })
      publish()
      assert.equal(await pipeline.attestations(ref), 'absent')
    })
    it('[3d] never of other bytes than the packument\'s now', async () => {
      publish()
      await pipeline.attestations(ref)
      publish({ '1.0.0': { dist: { integrity: integrityOf('2.0.0') } } })
      assert.equal(await pipeline.attestations(ref), 'absent')
    })
    it('absent where there are none, no version, no package', async () => {
      assert.equal(await pipeline.attestations(ref), 'absent')
      publish({ '1.1.0': {} })
      assert.equal(await pipeline.attestations(ref), 'absent')
      publish({ '1.0.0': { dist: { attestations: undefined } } })
      assert.equal(await pipeline.attestations(ref), 'absent')
    })
    it('never absent where nothing is known yet', async () => {
      publish()
      world.attest('1.0.0', new Unavailable('evidence-unavailable', 'it does not answer'))
      await assert.rejects(pipeline.attestations(ref), { reason: { code: 'evidence-unavailable', message: 'it does not answer' } })
      world.attest('1.0.0', DOCUMENT)
      world.verifier.attestation = () => ({ ...BOTH, provenance: failed('unavailable', 'verification-pending') })
      await assert.rejects(pipeline.attestations(ref), { reason: { code: 'verification-pending', message: 'verification-pending in a test' } })
      world.verifier.attestation = () => BOTH
      assert.deepEqual(await pipeline.attestations(ref), DOCUMENT)
      world.attest('1.0.0', new Unavailable('evidence-unavailable', 'it does not answer'))
      assert.deepEqual(await pipeline.attestations(ref), DOCUMENT)
    })
    it('absent when the kept document is lost and the upstream has none', async () => {
      publish()
      await pipeline.attestations(ref)
      world.bytes.documents.clear()
      world.attest('1.0.0', 'absent')
      assert.equal(await pipeline.attestations(ref), 'absent')
    })
  })

  it('a tarball on disk is served without asking the upstream for it', async () => {
    publish()
    const tarball = unread({ sha512: digestOf('1.0.0'), path: '/x', size: 1 })
    world.bytes.tarballs.set(tarball.sha512, tarball)
    assert.deepEqual(await fetchTarball(), ['served'])
    assert.deepEqual(world.upstream.asked, [`${NAME}@1.0.0`])
  })
})
