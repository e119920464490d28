import assert from 'node:assert/strict'
import { cpuOf, megabytesOf } from '../../../bench/proc.ts'
import { figure, median, pairedRatio } from '../../../bench/statistics.ts'

describe('statistics of the benchmark', () => {
  it('median of an odd and of an even number of values', () => {
    assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2])], [2, 2.5])
  })

  it('what was not measured is not counted', () => {
    assert.equal(median([NaN, 5, NaN, 7, 6]), 6)
    assert.equal(median([NaN]), NaN)
  })

  it('ratios are taken within rounds, so that a slow round is slow for both', () => {
    // The third round was ten times slower for everybody.
    assert.equal(pairedRatio([90, 80, 9], [100, 100, 10]), 0.9)
  })

  it('a round without the other side has no ratio', () => {
    assert.equal(pairedRatio([1, 2, 3], [NaN, 4, NaN]), 0.5)
    assert.equal(pairedRatio([1], []), NaN)
  })

  it('figures have three digits that mean something', () => {
    assert.deepEqual([0, 0.000123, 0.01234, 0.5, 9.994, 12.34, 123.4, 12345.6, NaN, undefined, Infinity].map(figure), ['0', '0.00012', '0.012', '0.500', '9.99', '12.3', '123', '12,346', '–', '–', '∞'])
  })
})

describe('what /proc tells of a process', () => {
  it('user and system time in milliseconds, also of a name with spaces and brackets', () => {
    const stat = '42 (node (main) x) S 1 42 42 0 -1 4194560 12 0 0 0 150 25 0 0 20 0 11 0 100 1 1'
    assert.equal(cpuOf(stat), 1750)
  })

  it('resident memory now and at most, in megabytes', () => {
    const status = 'Name:\tnode\nVmHWM:\t  200000 kB\nVmRSS:\t  100000 kB\n'
    assert.deepEqual([megabytesOf(status, 'VmRSS'), megabytesOf(status, 'VmHWM')], [102.4, 204.8])
    assert.equal(megabytesOf('', 'VmRSS'), NaN)
  })
})
