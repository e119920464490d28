import assert from 'node:assert/strict'
import { reasonLines } from '../../../plugin/cli/reasons.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { REASON_CODES } from '../../../plugin/domain/reason.ts'

describe('cli: reasons', () => {
  it('one line for every code', () => assert.deepEqual(reasonLines(undefined).map((line) => line.split(' ')[0]), REASON_CODES))
  it('all there is to say of one', () => {
    const lines = reasonLines('identity-changed')
    assert.equal(lines[0], 'identity-changed')
    assert.equal(lines.length, 5)
    assert.ok(lines.some((line) => line.includes('pins approve')))
  })
  it('as JSON, the same document for one and for all', () => {
    const read = (code?: string): readonly Readonly<Record<string, unknown>>[] => JSON.parse(reasonLines(code, { json: true }).join('')) as Readonly<Record<string, unknown>>[]
    assert.equal(read().length, REASON_CODES.length)
    const [one] = read('release-too-young')
    assert.deepEqual(Object.keys(one ?? {}), ['code', 'developer', 'security', 'remedy'])
  })
  for (const code of ['release-to-young', 'constructor', ''])
    it(`"${code}" is none, and it says what to do`, () => assert.throws(() => reasonLines(code), (error) => error instanceof ConfigurationError && error.message.includes('`reasons`')))
})
