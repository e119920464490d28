/** `identityPin`: what a policy makes of a version that is built by somebody else than its package was. */
import assert from 'node:assert/strict'
import type { IdentityPin, Pins } from '../../../plugin/domain/history.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import { runExamples } from '../../../plugin/policy/index.ts'
import { ago, codes, GITHUB, judge, NOW, policyOf, provenance, requiring, short } from './support.ts'

const pin = (changes: Partial<IdentityPin> = {}): IdentityPin => ({
  issuer: GITHUB,
  sourceRepository: 'https://github.com/acme/widget',
  sourceRepositoryId: '1001',
  sourceOwnerId: '2002',
  workflow: '.github/workflows/release.yml',
  version: '0.9.0',
  since: ago(300),
  latest: ago(200),
  because: 'found',
  until: undefined,
  ...changes,
})
const against = (...pins: readonly IdentityPin[]): Pins => ({ pins, isEstablished: false })
const FOREIGN = pin({ sourceRepositoryId: '6001', sourceRepository: 'https://github.com/mallory/widget', sourceOwnerId: '6002' })
const pinning = (identityPin: unknown, more: object = {}) => requiring({ provenance: 'ifPresent', identityPin, ...more })

describe('policy: identityPin', () => {
  it('[13c] another repository is refused, or warned about', () => {
    assert.deepEqual(short(judge(pinning('repository'), { pins: against(FOREIGN) })), ['deny', 'identity-changed'])
    assert.deepEqual(short(judge(pinning({ level: 'repository', onFailure: 'warn' }), { pins: against(FOREIGN) })), ['warn', 'identity-changed'])
    assert.deepEqual(short(judge(pinning({ level: 'repository' }), { pins: against(FOREIGN) })), ['deny', 'identity-changed'])
  })
  it('[13d] another workflow only where workflows are pinned', () => {
    const pins = against(pin({ workflow: '.github/workflows/other.yml' }))
    assert.deepEqual(short(judge(pinning('repository'), { pins })), ['allow'])
    assert.deepEqual(short(judge(pinning('workflow'), { pins })), ['deny', 'identity-changed'])
    assert.match(judge(pinning('workflow'), { pins }).reasons[0]?.message ?? '', /release\.yml.*other\.yml/)
  })
  it('the reason says who it was, who it is, since when, and how to approve it', () => {
    const { detail } = judge(pinning('repository'), { pins: against(FOREIGN) }).reasons[0] ?? assert.fail()
    assert.deepEqual(detail, {
      expected: 'https://github.com/mallory/widget (id 6001, owner 6002)',
      actual: 'https://github.com/acme/widget (id 1001, owner 2002)',
      since: ago(300).toISOString().replace('.000Z', 'Z'),
      pinnedBy: '0.9.0',
      approve: 'verdaccio-provenance pins approve @acme/widget --to 1001',
    })
  })
  it('no pins, the same, or the first id of an address: fine', () => {
    const early = pin({ sourceRepositoryId: undefined, sourceOwnerId: undefined })
    for (const pins of [against(), against(pin()), against(early), against(FOREIGN, pin())])
      assert.deepEqual(short(judge(pinning('repository'), { pins })), ['allow'])
  })
  it('what the package was found with is compared with nothing', () => {
    assert.deepEqual(short(judge(pinning('repository'), { pins: { pins: [FOREIGN], isEstablished: true } })), ['allow'])
  })
  it('a new owner is a warning, also where others are refused, until the version settles', () => {
    const pins = against(pin({ sourceOwnerId: '9' }))
    const young = judge(pinning('repository'), { pins, notBefore: ago(2) })
    assert.deepEqual([...short(young), young.validUntil], ['warn', 'identity-changed', ago(-5)])
    assert.deepEqual(short(judge(pinning('repository'), { pins, notBefore: ago(7) })), ['allow'])
  })
  it('what cannot be compared is undecided, also where it would only warn', () => {
    const pins: Pins = { ...against(), undecided: [reason('evidence-unavailable', 'in a test')] }
    const policy = requiring({ provenance: 'ifPresent', identityPin: { level: 'repository', onFailure: 'warn' } }, { onUnavailable: 'allow' })
    assert.deepEqual(short(judge(policy, { pins })), ['unavailable', 'evidence-unavailable'])
  })
  it('a list of what is undecided with nothing in it leaves nothing undecided', () => {
    assert.deepEqual(short(judge(pinning('repository'), { pins: { ...against(FOREIGN), undecided: [] } })), ['deny', 'identity-changed'])
  })
  it('nothing is compared without verified provenance, with provenance ignored, or switched off', () => {
    const pins = against(FOREIGN)
    assert.deepEqual(short(judge(pinning('repository'), { pins, provenance: { state: 'absent' } })), ['allow'])
    assert.deepEqual(short(judge(pinning('repository', { provenance: 'ignore' }), { pins })), ['allow'])
    assert.deepEqual(short(judge(pinning('off'), { pins })), ['allow'])
    assert.deepEqual(short(judge(pinning('repository', { provenance: 'ignore', anyOf: [{ provenance: 'required' }] }), { pins })), ['deny', 'identity-changed'])
  })
  it('a certificate that names no repository is refused where one is pinned', () => {
    const nobody = provenance({ sourceRepository: undefined, sourceRepositoryId: undefined, buildConfig: undefined })
    assert.deepEqual(short(judge(pinning('repository'), { pins: against(pin()), provenance: nobody })), ['deny', 'identity-changed'])
  })
  it('a waiver excuses it, and one that can change nothing is pointed out', () => {
    const waiver = { package: '@acme/widget@1.0.0', waives: ['identity-changed'], reason: 'it moved', approvedBy: 'security', expires: '2027-01-01' }
    const policy = requiring({ provenance: 'ifPresent', identityPin: 'repository' }, { waivers: [waiver] })
    assert.deepEqual([...short(judge(policy, { pins: against(FOREIGN) })), policy.warnings.length], ['warn', 'identity-changed', 0])
    assert.match(requiring({ provenance: 'ifPresent', identityPin: { level: 'repository', onFailure: 'warn' } }, { waivers: [waiver] }).warnings[0]?.message ?? '', /identity-changed/)
    assert.match(requiring({ provenance: 'ignore', identityPin: 'repository' }, { waivers: [waiver] }).warnings[0]?.message ?? '', /identity-changed/)
  })
  it('the level of a rule, for those who make pins', () => {
    const ref = { name: '@acme/widget', version: '1.0.0' }
    assert.equal(pinning('workflow').pinLevel(ref), 'workflow')
    assert.equal(pinning('workflow', { provenance: 'ignore' }).pinLevel(ref), 'off')
    assert.equal(policyOf({ extends: 'strict', rules: [{ packages: ['**'], verdict: 'allow', reason: 'x' }] }).pinLevel(ref), 'off')
    assert.deepEqual(['observe', 'recommended', 'strict', 'lockdown'].map((preset) => policyOf({ extends: preset }).pinLevel(ref)), ['repository', 'repository', 'repository', 'workflow'])
  })
  it('presets: recommended warns, strict and lockdown refuse', () => {
    const changes = { pins: against(FOREIGN), notBefore: ago(100), contents: { repository: 'https://github.com/acme/widget' } }
    const outcomes = ['recommended', 'strict', 'lockdown'].map((preset) => {
      const verdict = judge(policyOf({ extends: preset }), changes, 'gate', NOW)
      return [verdict.outcome, codes(verdict).includes('identity-changed')]
    })
    assert.deepEqual(outcomes, [['warn', true], ['deny', true], ['deny', true]])
  })
  it('an example may say who built the package so far', () => {
    const example = (sourceRepositoryId: string, expect: string) => ({
      package: '@acme/widget@1.0.0',
      evidence: { signature: 'verified', provenance: { issuer: 'github-actions', sourceRepositoryId: '1001', sourceOwnerId: '2002' } },
      pinned: { issuer: 'github-actions', sourceRepositoryId, sourceOwnerId: '2002' },
      expect,
    })
    const policy = requiring({ provenance: 'ifPresent', identityPin: 'repository' }, { examples: [example('1001', 'allow'), example('6001', 'deny')] })
    assert.deepEqual(runAll(policy), [true, true])
    assert.throws(() => requiring({}, { examples: [{ ...example('1', 'allow'), pinned: { issuer: 'github-actions' } }] }), /names no repository/)
  })
})

const runAll = (policy: Parameters<typeof runExamples>[0]): readonly boolean[] => runExamples(policy, NOW).map(({ passed }) => passed)
