import assert from 'node:assert/strict'
import type { Decision } from '../../../plugin/domain/ports.ts'
import { parsePolicy, type TrustPolicy } from '../../../plugin/policy/index.ts'
import { WaiverUse, waiverConcerns } from '../../../plugin/rollout/waiver-use.ts'
import { candidate } from '../policy/support.ts'

const ABSENT = { state: 'absent' } as const
const NOW = new Date('2026-06-01T00:00:00Z')
const waiver = (waives: string, expires = '2027-01-01'): object => ({ package: '@acme/widget@1.0.0', waives: [waives], reason: 'r', approvedBy: 'ann@acme.example', expires })
const policyOf = (...waivers: readonly object[]): TrustPolicy =>
  parsePolicy({ version: 1, extends: 'recommended', defaults: { provenance: 'required', publishAttestation: 'required' }, waivers }, 'policy.yaml', { now: NOW })

describe('waivers in use', () => {
  const passed: Decision[] = []
  const use = (): WaiverUse => new WaiverUse({ record: (decision) => { passed.push(decision) } })
  const decision = (policy: TrustPolicy, kind: Decision['kind'] = 'warned', changes: Parameters<typeof candidate>[0] = {}): Decision => {
    const one = candidate({ ref: { name: '@acme/widget', version: '1.0.0' }, provenance: ABSENT, contents: { repository: undefined }, ...changes })
    return { kind, ref: one.ref, uplink: 'main', integrity: undefined, verdict: policy.evaluate(one, 'delivery', NOW), policyRevision: policy.revision, at: NOW }
  }

  it('each that excused something of what was served is counted, and the decision goes on', () => {
    const counted = use()
    const policy = policyOf(waiver('provenance-absent'), waiver('publish-attestation-absent'), waiver('release-too-young'))
    const both = decision(policy, 'warned', { publishAttestation: ABSENT })
    counted.record(both)
    counted.record(decision(policy))
    assert.deepEqual(counted.report(policy, NOW).map(({ uses, lastUsed }) => [uses, lastUsed]), [[2, NOW], [1, NOW], [0, undefined]])
    assert.ok(passed.includes(both))
  })
  it('what was not served counts for nothing', () => {
    const counted = use()
    const policy = policyOf(waiver('provenance-absent'))
    for (const kind of ['refused', 'withheld', 'unavailable'] as const) counted.record(decision(policy, kind))
    assert.equal(counted.report(policy, NOW)[0]?.uses, 0)
  })
  it('a waiver that a reload keeps keeps its count', () => {
    const counted = use()
    counted.record(decision(policyOf(waiver('provenance-absent'))))
    const next = policyOf(waiver('release-too-young'), waiver('provenance-absent'))
    assert.deepEqual(counted.report(next, NOW).map(({ uses }) => uses), [0, 1])
  })
  it('those that end within 14 days, that are over, and that nobody needed are told', () => {
    const policy = policyOf(waiver('provenance-absent', '2026-06-14'), waiver('release-too-young', '2026-06-15'), waiver('condition-unmet', '2026-06-01T12:00:00Z'))
    const at = (now: Date, unused: boolean): readonly string[] => waiverConcerns(use().report(policy, now), { unused })
    assert.equal(at(NOW, false).length, 2)
    assert.match(at(NOW, false)[0] ?? '', /provenance-absent\) ends in 13 days, at 2026-06-14T00:00Z; approved by (?!.*@)/)
    assert.match(at(NOW, false)[1] ?? '', /ends within a day/)
    assert.match(at(new Date('2026-06-02'), false)[2] ?? '', /ended at 2026-06-01T12:00Z/)
    assert.equal(at(NOW, true).filter((line) => line.includes('not needed')).length, 3)
  })
})
