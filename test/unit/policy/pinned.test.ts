/** Waivers of `integrity-missing`: for the bytes that they name, and for nothing else. */
import assert from 'node:assert/strict'
import { parseIntegrity, sriOf, type Integrity } from '../../../plugin/domain/integrity.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { addWaiver, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { failed, fault, judge, NOW, policyOf, requiring, short } from './support.ts'

const PIN = sriOf('ab'.repeat(64))
const OTHER = sriOf('cd'.repeat(64))
const pinnedTo = (sri: string): Integrity => {
  const integrity = parseIntegrity(sri)
  return integrity.state === 'ok' ? { ...integrity, pinned: true } : integrity
}
const waiver = (changes: object = {}): object => ({
  package: '@acme/widget@1.0.0',
  integrity: PIN,
  waives: ['integrity-missing'],
  reason: 'older than integrities',
  approvedBy: 'security',
  expires: '2026-07-01',
  ...changes,
})
const waiving = (...waivers: readonly object[]): TrustPolicy => requiring({}, { waivers })
const pinsOf = (policy: TrustPolicy, name = '@acme/widget', now = NOW): readonly (readonly [string, string])[] => [...policy.pinnedIntegrities(name, now)]

describe('policy: waivers of a missing integrity', () => {
  it('pinned bytes pass with a warning, for as long as the waiver', () => {
    const verdict = judge(waiving(waiver()), { integrity: pinnedTo(PIN) })
    assert.deepEqual(short(verdict), ['warn', 'integrity-missing'])
    assert.equal(verdict.waiver?.approvedBy, 'security')
    assert.deepEqual(verdict.validUntil, new Date('2026-07-01T00:00:00Z'))
    assert.deepEqual(short(judge(waiving(waiver()), { integrity: pinnedTo(PIN), contents: { repository: undefined } }, 'delivery', new Date('2026-07-01T00:00:00Z'))), ['deny', 'integrity-missing'])
  })
  it('of two that pin the same bytes, the one that lasts longest counts', () => {
    const both = waiving(waiver(), waiver({ expires: '2026-08-01' }))
    assert.deepEqual(judge(both, { integrity: pinnedTo(PIN) }).validUntil, new Date('2026-08-01T00:00:00Z'))
  })
  it('a pin by no waiver is forgery, whatever the rule', () => {
    assert.deepEqual(short(judge(waiving(), { integrity: pinnedTo(PIN) })), ['deny', 'integrity-missing'])
    const allowing = policyOf({ extends: 'observe', rules: [{ packages: ['**'], verdict: 'allow', reason: 'x' }] })
    assert.deepEqual(short(judge(allowing, { integrity: pinnedTo(PIN) })), ['deny', 'integrity-missing'])
  })
  for (const [test, changes] of [
    ['of other bytes', { integrity: OTHER }],
    ['of another version', { package: '@acme/widget@1.0.1' }],
    ['of another package', { package: '@acme/gadget@1.0.0' }],
    ['of another code', { waives: ['provenance-absent'] }],
  ] as const)
    it(`a waiver ${test} excuses nothing`, () => {
      assert.deepEqual(short(judge(waiving(waiver(changes)), { integrity: pinnedTo(PIN) })), ['deny', 'integrity-missing'])
    })
  it('a missing integrity that nobody pinned stays missing, a malformed one malformed', () => {
    assert.deepEqual(short(judge(waiving(waiver()), { integrity: { state: 'missing' } })), ['deny', 'integrity-missing'])
    assert.deepEqual(short(judge(waiving(waiver()), { integrity: { state: 'malformed' } })), ['deny', 'integrity-malformed'])
  })
  for (const code of ['integrity-missing', 'integrity-malformed', 'integrity-mismatch', 'integrity-changed', 'manifest-mismatch'] as const)
    it(`a fault ${code} is excused by no pin`, () => {
      assert.equal(judge(waiving(waiver()), { integrity: pinnedTo(PIN), faults: [fault(code)] }).outcome, 'deny')
    })
  it('the requirements stand, unless they are waived as well', () => {
    const strict = (waives: readonly string[]): TrustPolicy => requiring({ registrySignature: 'required' }, { waivers: [waiver({ waives })] })
    const bare = { integrity: pinnedTo(PIN), signature: { state: 'absent' } } as const
    assert.deepEqual(short(judge(strict(['integrity-missing']), bare)), ['deny', 'signature-absent', 'integrity-missing'])
    assert.deepEqual(short(judge(strict(['integrity-missing', 'signature-absent']), bare)), ['warn', 'integrity-missing', 'signature-absent'])
    assert.equal(judge(strict(['integrity-missing', 'signature-absent']), { ...bare, signature: failed('invalid', 'signature-invalid') }).outcome, 'deny')
  })
  it('monitor serves pinned bytes that policy refuses for something else, and no others', () => {
    const monitor = (...waivers: readonly object[]): TrustPolicy => requiring({ registrySignature: 'required' }, { mode: 'monitor', waivers })
    const bare = { integrity: pinnedTo(PIN), signature: { state: 'absent' } } as const
    assert.equal(judge(monitor(waiver()), bare).monitored, true)
    assert.equal(judge(monitor(), bare).outcome, 'deny')
    assert.equal(judge(monitor(waiver()), { ...bare, faults: [fault('integrity-mismatch')] }).outcome, 'deny')
  })

  it('tell which bytes they are for', () => {
    const policy = waiving(waiver(), waiver({ package: '@acme/widget@1.0.1', integrity: OTHER }), waiver({ package: 'x@1.0.0' }))
    assert.deepEqual(pinsOf(policy), [['1.0.0', PIN], ['1.0.1', OTHER]])
    assert.deepEqual(pinsOf(policy, '@acme/other'), [])
    assert.deepEqual(pinsOf(policy, '@acme/widget', new Date('2026-07-01T00:00:00Z')), [])
  })
  it('that contradict one another count for nothing', () => {
    assert.deepEqual(pinsOf(waiving(waiver(), waiver({ integrity: OTHER }))), [])
    assert.deepEqual(pinsOf(waiving(waiver(), waiver({ expires: '2026-08-01' }))), [['1.0.0', PIN]])
  })
  it('that contradict one another are doubted, each where it stands', () => {
    const doubts = (...waivers: readonly object[]): readonly string[] =>
      waiving(...waivers).warnings.filter(({ path }) => path.endsWith('.integrity')).map(({ path, message }) => `${path} ${message.split(',')[0] ?? ''}`)
    const said = 'names other bytes than another waiver of integrity-missing for the same version'
    const late = { expires: '2027-01-01' }
    assert.deepEqual(doubts(waiver(late), waiver({ ...late, integrity: OTHER })), [`waivers[0].integrity ${said}`, `waivers[1].integrity ${said}`])
    assert.deepEqual(doubts(waiver(late), waiver({ ...late, package: '@acme/widget@1.0.1', integrity: OTHER })), [])
    assert.deepEqual(doubts(waiver(late), waiver(late)), [])
    assert.deepEqual(doubts(waiver(late), waiver({ ...late, integrity: OTHER, waives: ['signature-absent'] })), [])
  })
  it('pin nothing when they waive something else', () => { assert.deepEqual(pinsOf(waiving(waiver({ waives: ['signature-absent'] }))), []) })

  it('are written by `policy allow`, with the bytes only', () => {
    const written = { package: 'old@1.0.0', integrity: PIN, waives: ['integrity-missing'], reason: 'x', approvedBy: 'y', expires: '2099-01-01' }
    assert.match(addWaiver('version: 1\nextends: recommended\n', 'policy.yaml', written, {}), /integrity-missing/)
    assert.throws(() => addWaiver('version: 1\nextends: recommended\n', 'policy.yaml', { ...written, integrity: undefined }, {}), ConfigurationError)
  })
  it('are not called idle beside a rule that allows by verdict', () => {
    const policy = policyOf({ extends: 'recommended', rules: [{ packages: ['@acme/*'], verdict: 'allow', reason: 'ours' }], waivers: [waiver({ expires: '2027-01-01' })] })
    assert.deepEqual(policy.warnings, [])
    assert.deepEqual(short(judge(policy, { integrity: pinnedTo(PIN) })), ['warn', 'integrity-missing'])
  })
})
