/** Trust downgrade: less evidence than a predecessor (attacks, group 13 a, b and e). */
import assert from 'node:assert/strict'
import type { Candidate } from '../../../plugin/domain/evidence.ts'
import type { Before, Counts, Hint, Predecessor, Rank } from '../../../plugin/domain/history.ts'
import type { Stage } from '../../../plugin/domain/ports.ts'
import { runExamples, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { downgradeChecks } from '../../../plugin/policy/downgrade.ts'
import { ago, candidate, failed, judge, NOW, policyOf, requiring, short, signature } from './support.ts'

const ABSENT = { state: 'absent' } as const
const CLAIMED = { state: 'claimed' } as const

interface Past {
  readonly inLine?: Rank
  readonly offLine?: Rank
  readonly hints?: readonly Hint[]
}
const one = (version: string, rank: Rank | undefined): Predecessor | undefined =>
  rank === undefined ? undefined : { version, rank, basis: 'verified', notBefore: ago(200) }
/** A history that says the same of every version, whatever counts. */
const after = ({ inLine, offLine, hints = [] }: Past): Pick<Candidate, 'history'> => ({
  history: { before: (): Before => ({ inLine: one('0.9.0', inLine), offLine: one('2.0.0', offLine), hints: new Set(hints) }) },
})

const LOOKS = { registrySignature: 'ifPresent', provenance: 'ifPresent' } as const
const policy = (trustDowngrade: unknown, more: object = {}, document: object = {}): TrustPolicy =>
  requiring({ ...LOOKS, trustDowngrade, ...more }, document)
const WINDOWS = { inLine: '30d', offLine: '3d' }
/** Signed, without provenance. */
const of = (past: Past, days: number, changes: Partial<Candidate> = {}): Partial<Candidate> => ({ provenance: ABSENT, notBefore: ago(days), ...after(past), ...changes })

describe('policy: trust downgrade', () => {
  it('[13a] less than a predecessor of the line: refused while young, then a warning', () => {
    const young = judge(policy(WINDOWS), of({ inLine: 'provenance' }, 29))
    assert.deepEqual(short(young), ['deny', 'trust-downgrade'])
    assert.deepEqual(young.validUntil, ago(-1))
    assert.deepEqual(short(judge(policy(WINDOWS), of({ inLine: 'provenance' }, 30))), ['warn', 'trust-downgrade'])
  })
  it('[13b] less than a predecessor of another line, by its own window', () => {
    assert.deepEqual(short(judge(policy(WINDOWS), of({ offLine: 'provenance' }, 2))), ['deny', 'trust-downgrade'])
    const aged = judge(policy(WINDOWS), of({ offLine: 'provenance' }, 3))
    assert.deepEqual(short(aged), ['warn', 'trust-downgrade'])
    assert.equal(aged.validUntil, undefined)
  })
  it('the reason names the predecessor and what it had', () => {
    const [reason] = judge(policy(WINDOWS), of({ inLine: 'provenance' }, 1)).reasons
    assert.deepEqual(reason?.detail, {
      expected: 'provenance',
      actual: 'signature',
      line: 'inLine',
      predecessor: '0.9.0',
      basis: 'verified',
      until: ago(-29).toISOString().replace('.000Z', 'Z'),
    })
  })
  it('forever refuses for ever, allow finds nothing, and 0 only warns', () => {
    for (const line of ['inLine', 'offLine'] as const) {
      const past = of({ [line]: 'provenance' }, 3000)
      const forever = judge(policy({ inLine: 'allow', offLine: 'allow', [line]: 'forever' }), past)
      assert.deepEqual([...short(forever), forever.validUntil], ['deny', 'trust-downgrade', undefined])
      assert.deepEqual(short(judge(policy({ inLine: 'forever', offLine: 'forever', [line]: 'allow' }), past)), ['allow'])
      assert.deepEqual(short(judge(policy({ inLine: 'allow', offLine: 'allow', [line]: '0' }), of({ [line]: 'provenance' }, 0))), ['warn', 'trust-downgrade'])
    }
    assert.deepEqual(short(judge(policy('forever'), of({ offLine: 'provenance' }, 3000))), ['deny', 'trust-downgrade'])
    assert.deepEqual(short(judge(policy('allow'), of({ inLine: 'provenance', hints: ['trustedPublisher'] }, 1))), ['allow'])
  })
  it('what is left open is as the preset says', () => {
    const left = policyOf({ extends: 'strict', defaults: { minimumReleaseAge: 0, trustDowngrade: { inLine: '1d' } } })
    assert.deepEqual(left.rules[0]?.require.trustDowngrade, { inLine: '1d', offLine: '30d' })
  })
  it('one word stands for both lines, also where no preset filled them in', () => {
    const situation = { stage: 'gate', now: NOW, listing: 'claimed', onUnavailable: 'deny' } as const
    const found = (trustDowngrade: string, days: number): readonly string[] =>
      downgradeChecks({ ...LOOKS, trustDowngrade: trustDowngrade as 'forever' }).flatMap((check) => check(candidate(of({ offLine: 'provenance' }, days)), situation)).map(({ severity }) => severity)
    assert.deepEqual([found('2d', 1), found('2d', 2), found('allow', 1)], [['deny'], ['warn'], []])
  })
  it('what nobody filled in is not switched off', () => {
    const situation = { stage: 'gate', now: NOW, listing: 'claimed', onUnavailable: 'deny' } as const
    for (const line of ['inLine', 'offLine'] as const) {
      const findings = downgradeChecks({ ...LOOKS, trustDowngrade: {} }).flatMap((check) => check(candidate(of({ [line]: 'provenance' }, 3000)), situation))
      assert.deepEqual(findings.map(({ severity }) => severity), ['deny'])
    }
  })
  const RANKS: readonly (readonly [what: string, before: Rank, changes: Partial<Candidate>, refused: boolean])[] = [
    ['provenance after provenance', 'provenance', {}, false],
    ['a signature after a signature', 'signature', { provenance: ABSENT }, false],
    ['provenance after a signature', 'signature', { signature: ABSENT }, false],
    ['a signature after provenance', 'provenance', { provenance: ABSENT }, true],
    ['nothing after a signature', 'signature', { provenance: ABSENT, signature: ABSENT }, true],
    ['nothing after provenance', 'provenance', { provenance: ABSENT, signature: ABSENT }, true],
    ['nothing after nothing', 'none', { provenance: ABSENT, signature: ABSENT }, false],
    ['kept provenance that vanished upstream', 'provenance', { provenance: { ...(candidate().provenance as object), withdrawn: true } as Candidate['provenance'] }, false],
  ]
  for (const [what, rank, changes, refused] of RANKS)
    it(`${what} is ${refused ? 'a step down' : 'none'}`, () => {
      const verdict = judge(policy(WINDOWS), { notBefore: ago(1), ...after({ inLine: rank }), ...changes })
      assert.equal(verdict.outcome === 'deny', refused)
      assert.equal(verdict.reasons.some(({ code }) => code === 'trust-downgrade'), refused)
    })

  it('the history is asked for what the rule looks at, and for nothing that it ignores', () => {
    const asked: Counts[] = []
    const history = { before: (_version: string, counts: Counts): Before => { asked.push(counts); return { inLine: undefined, offLine: undefined, hints: new Set() } } }
    judge(policy('forever'), { history })
    judge(policy('forever', { provenance: 'ignore' }), { history })
    judge(policy('forever', { registrySignature: 'ignore' }), { history })
    judge(policy('forever', { registrySignature: 'ignore', provenance: 'ignore', anyOf: [{ provenance: 'required' }] }), { history })
    assert.deepEqual(asked, [
      { signature: true, provenance: true },
      { signature: true, provenance: false },
      { signature: false, provenance: true },
      { signature: false, provenance: true },
    ])
  })
  it('a signature that only a branch asks for counts', () => {
    const either = { registrySignature: 'ignore', anyOf: [{ registrySignature: 'ifPresent' }] }
    const verdict = judge(policy(WINDOWS, either), of({ inLine: 'signature' }, 1, { signature: ABSENT }))
    assert.deepEqual(short(verdict), ['deny', 'trust-downgrade'])
  })
  it('ignored provenance does not lift a candidate either', () => {
    const verdict = judge(policy(WINDOWS, { provenance: 'ignore' }), { signature: ABSENT, notBefore: ago(1), ...after({ inLine: 'signature' }) })
    assert.deepEqual(short(verdict), ['deny', 'trust-downgrade'])
  })

  describe('evidence that is not verified', () => {
    const claimed = (stage: Stage, more: object = {}): readonly string[] =>
      short(judge(policy(WINDOWS, {}, more), of({ inLine: 'provenance' }, 1, { provenance: CLAIMED, contents: { repository: undefined } }), stage))
    it('a claim is taken at its word in a listing, and at no gate', () => {
      assert.deepEqual(claimed('listing'), ['allow'])
      assert.deepEqual(claimed('listing', { listing: 'verified' }), ['unavailable', 'verification-pending'])
      assert.deepEqual(claimed('gate'), ['unavailable', 'verification-pending'])
      assert.deepEqual(claimed('delivery'), ['unavailable', 'verification-pending'])
    })
    it('[13a] what is not even claimed is a step down in a listing too', () => {
      assert.deepEqual(short(judge(policy(WINDOWS), of({ inLine: 'provenance' }, 1), 'listing')), ['deny', 'trust-downgrade'])
    })
    it('a signature that is only claimed is waited for, and the reason says that it is the signature', () => {
      const ignoring = { registrySignature: 'ignore', anyOf: [{ registrySignature: 'required' }, { minimumReleaseAge: '1d' }] }
      const { outcome, reasons } = judge(policy(WINDOWS, ignoring), of({ inLine: 'signature' }, 2, { signature: CLAIMED }))
      assert.deepEqual([outcome, reasons.map(({ code, detail }) => [code, detail?.evidence])], ['unavailable', [['verification-pending', 'signature']]])
    })
    it('[13b] a line that refuses is not held up by one that is still open', () => {
      const late = of({ inLine: 'provenance', offLine: 'signature' }, 1, { signature: failed('unavailable', 'evidence-unavailable') })
      assert.deepEqual(short(judge(policy(WINDOWS), late))[0], 'deny')
    })
    it('a claim that nothing else waits for is waited for here', () => {
      const either = { provenance: 'ignore', anyOf: [{ provenance: 'required' }, { minimumReleaseAge: '1d' }] }
      const outcome = (stage: Stage, document: object = {}): readonly string[] =>
        short(judge(policy(WINDOWS, either, document), of({ inLine: 'provenance' }, 2, { provenance: CLAIMED }), stage))
      assert.deepEqual(outcome('listing'), ['allow'])
      assert.deepEqual(outcome('listing', { listing: 'verified' }), ['unavailable', 'verification-pending'])
      assert.deepEqual(outcome('gate'), ['unavailable', 'verification-pending'])
    })
    const open = failed('unavailable', 'evidence-unavailable')
    it('what the upstream does not answer for is undecided, though the policy allows outages', () => {
      const outage = { onUnavailable: 'allow' }
      const verdict = judge(policy(WINDOWS, {}, outage), of({ inLine: 'provenance' }, 1, { provenance: open }))
      assert.deepEqual(short(verdict), ['unavailable', 'evidence-unavailable'])
      assert.deepEqual(verdict.validUntil, ago(-29))
      assert.deepEqual(short(judge(policy(WINDOWS, {}, outage), of({ inLine: 'signature' }, 1, { provenance: ABSENT, signature: open }))), ['unavailable', 'evidence-unavailable'])
    })
    it('where it would be served in any case, an outage that is allowed stays allowed', () => {
      assert.deepEqual(short(judge(policy(WINDOWS, {}, { onUnavailable: 'allow' }), of({ inLine: 'provenance' }, 31, { provenance: open }))), ['warn', 'evidence-unavailable'])
    })
    it('it is a step down where nothing that is open could make good for it', () => {
      const verdict = judge(policy(WINDOWS, {}, { onUnavailable: 'allow' }), of({ inLine: 'provenance' }, 1, { signature: open }))
      assert.deepEqual(short(verdict)[0], 'deny')
      assert.equal(verdict.reasons[0]?.detail?.actual, 'none')
    })
    it('a signature by a key that nobody knows lifts nobody', () => {
      const verdict = judge(policy(WINDOWS), of({ inLine: 'signature' }, 1, { signature: failed('unknown-key', 'signature-key-unknown') }))
      assert.deepEqual([...short(verdict)].sort(), ['deny', 'signature-key-unknown', 'trust-downgrade'])
    })
    it('attestations that are announced and missing are a step down as well, whoever waives that they are missing', () => {
      const waivers = [{ package: '@acme/widget@1.0.0', waives: ['attestation-missing'], reason: 'x', approvedBy: 'y', expires: '2027-01-01' }]
      const missing = of({ inLine: 'provenance' }, 1, { provenance: failed('invalid', 'attestation-missing') })
      assert.deepEqual(short(judge(policy(WINDOWS, {}, { waivers }), missing)), ['deny', 'trust-downgrade', 'attestation-missing'])
    })
    it('forgery is refused as such, and nothing else is said', () => {
      assert.deepEqual(short(judge(policy(WINDOWS), of({ inLine: 'provenance' }, 1, { provenance: failed('invalid', 'provenance-invalid') }))), ['deny', 'provenance-invalid'])
      assert.deepEqual(short(judge(policy(WINDOWS), of({ inLine: 'provenance' }, 1, { signature: failed('invalid', 'signature-invalid') }))), ['deny', 'signature-invalid'])
    })
  })

  it('of two lines the refusal is said that lasts longer', () => {
    const both = of({ inLine: 'provenance', offLine: 'provenance' }, 1)
    const line = (windows: object): string | undefined => {
      const { reasons } = judge(policy(windows), both)
      assert.equal(reasons.length, 1)
      return reasons[0]?.detail?.line
    }
    assert.equal(line({ inLine: '30d', offLine: '3d' }), 'inLine')
    assert.equal(line({ inLine: '3d', offLine: 'forever' }), 'offLine')
    assert.equal(line({ inLine: '0', offLine: '3d' }), 'offLine')
    assert.equal(line({ inLine: 'allow', offLine: '0' }), 'offLine')
  })
  it('a publish time that cannot be told is young for ever', () => {
    const verdict = judge(policy(WINDOWS), of({ inLine: 'provenance' }, 1, { notBefore: new Date(NaN) }))
    assert.deepEqual([...short(verdict), verdict.validUntil], ['deny', 'trust-downgrade', undefined])
  })

  describe('hints', () => {
    const past = { inLine: 'provenance', hints: ['trustedPublisher', 'stagedPublish'] } as const
    const lacking = { notBefore: ago(29), ...after(past) }
    it('[13e] one that is missing is a warning while the version is young, and no more than that', () => {
      const verdict = judge(policy(WINDOWS), lacking)
      assert.deepEqual(short(verdict), ['warn', 'trust-downgrade', 'trust-downgrade'])
      assert.deepEqual(verdict.reasons.map(({ detail }) => detail?.hint), ['trustedPublisher', 'stagedPublish'])
      assert.deepEqual(verdict.validUntil, ago(-1))
      assert.deepEqual(short(judge(policy(WINDOWS), { ...lacking, notBefore: ago(30) })), ['allow'])
      assert.deepEqual(short(judge(policy('forever'), { ...lacking, notBefore: ago(3000) })), ['warn', 'trust-downgrade', 'trust-downgrade'])
      assert.deepEqual(short(judge(policy({ inLine: 'allow', offLine: 'forever' }), lacking)), ['allow'])
    })
    it('[13e] one that is there is nothing to say', () => {
      const claims = { published: ago(29), trustedPublisher: true, stagedPublish: true }
      assert.deepEqual(short(judge(policy(WINDOWS), { ...lacking, claims })), ['allow'])
    })
    it('[13e] one that is there does not lift a candidate', () => {
      const claims = { published: ago(1), trustedPublisher: true, stagedPublish: true }
      assert.deepEqual(short(judge(policy(WINDOWS), of(past, 1, { claims }))), ['deny', 'trust-downgrade'])
    })
    it('what is refused already is not warned about as well', () => {
      assert.deepEqual(short(judge(policy(WINDOWS), of(past, 1))), ['deny', 'trust-downgrade'])
    })
  })

  describe('what softens it', () => {
    const young = of({ inLine: 'provenance' }, 1)
    it('a waiver of its code', () => {
      const waivers = [{ package: '@acme/widget@1.0.0', waives: ['trust-downgrade'], reason: 'by hand', approvedBy: 'y', expires: '2026-06-10' }]
      const verdict = judge(policy(WINDOWS, {}, { waivers }), young)
      assert.deepEqual([...short(verdict), verdict.waiver?.reason], ['warn', 'trust-downgrade', 'by hand'])
      assert.deepEqual(verdict.validUntil, new Date('2026-06-10'))
      assert.deepEqual(policy(WINDOWS, {}, { waivers }).warnings.filter(({ path }) => path.startsWith('waivers[0].package')), [])
    })
    it('a waiver of what is never refused is pointed out', () => {
      const waivers = [{ package: '@acme/widget@1.0.0', waives: ['trust-downgrade'], reason: 'x', approvedBy: 'y', expires: '2027-01-01' }]
      const doubts = (windows: unknown): number => policy(windows, {}, { waivers }).warnings.filter(({ path }) => path === 'waivers[0].package').length
      assert.deepEqual([doubts('allow'), doubts({ inLine: 0, offLine: 'allow' }), doubts({ inLine: 'allow', offLine: '1d' })], [1, 1, 0])
    })
    it('a rule that warns, and a policy that monitors', () => {
      const warning = policyOf({ defaults: { minimumReleaseAge: 0 }, rules: [{ packages: ['**'], require: { ...LOOKS, trustDowngrade: 'forever' }, onFailure: 'warn' }] })
      assert.deepEqual(short(judge(warning, young)), ['warn', 'trust-downgrade'])
      const monitored = judge(policy('forever', {}, { mode: 'monitor' }), young)
      assert.deepEqual([...short(monitored), monitored.monitored], ['warn', 'trust-downgrade', true])
    })
    it('a rule that allows by verdict', () => {
      const allowing = policyOf({ extends: 'lockdown', rules: [{ packages: ['**'], verdict: 'allow', reason: 'x' }] })
      assert.deepEqual(short(judge(allowing, young)), ['allow'])
    })
  })

  it('presets: observe and recommended give it 30 days, strict and lockdown never', () => {
    const of = (preset: string): readonly string[] => {
      const changes = { ...after({ inLine: 'provenance' }), notBefore: ago(29), provenance: ABSENT, signature: signature() }
      return short(judge(policyOf({ extends: preset }), changes)).filter((_, index, all) => index === 0 || all[index] === 'trust-downgrade')
    }
    assert.deepEqual(of('observe'), ['warn', 'trust-downgrade'])
    assert.deepEqual(of('recommended'), ['deny', 'trust-downgrade'])
    assert.deepEqual(of('strict'), ['deny', 'trust-downgrade'])
    assert.deepEqual(of('lockdown'), ['deny', 'trust-downgrade'])
  })
})

describe('policy: examples that come after others', () => {
  const run = (example: object): readonly string[] => {
    const document = { extends: 'recommended', examples: [{ package: 'a@1.4.1', age: '10d', evidence: { signature: 'verified' }, expect: 'allow', ...example }] }
    const [result] = runExamples(policyOf(document), NOW)
    assert.ok(result !== undefined)
    return [result.actual.outcome, ...result.actual.reasons]
  }
  const built = { evidence: { provenance: 'verified' } }
  it('are compared with them', () => {
    assert.deepEqual(run({}), ['allow'])
    assert.deepEqual(run({ after: [{ version: '1.4.0', age: '40d', ...built }] }), ['deny', 'trust-downgrade'])
    assert.deepEqual(run({ after: [{ version: '1.4.0', age: '40d', ...built }], age: '31d' }), ['warn', 'trust-downgrade'])
    assert.deepEqual(run({ after: [{ version: '2.0.0', age: '40d', ...built }] }), ['warn', 'trust-downgrade'])
    assert.deepEqual(run({ after: [{ version: '2.0.0', age: '40d', ...built }], age: '2d' }), ['deny', 'trust-downgrade'])
  })
  it('one that was published later is none that came before', () => {
    assert.deepEqual(run({ after: [{ version: '1.4.0', age: '9d', ...built }] }), ['allow'])
    assert.deepEqual(run({ after: [{ version: '1.4.2', published: '2026-01-01', ...built }] }), ['deny', 'trust-downgrade'])
  })
  it('what is not said of them is absent, and a day before', () => {
    assert.deepEqual(run({ after: [{ version: '1.4.0' }] }), ['allow'])
    assert.deepEqual(run({ after: [{ version: '1.4.0', ...built }] }), ['deny', 'trust-downgrade'])
  })
  it('lines, prereleases, certificates and hints', () => {
    assert.deepEqual(run({ package: 'a@0.3.1', age: '5d', after: [{ version: '0.2.0', ...built }] }), ['warn', 'trust-downgrade'])
    assert.deepEqual(run({ package: 'a@0.3.1', age: '5d', after: [{ version: '0.3.0', ...built }] }), ['deny', 'trust-downgrade'])
    assert.deepEqual(run({ after: [{ version: '1.4.0-rc.1', ...built }] }), ['allow'])
    assert.deepEqual(run({ after: [{ version: '1.4.0', evidence: { provenance: { issuer: 'github-actions' } } }] }), ['deny', 'trust-downgrade'])
    assert.deepEqual(run({ after: [{ version: '1.4.0', hints: { stagedPublish: true } }] }), ['warn', 'trust-downgrade'])
    assert.deepEqual(run({ after: [{ version: '1.4.0', evidence: { provenance: 'invalid' } }] }), ['allow'])
  })
  it('the example itself in the list is not before itself', () => {
    assert.deepEqual(run({ after: [{ version: '1.4.1', age: '40d', ...built }] }), ['allow'])
  })
})
