import assert from 'node:assert/strict'
import type { PackageRef } from '../../../plugin/domain/package-ref.ts'
import type { TrustPolicy } from '../../../plugin/policy/index.ts'
import { codes, failed, judge, policyOf, short } from './support.ts'

const denying = (...packages: string[]): TrustPolicy =>
  policyOf({ extends: 'recommended', rules: [{ name: 'denied', packages, verdict: 'deny', reason: 'known bad' }] })

const ruleOf = (policy: TrustPolicy, name: string, version = '1.0.0'): string => judge(policy, { ref: { name, version } }).rule
const isDenied = (policy: TrustPolicy, name: string, version?: string): boolean => ruleOf(policy, name, version) === 'denied'

describe('policy: rules', () => {
  it('the first rule that matches decides, exact names and patterns alike', () => {
    const rule = (name: string, ...packages: string[]) => ({ name, packages })
    const policy = policyOf({
      rules: [
        rule('a', '@acme/a'),
        rule('b', '@acme/*'),
        rule('c', '@acme/b', 'lodash'),
        rule('d', 'lodash', 'lod*'),
        rule('e', '**'),
      ],
    })
    assert.deepEqual(
      ['@acme/a', '@acme/b', '@acme/z', 'lodash', 'lodish', 'zod'].map((name) => ruleOf(policy, name)),
      ['a', 'b', 'b', 'c', 'd', 'e'],
    )
  })

  it('a range holds its versions, prereleases included', () => {
    const policy = denying('left-pad@^1.2.0', '@acme/ui@>=2 <3')
    assert.equal(isDenied(policy, 'left-pad', '1.3.0'), true)
    assert.equal(isDenied(policy, 'left-pad', '1.3.0-beta.1'), true)
    assert.equal(isDenied(policy, 'left-pad', '1.3.0+build'), true)
    assert.equal(isDenied(policy, 'left-pad', '2.0.0'), false)
    assert.equal(isDenied(policy, '@acme/ui', '2.5.0-rc.1'), true)
    assert.equal(isDenied(policy, '@acme/ui', '3.0.0'), false)
  })

  it('a range is for every name its pattern matches', () => {
    const policy = denying('@acme/*@1.0.0', '**@6.6.6')
    assert.equal(isDenied(policy, '@acme/x', '1.0.0'), true)
    assert.equal(isDenied(policy, '@acme/x', '1.0.1'), false)
    assert.equal(isDenied(policy, 'anything', '6.6.6'), true)
  })

  it('a version nobody can order does not slip past a refusal, nor into an exception', () => {
    assert.equal(isDenied(denying('left-pad@<9'), 'left-pad', 'not-a-version'), true)
    const lax = policyOf({
      extends: 'lockdown',
      rules: [{ name: 'lax', packages: ['left-pad@>=0'], verdict: 'allow', reason: 'x' }],
    })
    assert.notEqual(ruleOf(lax, 'left-pad', 'not-a-version'), 'lax')
    assert.equal(ruleOf(lax, 'left-pad', '1.0.0beta'), 'lax')
  })

  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString'])
    it(`[16a] a package named ${name} is a package`, () => {
      assert.equal(isDenied(denying('lodash'), name), false)
      assert.equal(isDenied(denying(name), name), true)
      assert.equal(isDenied(denying(`${name}@1.0.0`), name, '1.0.0'), true)
      assert.equal(isDenied(denying(`${name}@1.0.0`), name, '__proto__'), true)
    })

  it('[8a] a scope that begins like ours is not ours', () => {
    assert.equal(isDenied(denying('@acme/*'), '@acme-evil/ui'), false)
  })

  it('a rule is for upstream packages unless it says any', () => {
    const rules = [
      { name: 'up', packages: ['**'] },
      { name: 'any', packages: ['**'], origin: 'any' },
    ]
    const policy = policyOf({ rules })
    assert.equal(judge(policy).rule, 'up')
    assert.equal(judge(policy, { origin: 'local' }).rule, 'any')
  })

  it('a version no rule speaks of is refused, in monitor as well', () => {
    const policy = policyOf({ mode: 'monitor', rules: [{ name: 'up', packages: ['**'] }] })
    assert.deepEqual(short(judge({ ...policy, evaluate: (one, stage, now) => policy.evaluate({ ...one, origin: 'elsewhere' as never }, stage, now) })), ['deny', 'internal-error'])
  })

  it('verdict: deny refuses with its reason', () => {
    const verdict = judge(denying('@acme/widget'))
    assert.deepEqual(short(verdict), ['deny', 'denied-by-rule'])
    assert.equal(verdict.rule, 'denied')
    assert.equal(verdict.reasons[0]?.detail?.reason, 'known bad')
  })

  it('verdict: allow excuses every requirement', () => {
    const policy = policyOf({ extends: 'lockdown', rules: [{ packages: ['@acme/*'], verdict: 'allow', reason: 'ours' }] })
    const nothing = {
      signature: { state: 'absent' },
      publishAttestation: { state: 'absent' },
      provenance: { state: 'absent' },
    } as const
    assert.deepEqual(short(judge(policy, { ...nothing, notBefore: new Date('2026-06-01T00:00:00Z') })), ['allow'])
    assert.deepEqual(short(judge(policy, { signature: failed('unknown-key', 'signature-key-unknown') })), ['allow'])
  })

  it('verdict: allow waits for evidence that may turn out forged', () => {
    const policy = policyOf({ extends: 'recommended', rules: [{ packages: ['@acme/*'], verdict: 'allow', reason: 'ours' }] })
    assert.deepEqual(short(judge(policy, { provenance: { state: 'claimed' } })), ['unavailable', 'verification-pending'])
    assert.deepEqual(short(judge(policy, { provenance: failed('unavailable', 'evidence-unavailable') })), [
      'unavailable',
      'evidence-unavailable',
    ])
    assert.deepEqual(short(judge(policy, { provenance: { state: 'claimed' } }, 'listing')), ['allow'])
  })

  it('a rule without a name goes by its place and packages', () => {
    const policy = policyOf({ extends: 'recommended', rules: [{ packages: ['a', '@acme/*'] }] })
    assert.equal(ruleOf(policy, 'a'), 'rules[0]: a, @acme/*')
    assert.equal(ruleOf(policy, 'zod'), 'every other package (recommended)')
  })
})

describe('policy: defaults', () => {
  const absent = { provenance: { state: 'absent' }, publishAttestation: { state: 'absent' } } as const

  it('overlay the preset for every rule, and a rule overlays them key by key', () => {
    const policy = policyOf({
      extends: 'recommended',
      defaults: { provenance: 'required', publishAttestation: 'required' },
      rules: [{ packages: ['lax'], require: { provenance: 'ifPresent' } }],
    })
    assert.deepEqual(codes(judge(policy, absent)), ['publish-attestation-absent', 'provenance-absent'])
    assert.deepEqual(codes(judge(policy, { ...absent, ref: { name: 'lax', version: '1.0.0' } })), ['publish-attestation-absent'])
  })

  it('an identity replaces the whole identity', () => {
    const policy = policyOf({
      extends: 'recommended',
      defaults: { provenance: { issuer: 'gitlab-ci', trigger: 'schedule' } },
      rules: [{ packages: ['@acme/*'], require: { provenance: { sourceRepository: 'https://github.com/acme/*' } } }],
    })
    assert.deepEqual(short(judge(policy)), ['allow'])
    assert.deepEqual(codes(judge(policy, { ref: { name: 'b', version: '1.0.0' } })), ['issuer-mismatch', 'trigger-mismatch'])
  })

  it('alternatives of a rule replace those of the preset', () => {
    const rules = [{ packages: ['@acme/*'], require: { anyOf: [{ publishAttestation: 'required' }] } }]
    const policy = policyOf({ extends: 'strict', rules })
    assert.deepEqual(short(judge(policy, { provenance: { state: 'absent' }, notBefore: new Date('2026-05-27') })), ['allow'])
  })

  it('what nobody mentions stays on, even without a preset', () => {
    const policy = policyOf({ rules: [{ packages: ['**'] }] })
    assert.deepEqual(short(judge(policy, { signature: { state: 'absent' } })), ['deny', 'signature-absent'])
    assert.deepEqual(short(judge(policy, { notBefore: new Date('2026-05-31T12:00:00Z') })), ['deny', 'release-too-young'])
    assert.deepEqual([policy.preset, policy.mode, policy.listing], ['none', 'enforce', 'claimed'])
  })
})

describe('policy: needs', () => {
  const needs = (policy: TrustPolicy, ref: PackageRef = { name: 'a', version: '1.0.0' }): readonly boolean[] => {
    const { signature, publishAttestation, provenance } = policy.needs(ref)
    return [signature, publishAttestation, provenance]
  }

  it('names what the deciding rule looks at', () => {
    const require = { registrySignature: 'ignore', publishAttestation: 'ifPresent', provenance: { issuer: 'gitlab-ci' } }
    assert.deepEqual(needs(policyOf({ extends: 'recommended', rules: [{ packages: ['a'], require }] })), [false, true, true])
  })
  it('needs nothing for what no evidence can save', () => {
    assert.deepEqual(needs(denying('a')), [false, false, false])
  })
  it('needs evidence under verdict: allow, where forgery is not excused', () => {
    const rules = [{ packages: ['a'], verdict: 'allow', reason: 'ours' }]
    assert.deepEqual(needs(policyOf({ extends: 'recommended', defaults: { publishAttestation: 'ignore' }, rules })), [
      true,
      false,
      true,
    ])
  })
  it('goes by the version', () => {
    const policy = denying('a@2')
    assert.deepEqual(needs(policy, { name: 'a', version: '2.1.0' }), [false, false, false])
    assert.deepEqual(needs(policy, { name: 'a', version: '1.0.0' }), [true, true, true])
  })
})

describe('policy: revision', () => {
  it('is twelve hex digits', () => {
    assert.match(policyOf({ extends: 'recommended' }).revision, /^[0-9a-f]{12}$/)
  })
  it('is one for one meaning, however it is written', () => {
    const a = policyOf({
      extends: 'recommended',
      defaults: { minimumReleaseAge: '24h', provenance: { issuer: 'github-actions' } },
    })
    const b = policyOf({
      mode: 'enforce',
      defaults: { provenance: { issuer: ['https://token.actions.githubusercontent.com'] }, registrySignature: 'whereSigned' },
      extends: 'recommended',
      rules: [],
    })
    assert.equal(a.revision, b.revision)
  })
  for (const [what, change] of Object.entries({
    mode: { mode: 'monitor' },
    listing: { listing: 'verified' },
    onUnavailable: { onUnavailable: 'allow' },
    defaults: { defaults: { provenance: 'required' } },
    'a rule': { rules: [{ packages: ['a'] }] },
    alternatives: { defaults: { anyOf: [{ provenance: 'required' }] } },
  }))
    it(`changes with ${what}`, () => {
      assert.notEqual(policyOf({ extends: 'recommended', ...change }).revision, policyOf({ extends: 'recommended' }).revision)
    })
})
