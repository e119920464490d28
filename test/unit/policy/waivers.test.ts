import assert from 'node:assert/strict'
import { parseIntegrity, sriOf } from '../../../plugin/domain/integrity.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { addWaiver, parsePolicy, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { compileRule, ruleFinder } from '../../../plugin/policy/rules.ts'
import { waiverFinder } from '../../../plugin/policy/waiver.ts'
import { ago, candidate, codes, failed, fault, judge, NOW, policyOf, requiring, short } from './support.ts'

const PIN = sriOf('ab'.repeat(64))
const ABSENT = { state: 'absent' } as const
const waiver = (changes: object = {}): object => ({
  package: '@acme/widget@1.0.0',
  waives: ['provenance-absent'],
  reason: 'not published with provenance yet',
  approvedBy: 'security',
  expires: '2026-07-01',
  ...changes,
})
const waiving = (...waivers: readonly object[]): TrustPolicy => requiring({ provenance: 'required', minimumReleaseAge: '1d' }, { waivers })

describe('policy: waivers', () => {
  it('turn a refusal into a warning that says what it excuses, who approved it and until when', () => {
    const verdict = judge(waiving(waiver()), { provenance: ABSENT })
    assert.deepEqual(short(verdict), ['warn', 'provenance-absent'])
    assert.deepEqual(verdict.waiver, {
      package: '@acme/widget@1.0.0',
      reason: 'not published with provenance yet',
      approvedBy: 'security',
      expires: new Date('2026-07-01T00:00:00Z'),
    })
    assert.deepEqual(verdict.validUntil, new Date('2026-07-01T00:00:00Z'))
  })
  it('are not mentioned where nothing had to be excused', () => {
    const verdict = judge(waiving(waiver()))
    assert.deepEqual([verdict.outcome, verdict.waiver, verdict.validUntil], ['allow', undefined, undefined])
  })
  it('end by themselves, at the beginning of the day', () => {
    const at = (time: string): string => judge(waiving(waiver()), { provenance: ABSENT }, 'gate', new Date(time)).outcome
    assert.equal(at('2026-06-30T23:59:59Z'), 'warn')
    assert.equal(at('2026-07-01T00:00:00Z'), 'deny')
  })
  it('excuse the codes they name and no others', () => {
    const verdict = judge(waiving(waiver()), { provenance: ABSENT, notBefore: NOW })
    assert.deepEqual(short(verdict), ['deny', 'release-too-young', 'provenance-absent'])
    assert.equal(verdict.waiver, undefined)
  })
  it('join: one for each of two codes', () => {
    const both = waiving(waiver(), waiver({ waives: ['release-too-young'], expires: '2026-06-15' }))
    const verdict = judge(both, { provenance: ABSENT, notBefore: NOW })
    assert.equal(verdict.outcome, 'warn')
    // The age is reached before either ends, and then something changes.
    assert.deepEqual(verdict.validUntil, new Date('2026-06-02T00:00:00Z'))
  })
  it('what they excuse for longer than they last is refused again when they end', () => {
    const old = requiring({ minimumReleaseAge: '60d' }, { waivers: [waiver({ waives: ['release-too-young'], expires: '2026-06-10' })] })
    const verdict = judge(old, { notBefore: ago(1) })
    assert.deepEqual([verdict.outcome, verdict.validUntil], ['warn', new Date('2026-06-10T00:00:00Z')])
    assert.equal(judge(old, { notBefore: ago(1) }, 'gate', new Date('2026-06-10T00:00:00Z')).outcome, 'deny')
  })
  it('are named, each that excused something, by what they say', () => {
    const policy = waiving(waiver(), waiver({ waives: ['release-too-young'] }), waiver({ package: '@acme/other@1.0.0' }))
    const { waivers } = judge(policy, { provenance: ABSENT, notBefore: NOW })
    assert.deepEqual([...(waivers ?? [])].sort(), policy.waivers.slice(0, 2).map(({ id }) => id).sort())
    assert.equal(new Set(policy.waivers.map(({ id }) => id)).size, 3)
  })
  it('the one that lasts longest decides', () => {
    const verdict = judge(waiving(waiver({ expires: '2026-06-15' }), waiver({ expires: '2026-08-01' })), { provenance: ABSENT })
    assert.deepEqual(verdict.validUntil, new Date('2026-08-01T00:00:00Z'))
  })
  it('are for their version, whatever sorts beside it', () => {
    for (const version of ['1.0.1', '1.0.0-rc.1', '1.0.0+build', 'not-a-version'])
      assert.equal(judge(waiving(waiver()), { ref: { name: '@acme/widget', version }, provenance: ABSENT }).outcome, 'deny', version)
    assert.equal(judge(waiving(waiver()), { ref: { name: '@acme/other', version: '1.0.0' }, provenance: ABSENT }).outcome, 'deny')
  })
  it('may be for a range', () => {
    const policy = waiving(waiver({ package: '@acme/widget@^1.0.0' }))
    const outcome = (version: string): string => judge(policy, { ref: { name: '@acme/widget', version }, provenance: ABSENT }).outcome
    assert.deepEqual(['1.2.0', '2.0.0', 'not-a-version'].map(outcome), ['warn', 'deny', 'deny'])
  })
  it('[3d] pinned to bytes, are for no others', () => {
    const policy = waiving(waiver({ integrity: PIN }))
    assert.equal(judge(policy, { provenance: ABSENT }).outcome, 'warn')
    assert.equal(judge(policy, { provenance: ABSENT, integrity: parseIntegrity(sriOf('cd'.repeat(64))) }).outcome, 'deny')
  })
  it('excuse no forgery, though they excuse all else', () => {
    const all = waiver({ waives: ['provenance-absent', 'attestation-missing', 'signature-key-unknown'] })
    assert.equal(judge(waiving(all), { provenance: failed('invalid', 'provenance-invalid') }).outcome, 'deny')
    assert.equal(judge(waiving(all), { provenance: ABSENT, faults: [fault('manifest-mismatch')] }).outcome, 'deny')
  })
  it('excuse nothing that is wrong whatever the rule', () => {
    assert.equal(judge(waiving(waiver()), { provenance: ABSENT, faults: [fault('origin-changed')] }).outcome, 'deny')
  })
  it('leave undecided what cannot be decided', () => {
    assert.equal(judge(waiving(waiver()), { provenance: failed('unavailable', 'evidence-unavailable') }).outcome, 'unavailable')
  })
  it('excuse no rule that refuses', () => {
    const rules = [{ packages: ['@acme/*'], verdict: 'deny', reason: 'known bad' }]
    const policy = policyOf({ extends: 'recommended', rules, waivers: [waiver({ waives: ['release-too-young', 'provenance-absent'] })] })
    assert.deepEqual(short(judge(policy)), ['deny', 'denied-by-rule'])
  })
  it('[16a] may be for a package with the name of a property', () => {
    const policy = waiving(waiver({ package: 'constructor@1.0.0' }))
    assert.equal(judge(policy, { ref: { name: 'constructor', version: '1.0.0' }, provenance: ABSENT }).outcome, 'warn')
    assert.equal(judge(policy, { ref: { name: '__proto__', version: '1.0.0' }, provenance: ABSENT }).outcome, 'deny')
  })
  it('are not mentioned for what is a warning without them', () => {
    const { provenance } = candidate()
    assert.equal(provenance.state, 'verified')
    const risky = { ...provenance, facts: { ...provenance.facts, identity: { ...provenance.facts.identity, trigger: 'issue_comment' } } }
    const verdict = judge(policyOf({ extends: 'recommended', waivers: [waiver({ waives: ['trigger-mismatch'] })] }), { provenance: risky })
    assert.deepEqual([verdict.outcome, verdict.waiver, verdict.validUntil], ['warn', undefined, undefined])
  })
  it('and rules of a file are for its packages, whatever was found when it was read', () => {
    const found = (scope: readonly (readonly string[])[]): number => {
      const [one] = waiving(waiver()).waivers
      return waiverFinder(one === undefined ? [] : [{ ...one, scope }])(candidate(), NOW).length
    }
    assert.deepEqual([[], [['@acme/*']], [['@acme/*'], ['@other/*']]].map(found), [1, 1, 0])
    const [rule] = waiving().rules
    assert.ok(rule !== undefined)
    const rules = ruleFinder([compileRule({ ...rule, scope: [['@acme/*']] })])
    assert.equal(rules({ name: '@acme/a', version: '1.0.0' }, 'upstream')?.name, 'all')
    assert.equal(rules({ name: 'a', version: '1.0.0' }, 'upstream'), undefined)
  })
  it('show no e-mail address', () => {
    const verdict = judge(waiving(waiver({ approvedBy: 'Ann <ann@acme.example>' })), { provenance: ABSENT })
    assert.equal(verdict.waiver?.approvedBy.includes('@'), false)
  })
  it('change the revision of the policy', () => {
    const revisions = [waiving(), waiving(waiver()), waiving(waiver({ expires: '2026-07-02' })), waiving(waiver({ integrity: PIN }))].map(({ revision }) => revision)
    assert.equal(new Set(revisions).size, 4)
  })
  it('take a date that another parser of YAML made a date of', () => {
    assert.deepEqual(waiving(waiver({ expires: new Date('2026-07-01T00:00:00Z') })).waivers[0]?.expires, new Date('2026-07-01T00:00:00Z'))
  })
  it('over on arrival, refuse the policy', () => {
    assert.throws(() => waiving(waiver({ expires: '2026-06-01' })), ConfigurationError)
  })

  const doubtsIn = (policy: TrustPolicy): readonly string[] => policy.warnings.map(({ path }) => path)
  it('about to end are pointed out, fourteen days before', () => {
    assert.deepEqual(doubtsIn(waiving(waiver({ expires: '2026-06-14' }))), ['waivers[0].expires'])
    assert.deepEqual(doubtsIn(waiving(waiver({ expires: '2026-06-15' }))), [])
  })
  it('that can change nothing are pointed out', () => {
    assert.deepEqual(doubtsIn(waiving(waiver({ waives: ['publish-attestation-absent'] }))), ['waivers[0].package'])
    const rules = [{ packages: ['@acme/*'], verdict: 'allow', reason: 'ours' }]
    assert.deepEqual(doubtsIn(policyOf({ extends: 'recommended', rules, waivers: [waiver()] })), ['waivers[0].package'])
  })
})

describe('policy: onFailure', () => {
  const warning = (document: object = {}): TrustPolicy =>
    policyOf({
      extends: 'recommended',
      rules: [{ packages: ['@acme/*'], require: { provenance: 'required' }, onFailure: 'warn' }],
      ...document,
    })
  it('warn serves what does not meet the rule, and says so', () => {
    assert.deepEqual(short(judge(warning(), { provenance: ABSENT, notBefore: ago(0) })), ['warn', 'provenance-absent', 'release-too-young'])
  })
  it('warn is for its rule alone', () => {
    assert.equal(judge(warning(), { ref: { name: 'b', version: '1.0.0' }, notBefore: ago(0) }).outcome, 'deny')
  })
  it('warn serves no forgery and nothing that is wrong whatever the rule', () => {
    assert.equal(judge(warning(), { provenance: failed('invalid', 'provenance-invalid') }).outcome, 'deny')
    assert.equal(judge(warning(), { faults: [fault('integrity-changed')] }).outcome, 'deny')
    assert.equal(judge(warning(), { faults: [fault('origin-changed')] }).outcome, 'deny')
  })
  it('warn decides nothing that cannot be decided', () => {
    assert.equal(judge(warning(), { provenance: failed('unavailable', 'evidence-unavailable') }).outcome, 'unavailable')
    const state = { state: 'of another version' } as unknown as typeof ABSENT
    assert.equal(judge(warning(), { provenance: state }).outcome, 'deny')
  })
  it('is part of the revision', () => {
    const other = policyOf({ extends: 'recommended', rules: [{ packages: ['@acme/*'], require: { provenance: 'required' } }] })
    assert.notEqual(warning().revision, other.revision)
  })
})

describe('policy: dangerous triggers and hints', () => {
  const built = (trigger: string) => {
    const { provenance } = candidate()
    assert.equal(provenance.state, 'verified')
    return { provenance: { ...provenance, facts: { ...provenance.facts, identity: { ...provenance.facts.identity, trigger } } } }
  }
  for (const [preset, outcome] of Object.entries({ observe: 'warn', recommended: 'warn', strict: 'deny', lockdown: 'deny' }))
    for (const trigger of ['pull_request_target', 'issue_comment'])
      it(`[11c] ${preset}: ${trigger} is ${outcome}`, () => {
        assert.deepEqual(short(judge(policyOf({ extends: preset }), built(trigger))), [outcome, 'trigger-mismatch'])
      })
  it('a preset leaves other triggers alone', () => {
    for (const trigger of ['push', 'release', 'workflow_dispatch']) assert.equal(judge(policyOf({ extends: 'lockdown' }), built(trigger)).outcome, 'allow')
  })
  it('[11c] a rule may allow them by saying so, and not by naming the trigger', () => {
    const ruled = (require: object): TrustPolicy => policyOf({ extends: 'strict', rules: [{ packages: ['@acme/*'], require }] })
    assert.equal(judge(ruled({ dangerousTriggers: 'ignore' }), built('issue_comment')).outcome, 'allow')
    assert.equal(judge(ruled({ provenance: { issuer: 'github-actions', trigger: 'issue_comment' } }), built('issue_comment')).outcome, 'deny')
  })
  it('[11c] naming one of them beside others does not allow it', () => {
    const rules = [{ packages: ['@acme/*'], require: { provenance: { issuer: 'github-actions', trigger: ['push', 'issue_comment'] } } }]
    assert.deepEqual(short(judge(policyOf({ extends: 'strict', rules }), built('issue_comment'))), ['deny', 'trigger-mismatch'])
  })
  it('[11c] a branch alone that looks at provenance is enough to examine it', () => {
    const policy = requiring({ provenance: 'ignore', dangerousTriggers: 'deny', anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '1d' }] })
    assert.deepEqual(short(judge(policy, built('issue_comment'))), ['deny', 'trigger-mismatch'])
  })
  it('a trigger that a rule refuses by name is refused once', () => {
    const rules = [{ packages: ['@acme/*'], require: { provenance: { issuer: 'github-actions', trigger: 'push' } } }]
    assert.deepEqual(codes(judge(policyOf({ extends: 'strict', rules }), built('issue_comment'))), ['trigger-mismatch'])
  })
  it('what is ignored is not examined', () => {
    assert.equal(judge(policyOf({ extends: 'recommended', defaults: { provenance: 'ignore', dangerousTriggers: 'deny' } }), built('issue_comment')).outcome, 'allow')
  })

  for (const [hint, code] of [
    ['stagedPublish', 'staged-publish-absent'],
    ['trustedPublisher', 'trusted-publisher-absent'],
  ] as const) {
    it(`${hint}: required of what the registry does not say is refused`, () => {
      assert.deepEqual(short(judge(requiring({ [hint]: 'required' }))), ['deny', code])
      assert.deepEqual(short(judge(requiring({ [hint]: 'required' }), { claims: { ...candidate().claims, [hint]: true } })), ['allow'])
      assert.deepEqual(short(judge(requiring({ [hint]: 'ignore' }))), ['allow'])
    })
    it(`[13e] ${hint}: a forged hint stands for no evidence`, () => {
      const policy = requiring({ [hint]: 'required', provenance: 'required' })
      assert.deepEqual(short(judge(policy, { claims: { ...candidate().claims, [hint]: true }, provenance: ABSENT })), ['deny', 'provenance-absent'])
    })
  }
})

describe('policy: writing a waiver', () => {
  const NEW = { package: 'left-pad@1.3.0', integrity: PIN, waives: ['release-too-young'], reason: 'a fix: now', approvedBy: 'ann', expires: '2026-07-01' }
  const write = (text: string, changes: object = {}): string => addWaiver(text, 'policy.yaml', { ...NEW, ...changes }, { now: NOW })
  const OLD = '  - package: a@1.0.0 # why\n    waives: [provenance-absent]\n    reason: x\n    approvedBy: y\n    expires: 2027-01-01\n'
  const FILES: Readonly<Record<string, string>> = {
    'no waivers': '# head\nversion: 1 # one\nextends: strict\n',
    'no line end': 'version: 1\nextends: strict',
    'waivers in the middle': `version: 1\nwaivers: # ours\n${OLD}# about the preset\nextends: strict\n`,
    'waivers at the end, unindented': `version: 1\nextends: strict\nwaivers:\n${OLD.replace(/^ {2}/gm, '')}`,
    'waivers without a line end': `version: 1\nextends: strict\nwaivers:\n${OLD.trimEnd()}`,
  }
  for (const [what, text] of Object.entries(FILES))
    it(`${what}: nothing else is touched`, () => {
      const written = write(text)
      const before = text.split('\n').filter((line) => line !== '')
      assert.deepEqual(written.split('\n').filter((line) => before.includes(line)), before)
      const { waivers } = parsePolicy(written, 'policy.yaml', { now: NOW })
      assert.equal(waivers.at(-1)?.package, NEW.package)
      assert.equal(waivers.at(-1)?.integrity, PIN)
      assert.equal(waivers.length, text.includes('waivers') ? 2 : 1)
    })
  it('an empty list is written anew, with its comments', () => {
    const written = write('# head\nversion: 1\nextends: strict # why\nwaivers: []\n')
    for (const comment of ['# head', '# why']) assert.ok(written.includes(comment))
    assert.equal(parsePolicy(written, 'policy.yaml', { now: NOW }).waivers.length, 1)
  })
  it('a wrong policy, or a waiver that would make it one, is refused', () => {
    for (const [text, changes] of [
      ['version: 2\n', {}],
      ['version: 1\nextends: strict\n', { waives: ['provenance-invalid'] }],
      ['version: 1\nextends: strict\n', { expires: '2026-05-01' }],
      ['version: 1\nextends: strict\n', { package: 'left-pad' }],
      ['version: 1\nextends: strict\n', { approvedBy: '' }],
      ['{ version: 1, extends: strict }\n', { integrity: 'sha1-x' }],
    ] as const)
      assert.throws(() => write(text, changes), ConfigurationError)
  })
})
