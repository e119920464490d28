import assert from 'node:assert/strict'
import { judge, policyOf, provenance, publishAttestation, short, fault, failed } from './support.ts'

const LOCAL = { origin: 'local' } as const
const ABSENT = { state: 'absent' } as const
const BARE = { ...LOCAL, signature: ABSENT, publishAttestation: ABSENT, provenance: ABSENT } as const

describe('policy: packages published here', () => {
  for (const preset of ['observe', 'recommended', 'strict', 'lockdown'])
    it(`${preset} asks nothing of them`, () => {
      assert.deepEqual(short(judge(policyOf({ extends: preset }), BARE)), ['allow'])
    })
  it('an upstream version that no rule speaks of is still refused', () => {
    const policy = policyOf({ rules: [{ packages: ['a'] }, { packages: ['**'] }] })
    assert.equal(judge(policy).outcome, 'allow')
    const other = policyOf({ extends: 'recommended', rules: [{ packages: ['**'], origin: 'local', verdict: 'allow', reason: 'ours' }] })
    assert.deepEqual(short(judge(other, { provenance: ABSENT, signature: ABSENT, publishAttestation: ABSENT, uplinkSigns: true })), ['deny', 'signature-absent'])
  })
  it('a ** for packages published here catches nothing of an uplink', () => {
    assert.throws(() => policyOf({ rules: [{ packages: ['**'], origin: 'local' }] }), /no rule catches every package/)
  })
  it('without a rule other bytes are refused all the same, in monitor as well', () => {
    for (const mode of ['enforce', 'monitor'])
      assert.deepEqual(short(judge(policyOf({ extends: 'recommended', mode }), { ...BARE, faults: [fault('integrity-changed')] })), ['deny', 'integrity-changed'])
  })
  it('without a rule a manifest that differs is a warning: it was stored before anybody compared', () => {
    assert.deepEqual(short(judge(policyOf({ extends: 'recommended' }), { ...BARE, faults: [fault('manifest-mismatch')] })), ['warn', 'manifest-mismatch'])
  })
  it('under a rule it is refused', () => {
    const policy = policyOf({ extends: 'recommended', rules: [{ packages: ['**'], origin: 'local' }] })
    assert.deepEqual(short(judge(policy, { ...BARE, faults: [fault('manifest-mismatch')] })), ['deny', 'manifest-mismatch'])
  })

  const ruled = (require: object, preset = 'lockdown') => policyOf({ extends: preset, rules: [{ packages: ['**'], origin: 'local', require }] })
  it('defaults that ask for a registry\'s word ask nothing of them, and for provenance they do', () => {
    assert.deepEqual(short(judge(ruled({}), BARE)), ['deny', 'provenance-absent'])
    assert.deepEqual(short(judge(ruled({ identityPin: 'off' }), { ...BARE, provenance: provenance() })), ['allow'])
  })
  it('who publishes without provenance is told what to do, not what a registry lacks', () => {
    for (const require of [{ provenance: 'required' }, { provenance: { issuer: 'github-actions' } }]) {
      const [why] = judge(ruled(require), BARE).reasons
      assert.equal(why?.code, 'provenance-absent')
      assert.match(why.message, /npm publish --provenance/)
    }
    assert.deepEqual(short(judge(ruled({ provenance: 'ifPresent' }), BARE)), ['allow'])
  })
  it('a registry\'s word is no alternative for them', () => {
    const policy = ruled({ provenance: 'ifPresent', anyOf: [{ provenance: 'required' }, { registrySignature: 'required' }] }, 'recommended')
    assert.deepEqual(short(judge(policy, BARE)), ['deny', 'requirement-unmet'])
  })
  it('of an uplink the same defaults ask for it', () => {
    const policy = policyOf({ extends: 'lockdown', rules: [{ packages: ['**'], origin: 'any' }] })
    assert.equal(judge(policy, { signature: ABSENT, publishAttestation }).outcome, 'deny')
  })
  it('provenance that does not verify is refused under a rule that only looks at what is there', () => {
    assert.deepEqual(short(judge(ruled({ provenance: 'ifPresent' }), { ...BARE, provenance: failed('invalid', 'provenance-invalid') })), ['deny', 'provenance-invalid'])
  })
  it('what is looked at depends on where the version comes from', () => {
    const policy = policyOf({ extends: 'recommended', rules: [{ packages: ['**'], origin: 'upstream', require: { provenance: 'ignore' } }, { packages: ['**'], origin: 'local' }] })
    const ref = { name: 'a', version: '1.0.0' }
    assert.deepEqual([policy.needs(ref).provenance, policy.needs(ref, 'local').provenance], [false, true])
    assert.equal(policyOf({ extends: 'recommended' }).needs(ref, 'local').provenance, false)
  })
  it('a rule for one origin hides none for the other', () => {
    const rule = (origin: string) => ({ name: origin, packages: ['a'], origin })
    const warnings = (...origins: string[]): number => policyOf({ extends: 'recommended', rules: origins.map(rule) }).warnings.filter(({ message }) => message.startsWith('is never reached')).length
    assert.deepEqual([warnings('upstream', 'local'), warnings('local', 'upstream'), warnings('local', 'any'), warnings('any', 'local'), warnings('upstream', 'any')], [0, 0, 0, 1, 0])
  })
  it('of several rules that take the packages of another, the one that decides on them is named', () => {
    const warnings = (...packages: string[]): readonly string[] => policyOf({ extends: 'recommended', rules: packages.map((one) => ({ name: one, packages: [one] })) }).warnings.map(({ message }) => message)
    for (const [first, second, last] of [['@acme/*', '**', '@acme/ui'], ['**', '@acme/*', '@acme/ui'], ['@acme/*-kit', '@acme/u*', '@acme/ui-kit']] as const)
      assert.equal(warnings(first, second, last).at(-1), `is never reached, since "${first}" before it takes its packages`)
  })
})
