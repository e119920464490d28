/** The policy in force, written down to be edited, is the same policy. */
import assert from 'node:assert/strict'
import { parsePolicy, policyDocument } from '../../../plugin/policy/index.ts'
import type { PolicyAnswer } from '../../../dashboard/src/answers.ts'
import { policyYaml } from '../../../dashboard/src/whatif/policy-yaml.ts'

const NOW = new Date('2026-06-01T00:00:00Z')
const POLICY = `
version: 1
extends: strict
mode: monitor
rules:
  - name: "Ours: built by our workflow"
    packages: ["@acme/*", "true"]
    origin: any
    require:
      provenance: { issuer: github-actions, sourceRepository: "https://github.com/acme/*", sourceRef: "refs/tags/v{version}", trigger: [push, release] }
      identityPin: workflow
    where: 'package.name.startsWith("@acme/")'
    onFailure: warn
  - packages: ["left-pad@<1.3.0"]
    verdict: deny
    reason: "yes: it was \\"withdrawn\\" # once"
  - packages: ["other"]
    require:
      anyOf:
        - { provenance: required }
        - { registrySignature: required, minimumReleaseAge: 14d }
waivers:
  - package: fsevents@2.3.3
    waives: [provenance-absent]
    reason: no other
    approvedBy: ada
    expires: 2027-03-01
`

describe('dashboard: the policy as a file', () => {
  it('reads the same, rules, waivers and all', () => {
    const policy = parsePolicy(POLICY, 'policy.yaml', { now: NOW })
    const document = policyDocument(policy) as unknown as PolicyAnswer
    const written = policyYaml(document)
    const again = policyDocument(parsePolicy(written, 'policy.yaml', { now: NOW })) as unknown as PolicyAnswer
    // The preset's own rule stands there already, and its twin behind it decides nothing.
    assert.deepEqual(again.rules.slice(0, document.rules.length), document.rules, written)
    assert.deepEqual(again.waivers.map(({ id: _id, ...waiver }) => waiver), document.waivers.map(({ id: _id, ...waiver }) => waiver))
    assert.deepEqual([again.mode, again.preset, again.listing, again.withheld, again.onUnavailable], ['monitor', 'strict', 'claimed', 'hidden', 'deny'])
  })
})
