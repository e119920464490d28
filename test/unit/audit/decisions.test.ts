import assert from 'node:assert/strict'
import { LoggedDecisions } from '../../../plugin/audit/decisions.ts'
import type { Decision } from '../../../plugin/domain/ports.ts'
import { reason, type ReasonCode } from '../../../plugin/domain/reason.ts'

interface Line {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
}

describe('decision log', () => {
  let lines: Line[]
  let log: LoggedDecisions
  beforeEach(() => {
    lines = []
    const at = (level: string) => (fields: object) => void lines.push({ level, fields: fields as Line['fields'] })
    log = new LoggedDecisions({ warn: at('warn'), info: at('info'), debug: at('debug') })
  })
  const decide = (kind: Decision['kind'], changes: Partial<Decision> = {}, code: ReasonCode = 'provenance-absent'): void => {
    log.record({
      kind,
      ref: { name: 'widget', version: '1.0.0' },
      uplink: 'main',
      integrity: 'sha512-x',
      verdict: { outcome: 'deny', rule: 'ours', reasons: [reason(code, 'a message', { a: 'b' })] },
      policyRevision: 'p1',
      at: new Date('2026-06-01T00:00:00Z'),
      ...changes,
    })
  }
  const levels = (): readonly string[] => lines.map(({ level }) => level)

  it('says what, of which package, why, by which policy and when', () => {
    decide('refused')
    const { fields } = lines[0]!
    assert.deepEqual(
      [fields.decision, fields.package, fields.version, fields.uplink, fields.integrity, fields.outcome, fields.rule, fields.codes, fields.policyRevision, fields.at],
      ['refused', 'widget', '1.0.0', 'main', 'sha512-x', 'deny', 'ours', 'provenance-absent', 'p1', '2026-06-01T00:00:00.000Z'],
    )
    assert.deepEqual(fields.reasons, [{ code: 'provenance-absent', message: 'a message', detail: { a: 'b' } }])
  })
  it('an integrity that is not known is null, and only monitored verdicts say so', () => {
    decide('refused', { integrity: undefined })
    assert.deepEqual([lines[0]?.fields.integrity, Object.hasOwn(lines[0]?.fields ?? {}, 'monitored')], [null, false])
    decide('warned', { verdict: { outcome: 'warn', rule: 'ours', reasons: [], monitored: true } })
    assert.equal(lines[1]?.fields.monitored, true)
  })
  for (const [kind, level] of [['refused', 'warn'], ['unavailable', 'warn'], ['warned', 'warn'], ['withheld', 'info'], ['served', 'debug']] as const)
    it(`${kind} is logged at ${level}`, () => {
      decide(kind)
      assert.deepEqual(levels(), [level])
    })

  describe('withheld', () => {
    it('is said once', () => {
      for (let i = 0; i < 3; i++) decide('withheld')
      assert.equal(lines.length, 1)
    })
    for (const [what, changes, code] of [
      ['another version', { ref: { name: 'widget', version: '1.0.1' } }, undefined],
      ['another package', { ref: { name: 'other', version: '1.0.0' } }, undefined],
      ['another policy', { policyRevision: 'p2' }, undefined],
      ['another reason', {}, 'signature-absent'],
    ] as const)
      it(`is said again for ${what}`, () => {
        decide('withheld')
        decide('withheld', changes, code)
        assert.equal(lines.length, 2)
      })
    it('does not silence a refusal', () => {
      decide('withheld')
      decide('refused')
      assert.deepEqual(levels(), ['info', 'warn'])
    })
    it('what is remembered of it is bounded', () => {
      decide('withheld')
      for (let i = 0; i < 50_000; i++) decide('withheld', { ref: { name: 'other', version: `1.0.${String(i)}` } })
      lines.length = 0
      decide('withheld')
      assert.equal(lines.length, 1)
    })
  })
  for (const kind of ['refused', 'unavailable', 'warned'] as const)
    it(`${kind} is said each time`, () => {
      decide(kind)
      decide(kind)
      assert.equal(lines.length, 2)
    })
})
