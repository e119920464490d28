import assert from 'node:assert/strict'
import { RejectedEntries } from '../../../plugin/store/rejected-entries.ts'

const MINUTE = 60_000

describe('store: entries that are not believed', () => {
  let time: number
  let lines: (readonly [string, object])[]
  let rejected: RejectedEntries
  beforeEach(() => {
    time = 0
    lines = []
    rejected = new RejectedEntries({ elapsed: () => time, warn: (message, counts) => lines.push([message, counts]) })
  })

  it('are told at once, then once a minute with how many there were', () => {
    rejected.note('altered')
    for (let count = 0; count < 1000; count++) rejected.note('expired')
    rejected.note('unknown-key')
    time = MINUTE - 1
    rejected.note('expired')
    time = MINUTE
    rejected.note('altered')
    assert.deepEqual(lines.map(([, counts]) => counts), [{ altered: 1 }, { expired: 1001, 'unknown-key': 1, altered: 1 }])
  })
  it('are counted by cause', () => {
    for (const cause of ['altered', 'ahead', 'altered'] as const) rejected.note(cause)
    assert.deepEqual(rejected.counts, { altered: 2, 'unknown-key': 0, unreadable: 0, expired: 0, ahead: 1, replayed: 0 })
  })
  it('are news for ten minutes', () => {
    assert.equal(rejected.isRecent, false)
    rejected.note('altered')
    time = 10 * MINUTE - 1
    assert.equal(rejected.isRecent, true)
    time = 10 * MINUTE
    assert.equal(rejected.isRecent, false)
  })
})
