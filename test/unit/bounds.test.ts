/** What grows with what others send, and where it ends (docs/limits.md). */
import assert from 'node:assert/strict'
import { LoggedDecisions } from '../../plugin/audit/decisions.ts'
import { Unavailable } from '../../plugin/domain/errors.ts'
import { parsePackument } from '../../plugin/domain/packument.ts'
import type { StoredFact } from '../../plugin/domain/ports.ts'
import { createTarballInspector } from '../../plugin/enforce/tarball.ts'
import { ListingCache } from '../../plugin/pipeline/listing-cache.ts'
import type { Listing } from '../../plugin/pipeline/listing.ts'
import { likelyPicks, MAX_PICKS } from '../../plugin/pipeline/selection.ts'
import { FactCache } from '../../plugin/store/facts.ts'
import { SqliteLedger } from '../../plugin/store/ledger.ts'
import { escapedName } from '../../plugin/upstream/paths.ts'

describe('bounds', () => {
  const at = new Date('2026-01-01T00:00:00Z')

  it('[17d] a packument of thousands of release lines asks for no more attestations than a deadline allows', async () => {
    const versions = Array.from({ length: 5000 }, (_, major) => [`${major}.0.0`, {}] as const)
    const picks = await likelyPicks(parsePackument({ name: 'widget', 'dist-tags': { latest: '7.0.0' }, versions: Object.fromEntries(versions) }, 'widget'))
    assert.equal(picks.length, MAX_PICKS)
    assert.deepEqual(picks.slice(0, 2), ['7.0.0', '4999.0.0'])
  })

  it('facts of one package: the oldest go', async () => {
    const facts = new FactCache({ storage: ':memory:', maxFacts: 3 })
    const some = (...keys: string[]): ReadonlyMap<string, StoredFact> => new Map(keys.map((key) => [key, { anchors: [], value: key }]))
    await facts.add('widget', some('a', 'b'))
    await facts.add('widget', some('c', 'd'))
    assert.deepEqual([...(await facts.load('widget')).keys()], ['b', 'c', 'd'])
    await facts.close()
  })

  it('[17d] a registry that names ever new versions of a package is not believed for ever, and nothing is forgotten for it', () => {
    const ledger = new SqliteLedger({ file: ':memory:' })
    const named = (from: number, length: number): string[] => Array.from({ length }, (_, index) => `1.0.${from + index}`)
    ledger.sight('r', 'widget', named(0, 100_000), at)
    const next = new Date(at.getTime() + 1)
    assert.throws(() => { ledger.sight('r', 'widget', named(100_000, 100_001), next) }, (error) => error instanceof Unavailable)
    assert.deepEqual(ledger.sighting('r', 'widget', '1.0.0')?.firstSeen, at)
    assert.equal(ledger.sighting('r', 'widget', '1.0.100000'), undefined)
    ledger.sight('r', 'gadget', ['1.0.0'], at)
    ledger.close()
  })

  it('names of a megabyte do not fill the log', () => {
    const lines: object[] = []
    const write = (fields: object): void => { lines.push(fields) }
    const log = new LoggedDecisions({ warn: write, info: write, debug: write })
    const ref = { name: 'widget', version: 'x'.repeat(1024 ** 2) }
    const decision = { kind: 'withheld', ref, uplink: 'main', integrity: undefined, verdict: { outcome: 'deny', rule: 'all', reasons: [] }, policyRevision: 'p', at } as const
    log.record(decision)
    log.record(decision)
    assert.equal(lines.length, 1)
    assert.ok(JSON.stringify(lines).length < 2000)
  })

  it('a listing counts with the bytes of its document, and one that is too large is not kept', async () => {
    const cache = new ListingCache(10_000)
    const listing = (documentSize: number): Listing => ({ documentSize, verdicts: new Map(), validUntil: undefined }) as unknown as Listing
    let builds = 0
    const get = (name: string, size: number) => cache.get(name, 'basis', at, () => { builds++; return Promise.resolve(listing(size)) })
    for (const name of ['small', 'small', 'large', 'large']) await get(name, name === 'small' ? 2000 : 12_000)
    assert.equal(builds, 3)
    for (const name of ['a', 'b', 'c', 'd']) await get(name, 3000)
    await get('small', 2000)
    assert.equal(builds, 8)
  })

  it('one look at a tarball however many wait for it', async () => {
    const inspector = createTarballInspector()
    const looks = [1, 2].map(() => inspector.inspect('/nowhere.tgz'))
    assert.equal(looks[0], looks[1])
    await assert.rejects(Promise.all(looks))
  })

  it('no uplink is asked for a name that is longer than any', () => {
    assert.equal(escapedName('a'.repeat(513)), undefined)
    assert.notEqual(escapedName('a'.repeat(512)), undefined)
  })
})
