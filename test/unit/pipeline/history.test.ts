import assert from 'node:assert/strict'
import type { Candidate } from '../../../plugin/domain/evidence.ts'
import { NO_HISTORY, type Predecessor } from '../../../plugin/domain/history.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import type { VersionManifest } from '../../../plugin/domain/packument.ts'
import type { AttestationResult, UpstreamPackument } from '../../../plugin/domain/ports.ts'
import { candidateOf } from '../../../plugin/pipeline/candidate.ts'
import type { PackageContext } from '../../../plugin/pipeline/context.ts'
import { withHistory, withKnownHistory } from '../../../plugin/pipeline/history.ts'
import { verifiedAttestations } from '../../../plugin/pipeline/attestations.ts'
import { ABSENT, attested, BOTH, CLAIMED, documentOf, failed, integrityOf, later, manifestOf, published, recordOf, short, SIGNATURES, signed, World } from './support.ts'

const BOTH_COUNT = { signature: true, provenance: true }
const BARE = { dist: { attestations: undefined } }
const AT = '2026-05-01T00:00:00.000Z'
const time = (...versions: readonly string[]): JsonObject =>
  ({ time: Object.fromEntries(versions.map((version, index) => [version, later(index * 60_000, new Date(AT)).toISOString()])) })
const said = (one: Predecessor | undefined): string | undefined => one && `${one.version} ${one.basis} ${one.rank}`
const NONE: AttestationResult = { publishAttestation: ABSENT, provenance: ABSENT }
const ON_CLAIM: AttestationResult = { publishAttestation: CLAIMED, provenance: CLAIMED }

describe('pipeline: history', () => {
  let world: World
  beforeEach(() => { world = new World() })

  const candidate = (context: PackageContext, version: string, attestations: AttestationResult, changes: Partial<Candidate> = {}): Candidate => ({
    ...candidateOf(context, manifestOf(context, version), { signature: signed, attestations, byteFaults: [] }, world.deps),
    ...changes,
  })
  const before = (one: Candidate | undefined): string | undefined => said(one?.history.before(one.ref.version, BOTH_COUNT).inLine)
  const TWO = (): UpstreamPackument => documentOf({ '1.0.0': {}, '1.0.1': BARE }, time('1.0.0', '1.0.1'))

  describe('of a listing', () => {
    const listed = async (document: UpstreamPackument, evidence: Readonly<Record<string, AttestationResult>>, changes: Partial<Candidate> = {}): Promise<readonly Candidate[]> => {
      const context = await world.open(document)
      const candidates = Object.entries(evidence).map(([version, attestations], index) => candidate(context, version, attestations, index === 0 ? changes : {}))
      return withHistory(candidates, { context, ledger: world.ledger.port })
    }
    it('what verified, and what is claimed', async () => {
      assert.equal(before((await listed(TWO(), { '1.0.0': BOTH, '1.0.1': NONE }))[1]), '1.0.0 verified provenance')
      assert.equal(before((await listed(TWO(), { '1.0.0': ON_CLAIM, '1.0.1': NONE }))[1]), '1.0.0 claimed provenance')
      assert.equal(before((await listed(TWO(), { '1.0.0': { publishAttestation: ABSENT, provenance: failed('unavailable', 'evidence-unavailable') }, '1.0.1': NONE }))[1]), '1.0.0 claimed provenance')
    })
    it('a guess of an uplink that is probed is nobody\'s claim', async () => {
      world.upstream.attestationsMode = 'probe'
      const document = documentOf({ '1.0.0': BARE, '1.0.1': BARE }, time('1.0.0', '1.0.1'))
      assert.equal(before((await listed(document, { '1.0.0': ON_CLAIM, '1.0.1': NONE }))[1]), '1.0.0 verified signature')
    })
    it('nothing is built where no version is better than another', async () => {
      for (const evidence of [NONE, BOTH, ON_CLAIM])
        for (const { history } of await listed(TWO(), { '1.0.0': evidence, '1.0.1': evidence })) assert.equal(history, NO_HISTORY)
    })
    it('forged evidence, and bytes that nothing can be held against, set no example', async () => {
      assert.equal(before((await listed(TWO(), { '1.0.0': { publishAttestation: published, provenance: failed('invalid', 'provenance-invalid') }, '1.0.1': NONE }))[1]), undefined)
      assert.equal(before((await listed(TWO(), { '1.0.0': BOTH, '1.0.1': NONE }, { integrity: { state: 'missing' } }))[1]), undefined)
    })
    it('nor do other bytes than those that were here first', async () => {
      world.ledger.known.set('1.0.0', recordOf({ integrity: integrityOf('other'), because: 'bytes' }))
      assert.equal(before((await listed(TWO(), { '1.0.0': BOTH, '1.0.1': NONE }))[1]), undefined)
    })
    it('a version whose evidence is not to be had is compared with what the others claim', async () => {
      const open: AttestationResult = { publishAttestation: ABSENT, provenance: failed('unavailable', 'evidence-unavailable') }
      const document = documentOf({ '1.0.0': {}, '1.0.1': {} }, time('1.0.0', '1.0.1'))
      assert.equal(before((await listed(document, { '1.0.0': ON_CLAIM, '1.0.1': open }))[1]), '1.0.0 claimed provenance')
    })
    it('the order is that of what cannot be backdated', async () => {
      world.ledger.sightings.set('1.0.1', { firstSeen: later(0), lastAbsent: new Date(AT) })
      const document = documentOf({ '1.0.0': {}, '1.0.1': BARE }, { time: { '1.0.0': '2026-04-01T00:00:00.000Z', '1.0.1': '2020-01-01T00:00:00.000Z' } })
      assert.equal(before((await listed(document, { '1.0.0': BOTH, '1.0.1': NONE }))[1]), '1.0.0 verified provenance')
    })
    it('what is no version precedes nothing', async () => {
      const document = documentOf({ latest: {}, '1.0.1': BARE }, time('latest', '1.0.1'))
      assert.equal(before((await listed(document, { latest: BOTH, '1.0.1': NONE }))[1]), undefined)
    })
    it('0.x is of one line with its minor alone', async () => {
      const document = documentOf({ '0.1.0': {}, '0.1.1': BARE, '0.2.0': BARE }, time('0.1.0', '0.1.1', '0.2.0'))
      const [, same, other] = await listed(document, { '0.1.0': BOTH, '0.1.1': NONE, '0.2.0': NONE })
      assert.equal(before(same), '0.1.0 verified provenance')
      assert.equal(said(other?.history.before('0.2.0', BOTH_COUNT).offLine), '0.1.0 verified provenance')
    })
    it('a version that was taken down still counts, also where all that are left are alike', async () => {
      world.ledger.known.set('0.9.0', recordOf({ version: '0.9.0', signatures: SIGNATURES }))
      world.ledger.sightings.set('0.9.0', { firstSeen: new Date('2026-01-01'), lastAbsent: undefined })
      world.ledger.known.set('1.0.2', recordOf({ version: '1.0.2', signatures: SIGNATURES }))
      world.ledger.sightings.set('1.0.2', { firstSeen: new Date('2026-01-01'), lastAbsent: undefined })
      const bare = documentOf({ '1.0.0': BARE, '1.0.1': BARE }, time('1.0.0', '1.0.1'))
      const [first] = await listed(bare, { '1.0.0': NONE, '1.0.1': NONE })
      assert.equal(said(first?.history.before('1.0.0', BOTH_COUNT).offLine), '0.9.0 claimed signature')
      assert.equal(before(first), '1.0.2 claimed signature')
    })
    it('a signature that only some have is history, and so are hints', async () => {
      const bare = documentOf({ '1.0.0': BARE, '1.0.1': BARE }, time('1.0.0', '1.0.1'))
      const context = await world.open(bare)
      const two = (changes: Partial<Candidate>): Promise<readonly Candidate[]> =>
        withHistory([candidate(context, '1.0.0', NONE), candidate(context, '1.0.1', NONE, changes)], { context, ledger: world.ledger.port })
      assert.equal(before((await two({ signature: ABSENT }))[1]), '1.0.0 verified signature')
      const claims = { published: undefined, trustedPublisher: false, stagedPublish: true }
      const [, second] = await withHistory([candidate(context, '1.0.0', NONE, { claims }), candidate(context, '1.0.1', NONE)], { context, ledger: world.ledger.port })
      assert.deepEqual([...(second?.history.before('1.0.1', BOTH_COUNT).hints ?? [])], ['stagedPublish'])
    })
    it('bytes that are those that were here first set an example', async () => {
      const context = await world.open(TWO())
      const { integrity } = candidate(context, '1.0.0', BOTH)
      assert.ok(integrity.state === 'ok')
      world.ledger.known.set('1.0.0', recordOf({ integrity: integrity.sri, because: 'bytes' }))
      assert.equal(before((await listed(TWO(), { '1.0.0': BOTH, '1.0.1': NONE }))[1]), '1.0.0 verified provenance')
    })
    it('prereleases set no example for stable versions, and stable ones do for all', async () => {
      const document = documentOf({ '1.0.0-rc.1': {}, '1.0.0': BARE, '1.1.0-rc.1': BARE }, time('1.0.0-rc.1', '1.0.0', '1.1.0-rc.1'))
      const [, stable, later] = await listed(document, { '1.0.0-rc.1': BOTH, '1.0.0': NONE, '1.1.0-rc.1': NONE })
      assert.deepEqual([before(stable), before(later)], [undefined, '1.0.0-rc.1 verified provenance'])
    })
    it('versions as old as npm\u2019s first years count', async () => {
      const document = documentOf({ '1.0.0rc3': {}, '1.0.1-x': BARE }, time('1.0.0rc3', '1.0.1-x'))
      assert.equal(before((await listed(document, { '1.0.0rc3': BOTH, '1.0.1-x': NONE }))[1]), '1.0.0rc3 verified provenance')
    })
    it('without a memory the candidates are all there is', async () => {
      const context = await world.open(TWO())
      const [, second] = await withHistory([candidate(context, '1.0.0', ON_CLAIM), candidate(context, '1.0.1', NONE)])
      assert.equal(before(second), '1.0.0 claimed provenance')
    })
  })

  describe('of one version', () => {
    const judged = async (document: UpstreamPackument, recent?: (manifest: VersionManifest) => AttestationResult | undefined, changes: Partial<Candidate> = {}): Promise<Candidate> => {
      const context = await world.open(document)
      return withKnownHistory(context, candidate(context, '1.0.1', NONE, changes), world.ledger.port, recent)
    }
    /** Verifies 1.0.0, so that the facts and the ledger know it. */
    const know = async (document = TWO()): Promise<void> => {
      const context = await world.open(document)
      world.attest()
      assert.equal(short((await verifiedAttestations(context, manifestOf(context), world.deps)).provenance), 'verified')
      await context.facts.save()
      world.upstream.asked.length = 0
    }
    it('what the packument announces, without asking anybody', async () => {
      assert.equal(before(await judged(TWO())), '1.0.0 claimed provenance')
      assert.deepEqual([world.upstream.asked, world.verifier.attestationTasks], [[], []])
    })
    it('of one moment, the lower number', async () => {
      const document = documentOf({ '1.0.0': {}, '1.0.1': BARE, '1.0.2': {} }, { time: { '1.0.0': AT, '1.0.1': AT, '1.0.2': later(1, new Date(AT)).toISOString() } })
      assert.equal(before(await judged(document)), '1.0.0 claimed provenance')
      assert.equal(before(await judged(documentOf({ '1.0.2': {}, '1.0.1': BARE }, { time: { '1.0.1': AT, '1.0.2': AT } }))), undefined)
    })
    it('what verified before', async () => {
      await know()
      assert.equal(before(await judged(TWO())), '1.0.0 verified provenance')
      assert.deepEqual(world.upstream.asked, [])
    })
    it('what was found wrong a moment ago sets no example', async () => {
      const missing: AttestationResult = { publishAttestation: ABSENT, provenance: failed('invalid', 'attestation-missing') }
      assert.equal(before(await judged(TWO(), (manifest) => (manifest.version === '1.0.0' ? missing : undefined))), undefined)
    })
    it('what verified and vanished upstream still counts', async () => {
      await know()
      const stripped = documentOf({ '1.0.0': BARE, '1.0.1': BARE }, time('1.0.0', '1.0.1'))
      assert.equal(before(await judged(stripped)), '1.0.0 verified provenance')
      world.facts.stored.clear()
      assert.equal(before(await judged(stripped)), '1.0.0 claimed provenance')
    })
    it('a version that was taken down still counts, by the time of its log', async () => {
      await know()
      world.ledger.sightings.set('1.0.0', { firstSeen: later(1000), lastAbsent: undefined })
      assert.equal(before(await judged(documentOf({ '1.0.1': BARE }, time('1.0.1')))), '1.0.0 verified provenance')
    })
    it('a version that has other bytes now counts by what it was', async () => {
      await know()
      const document = documentOf({ '1.0.0': { dist: { integrity: integrityOf('other'), attestations: undefined } }, '1.0.1': BARE }, time('1.0.0', '1.0.1'))
      assert.equal(before(await judged(document)), '1.0.0 verified provenance')
    })
    it('signatures count for what has none', async () => {
      const unsigned = { signature: ABSENT }
      const document = documentOf({ '1.0.0': BARE, '1.0.1': { dist: { signatures: undefined, attestations: undefined } } }, time('1.0.0', '1.0.1'))
      assert.equal(before(await judged(document, undefined, unsigned)), '1.0.0 claimed signature')
      world.ledger.known.set('1.0.0', recordOf({ signatures: SIGNATURES }))
      assert.equal(before(await judged(documentOf({ '1.0.1': BARE }, time('1.0.0', '1.0.1')), undefined, unsigned)), '1.0.0 claimed signature')
    })
    it('signatures that the ledger knows count though the upstream shows none any more', async () => {
      const stripped = { dist: { signatures: undefined, attestations: undefined } }
      const document = documentOf({ '1.0.0': stripped, '1.0.1': stripped }, time('1.0.0', '1.0.1'))
      assert.equal(before(await judged(document, undefined, { signature: ABSENT })), undefined)
      const context = await world.open(document)
      world.ledger.known.set('1.0.0', recordOf({ signatures: SIGNATURES, integrity: manifestOf(context, '1.0.0').dist.integrity ?? assert.fail() }))
      assert.equal(before(await judged(document, undefined, { signature: ABSENT })), '1.0.0 claimed signature')
    })
    it('hints of earlier versions', async () => {
      const hinted = documentOf({ '1.0.0': { ...BARE, entry: { _npmUser: { approver: {} } } }, '1.0.1': BARE }, time('1.0.0', '1.0.1'))
      assert.deepEqual([...(await judged(hinted)).history.before('1.0.1', BOTH_COUNT).hints], ['stagedPublish'])
    })
    it('nothing is looked into where nothing could be better', async () => {
      assert.equal((await judged(TWO(), undefined, { provenance: attested })).history, NO_HISTORY)
      assert.equal((await judged(documentOf({ '1.0.0': BARE, '1.0.1': BARE }))).history, NO_HISTORY)
      const unasked = (): never => assert.fail('asked')
      const hinted = documentOf({ '1.0.0': { entry: { _npmUser: { trustedPublisher: {} } } }, '1.0.1': BARE })
      const claims = { published: undefined, trustedPublisher: true, stagedPublish: false }
      assert.equal((await judged(hinted, unasked, { provenance: attested, claims })).history, NO_HISTORY)
    })
  })
})
