/** Real incidents and honest changes (test/data/cases), judged by the real policy engine under every preset. */
import assert from 'node:assert/strict'
import { judgeCase } from '../../support/cases/judge.ts'
import { caseFiles, expectations, MOMENTS, PRESET_NAMES, type Case } from '../../support/cases/read.ts'

const FILES = caseFiles()
const EXPECTED = expectations()
const ALL = FILES.flatMap(({ kind, cases }) => cases.map((one) => ({ kind, one })))

const words = (one: Case, age: string): readonly string[] => PRESET_NAMES.map((preset) => judgeCase(one, preset, age).outcome)
const codes = (one: Case, age: string): readonly string[] => [...new Set(judgeCase(one, 'recommended', age).reasons.map(({ code }) => code))].toSorted()

/** The id of group 19 that a case is, if it is one. */
const ID: ReadonlyMap<string, string> = new Map([
  ['axios-1.14.1', '[19a] '],
  ['axios-0.30.4', '[19a] '],
  ['nx-21.5.0', '[19b] '],
  ['tanstack-like', '[19c] '],
  ['tanstack-react-router-1.169.5', '[19c] '],
  ['semver-5.7.2', '[19d] '],
  ['semver-6.3.1', '[19d] '],
  ['chokidar-4.0.2', '[19d] '],
  ['axios-0.30.3', '[19d] '],
])

describe('cases: incidents and honest changes', () => {
  for (const { kind, one } of ALL) {
    it(`${ID.get(one.id) ?? ''}${kind}: ${one.id}`, () => {
      const expected = EXPECTED.get(one.outcome)
      assert.ok(expected, `${one.outcome} is not in outcomes.yaml`)
      for (const moment of MOMENTS) {
        assert.deepEqual(words(one, moment), expected.at[moment], `${moment}: ${PRESET_NAMES.join(', ')}`)
        assert.deepEqual(codes(one, moment), expected.because[moment].toSorted(), `${moment}: reasons under recommended`)
      }
    })
  }

  for (const { one } of ALL.filter(({ kind }) => kind === 'attack'))
    it(`until it was taken down: ${one.id}`, () => {
      assert.ok(one.upFor !== undefined && one.whileUp !== undefined)
      assert.deepEqual(words(one, one.upFor), one.whileUp)
    })

  describe('the data', () => {
    it('names each case once, and an outcome that is described', () => {
      const ids = ALL.map(({ one }) => one.id)
      assert.deepEqual(ids.filter((id, index) => ids.indexOf(id) !== index), [])
      const used = new Set(ALL.map(({ one }) => one.outcome))
      assert.deepEqual([...EXPECTED.keys()].filter((name) => !used.has(name)), [], 'outcomes that no case has')
    })
    it('says where each case comes from, and when, unless it is made up', () => {
      assert.deepEqual(ALL.filter(({ one }) => one.sources.length === 0).map(({ one }) => one.id), [])
      assert.deepEqual(ALL.filter(({ one }) => !one.constructed && one.published === undefined).map(({ one }) => one.id), [])
    })
    it('has every id of group 19', () => {
      const known = new Set(ALL.map(({ one }) => one.id))
      assert.deepEqual([...ID.keys()].filter((id) => !known.has(id)), [])
    })
    it('what recommended refuses, strict and lockdown refuse too, and observe refuses nothing here', () => {
      const weaker = ALL.flatMap(({ one }) => MOMENTS.map((moment) => ({ one, moment, outcomes: words(one, moment) }))).filter(
        ({ outcomes: [observe, recommended, strict, lockdown] }) =>
          observe === 'deny' || (recommended === 'deny' && strict !== 'deny') || (strict === 'deny' && lockdown !== 'deny'),
      )
      assert.deepEqual(weaker.map(({ one, moment }) => `${one.id} ${moment}`), [])
    })
    it('observe says of what recommended refuses that it would have been', () => {
      const wrong = ALL.filter(({ one }) => one.foreignDependency === undefined).flatMap(({ one }) =>
        MOMENTS.filter((moment) => (judgeCase(one, 'observe', moment).monitored === true) !== (judgeCase(one, 'recommended', moment).outcome === 'deny')).map((moment) => `${one.id} ${moment}`),
      )
      assert.deepEqual(wrong, [])
    })
    it('time alone never makes an outcome worse', () => {
      const RANK = { allow: 0, warn: 1, deny: 2 } as Readonly<Record<string, number>>
      const worse = ALL.flatMap(({ one }) =>
        PRESET_NAMES.filter((preset) => {
          const ranks = MOMENTS.map((moment) => RANK[judgeCase(one, preset, moment).outcome] ?? 3)
          return ranks.some((rank, index) => rank > (ranks[index - 1] ?? 3))
        }).map((preset) => `${one.id} ${preset}`),
      )
      assert.deepEqual(worse, [])
    })
  })
})
