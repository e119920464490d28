/** What of trust material ends is told once at each stage. */
import assert from 'node:assert/strict'
import type { TrustAlarm } from '../../../plugin/domain/trust-alarms.ts'
import { trustEndNotices, trustNotices } from '../../../plugin/notify/concerns.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const DAY = 86_400_000
const inDays = (days: number): Date => new Date(NOW.getTime() + days * DAY)
const alarm = (more: Partial<TrustAlarm> = {}): TrustAlarm => ({ of: 'instance:acme', kind: 'ca', at: inDays(20), stage: 30, text: 'it ends', ...more })
const keyOf = (one: TrustAlarm): string | undefined => trustEndNotices([one], NOW)[0]?.key

describe('notifications of trust that ends', () => {
  it('name what, whose and when', () => {
    const [notice] = trustEndNotices([alarm()], NOW)
    assert.deepEqual([notice?.event, notice?.text, notice?.more], ['trust-expiring', 'it ends', { of: 'instance:acme', kind: 'ca', expires: inDays(20).toISOString() }])
  })
  it('are the same while the stage is, and others at the next, of another, and after a rotation', () => {
    assert.equal(keyOf(alarm()), keyOf(alarm({ text: 'a day later' })))
    const keys = [alarm(), alarm({ stage: 7 }), alarm({ kind: 'tsa' }), alarm({ of: 'instance:other' }), alarm({ at: inDays(21) })].map(keyOf)
    assert.equal(new Set(keys).size, keys.length)
  })
  it('are not told of what ended before anybody was to be told', () => {
    assert.deepEqual([trustEndNotices([alarm({ at: inDays(-6), stage: 0 })], NOW).length, trustEndNotices([alarm({ at: inDays(-8), stage: 0 })], NOW).length], [1, 0])
  })
  it('an instance without a root is told of once a day, and old material of one once a week', () => {
    const keys = (days: number): readonly string[] =>
      trustNotices({ problems: [], warnings: ['Sigstore instance acme: no root'], asOf: new Map(), instances: new Map([['acme', NOW], ['files', undefined]]) }, inDays(days)).map(({ key }) => key)
    assert.deepEqual([keys(1).length, keys(8).length], [1, 2])
    assert.notEqual(keys(1)[0], keys(2)[0])
    assert.deepEqual(keys(8)[1], keys(13)[1])
  })
})
