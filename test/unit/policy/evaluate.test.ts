import assert from 'node:assert/strict'
import type { Evidence } from '../../../plugin/domain/evidence.ts'
import { evaluate } from '../../../plugin/policy/evaluate.ts'
import { presetPolicy } from '../../../plugin/policy/index.ts'
import {
  ago,
  candidate,
  codes,
  failed,
  fault,
  judge,
  NOTHING,
  NOW,
  policyOf,
  provenance,
  requiring,
  short,
  signature,
} from './support.ts'

const ABSENT = { state: 'absent' } as const
const CLAIMED = { state: 'claimed' } as const
const UNAVAILABLE = failed('unavailable', 'evidence-unavailable')

describe('policy: presence', () => {
  const kinds = [
    ['registrySignature', 'signature', 'signature-absent'],
    ['publishAttestation', 'publishAttestation', 'publish-attestation-absent'],
    ['provenance', 'provenance', 'provenance-absent'],
  ] as const
  for (const [key, kind, code] of kinds) {
    it(`[6] ${key} required: absent is refused, verified is not`, () => {
      assert.deepEqual(short(judge(requiring({ [key]: 'required' }), { [kind]: ABSENT })), ['deny', code])
      assert.deepEqual(short(judge(requiring({ [key]: 'required' }))), ['allow'])
    })

    it(`${key} ifPresent: absent is fine, what is there must verify`, () => {
      const policy = requiring({ [key]: 'ifPresent' })
      assert.deepEqual(short(judge(policy, { [kind]: ABSENT })), ['allow'])
      assert.deepEqual(short(judge(policy, { [kind]: failed('invalid', 'attestation-missing') })), [
        'deny',
        'attestation-missing',
      ])
      assert.deepEqual(short(judge(policy, { [kind]: failed('unknown-key', 'signature-key-unknown') })), [
        'deny',
        'signature-key-unknown',
      ])
    })

    it(`${key} ignore: not looked at, whatever is there`, () => {
      for (const evidence of [ABSENT, CLAIMED, UNAVAILABLE, failed('invalid', 'provenance-invalid')])
        assert.deepEqual(short(judge(requiring({ [key]: 'ignore' }), { [kind]: evidence })), ['allow'])
    })

    it(`[6d] ${key}: an upstream that does not answer is undecided, never absent`, () => {
      for (const want of ['required', 'ifPresent'])
        assert.deepEqual(short(judge(requiring({ [key]: want }), { [kind]: UNAVAILABLE })), [
          'unavailable',
          'evidence-unavailable',
        ])
    })

    it(`${key}: a claim never passes the gate`, () => {
      for (const want of ['required', 'ifPresent'])
        assert.deepEqual(short(judge(requiring({ [key]: want }), { [kind]: CLAIMED })), ['unavailable', 'verification-pending'])
    })

    it(`${key}: a claim is listed where the policy lists claims, and only there`, () => {
      assert.deepEqual(short(judge(requiring({ [key]: 'required' }), { [kind]: CLAIMED }, 'listing')), ['allow'])
      assert.deepEqual(short(judge(requiring({ [key]: 'required' }, { listing: 'verified' }), { [kind]: CLAIMED }, 'listing')), [
        'unavailable',
        'verification-pending',
      ])
    })

    it(`${key}: a state that is not understood is refused`, () => {
      const evidence = { state: 'fine' } as unknown as Evidence<never>
      assert.deepEqual(short(judge(requiring({ [key]: 'ifPresent' }), { [kind]: evidence })), ['deny', 'internal-error'])
    })
  }

  it('[1f] whereSigned: missing is refused once the uplink signs', () => {
    const policy = requiring({ registrySignature: 'whereSigned' })
    assert.deepEqual(short(judge(policy, { signature: ABSENT, uplinkSigns: true })), ['deny', 'signature-absent'])
    assert.deepEqual(short(judge(policy, { signature: ABSENT, uplinkSigns: false })), ['allow'])
  })

  it('whereSigned: what is there must verify even where the uplink does not sign', () => {
    const changes = { signature: failed('unknown-key', 'signature-key-unknown'), uplinkSigns: false }
    assert.deepEqual(short(judge(requiring({ registrySignature: 'whereSigned' }), changes)), ['deny', 'signature-key-unknown'])
  })

  it('stale trust material is undecided, not refused', () => {
    const changes = { signature: failed('unknown-key', 'trust-material-stale') }
    assert.deepEqual(short(judge(requiring({ registrySignature: 'required' }), changes)), ['unavailable', 'trust-material-stale'])
  })
})

describe('policy: onUnavailable: allow', () => {
  const policy = (require: object) => requiring(require, { onUnavailable: 'allow' })

  it('reaches what is ifPresent, with a warning', () => {
    assert.deepEqual(short(judge(policy({ provenance: 'ifPresent' }), { provenance: UNAVAILABLE })), [
      'warn',
      'evidence-unavailable',
    ])
  })
  it('an identity is required, as any evidence that is asked for by more than a word', () => {
    assert.deepEqual(short(judge(policy({ provenance: { issuer: 'github-actions' } }), { provenance: ABSENT })), ['deny', 'provenance-absent'])
    assert.deepEqual(short(judge(policy({ provenance: { issuer: 'github-actions' } }), { provenance: CLAIMED })), ['unavailable', 'verification-pending'])
  })
  it('does not reach what is required', () => {
    for (const require of [{ provenance: 'required' }, { provenance: { issuer: 'github-actions' } }])
      assert.deepEqual(short(judge(policy(require), { provenance: UNAVAILABLE })), ['unavailable', 'evidence-unavailable'])
  })
  it('follows whereSigned', () => {
    const of = (uplinkSigns: boolean) =>
      judge(policy({ registrySignature: 'whereSigned' }), { signature: UNAVAILABLE, uplinkSigns }).outcome
    assert.deepEqual([of(true), of(false)], ['unavailable', 'warn'])
  })
  it('does not excuse a verification that could not be finished: its bundle may be made so', () => {
    for (const code of ['internal-error', 'verification-pending'] as const)
      for (const state of ['unavailable', 'invalid'] as const)
        assert.deepEqual(short(judge(policy({ provenance: 'ifPresent' }), { provenance: failed(state, code) })), [
          'unavailable',
          code,
        ])
  })
  it('does not pass a claim at the gate', () => {
    assert.deepEqual(short(judge(policy({ provenance: 'ifPresent' }), { provenance: CLAIMED })), [
      'unavailable',
      'verification-pending',
    ])
  })
})

describe('policy: forgery', () => {
  const forged = failed('invalid', 'provenance-invalid')

  it('is excused by no verdict: allow', () => {
    const policy = policyOf({ extends: 'recommended', rules: [{ packages: ['**'], verdict: 'allow', reason: 'trusted' }] })
    assert.deepEqual(short(judge(policy, { provenance: forged })), ['deny', 'provenance-invalid'])
    assert.deepEqual(short(judge(policy, { faults: [fault('manifest-mismatch')] })), ['deny', 'manifest-mismatch'])
  })
  for (const [key, kind] of [['registrySignature', 'signature'], ['publishAttestation', 'publishAttestation'], ['provenance', 'provenance']] as const)
    it(`may still be found where verdict: allow waits for ${kind}, and is not looked for where it is ignored`, () => {
      const allowing = (require: object) =>
        policyOf({ defaults: NOTHING, rules: [{ packages: ['@acme/*'], verdict: 'allow', reason: 'x' }, { packages: ['**'] }], extends: 'recommended', ...require })
      const looking = allowing({ defaults: { ...NOTHING, [key]: 'required' } })
      assert.deepEqual(short(judge(looking, { [kind]: CLAIMED })), ['unavailable', 'verification-pending'])
      assert.deepEqual(short(judge(looking, { [kind]: ABSENT })), ['allow'])
      assert.deepEqual(short(judge(allowing({}), { [kind]: CLAIMED })), ['allow'])
    })
  it('is excused by no branch of anyOf', () => {
    const policy = requiring({ anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '1d' }] })
    assert.deepEqual(codes(judge(policy, { provenance: forged })), ['provenance-invalid'])
  })
  it('is not examined where it is ignored', () => {
    assert.deepEqual(short(judge(requiring({ provenance: 'ignore' }), { provenance: forged })), ['allow'])
  })
  it('comes first among the reasons, and each once', () => {
    const verdict = judge(requiring({ registrySignature: 'required', provenance: 'required', minimumReleaseAge: '1d' }), {
      signature: ABSENT,
      provenance: forged,
      notBefore: NOW,
      warnings: [fault('evidence-withdrawn')],
    })
    assert.deepEqual(short(verdict), [
      'deny',
      'provenance-invalid',
      'signature-absent',
      'release-too-young',
      'evidence-withdrawn',
    ])
  })
  it('[1j] an integrity that is none is refused even if nobody says it is a fault', () => {
    assert.deepEqual(short(judge(requiring(NOTHING), { integrity: { state: 'malformed' } })), ['deny', 'integrity-malformed'])
    const changes = { integrity: { state: 'missing' }, faults: [fault('integrity-missing')] } as const
    assert.deepEqual(short(judge(requiring(NOTHING), changes)), ['deny', 'integrity-missing'])
  })
})

describe('policy: no rule', () => {
  it('refuses what an uplink serves, in monitor as well', () => {
    const situation = { stage: 'gate', now: NOW, listing: 'claimed', onUnavailable: 'deny' } as const
    for (const mode of ['enforce', 'monitor'] as const) {
      const verdict = evaluate(undefined, candidate(), situation, mode)
      assert.deepEqual([...short(verdict), verdict.rule], ['deny', 'internal-error', 'none'])
    }
  })
})

describe('policy: monitor', () => {
  const policy = requiring({ provenance: 'required' }, { mode: 'monitor' })

  it('serves what policy refuses, and says so', () => {
    const verdict = judge(policy, { provenance: ABSENT })
    assert.deepEqual([...short(verdict), verdict.monitored], ['warn', 'provenance-absent', true])
  })
  it('serves forgery that leaves the bytes as promised', () => {
    assert.equal(judge(policy, { provenance: failed('invalid', 'provenance-invalid') }).monitored, true)
  })
  for (const code of ['integrity-missing', 'integrity-malformed', 'integrity-mismatch', 'integrity-changed'] as const)
    it(`[3] never serves wrong bytes: ${code}`, () => {
      const verdict = judge(policy, { faults: [fault(code)], provenance: ABSENT })
      assert.deepEqual([verdict.outcome, verdict.monitored], ['deny', undefined])
    })
  it('leaves alone what nobody would have refused', () => {
    const verdict = judge(policy)
    assert.deepEqual([...short(verdict), verdict.monitored], ['allow', undefined])
  })
  it('does not decide what cannot be decided', () => {
    assert.deepEqual(short(judge(policy, { provenance: UNAVAILABLE })), ['unavailable', 'evidence-unavailable'])
  })
})

describe('policy: faults and warnings', () => {
  it('a fault refuses whatever the rule requires, and whatever it allows', () => {
    const allow = policyOf({
      extends: 'observe',
      mode: 'enforce',
      rules: [{ packages: ['**'], verdict: 'allow', reason: 'trusted' }],
    })
    for (const policy of [requiring(NOTHING), allow])
      for (const code of ['version-withdrawn', 'origin-changed', 'tarball-host-refused', 'subject-mismatch'] as const)
        assert.deepEqual(short(judge(policy, { faults: [fault(code)] })), ['deny', code])
  })
  it('a fault that only says "not now" leaves it undecided', () => {
    assert.deepEqual(short(judge(requiring(NOTHING), { faults: [fault('internal-error')] })), ['unavailable', 'internal-error'])
  })
  it('a warning warns', () => {
    assert.deepEqual(short(judge(requiring(NOTHING), { warnings: [fault('evidence-withdrawn')] })), [
      'warn',
      'evidence-withdrawn',
    ])
  })
  it('[6h] evidence gone upstream since it verified is a warning', () => {
    const withdrawn = { ...provenance(), withdrawn: true } as const
    assert.deepEqual(short(judge(requiring({ provenance: 'required' }), { provenance: withdrawn })), [
      'warn',
      'evidence-withdrawn',
    ])
    assert.deepEqual(short(judge(requiring(NOTHING), { provenance: withdrawn })), ['allow'])
  })
  it('a refusal wins over what is undecided', () => {
    const policy = requiring({ registrySignature: 'required', provenance: 'required' })
    const codes = ['provenance-absent', 'evidence-unavailable']
    assert.deepEqual(short(judge(policy, { signature: UNAVAILABLE, provenance: ABSENT })), ['deny', ...codes])
  })
})

describe('policy: time', () => {
  const policy = requiring({ minimumReleaseAge: '3d' })

  it('[19c] refuses what is too young, until it is old enough', () => {
    const verdict = judge(policy, { notBefore: ago(1) })
    assert.deepEqual(short(verdict), ['deny', 'release-too-young'])
    assert.deepEqual(verdict.validUntil, ago(-2))
    assert.deepEqual(verdict.reasons[0]?.detail, {
      minimumReleaseAge: '3d',
      notBefore: '2026-05-31T00:00:00Z',
      until: '2026-06-03T00:00:00Z',
    })
  })
  it('passes at the very moment, and not a millisecond before', () => {
    const verdict = judge(policy, { notBefore: ago(3) })
    assert.deepEqual([...short(verdict), verdict.validUntil], ['allow', undefined])
    assert.equal(judge(policy, { notBefore: ago(3) }, 'gate', new Date(NOW.getTime() - 1)).outcome, 'deny')
  })
  it('judges by notBefore, not by what the packument claims', () => {
    const claims = { published: ago(100), trustedPublisher: true, stagedPublish: true }
    assert.deepEqual(codes(judge(policy, { claims, notBefore: ago(1) })), ['release-too-young'])
  })
  it('refuses a time that is none, and a time in the future', () => {
    assert.deepEqual(codes(judge(policy, { notBefore: new Date(NaN) })), ['release-too-young'])
    assert.equal(judge(policy, { notBefore: new Date(NaN) }).validUntil, undefined)
    assert.deepEqual(codes(judge(policy, { notBefore: ago(-10) })), ['release-too-young'])
    assert.deepEqual(codes(judge(policy, { notBefore: ago(10) }, 'gate', new Date(NaN))), ['release-too-young'])
  })
  it('applies to a listing as well', () => {
    assert.deepEqual(codes(judge(policy, { notBefore: ago(1) }, 'listing')), ['release-too-young'])
  })

  const signed = requiring({ registrySignature: 'ifPresent' })
  it('[1i] a key that expired before the version can have been published', () => {
    const changes = { signature: signature('2025-01-29T00:00:00Z'), notBefore: new Date('2025-01-29T00:00:01Z') }
    assert.deepEqual(short(judge(signed, changes)), ['deny', 'signature-key-expired'])
  })
  it('a key that expired since is good for what it signed before', () => {
    const changes = { signature: signature('2025-01-29T00:00:00Z'), notBefore: new Date('2025-01-28T00:00:00Z') }
    assert.deepEqual(short(judge(signed, changes)), ['allow'])
  })
  it('an expiry that cannot be read, and a time that is none, prove nothing', () => {
    assert.deepEqual(codes(judge(signed, { signature: signature('soon') })), ['signature-key-expired'])
    assert.deepEqual(codes(judge(signed, { signature: signature('2999-01-01T00:00:00Z'), notBefore: new Date(NaN) })), [
      'signature-key-expired',
    ])
  })
})

describe('policy: anyOf', () => {
  const policy = requiring({
    registrySignature: 'required',
    anyOf: [{ provenance: 'required' }, { registrySignature: 'required', minimumReleaseAge: '14d' }],
  })

  it('is met by one branch', () => {
    assert.deepEqual(short(judge(policy, { provenance: ABSENT, notBefore: ago(20) })), ['allow'])
    assert.deepEqual(short(judge(policy, { notBefore: ago(1) })), ['allow'])
  })
  it('is refused with every branch when none is met, until the clock meets one', () => {
    const verdict = judge(policy, { provenance: ABSENT, notBefore: ago(4) })
    assert.deepEqual(short(verdict), ['deny', 'requirement-unmet'])
    assert.deepEqual(verdict.validUntil, ago(-10))
    assert.deepEqual(verdict.reasons[0]?.detail, {
      branch1: 'provenance: required (provenance-absent)',
      branch2: 'registrySignature: required and minimumReleaseAge: 14d (release-too-young)',
    })
  })
  it('takes nothing away from what stands beside it', () => {
    assert.deepEqual(short(judge(policy, { signature: ABSENT })), ['deny', 'signature-absent'])
  })
  it('is undecided while a branch may still be met', () => {
    assert.deepEqual(short(judge(policy, { provenance: UNAVAILABLE, notBefore: ago(1) })), [
      'unavailable',
      'evidence-unavailable',
    ])
  })
  it('is met by one branch though another is undecided', () => {
    assert.deepEqual(short(judge(policy, { provenance: UNAVAILABLE, notBefore: ago(20) })), ['allow'])
  })
  it('is met by a branch that only warns, where none is met without', () => {
    const excusing = requiring({ anyOf: [{ minimumReleaseAge: '14d' }, { provenance: 'ifPresent', registrySignature: 'required' }] }, { onUnavailable: 'allow' })
    assert.deepEqual(short(judge(excusing, { provenance: UNAVAILABLE, notBefore: ago(1) })), ['warn', 'evidence-unavailable'])
    const [age, looking] = [{ minimumReleaseAge: '14d' }, { provenance: 'ifPresent', registrySignature: 'required' }]
    for (const anyOf of [[age, looking], [looking, age]])
      assert.deepEqual(short(judge(requiring({ anyOf }, { onUnavailable: 'allow' }), { provenance: UNAVAILABLE, notBefore: ago(20) })), ['allow'])
    const open = requiring({ anyOf: [{ provenance: 'required' }, looking] }, { onUnavailable: 'allow' })
    assert.deepEqual(short(judge(open, { provenance: UNAVAILABLE })), ['warn', 'evidence-unavailable'])
  })
  it('is not met by a branch that warns of one thing and refuses another', () => {
    const excusing = requiring({ anyOf: [{ minimumReleaseAge: '14d' }, { provenance: 'ifPresent', registrySignature: 'required' }] }, { onUnavailable: 'allow' })
    assert.deepEqual(short(judge(excusing, { provenance: UNAVAILABLE, signature: ABSENT, notBefore: ago(1) })), ['deny', 'requirement-unmet'])
  })
  it('is refused where the branch that is undecided is refused as well', () => {
    assert.deepEqual(short(judge(requiring({ anyOf: [{ provenance: 'required' }, { registrySignature: 'required', minimumReleaseAge: '14d' }] }),
      { provenance: ABSENT, signature: UNAVAILABLE, notBefore: ago(1) })), ['deny', 'requirement-unmet'])
  })
  it('[11c] compares identities in a branch', () => {
    const strict = requiring({ anyOf: [{ provenance: { trigger: 'push' } }, { minimumReleaseAge: '14d' }] })
    const changes = { provenance: provenance({ trigger: 'pull_request_target' }), notBefore: ago(1) }
    assert.deepEqual(codes(judge(strict, changes)), ['requirement-unmet'])
    assert.deepEqual(short(judge(strict, { notBefore: ago(1) })), ['allow'])
  })
  it('a branch looks at evidence that its siblings ignore', () => {
    assert.deepEqual(requiring({ anyOf: [{ provenance: 'required' }] }).needs({ name: 'a', version: '1.0.0' }), {
      signature: false,
      publishAttestation: false,
      provenance: true,
    })
  })
})

describe('policy: presets', () => {
  const unsigned = { signature: ABSENT, publishAttestation: ABSENT, provenance: ABSENT, uplinkSigns: false } as const

  it('recommended: nothing but age is asked of a version without evidence', () => {
    assert.deepEqual(short(judge(presetPolicy(), unsigned)), ['allow'])
    assert.deepEqual(short(judge(presetPolicy(), { ...unsigned, uplinkSigns: true })), ['deny', 'signature-absent'])
    assert.deepEqual(short(judge(presetPolicy(), { notBefore: ago(0.5) })), ['deny', 'release-too-young'])
  })
  it('observe refuses nothing but wrong bytes', () => {
    const policy = presetPolicy('observe')
    assert.deepEqual(short(judge(policy, { ...unsigned, uplinkSigns: true, notBefore: NOW })), [
      'warn',
      'signature-absent',
      'release-too-young',
    ])
    assert.equal(judge(policy, { faults: [fault('integrity-changed')] }).outcome, 'deny')
  })
  it('strict: without provenance a version waits fourteen days', () => {
    const policy = presetPolicy('strict')
    assert.deepEqual(short(judge(policy, { provenance: ABSENT, notBefore: ago(5) })), ['deny', 'requirement-unmet'])
    assert.deepEqual(short(judge(policy, { provenance: ABSENT, notBefore: ago(15) })), ['allow'])
    assert.deepEqual(short(judge(policy, { notBefore: ago(5) })), ['allow'])
    assert.deepEqual(short(judge(policy, { notBefore: ago(2) })), ['deny', 'release-too-young'])
  })
  it('lockdown requires all evidence, verified before it is listed', () => {
    const policy = presetPolicy('lockdown')
    assert.deepEqual(short(judge(policy, { ...unsigned })), [
      'deny',
      'signature-absent',
      'publish-attestation-absent',
      'provenance-absent',
    ])
    assert.deepEqual(short(judge(policy, { provenance: CLAIMED }, 'listing')), ['unavailable', 'verification-pending'])
    assert.deepEqual(short(judge(policy)), ['allow'])
  })
  it('judges alike whatever was judged before', () => {
    const policy = presetPolicy('strict')
    const first = policy.evaluate(candidate(), 'gate', NOW)
    judge(policy, { ...unsigned })
    assert.deepEqual(policy.evaluate(candidate(), 'gate', NOW), first)
  })
})
