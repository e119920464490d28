import assert from 'node:assert/strict'
import fc from 'fast-check'
import semver from 'semver'
import { isObject } from '../../../plugin/domain/json.ts'
import type { Outcome } from '../../../plugin/domain/verdict.ts'
import { listingOf } from '../../../plugin/enforce/listing.ts'
import { rewritePackument } from '../../../plugin/enforce/rewrite.ts'
import { packumentOf, verdict, verdicts } from './verdicts.ts'

type Tags = Readonly<Record<string, string>>
const repaired = (outcomes: Readonly<Record<string, Outcome>>, tags: Tags): unknown =>
  Object.fromEntries(listingOf(packumentOf(Object.keys(outcomes), tags), verdicts(outcomes)).tags)

describe('dist-tags', () => {
  for (const [promise, outcomes, tags, expected] of [
    [
      'stay where their target is allowed',
      { '1.0.0': 'warn' },
      { latest: '1.0.0', next: '1.0.0' },
      { latest: '1.0.0', next: '1.0.0' },
    ],
    [
      'stay where their target cannot be decided',
      { '1.0.0': 'allow', '1.1.0': 'unavailable' },
      { latest: '1.1.0' },
      { latest: '1.1.0' },
    ],
    [
      'latest moves down to the highest allowed',
      { '1.0.0': 'allow', '1.2.0': 'allow', '1.10.0': 'deny' },
      { latest: '1.10.0' },
      { latest: '1.2.0' },
    ],
    ['latest crosses majors downwards', { '1.9.0': 'allow', '2.0.0': 'deny' }, { latest: '2.0.0' }, { latest: '1.9.0' }],
    ['latest never moves up', { '1.0.0': 'deny', '2.0.0': 'allow' }, { latest: '1.0.0' }, {}],
    ['latest never moves to a prerelease', { '1.0.0-rc.1': 'allow', '1.0.0': 'deny' }, { latest: '1.0.0' }, {}],
    ['latest is not moved to what cannot be decided', { '1.0.0': 'unavailable', '1.1.0': 'deny' }, { latest: '1.1.0' }, {}],
    ['another tag stays in its major', { '1.0.0': 'allow', '2.0.0': 'deny' }, { next: '2.0.0' }, {}],
    [
      'another tag keeps its prerelease identifier',
      { '2.0.0-alpha.9': 'allow', '2.0.0-beta.1': 'allow', '2.0.0-beta.2': 'deny' },
      { beta: '2.0.0-beta.2' },
      { beta: '2.0.0-beta.1' },
    ],
    [
      'another tag of a stable version stays stable',
      { '2.0.0-rc.1': 'allow', '2.0.0': 'allow', '2.1.0-rc.1': 'allow', '2.1.0': 'deny' },
      { next: '2.1.0' },
      { next: '2.0.0' },
    ],
    ['another tag is dropped rather than moved to another prerelease', { '2.0.0-alpha.9': 'allow', '2.0.0-beta.1': 'deny' }, { beta: '2.0.0-beta.1' }, {}],
    ['the highest that is not above it, whatever lies beyond', { '1.0.0': 'allow', '1.1.0': 'deny', '1.2.0': 'allow' }, { latest: '1.1.0', next: '1.1.0' }, { latest: '1.0.0', next: '1.0.0' }],
    ['in whatever order the packument lists versions', { '1.3.0': 'allow', '1.0.0': 'allow', '1.2.0': 'deny', '1.1.0': 'allow' }, { latest: '1.2.0' }, { latest: '1.1.0' }],
    ['nor to what is above it by its build alone', { '1.0.0+b1': 'allow', '1.0.0': 'deny' }, { latest: '1.0.0', next: '1.0.0' }, {}],
    ['but to the same without its build', { '1.0.0+b1': 'deny', '1.0.0': 'allow' }, { latest: '1.0.0+b1' }, { latest: '1.0.0' }],
    ['another tag never moves up', { '2.0.0': 'deny', '2.1.0': 'allow' }, { next: '2.0.0' }, {}],
    ['a tag of an unknown version is dropped', { '1.0.0': 'allow' }, { latest: '1.0.1', next: '2.0.0' }, {}],
    ['a tag of no version at all is dropped', { '1.0.0': 'allow' }, { latest: 'constructor', next: '__proto__', x: '1' }, {}],
    ['[16c] a tag named constructor', { '1.0.0': 'allow', '1.0.1': 'deny' }, { constructor: '1.0.1' }, { constructor: '1.0.0' }],
  ] as [string, Record<string, Outcome>, Tags, Tags][]) {
    it(promise, () => {
      assert.deepEqual(repaired(outcomes, tags), expected)
    })
  }

  it('[16c] a tag named __proto__', () => {
    const tags = JSON.parse('{"__proto__":"1.0.1","latest":"1.0.1"}') as Tags
    assert.equal(JSON.stringify(repaired({ '1.0.0': 'allow', '1.0.1': 'deny' }, tags)), '{"__proto__":"1.0.0","latest":"1.0.0"}')
  })

  it('[17d] 20,000 tags over 20,000 versions, all refused but one, within a second', () => {
    const versions = Array.from({ length: 20_000 }, (_, patch) => `1.0.${patch}`)
    const packument = packumentOf(versions, Object.fromEntries(versions.map((version) => [`t${version}`, version])))
    const started = performance.now()
    const tags = Object.fromEntries(listingOf(packument, new Map(versions.map((v) => [v, verdict(v === '1.0.0' ? 'allow' : 'deny')]))).tags)
    assert.equal(new Set(Object.values(tags)).size, 1)
    assert(performance.now() - started < 1000)
  })

  const version = fc
    .tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.constantFrom('', '-alpha.1', '-beta.1', '-beta.2', '-0', '+b1'))
    .map(([major, minor, patch, rest]) => `${major}.${minor}.${patch}${rest}`)
  const odd = fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty', 'v1.0.0', '1.0', 'latest', '')
  const outcome = fc.constantFrom<Outcome>('allow', 'warn', 'deny', 'unavailable')
  const release = fc.tuple(fc.oneof({ weight: 6, arbitrary: version }, odd), outcome)
  const tag = fc.tuple(fc.constantFrom('latest', 'next', 'beta', '__proto__', 'constructor'), fc.oneof(version, odd))

  it('whatever the packument: nothing refused is listed, no tag dangles, none moves up', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(release, { selector: ([v]) => v }),
        fc.uniqueArray(tag, { selector: ([t]) => t }),
        fc.boolean(),
        (releases, tags, full) => {
          const packument = packumentOf(
            releases.map(([v]) => v),
            Object.fromEntries(tags),
          )
          const judged = new Map(releases.map(([v, o]) => [v, verdict(o)]))
          const { document, withheld } = rewritePackument(packument, judged, {
            baseUrl: 'https://npm.acme.example',
            form: full ? 'full' : 'abbreviated',
          })
          // Through JSON text, as clients see it.
          const seen = JSON.parse(JSON.stringify(document)) as unknown
          assert(isObject(seen) && isObject(seen.versions) && isObject(seen['dist-tags']))
          const listed = new Set(Object.keys(seen.versions))
          for (const [v, { outcome: o }] of judged) {
            assert.equal(listed.has(v), o !== 'deny' && semver.valid(v) !== null && !v.startsWith('v'))
            assert.equal(
              withheld.some((entry) => entry.version === v),
              !listed.has(v),
            )
            if (isObject(seen.time)) assert.equal(Object.hasOwn(seen.time, v), listed.has(v))
          }
          for (const [name, target] of Object.entries(seen['dist-tags'])) {
            const original = packument.distTags.get(name)
            assert(typeof target === 'string' && original !== undefined && listed.has(target))
            assert(semver.compareBuild(target, original) <= 0)
          }
        },
      ),
    )
  })
})
