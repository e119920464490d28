import assert from 'node:assert/strict'
import type { AttestationResult } from '../../../plugin/domain/ports.ts'
import type { PackageContext } from '../../../plugin/pipeline/context.ts'
import { RecentEvidence } from '../../../plugin/pipeline/recent-evidence.ts'
import { BOTH, failed, later, manifestOf, NOW, trustOf, World } from './support.ts'

const BAD: AttestationResult = { ...BOTH, provenance: failed('invalid', 'subject-mismatch') }
const UNKNOWN: AttestationResult = { ...BOTH, provenance: failed('unavailable', 'evidence-unavailable') }

describe('versions whose attestations were bad a moment ago', () => {
  let recent: RecentEvidence
  let context: PackageContext
  beforeEach(async () => {
    recent = new RecentEvidence()
    context = await new World().open()
  })
  const note = (result: AttestationResult): boolean => recent.note(context, manifestOf(context), result, NOW)
  const isBad = (now = NOW, as = context): boolean => recent.of(as, manifestOf(as), now) !== undefined

  it('are known for five minutes', () => {
    assert.equal(note(BAD), true)
    assert.deepEqual([isBad(later(299_999)), isBad(later(300_000))], [true, false])
  })
  it('bad twice is news once', () => assert.deepEqual([note(BAD), note(BAD)], [true, false]))
  it('good ones are not kept: the ledger has them', () => assert.deepEqual([note(BOTH), isBad()], [false, false]))
  it('a good answer after a bad one is news', () => assert.deepEqual([note(BAD), note(BOTH), isBad()], [true, true, false]))
  it('no answer says nothing', () => {
    note(BAD)
    assert.deepEqual([note(UNKNOWN), isBad()], [false, true])
  })
  it('other trust material may think otherwise', () => {
    note(BAD)
    assert.equal(isBad(NOW, { ...context, trust: trustOf({ revision: 'r2' }) }), false)
  })
})
