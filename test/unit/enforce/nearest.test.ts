import assert from 'node:assert/strict'
import type { Outcome } from '../../../plugin/domain/verdict.ts'
import { nearestAllowed } from '../../../plugin/enforce/nearest.ts'
import { verdicts } from './verdicts.ts'

describe('nearest allowed version', () => {
  for (const [promise, refused, outcomes, expected] of [
    [
      'the highest below in the same major',
      '1.5.0',
      { '1.2.0': 'allow', '1.10.0': 'allow', '1.4.0': 'warn', '0.9.0': 'allow' },
      '1.4.0',
    ],
    ['for 0.x in the same minor', '0.5.3', { '0.5.1': 'allow', '0.4.9': 'allow', '0.6.0': 'allow' }, '0.5.1'],
    ['else the highest below', '2.0.0', { '1.9.0': 'allow', '0.1.0': 'allow', '2.1.0': 'allow' }, '1.9.0'],
    ['else the lowest above', '1.0.0', { '3.0.0': 'allow', '2.0.0': 'allow' }, '2.0.0'],
    ['never a refused or undecided one', '1.5.0', { '1.4.0': 'deny', '1.3.0': 'unavailable', '1.2.0': 'allow' }, '1.2.0'],
    ['never itself', '1.0.0', { '1.0.0': 'allow' }, undefined],
    ['stable before prerelease', '1.5.0', { '1.5.0-rc.1': 'allow', '1.0.0': 'allow' }, '1.0.0'],
    ['stable above before prerelease below', '1.5.0', { '1.5.0-rc.1': 'allow', '1.6.0': 'allow' }, '1.6.0'],
    ['a prerelease where there is nothing else', '1.5.0', { '1.5.0-rc.1': 'allow' }, '1.5.0-rc.1'],
    ['a prerelease for a prerelease', '1.5.0-rc.2', { '1.5.0-rc.1': 'allow', '1.4.0': 'allow' }, '1.5.0-rc.1'],
    ['nothing where nothing is allowed', '1.0.0', {}, undefined],
    ['nothing for what is no version', 'constructor', { '1.0.0': 'allow' }, undefined],
  ] as [string, string, Record<string, Outcome>, string | undefined][]) {
    it(promise, () => {
      assert.equal(nearestAllowed(refused, verdicts(outcomes)), expected)
    })
  }
})
