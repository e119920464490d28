import assert from 'node:assert/strict'
import { DeliveredTarballs } from '../../../plugin/pipeline/delivered.ts'
import type { Judgement } from '../../../plugin/pipeline/judgement.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
const DELIVERED = { judgement: {} as Judgement, sha512: 'a'.repeat(128) }

describe('tarballs that were delivered', () => {
  const kept = (ends: readonly Date[] = []): DeliveredTarballs => {
    const tarballs = new DeliveredTarballs()
    tarballs.keep('widget', 'widget-1.0.0.tgz', DELIVERED, { basis: 'one', now: NOW, ends, learned: tarballs.learned })
    return tarballs
  }
  const isKnown = (tarballs: DeliveredTarballs, { name = 'widget', file = 'widget-1.0.0.tgz', basis = 'one', at = NOW } = {}): boolean => tarballs.get(name, file, basis, at)?.sha512 === DELIVERED.sha512

  it('are known while what they rest on stands', () => {
    const tarballs = kept()
    assert.deepEqual([isKnown(tarballs), isKnown(tarballs, { basis: 'two' }), isKnown(tarballs, { file: 'widget-1.0.1.tgz' }), isKnown(tarballs, { name: 'other' })], [true, false, false, false])
  })
  it('for five minutes, and not for a moment before', () => {
    const tarballs = kept()
    assert.deepEqual([-1, 0, 299, 300].map((seconds) => isKnown(tarballs, { at: later(seconds) })), [false, true, true, false])
  })
  it('no longer than the first of what ends', () => {
    const tarballs = kept([later(1000), later(10), later(20)])
    assert.deepEqual([9, 10].map((seconds) => isKnown(tarballs, { at: later(seconds) })), [true, false])
  })
  it('not when something was learned of the package since', () => {
    const tarballs = kept()
    tarballs.keep('other', 'other-1.0.0.tgz', DELIVERED, { basis: 'one', now: NOW, ends: [], learned: tarballs.learned })
    tarballs.forget('widget')
    assert.deepEqual([isKnown(tarballs), isKnown(tarballs, { name: 'other', file: 'other-1.0.0.tgz' })], [false, true])
  })
  it('without what came before them, which holds on to the whole document; asked for it, they fail', () => {
    const history = { before: () => assert.fail('asked') }
    const judgement = { ref: { name: 'widget', version: '1.0.0' }, candidate: { uplink: 'up', history } } as unknown as Judgement
    const tarballs = new DeliveredTarballs()
    tarballs.keep('widget', 'widget-1.0.0.tgz', { ...DELIVERED, judgement }, { basis: 'one', now: NOW, ends: [], learned: tarballs.learned })
    const candidate = tarballs.get('widget', 'widget-1.0.0.tgz', 'one', NOW)?.judgement.candidate
    assert.equal(candidate?.uplink, 'up')
    assert.notEqual(candidate.history, history)
    assert.throws(() => candidate.history.before('1.0.0', { signature: true, provenance: true }), TypeError)
  })
  it('and none for longer, asked for or not', () => {
    const tarballs = kept()
    for (const [file, seconds] of [['b.tgz', 200], ['c.tgz', 301], ['d.tgz', 501]] as const)
      tarballs.keep('other', file, DELIVERED, { basis: 'one', now: later(seconds), ends: [], learned: tarballs.learned })
    assert.equal(tarballs.size, 2)
  })
  it('nor when it was learned while the verdict was on its way', () => {
    const tarballs = new DeliveredTarballs()
    const { learned } = tarballs
    tarballs.forget('widget')
    tarballs.keep('widget', 'widget-1.0.0.tgz', DELIVERED, { basis: 'one', now: NOW, ends: [], learned })
    assert.equal(isKnown(tarballs), false)
  })
})
