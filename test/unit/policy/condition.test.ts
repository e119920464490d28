import assert from 'node:assert/strict'
import type { Candidate } from '../../../plugin/domain/evidence.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import type { TrustPolicy } from '../../../plugin/policy/index.ts'
import { ago, candidate, failed, judge, NOTHING, NOW, policyOf, provenance, short } from './support.ts'

const where = (text: string, require: object = {}, document: object = {}): TrustPolicy =>
  policyOf({ ...document, defaults: NOTHING, rules: [{ name: 'all', packages: ['**'], origin: 'any', where: text, require }] })
const met = (text: string, changes: Partial<Candidate> = {}): boolean => judge(where(text), changes).outcome === 'allow'

describe('policy: where', () => {
  const TRUE: readonly string[] = [
    'package.name == "@acme/widget" && package.scope == "@acme" && package.version == "1.0.0"',
    'package.major == 1 && package.minor == 0 && package.patch == 0 && !package.prerelease',
    'release.ageDays == 100 && release.uplink == "main" && release.origin == "upstream"',
    'evidence.signature == "verified" && evidence.publishAttestation == "verified" && evidence.provenance == "verified"',
    'identity.issuer == "https://token.actions.githubusercontent.com" && identity.sourceRepository.startsWith("https://github.com/acme/")',
    'identity.sourceRepositoryId == "1001" && identity.sourceOwnerId == "2002" && identity.sourceOwner.endsWith("/acme")',
    'identity.sourceRef == "refs/tags/v1.0.0" && identity.sourceDigest.startsWith("aaaa")',
    'identity.workflow == ".github/workflows/release.yml" && identity.signerWorkflow.contains("release.yml@")',
    'identity.trigger == "push" && identity.runner == "github-hosted" && identity.environment == "npm" && identity.visibility == "public"',
    '!hints.trustedPublisher && !hints.stagedPublish',
    '["@acme/", "@ours/"].exists(scope, package.name.startsWith(scope))',
    'identity.trigger in ["push", "release"]',
    'package.prerelease ? identity.trigger == "workflow_dispatch" : true',
    'package.name.upperAscii() == "@ACME/WIDGET"',
  ]
  for (const text of TRUE)
    it(`${text} holds`, () => {
      assert.equal(met(text), true)
      assert.deepEqual(short(judge(where(`!(${text})`))), ['deny', 'condition-unmet'])
    })

  it('package is the package in the expression, and a word in a text', () => {
    assert.equal(met('"package" != "Package" && package.name != "package"'), true)
    for (const text of ["'package' == \"package\"", '"""package""" == "package" // package', 'r"\\package" != r"\\Package" && package.major == 1'])
      assert.equal(met(text), true, text)
    assert.equal(met('package.name == "@acme/package"', { ref: { name: '@acme/package', version: '1.0.0' } }), true)
    assert.equal(met('"\\"package" == "\\"package"'), true)
    assert.equal(met(`'it"s package' == "it\\"s package"`), true)
  })
  it('is one more requirement beside the others', () => {
    const policy = where('package.scope == "@acme"', { provenance: 'required' })
    assert.deepEqual(short(judge(policy, { provenance: { state: 'absent' } })), ['deny', 'provenance-absent'])
  })
  it('an absent claim, and provenance that is absent, are empty', () => {
    assert.equal(met('identity.environment == ""', { provenance: provenance({ environment: undefined }) }), true)
    assert.equal(met('identity.trigger == "" && evidence.provenance == "absent"', { provenance: { state: 'absent' } }), true)
  })
  it('an error is no', () => {
    const unordered = { ref: { name: 'a', version: 'not-a-version' } }
    assert.equal(met('package.major >= 0', unordered), false)
    assert.equal(met('!package.prerelease', unordered), false)
    assert.equal(met('package.name == "a"', unordered), true)
    assert.equal(met('release.ageDays >= 0', { notBefore: new Date(NaN) }), false)
    assert.equal(met('identity.sourceRef != "x"', { provenance: provenance({ sourceRef: 'x'.repeat(5000) }) }), false)
  })
  it('waits for the evidence it reads', () => {
    const policy = where('identity.trigger != "issue_comment"')
    const unavailable = { provenance: failed('unavailable', 'evidence-unavailable') }
    assert.deepEqual(short(judge(policy, unavailable)), ['unavailable', 'evidence-unavailable'])
    assert.deepEqual(short(judge(policy, { provenance: { state: 'claimed' } })), ['unavailable', 'verification-pending'])
    assert.deepEqual(short(judge(policy, { provenance: { state: 'claimed' } }, 'listing')), ['allow'])
    const verified = where('evidence.provenance == "verified"', {}, { listing: 'verified' })
    assert.deepEqual(short(judge(verified, { provenance: { state: 'claimed' } }, 'listing')), ['unavailable', 'verification-pending'])
    assert.deepEqual(short(judge(where('package.major == 1'), unavailable)), ['allow'])
  })
  it('what it reads is looked at, whatever else is ignored', () => {
    const needs = (text: string): readonly boolean[] => {
      const { signature, publishAttestation, provenance: has } = where(text).needs({ name: 'a', version: '1.0.0' })
      return [signature, publishAttestation, has]
    }
    assert.deepEqual(needs('package.major == 1'), [false, false, false])
    assert.deepEqual(needs('["push"].exists(t, t == identity.trigger)'), [false, false, true])
    assert.deepEqual(needs('package.major == 1 && identity.trigger == "push"'), [false, false, true])
    assert.deepEqual(needs('evidence.signature == "verified" || evidence.publishAttestation == "verified"'), [true, true, false])
  })
  for (const text of [
    '(package.name.matches("(a+)+") ? "a" : "b").startsWith("a")',
    'package.name.startsWith(package.name.matches("(a+)+") ? "a" : "b")',
    '[package.name.matches("(a+)+") ? "a" : "b"].exists(t, t == "a")',
    '["a"].exists(t, t.matches("(a+)+"))',
  ])
    it(`${text} is refused, however deep the regular expression stands`, () => {
      assert.throws(() => where(text), ConfigurationError)
    })
  it('tells prereleases and names without a scope', () => {
    const rc = { ref: { name: 'widget', version: '1.0.0-rc.1' } }
    assert.deepEqual([met('package.prerelease', rc), met('!package.prerelease', rc), met('package.scope == ""', rc)], [true, false, true])
  })
  it('forged evidence that it reads is refused', () => {
    assert.equal(met('evidence.provenance != "verified"', { provenance: failed('invalid', 'provenance-invalid') }), false)
  })
  it('says when the clock alone changes it, and changes then', () => {
    const policy = where('release.ageDays < 30')
    const changes = { notBefore: ago(10) }
    const { outcome, validUntil } = judge(policy, changes)
    assert.deepEqual([outcome, validUntil], ['allow', new Date(NOW.getTime() + 20 * 86_400_000)])
    assert.ok(validUntil !== undefined)
    assert.equal(judge(policy, changes, 'gate', new Date(validUntil.getTime() - 1)).outcome, 'allow')
    assert.equal(judge(policy, changes, 'gate', validUntil).outcome, 'deny')
    assert.equal(judge(policy, { notBefore: ago(90) }).validUntil, undefined)
    assert.equal(judge(where('release.ageDays != 10'), changes).validUntil?.getTime(), NOW.getTime() + 86_400_000)
  })
  it('the earlier of two moments counts: what the clock changes in the condition, and what it changes beside it', () => {
    const until = (expires: string): Date | undefined => {
      const waivers = [{ package: '@acme/widget@1.0.0', waives: ['provenance-absent'], reason: 'x', approvedBy: 'y', expires }]
      const policy = where('release.ageDays < 30', { provenance: 'required' }, { waivers })
      return judge(policy, { notBefore: ago(10), provenance: { state: 'absent' } }).validUntil
    }
    assert.deepEqual([until('2026-06-05'), until('2026-12-01')], [new Date('2026-06-05'), ago(-20)])
  })
  it('counts whole days, and none before the time of publication', () => {
    assert.equal(met('release.ageDays == 9', { notBefore: ago(9.9) }), true)
    assert.equal(met('release.ageDays == 0', { notBefore: ago(-5) }), true)
  })
  it('[16] a hint or claim cannot bring a field of its own', () => {
    for (const text of ['package.constructor == "x"', 'identity.__proto__ == "x"', 'hints.toString == "x"']) assert.throws(() => where(text))
  })
  it('is part of the revision', () => {
    assert.notEqual(where('package.major == 1').revision, where('package.major == 2').revision)
  })
  it('is fast, whatever an upstream writes', () => {
    const policy = where('["x", "y", "z"].all(c, !identity.sourceRef.contains(c)) && release.ageDays > 3')
    const hostile = candidate({ provenance: provenance({ sourceRef: 'a'.repeat(4096) }) })
    const start = performance.now()
    for (let round = 0; round < 3000; round++) policy.evaluate(hostile, 'gate', NOW)
    assert.ok(performance.now() - start < 2000)
  })
})
