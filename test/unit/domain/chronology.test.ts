import assert from 'node:assert/strict'
import { chronologyOf, standingOf, type Release } from '../../../plugin/domain/chronology.ts'
import type { Before, Counts, History } from '../../../plugin/domain/history.ts'

const BOTH: Counts = { signature: true, provenance: true }
const day = (number: number): Date => new Date(Date.UTC(2026, 0, number))

/** A release of line 1, on the first of January, of which nothing is known. */
const of = (version: string, changes: Partial<Release> = {}): Release => ({
  version,
  line: version.split('.')[0] ?? '',
  isPrerelease: version.includes('-'),
  notBefore: day(1),
  signature: undefined,
  provenance: undefined,
  hints: [],
  ...changes,
})
const history = (...releases: readonly Release[]): History => chronologyOf(() => releases, (a, b) => (a.version < b.version ? -1 : 1))
const short = ({ inLine, offLine }: Before): readonly (string | undefined)[] =>
  [inLine, offLine].map((one) => (one === undefined ? undefined : `${one.version} ${one.basis} ${one.rank}`))

describe('chronology', () => {
  it('the best of the line comes first, and the best of all other lines', () => {
    const past = history(
      of('1.0.0', { notBefore: day(1), signature: 'verified' }),
      of('1.1.0', { notBefore: day(2), provenance: 'verified', signature: 'verified' }),
      of('1.2.0', { notBefore: day(3), signature: 'verified' }),
      of('2.0.0', { notBefore: day(4), signature: 'verified' }),
      of('3.0.0', { notBefore: day(5) }),
    )
    assert.deepEqual(short(past.before('1.0.0', BOTH)), [undefined, undefined])
    assert.deepEqual(short(past.before('1.1.0', BOTH)), ['1.0.0 verified signature', undefined])
    assert.deepEqual(short(past.before('1.2.0', BOTH)), ['1.1.0 verified provenance', undefined])
    assert.deepEqual(short(past.before('2.0.0', BOTH)), [undefined, '1.1.0 verified provenance'])
    assert.deepEqual(short(past.before('3.0.0', BOTH)), [undefined, '1.1.0 verified provenance'])
  })
  it('the best of the others is none of the own line, however often that was the best', () => {
    const past = history(
      of('2.0.0', { notBefore: day(1), signature: 'claimed' }),
      of('1.0.0', { notBefore: day(2), signature: 'verified' }),
      of('1.1.0', { notBefore: day(3), provenance: 'claimed' }),
      of('1.2.0', { notBefore: day(4), provenance: 'verified' }),
      of('3.0.0', { notBefore: day(5), signature: 'verified' }),
      of('1.3.0', { notBefore: day(6) }),
      of('2.1.0', { notBefore: day(7) }),
    )
    assert.deepEqual(short(past.before('1.3.0', BOTH)), ['1.2.0 verified provenance', '3.0.0 verified signature'])
    assert.deepEqual(short(past.before('2.1.0', BOTH)), ['2.0.0 claimed signature', '1.2.0 verified provenance'])
  })
  it('the best of the others is still known when another line becomes the best of all', () => {
    const past = history(
      of('2.0.0', { notBefore: day(1), signature: 'verified' }),
      of('1.0.0', { notBefore: day(2), provenance: 'verified' }),
      of('1.1.0', { notBefore: day(3) }),
    )
    assert.deepEqual(short(past.before('1.1.0', BOTH)), ['1.0.0 verified provenance', '2.0.0 verified signature'])
  })
  it('provenance that is claimed is worth more than a signature that verified', () => {
    const past = history(
      of('1.0.0', { notBefore: day(1), provenance: 'claimed' }),
      of('1.1.0', { notBefore: day(2), signature: 'verified' }),
      of('1.2.0', { notBefore: day(3) }),
    )
    assert.deepEqual(short(past.before('1.2.0', BOTH)), ['1.0.0 claimed provenance', undefined])
  })
  it('of two that are worth the same the verified one is named, and then the later one', () => {
    const past = history(
      of('1.0.0', { notBefore: day(1), provenance: 'verified' }),
      of('1.1.0', { notBefore: day(2), provenance: 'verified' }),
      of('1.2.0', { notBefore: day(3), provenance: 'claimed' }),
      of('1.3.0', { notBefore: day(4) }),
    )
    assert.deepEqual(short(past.before('1.3.0', BOTH)), ['1.1.0 verified provenance', undefined])
  })
  it('hints add up, whichever came with one that was there', () => {
    const past = history(
      of('1.0.0', { notBefore: day(1), hints: ['trustedPublisher'] }),
      of('1.1.0', { notBefore: day(2), hints: ['trustedPublisher', 'stagedPublish'] }),
      of('1.2.0', { notBefore: day(3) }),
    )
    assert.deepEqual([...past.before('1.2.0', BOTH).hints].sort(), ['stagedPublish', 'trustedPublisher'])
  })
  it('only what was published before counts, in whatever order the numbers are', () => {
    const past = history(of('1.0.1', { notBefore: day(2) }), of('1.0.2', { notBefore: day(1), provenance: 'verified' }), of('1.0.0', { notBefore: day(3), provenance: 'verified' }))
    assert.deepEqual(short(past.before('1.0.1', BOTH)), ['1.0.2 verified provenance', undefined])
  })
  it('of two at one moment the lower number came first', () => {
    const past = history(of('1.0.1', { provenance: 'verified' }), of('1.0.0', { provenance: 'verified' }))
    assert.deepEqual(short(past.before('1.0.0', BOTH)), [undefined, undefined])
    assert.deepEqual(short(past.before('1.0.1', BOTH)), ['1.0.0 verified provenance', undefined])
  })
  it('what does not count is not compared', () => {
    const past = history(of('1.0.0', { provenance: 'verified', signature: 'claimed' }), of('1.0.1', { notBefore: day(2) }))
    assert.deepEqual(short(past.before('1.0.1', { signature: true, provenance: false })), ['1.0.0 claimed signature', undefined])
    assert.deepEqual(short(past.before('1.0.1', { signature: false, provenance: true })), ['1.0.0 verified provenance', undefined])
    assert.deepEqual(short(past.before('1.0.1', { signature: false, provenance: false })), [undefined, undefined])
  })
  it('prereleases raise the bar for prereleases alone', () => {
    const past = history(
      of('1.0.0-rc.1', { provenance: 'verified', hints: ['stagedPublish'] }),
      of('1.0.0-rc.2', { notBefore: day(2) }),
      of('1.0.0', { notBefore: day(2), signature: 'verified' }),
      of('1.0.1', { notBefore: day(3) }),
      of('1.1.0-rc.1', { notBefore: day(4) }),
    )
    assert.deepEqual(short(past.before('1.0.0-rc.2', BOTH)), ['1.0.0-rc.1 verified provenance', undefined])
    assert.deepEqual(short(past.before('1.0.0', BOTH)), [undefined, undefined])
    assert.equal(past.before('1.0.1', BOTH).hints.size, 0)
    assert.deepEqual(short(past.before('1.0.1', BOTH)), ['1.0.0 verified signature', undefined])
    assert.deepEqual(short(past.before('1.1.0-rc.1', BOTH)), ['1.0.0-rc.1 verified provenance', undefined])
  })
  it('hints are gathered within the line', () => {
    const past = history(
      of('1.0.0', { hints: ['trustedPublisher'] }),
      of('1.0.1', { notBefore: day(2), hints: ['stagedPublish'] }),
      of('2.0.0', { notBefore: day(3) }),
      of('1.0.2', { notBefore: day(4) }),
    )
    assert.deepEqual([...past.before('1.0.2', BOTH).hints], ['trustedPublisher', 'stagedPublish'])
    assert.deepEqual([...past.before('1.0.1', BOTH).hints], ['trustedPublisher'])
    assert.equal(past.before('2.0.0', BOTH).hints.size, 0)
  })
  it('a time that is none is preceded by all, and precedes none', () => {
    const past = history(of('1.0.0', { notBefore: new Date(NaN), provenance: 'verified' }), of('1.0.1', { notBefore: day(9), provenance: 'verified' }), of('1.0.2', { notBefore: new Date(NaN) }))
    assert.deepEqual(short(past.before('1.0.1', BOTH)), [undefined, undefined])
    assert.deepEqual(short(past.before('1.0.0', BOTH)), ['1.0.1 verified provenance', undefined])
  })
  it('a version that is not in it comes after nothing', () => {
    assert.deepEqual(short(history(of('1.0.0', { provenance: 'verified' })).before('__proto__', BOTH)), [undefined, undefined])
  })
  it('nothing is gathered before the first question, and only once', () => {
    let asked = 0
    const past = chronologyOf(() => { asked++; return [of('1.0.0')] }, () => 0)
    assert.equal(asked, 0)
    past.before('1.0.0', BOTH)
    past.before('1.0.0', { signature: true, provenance: false })
    assert.equal(asked, 1)
  })
  it('3,000 versions take milliseconds', () => {
    const releases = Array.from({ length: 3000 }, (_, index) =>
      of(`${index % 30}.0.${index}`, { notBefore: day(index), ...(index % 3 === 0 ? { provenance: 'verified' } : { signature: 'verified' }) }),
    )
    const past = history(...releases)
    const started = performance.now()
    for (const { version } of releases) past.before(version, BOTH)
    assert.ok(performance.now() - started < 100)
  })
})

describe('what evidence is worth to later versions', () => {
  const standing = (changes: object, announced = true): readonly unknown[] => {
    const { signature, provenance } = standingOf({ signature: 'absent', publishAttestation: 'absent', provenance: 'absent', ...changes }, announced)
    return [signature, provenance]
  }
  it('verified, claimed, and nothing', () => {
    assert.deepEqual(standing({ signature: 'verified', provenance: 'verified' }), ['verified', 'verified'])
    assert.deepEqual(standing({ signature: 'claimed', provenance: 'claimed' }), ['claimed', 'claimed'])
    assert.deepEqual(standing({}), [undefined, undefined])
  })
  it('what could not be judged stays the claim that it was', () => {
    assert.deepEqual(standing({ signature: 'unknown-key', provenance: 'unavailable' }), ['claimed', 'claimed'])
  })
  it('provenance that nobody announced is no claim', () => {
    assert.deepEqual(standing({ provenance: 'claimed' }, false), [undefined, undefined])
    assert.deepEqual(standing({ provenance: 'unavailable' }, false), [undefined, undefined])
    assert.deepEqual(standing({ provenance: 'verified' }, false), [undefined, 'verified'])
  })
  for (const kind of ['signature', 'publishAttestation', 'provenance'])
    it(`an invalid ${kind} makes it worth nothing`, () => {
      assert.deepEqual(standing({ signature: 'verified', provenance: 'verified', [kind]: 'invalid' }), [undefined, undefined])
    })
})
