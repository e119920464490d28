import assert from 'node:assert/strict'
import type { Candidate } from '../../../plugin/domain/evidence.ts'
import { parsePackument } from '../../../plugin/domain/packument.ts'
import type { Policy } from '../../../plugin/domain/ports.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import type { Outcome, Verdict } from '../../../plugin/domain/verdict.ts'
import { Listing, askedAgain, keptEvidence } from '../../../plugin/pipeline/listing.ts'
import { ListingCache } from '../../../plugin/pipeline/listing-cache.ts'
import { leftOver, likelyPicks, newestFirst } from '../../../plugin/pipeline/selection.ts'
import { Suspects } from '../../../plugin/pipeline/suspects.ts'
import { candidate as baseCandidate, provenance, publishAttestation, signature } from '../policy/support.ts'
import { DAY, NOW, SIGNATURES, SLSA, World, documentOf, failed, later, manifestOf, plainPolicy, recordOf, type Draft } from './support.ts'

const verdict = (outcome: Outcome, validUntil?: Date): Verdict => ({ outcome, rule: 'all', reasons: [], ...(validUntil === undefined ? {} : { validUntil }) })

function listingOf(verdicts: Readonly<Record<string, Verdict>>, { policy = plainPolicy(), ends = [] }: { policy?: Policy; ends?: readonly Date[] } = {}): Listing {
  return new Listing(documentOf(Object.fromEntries(Object.keys(verdicts).map((version) => [version, {}]))), 'main', policy, new Map(Object.entries(verdicts)), new Map(), NOW, ends)
}

describe('a listing', () => {
  describe('lists', () => {
    for (const [outcome, expected] of [['allow', true], ['warn', true], ['deny', false], ['unavailable', true]] as const)
      it(`${outcome}: ${String(expected)}`, () => assert.equal(listingOf({ '1.0.0': verdict(outcome) }).lists('1.0.0'), expected))
    it('nothing undecided in `listing: verified`', () => {
      const policy = plainPolicy({ listing: 'verified' })
      assert.deepEqual(['unavailable', 'allow'].map((outcome) => listingOf({ '1.0.0': verdict(outcome as Outcome) }, { policy }).lists('1.0.0')), [false, true])
    })
    it('no version without a verdict', () => assert.equal(listingOf({}).lists('1.0.0'), false))
  })

  describe('counts until', () => {
    it('for good when no clock ends it', () => assert.equal(listingOf({ '1.0.0': verdict('allow') }).validUntil, undefined))
    it('the first of its verdicts ends', () => {
      const listing = listingOf({ '1.0.0': verdict('allow', later(2 * DAY)), '1.1.0': verdict('deny', later(DAY)), '1.2.0': verdict('allow') })
      assert.deepEqual(listing.validUntil, later(DAY))
    })
    it('or what else it rests on', () => {
      assert.deepEqual(listingOf({ '1.0.0': verdict('allow', later(DAY)) }, { ends: [later(60_000)] }).validUntil, later(60_000))
    })
  })
})

describe('when answers of the attestations endpoint stop counting', () => {
  const ends = async (changes: Partial<Candidate>, mode: 'announced' | 'probe' = 'announced') => {
    const world = new World()
    world.upstream.attestationsMode = mode
    return askedAgain(await world.open(), [baseCandidate(), { ...baseCandidate(), ...changes }], NOW)
  }
  it('never for what verified', async () => assert.deepEqual(await ends({}), []))
  for (const state of ['invalid', 'unavailable', 'unknown-key'] as const)
    it(`${state} after half a minute: the next answer may be another`, async () => {
      assert.deepEqual(await ends({ provenance: failed(state, 'provenance-invalid') }), [later(30_000)])
      assert.deepEqual(await ends({ publishAttestation: failed(state, 'publish-attestation-invalid') }), [later(30_000)])
    })
  it('absent where nothing announces it, after five minutes', async () => assert.deepEqual(await ends({ provenance: { state: 'absent' } }, 'probe'), [later(300_000)]))
  it('absent where it would be announced, with the packument alone', async () => assert.deepEqual(await ends({ provenance: { state: 'absent' } }), []))
  it('probe of what verified never', async () => assert.deepEqual(await ends({}, 'probe'), []))
})

describe('evidence that a listing leaves to be verified behind it', () => {
  const CLAIMED = { state: 'claimed' } as const
  const left = async (changes: Readonly<Record<string, Partial<Candidate>>>, policy: Policy = plainPolicy(), drafts: Readonly<Record<string, Draft>> = {}) => {
    const versions = Object.fromEntries(Object.keys(changes).map((version) => [version, drafts[version] ?? {}]))
    const candidates = Object.entries(changes).map(([version, change]) => ({ ...baseCandidate(), ref: { name: 'widget', version }, ...change }))
    const context = await new World().open(documentOf(versions, { 'dist-tags': { latest: '1.0.0' } }))
    return (await leftOver(context, candidates, policy)).map(({ version }) => version)
  }
  it('what is claimed, likely picks first, then the newest', async () => {
    const versions = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0']
    assert.deepEqual(await left(Object.fromEntries(versions.map((version) => [version, { provenance: CLAIMED }]))), ['1.0.0', '1.5.0', '1.4.0', '1.3.0', '1.2.0', '1.1.0'])
  })
  it('a claimed publish attestation too', async () => assert.deepEqual(await left({ '1.0.0': { publishAttestation: CLAIMED } }), ['1.0.0']))
  it('nothing that is settled', async () => assert.deepEqual(await left({ '1.0.0': {}, '1.1.0': { provenance: CLAIMED } }), ['1.1.0']))
  it('nothing on a mere guess', async () => {
    const unannounced = { dist: { attestations: undefined as never } }
    assert.deepEqual(await left({ '1.0.0': { provenance: CLAIMED } }, plainPolicy(), { '1.0.0': unannounced }), [])
  })
  it('nothing that the policy ignores', async () => {
    const policy = plainPolicy({ needs: () => ({ signature: true, publishAttestation: false, provenance: false }) })
    assert.deepEqual(await left({ '1.0.0': { provenance: CLAIMED } }, policy), [])
  })
})

describe('evidence kept for a listing', () => {
  const withdrawn = { withdrawn: true } as const
  const kept = async (changes: Partial<Candidate>, remembered = true) => {
    const world = new World()
    if (remembered) world.ledger.known.set('1.0.0', recordOf({ signatures: SIGNATURES, attestations: 'aa' }))
    return keptEvidence(await world.open(), [{ ...baseCandidate(), ref: { name: 'widget', version: '1.0.0' }, ...changes }]).get('1.0.0')
  }
  it('nothing of what the upstream still has', async () => assert.equal(await kept({}), undefined))
  it('withdrawn signatures', async () => assert.deepEqual(await kept({ signature: { ...signature(), ...withdrawn } }), { signatures: SIGNATURES }))
  it('withdrawn provenance', async () => {
    assert.deepEqual(await kept({ provenance: { ...provenance(), ...withdrawn } }), { attestations: { provenance: SLSA } })
  })
  it('a withdrawn publish attestation beside no provenance announces none', async () => {
    assert.deepEqual(await kept({ publishAttestation: { ...publishAttestation, ...withdrawn }, provenance: { state: 'absent' } }), { attestations: {} })
  })
  it('nothing that is not remembered', async () => assert.equal(await kept({ signature: { ...signature(), ...withdrawn } }, false), undefined))
  it('nothing that did not verify', async () => {
    assert.equal(await kept({ signature: { state: 'invalid', reasons: [reason('signature-invalid', 'x')], withdrawn: true } as never }), undefined)
  })
})

describe('listings kept', () => {
  const NAME = 'widget'
  let cache: ListingCache
  let builds: number
  beforeEach(() => {
    cache = new ListingCache()
    builds = 0
  })
  const build = (ends: readonly Date[] = []) => (): Promise<Listing> => {
    builds++
    return Promise.resolve(listingOf({ '1.0.0': verdict('allow') }, { ends }))
  }
  const get = (basis = 'b1', now = NOW, ends: readonly Date[] = [], name = NAME): Promise<Listing> => cache.get(name, basis, now, build(ends))

  it('one is built once while its basis stands', async () => {
    assert.equal(await get(), await get())
    assert.equal(builds, 1)
  })
  it('another basis is another listing', async () => {
    await get()
    await get('b2')
    assert.equal(builds, 2)
  })
  it('another package too', async () => {
    await get()
    await get('b1', NOW, [], 'other')
    assert.equal(builds, 2)
  })
  it('the clock ends one: at the moment itself', async () => {
    await get('b1', NOW, [later(1000)])
    await get('b1', later(999))
    assert.equal(builds, 1)
    await get('b1', later(1000))
    assert.equal(builds, 2)
  })
  it('many who ask at once share one build', async () => {
    const all = await Promise.all([get(), get(), get()])
    assert.equal(new Set(all).size, 1)
    assert.equal(builds, 1)
  })
  it('a build for another basis is not shared', async () => {
    await Promise.all([get(), get('b2')])
    assert.equal(builds, 2)
  })
  it('what was learned ends it', async () => {
    await get()
    cache.forget(NAME)
    await get()
    assert.equal(builds, 2)
  })
  it('what was learned while it was built: it answers, and does not stay', async () => {
    await cache.get(NAME, 'b1', NOW, () => {
      cache.forget(NAME)
      return build()()
    })
    await get()
    assert.equal(builds, 2)
  })
  it('a build that failed is tried again', async () => {
    await assert.rejects(cache.get(NAME, 'b1', NOW, () => Promise.reject(new Error('x'))))
    await get()
    assert.equal(builds, 1)
  })
})

describe('versions whose bytes were wrong a moment ago', () => {
  const REGISTRY = 'https://registry.example'
  const WRONG = [reason('integrity-mismatch', 'x')]
  const manifest = manifestOfDocument()
  function manifestOfDocument(draft = {}) {
    return manifestOf({ document: documentOf({ '1.0.0': draft }) } as never)
  }
  let suspects: Suspects
  beforeEach(() => { suspects = new Suspects() })
  const codes = (now = NOW, name = 'widget', registry = REGISTRY, of = manifest) => suspects.of(registry, name, of, now)?.reasons.map(({ code }) => code)

  it('are suspect for five minutes', () => {
    suspects.note(REGISTRY, 'widget', manifest, WRONG, NOW)
    assert.deepEqual(codes(later(299_999)), ['integrity-mismatch'])
    assert.equal(codes(later(300_000)), undefined)
  })
  it('say until when', () => {
    suspects.note(REGISTRY, 'widget', manifest, WRONG, NOW)
    assert.deepEqual(suspects.of(REGISTRY, 'widget', manifest, NOW)?.until, later(300_000))
  })
  it('are no longer when the bytes were right', () => {
    suspects.note(REGISTRY, 'widget', manifest, WRONG, NOW)
    assert.equal(suspects.note(REGISTRY, 'widget', manifest, [], NOW), true)
    assert.equal(codes(), undefined)
  })
  it('right bytes of an unsuspected version change nothing', () => assert.equal(suspects.note(REGISTRY, 'widget', manifest, [], NOW), false))
  it('wrong bytes change what is known', () => assert.equal(suspects.note(REGISTRY, 'widget', manifest, WRONG, NOW), true))
  it('[14e] a redirect to an address that is not allowed counts too', () => {
    suspects.note(REGISTRY, 'widget', manifest, [reason('tarball-host-refused', 'x')], NOW)
    assert.deepEqual(codes(), ['tarball-host-refused'])
  })
  it('what is not of the bytes does not count', () => {
    suspects.note(REGISTRY, 'widget', manifest, [reason('release-too-young', 'x')], NOW)
    assert.equal(codes(), undefined)
  })
  it('another entry for the same bytes is looked at anew', () => {
    suspects.note(REGISTRY, 'widget', manifest, WRONG, NOW)
    assert.equal(codes(NOW, 'widget', REGISTRY, manifestOfDocument({ entry: { dependencies: {} } })), undefined)
  })
  it('another package, registry or integrity is not suspect', () => {
    suspects.note(REGISTRY, 'widget', manifest, WRONG, NOW)
    const mended = manifestOfDocument({ dist: { integrity: 'sha512-other' } })
    assert.deepEqual([codes(NOW, 'other'), codes(NOW, 'widget', 'https://other.example'), codes(NOW, 'widget', REGISTRY, mended)], [undefined, undefined, undefined])
  })
})

describe('the versions an install is likely to pick', () => {
  const packument = (versions: readonly string[], tags: Readonly<Record<string, string>> = {}) =>
    parsePackument({ name: 'widget', versions: Object.fromEntries(versions.map((version) => [version, {}])), 'dist-tags': tags }, 'widget')

  it('latest first, then other tags, then the three newest of each line, newest line first', async () => {
    const versions = ['1.0.0', '1.1.0', '1.2.0', '1.3.0', '2.0.0', '2.1.0-rc.1']
    assert.deepEqual(await likelyPicks(packument(versions, { old: '1.0.0', latest: '2.0.0' })), ['2.0.0', '1.0.0', '2.1.0-rc.1', '1.3.0', '1.2.0', '1.1.0'])
  })
  it('below 1.0.0 each minor is a line', async () => {
    const versions = ['0.1.0', '0.1.1', '0.1.2', '0.1.3', '0.2.0']
    assert.deepEqual(await likelyPicks(packument(versions)), ['0.2.0', '0.1.3', '0.1.2', '0.1.1'])
  })
  it('a tag that points nowhere picks nothing', async () => assert.deepEqual(await likelyPicks(packument(['1.0.0'], { latest: '9.9.9' })), ['1.0.0']))
  it('[16c] tags that are names of properties', async () => assert.deepEqual(await likelyPicks(packument(['1.0.0'], { constructor: '1.0.0' })), ['1.0.0']))
  it('of a line the newest, in whatever order a registry names them, and of equal ones the first', async () => {
    assert.deepEqual(await likelyPicks(packument(['1.0.9', '1.0.1', '1.0.10', '1.0.3+a', '1.0.3+b', '1.0.4-beta', '1.0.4'])), ['1.0.10', '1.0.9', '1.0.4'])
    assert.deepEqual(await likelyPicks(packument(['1.0.0+a', '1.0.0+b', '1.0.0+c', '1.0.0+d'])), ['1.0.0+a', '1.0.0+b', '1.0.0+c'])
  })
  it('old spellings have a release line too', async () => assert.deepEqual(await likelyPicks(packument(['3.0.0rc3', '1.0.0'])), ['3.0.0rc3', '1.0.0']))
  it('newest first leaves out what is no version, and keeps old spellings as they are', () => {
    assert.deepEqual(newestFirst(['1.0.0', 'x', '3.0.0rc3', '2.0.0', '__proto__']), ['3.0.0rc3', '2.0.0', '1.0.0'])
  })
})
