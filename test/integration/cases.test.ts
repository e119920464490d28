/** Real incidents and honest changes (test/data/cases) through a whole mirror, from the day before until forty days after. */
import assert from 'node:assert/strict'
import { isObject, ownString } from '../../plugin/domain/json.ts'
import { parseDuration } from '../../plugin/policy/index.ts'
import { nameOf, publishBefore, publishCase, versionOf } from '../support/cases/publish.ts'
import { caseFiles, expectations, MOMENTS, PRESET_NAMES, type Case, type CaseOutcome, type Moment, type PresetName } from '../support/cases/read.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { settableClock, startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'

const PUBLISHED = new Date('2026-06-01T12:00:00Z')
const HOUR = 3_600_000
/** When the mirror meets a package that changed long ago. */
const FOUND_AFTER = parseDuration('20d')
const EXPECTED = expectations()
const CASES = caseFiles().flatMap(({ cases }) => cases)

/** Those that attacks.md names, and one of each shape. */
const NAMED = ['axios-1.14.1', 'axios-0.30.4', 'nx-21.5.0', 'tanstack-react-router-1.169.5', 'tanstack-like', 'semver-5.7.2', 'semver-6.3.1', 'chokidar-4.0.2', 'axios-0.30.3']
const CHOSEN = [...CASES.filter(({ id }) => NAMED.includes(id)), ...[...EXPECTED.keys()].flatMap((outcome) => CASES.filter((one) => one.outcome === outcome && !NAMED.includes(one.id)).slice(0, 1)), ...CASES.filter(({ foundWith }) => foundWith)]

/** recommended at every age; the others where they differ from it. `observe` refuses nothing, and is held against the data without a mirror. */
const AGES: ReadonlyMap<PresetName, readonly Moment[]> = new Map<PresetName, readonly Moment[]>([
  ['recommended', MOMENTS],
  ['strict', ['4d']],
  ['lockdown', ['20d']],
])

interface Seen {
  readonly outcome: string
  readonly codes: readonly string[]
  readonly listed: boolean
  readonly tarball: number
}

for (const [preset, ages] of AGES)
  describe(`cases through a mirror: ${preset}`, function () {
    this.timeout(30_000)
    const clock = settableClock(PUBLISHED)
    const seen = new Map<string, Map<Moment, Seen>>()
    let registry: FakeRegistry
    let mirror: TestMirror

    before(async () => {
      clock.set(new Date(PUBLISHED.getTime() - HOUR))
      registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
      mirror = await startTestMirror({ registry, clock, policy: { version: 1, extends: preset } })
      // The mirror has met the packages, and the registry's signatures, before the versions come.
      registry.publish({ name: 'signs', version: '1.0.0', time: new Date('2026-01-01T00:00:00Z') })
      await mirror.json('/signs')
      for (const one of CHOSEN) {
        publishBefore(registry, one, PUBLISHED)
        if (!one.foundWith && one.before.length > 0) await mirror.json(`/${nameOf(one)}`)
      }
      for (const one of CHOSEN) publishCase(registry, one, PUBLISHED)
      for (const moment of ages) {
        clock.set(new Date(PUBLISHED.getTime() + parseDuration(moment)))
        for (const one of CHOSEN) {
          if (one.foundWith && parseDuration(moment) < FOUND_AFTER) continue
          const of = seen.get(one.id) ?? new Map<Moment, Seen>()
          seen.set(one.id, of.set(moment, await look(one)))
        }
      }
    })
    after(async () => {
      await mirror.close()
      await registry.close()
    })

    async function look(one: Case): Promise<Seen> {
      const [name, version] = [nameOf(one), versionOf(one)]
      const { versions } = await mirror.json(`/${name}`)
      const answer = await mirror.get(`/${name}/-/${name}-${version}.tgz`)
      await answer.arrayBuffer()
      const explained = await mirror.json(`/-/provenance/v1/packages/${name}/${version}`)
      const { reasons } = explained
      const codes = Array.isArray(reasons) ? reasons.map((reason) => (isObject(reason) ? (ownString(reason, 'code') ?? '') : '')) : []
      return { outcome: ownString(explained, 'outcome') ?? '', codes: [...new Set(codes)].toSorted(), listed: isObject(versions) && Object.hasOwn(versions, version), tarball: answer.status }
    }

    const presetIndex = PRESET_NAMES.indexOf(preset)
    for (const one of CHOSEN)
      it(`${idOf(one)}${one.id}: the tarball is served or refused as it should be, at every age`, () => {
        const expected = EXPECTED.get(one.outcome)
        assert.ok(expected)
        for (const [moment, { outcome, codes, listed, tarball }] of seen.get(one.id) ?? []) {
          const wanted: CaseOutcome | undefined = expected.at[moment][presetIndex]
          assert.deepEqual([outcome, tarball], [wanted, wanted === 'deny' ? 403 : 200], `${moment}: ${codes.join(', ')}`)
          if (wanted !== 'deny') assert.ok(listed, `${moment}: not listed`)
          if (preset === 'recommended') assert.deepEqual(codes, expected.because[moment].filter((code) => !isUnseen(code, tarball)).toSorted(), moment)
        }
      })
  })

/** What the tarball says is not known of one that is refused before its bytes are fetched. */
const isUnseen = (code: string, tarball: number): boolean => code === 'manifest-repository-mismatch' && tarball === 403

function idOf({ id }: Case): string {
  if (id.startsWith('axios-1') || id === 'axios-0.30.4') return '[19a] '
  if (id.startsWith('nx-')) return '[19b] '
  if (id.startsWith('tanstack')) return '[19c] '
  return NAMED.includes(id) ? '[19d] ' : ''
}
