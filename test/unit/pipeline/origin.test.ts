import assert from 'node:assert/strict'
import { Pipeline } from '../../../plugin/pipeline/pipeline.ts'
import { codes, documentOf, NAME, NOW, plainPolicy, REGISTRY, trustOf, World } from './support.ts'

const OTHER = 'https://user:secret@other.example/npm'
const FILE = `${NAME}-1.0.0.tgz`

describe('pipeline: who owns a name', () => {
  let world: World
  let pipeline: Pipeline
  beforeEach(() => {
    world = new World()
    pipeline = new Pipeline({
      ...world.deps,
      facts: world.facts,
      upstreams: {
        all: [world.upstream.port],
        find: async () => {
          const document = await world.upstream.packument()
          return document === 'absent' ? 'absent' : { upstream: world.upstream.port, document }
        },
      },
      policy: () => plainPolicy(),
      trustOf: () => world.trust,
      decisions: { record: () => undefined },
      clock: { now: () => NOW },
      limit: (task) => task(),
      deadline: () => new Promise(() => undefined),
      onBackgroundError: () => undefined,
    })
    world.upstream.document = documentOf({ '1.0.0': {} })
    world.attest()
  })
  const unsigned = (): void => { world.upstream.document = documentOf({ '1.0.0': { dist: { signatures: null, attestations: null } } }) }
  const listed = async (): Promise<readonly string[]> => {
    const listing = await pipeline.listing(NAME)
    assert.ok(listing !== 'absent')
    return [...listing.verdicts.values()].flatMap(({ outcome, reasons }) => [outcome, ...codes(reasons)])
  }
  const fetched = async (): Promise<readonly string[]> => {
    const answer = await pipeline.tarball(NAME, FILE)
    return 'judgement' in answer ? [answer.kind, ...codes(answer.judgement.verdict.reasons)] : [answer.kind]
  }

  it('a registry that a key vouches for, from the listing on', async () => {
    await listed()
    assert.equal(world.ledger.owner, REGISTRY)
  })
  it('not one that only names its keys itself', async () => {
    world.trust = trustOf({ keysArePinned: true })
    await listed()
    assert.equal(world.ledger.owner, undefined)
  })
  it('and without a signature with the first tarball that is served', async () => {
    unsigned()
    await listed()
    assert.equal(world.ledger.owner, undefined)
    assert.deepEqual(await fetched(), ['served'])
    assert.equal(world.ledger.owner, REGISTRY)
  })
  it('[21b] another one is refused, and a listing that was built before it owned the name too', async () => {
    unsigned()
    assert.deepEqual(await listed(), ['allow'])
    world.ledger.owner = OTHER
    assert.deepEqual(await listed(), ['deny', 'origin-changed'])
    assert.deepEqual(await fetched(), ['refused', 'origin-changed'])
    assert.equal(world.ledger.owner, OTHER)
  })
  it('[21b] one that became the owner while the bytes were on their way', async () => {
    unsigned()
    const { ingest } = { ingest: world.bytes.ingest.bind(world.bytes) }
    world.bytes.ingest = (source, sha512) => {
      world.ledger.owner = OTHER
      return ingest(source, sha512)
    }
    assert.deepEqual(await fetched(), ['refused', 'origin-changed'])
  })
  it('people are told both addresses, without credentials', async () => {
    world.ledger.owner = OTHER
    const listing = await pipeline.listing(NAME)
    const reasons = listing === 'absent' ? [] : (listing.verdicts.get('1.0.0')?.reasons ?? [])
    assert.deepEqual(reasons.map(({ detail }) => detail), [{ expected: 'other.example/npm', actual: 'registry.example' }])
    assert.doesNotMatch(JSON.stringify(reasons), /secret/)
  })
})
