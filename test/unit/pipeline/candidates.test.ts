/** What is known of versions, kept for the next policy. */
import assert from 'node:assert/strict'
import type { Policy } from '../../../plugin/domain/ports.ts'
import type { Behind, Listener } from '../../../plugin/pipeline/behind.ts'
import { KnownCandidates } from '../../../plugin/pipeline/candidates.ts'
import { Pipeline } from '../../../plugin/pipeline/pipeline.ts'
import { NAME, NOW, World, documentOf, later, plainPolicy, recordOf, type Draft } from './support.ts'

describe('candidates of a listing', () => {
  let world: World
  let made: number
  let behind: Listener | undefined
  let pipeline: Pipeline

  beforeEach(() => {
    world = new World()
    world.ledger.signing = true
    made = 0
    const port = world.upstream.port
    pipeline = new Pipeline({
      ...world.deps,
      facts: world.facts,
      upstreams: {
        all: [port],
        find: async () => {
          const document = await world.upstream.packument()
          return document === 'absent' ? 'absent' : { upstream: port, document }
        },
      },
      policy: () => plainPolicy(),
      trustOf: () => world.trust,
      // Asked once for each version that is put together.
      signsAlways: () => { made++; return false },
      decisions: { record: () => undefined },
      clock: { now: () => NOW },
      limit: (task) => task(),
      deadline: () => new Promise(() => undefined),
      behind: { listen: (listener: Listener) => { behind = listener }, add: () => undefined, signatures: { busy: () => undefined, hasRoom: () => false, add: () => undefined } } as unknown as Behind,
      onBackgroundError: () => undefined,
    })
  })

  const publish = (versions: Readonly<Record<string, Draft>>): void => {
    world.upstream.document = documentOf(versions)
    for (const version of Object.keys(versions)) world.attest(version)
  }
  let policies = 0
  const other = (changes: Partial<Policy> = {}): Policy => plainPolicy({ revision: `revision ${String(++policies)}`, ...changes })
  /** How many versions were put together for it. */
  const listed = async (policy: Policy): Promise<number> => {
    const before = made
    assert.notEqual(await pipeline.listing(NAME, policy), 'absent')
    return made - before
  }
  /** So that what is kept is of a package that is known. */
  const known = async (versions: Readonly<Record<string, Draft>> = { '1.0.0': {}, '1.1.0': {} }): Promise<void> => {
    publish(versions)
    await listed(other())
    await listed(other())
  }

  it('are judged by another policy as they are', async () => {
    await known()
    assert.equal(await listed(other()), 0)
    const policy = other({ evaluate: () => ({ outcome: 'deny', rule: 'other', reasons: [] }) })
    const listing = await pipeline.listing(NAME, policy)
    assert.deepEqual(listing === 'absent' ? [] : [...listing.verdicts.values()].map(({ outcome }) => outcome), ['deny', 'deny'])
  })
  it('are put together anew for a policy that has more asked for', async () => {
    publish({ '1.0.0': {} })
    const less = { needs: () => ({ signature: true, publishAttestation: false, provenance: false }) }
    await listed(other(less))
    await listed(other(less))
    assert.equal(await listed(other(less)), 0)
    assert.equal(await listed(other()), 1)
  })
  it('and for one that lists nothing on a claim', async () => {
    await known()
    assert.equal(await listed(other({ listing: 'verified' })), 2)
  })
  it('after the packument has changed', async () => {
    await known()
    publish({ '1.0.0': {}, '1.1.0': {}, '1.2.0': {} })
    assert.equal(await listed(other()), 3)
  })
  it('after something was learned of the package', async () => {
    await known()
    behind?.learned(NAME)
    assert.equal(await listed(other()), 2)
  })
  it('after a tarball was looked into', async () => {
    // Without provenance, so that it makes no pin, which would be reason enough.
    const plain = { dist: { attestations: undefined } } as unknown as Draft
    await known({ '1.0.0': plain, '1.1.0': plain })
    world.ledger.records = () => world.ledger.known
    await listed(other())
    assert.equal(await listed(other()), 0)
    const answer = await pipeline.tarball(NAME, `${NAME}-1.0.0.tgz`)
    assert.equal(answer.kind, 'served')
    assert.equal(await listed(other()), 2)
  })
  it('after the ledger has other records', async () => {
    await known({ '1.0.0': {} })
    world.ledger.known.set('1.0.0', recordOf({ integrity: 'sha512-other' }))
    assert.equal(await listed(other()), 1)
  })
  describe('kept', () => {
    const nothingNeeded = plainPolicy({ needs: () => ({ signature: false, publishAttestation: false, provenance: false }) })
    const at = async (moment: Date, { basis = 'basis', isLate = false, isOther = '' } = {}): Promise<boolean> => {
      const context = await world.open(documentOf({ '1.0.0': {} }))
      const candidates = new KnownCandidates()
      const { learned } = candidates
      if (isLate) candidates.forget('another')
      candidates.keep(isOther === 'packument' ? await world.open(documentOf({ '1.0.0': {} })) : context, { all: [], ends: [later(1000)] }, { basis: 'basis', records: isOther === 'records' ? new Map() : context.records, since: NOW, learned })
      return (await candidates.get(context, basis, nothingNeeded, moment)) !== undefined
    }
    it('until the first of them counts no longer', async () => assert.deepEqual([await at(NOW), await at(later(999)), await at(later(1000))], [true, true, false]))
    it('not by a clock that was set back', async () => assert.equal(await at(later(-1)), false))
    it('not for another basis', async () => assert.equal(await at(NOW, { basis: 'another' }), false))
    it('not for a packument to which a waiver has added integrities since, or lacks them now', async () => assert.equal(await at(NOW, { isOther: 'packument' }), false))
    it('not for other records', async () => assert.equal(await at(NOW, { isOther: 'records' }), false))
    it('not where something was learned while they were put together', async () => assert.equal(await at(NOW, { isLate: true }), false))
  })
})
