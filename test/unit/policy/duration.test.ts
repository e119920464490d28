import assert from 'node:assert/strict'
import { parseDuration, parseWindow } from '../../../plugin/policy/duration.ts'
import { Mistake } from '../../../plugin/policy/mistake.ts'

const DAY = 86_400_000

describe('policy: durations', () => {
  it('are a number and a unit', () => {
    assert.deepEqual(['0', '12h', '1d', '2w'].map((text) => parseDuration(text)), [0, DAY / 2, DAY, 14 * DAY])
  })
  for (const text of ['', 'd', 'soon', '1', '1d12h', ' 1d', '1 d', '-1d', '1.5d', '1y', '9999999999d', '4000d'])
    it(`${JSON.stringify(text)} is none: nothing of it is taken for the whole`, () => {
      assert.throws(() => parseDuration(text), Mistake)
      assert.throws(() => parseWindow(text), Mistake)
    })
  it('windows may be endless, or none', () => {
    assert.deepEqual(['forever', 'allow', '3d'].map((text) => parseWindow(text)), ['forever', 'allow', 3 * DAY])
  })
})
