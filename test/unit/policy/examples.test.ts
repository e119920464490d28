import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parsePolicy, policyJsonSchema, presetDocument, presetPolicy, PRESETS, runExamples, type ExampleResult, type PresetName } from '../../../plugin/policy/index.ts'
import { KEYS } from '../../../plugin/policy/schema.ts'
import { isObject, own, type Json } from '../../../plugin/domain/json.ts'
import { NOW, policyOf } from './support.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const run = (example: object, document: object = { extends: 'lockdown' }): ExampleResult => {
  const [result] = runExamples(policyOf({ ...document, examples: [{ package: '@acme/ui@1.0.0', expect: 'allow', ...example }] }), NOW)
  assert.ok(result !== undefined)
  return result
}
const VERIFIED = { signature: 'verified', publishAttestation: 'verified', provenance: 'verified' }
const outcomeOf = (example: object, document?: object): readonly string[] => {
  const { actual } = run(example, document)
  return [actual.outcome, ...actual.reasons]
}

describe('policy: examples', () => {
  it('what is not mentioned is absent, and a year old', () => {
    assert.deepEqual(outcomeOf({}), ['deny', 'signature-absent', 'publish-attestation-absent', 'provenance-absent'])
    assert.deepEqual(outcomeOf({ evidence: VERIFIED }), ['allow'])
    assert.deepEqual(outcomeOf({ evidence: VERIFIED, age: '6d' }), ['deny', 'release-too-young'])
    assert.deepEqual(outcomeOf({ evidence: VERIFIED, published: '2026-05-30' }), ['deny', 'release-too-young'])
  })
  it('every state of evidence', () => {
    const of = (state: string): readonly string[] => outcomeOf({ evidence: { ...VERIFIED, signature: state } })
    assert.deepEqual(of('invalid'), ['deny', 'signature-invalid'])
    assert.deepEqual(of('unknown-key'), ['deny', 'signature-key-unknown'])
    assert.deepEqual(of('unavailable'), ['unavailable', 'evidence-unavailable'])
    assert.deepEqual(of('claimed'), ['unavailable', 'verification-pending'])
  })
  it('a certificate says what the example says', () => {
    const provenance = {
      issuer: 'github-actions',
      sourceRepository: 'https://github.com/acme/ui',
      sourceRepositoryId: '1',
      sourceOwnerId: '2',
      sourceRef: 'refs/tags/v1.0.0',
      workflow: '.github/workflows/release.yml',
      trigger: 'push',
      runner: 'github-hosted',
      environment: 'npm',
    }
    const document = { extends: 'recommended', rules: [{ packages: ['@acme/*'], require: { provenance: { ...provenance, sourceRef: 'refs/tags/v{version}' } } }] }
    assert.deepEqual(outcomeOf({ evidence: { signature: 'verified', provenance } }, document), ['allow'])
    assert.deepEqual(outcomeOf({ evidence: { signature: 'verified', provenance: { ...provenance, runner: 'self-hosted' } } }, document), ['deny', 'runner-mismatch'])
    assert.deepEqual(outcomeOf({ evidence: { signature: 'verified', provenance: { issuer: 'github-actions' } } }, document)[1], 'identity-claim-missing')
  })
  it('signs, hints, origin and integrity', () => {
    assert.deepEqual(outcomeOf({ signs: false }, { extends: 'recommended' }), ['allow'])
    assert.deepEqual(outcomeOf({}, { extends: 'recommended' }), ['deny', 'signature-absent'])
    const hinted = { extends: 'recommended', defaults: { registrySignature: 'ifPresent', trustedPublisher: 'required' } }
    assert.deepEqual(outcomeOf({ hints: { trustedPublisher: true } }, hinted), ['allow'])
    assert.deepEqual(outcomeOf({}, hinted), ['deny', 'trusted-publisher-absent'])
    assert.deepEqual(outcomeOf({ origin: 'local' }, { extends: 'recommended', rules: [{ packages: ['**'] }] }), ['allow'])
  })
  it('pass where outcome and reasons are as expected, in any order, and fail elsewhere', () => {
    assert.equal(run({ expect: 'deny' }).passed, true)
    assert.equal(run({ expect: 'deny', reasons: ['provenance-absent', 'publish-attestation-absent', 'signature-absent'] }).passed, true)
    assert.equal(run({ expect: 'deny', reasons: ['provenance-absent'] }).passed, false)
    assert.equal(run({ expect: 'deny', reasons: [] }).passed, false)
    assert.equal(run({ expect: 'warn' }).passed, false)
  })
  it('are no part of the revision', () => {
    const examples = [{ package: 'a@1.0.0', expect: 'deny' }]
    assert.equal(policyOf({ extends: 'strict', examples }).revision, policyOf({ extends: 'strict' }).revision)
  })
})

describe('policy: the example in config/, whole', () => {
  const text = read('config/policy.yaml')
  const policy = parsePolicy(text, 'config/policy.yaml')

  it('its examples are as expected', () => {
    assert.ok(policy.examples.length > 3)
    assert.deepEqual(runExamples(policy, NOW).filter(({ passed }) => !passed), [])
  })
  it('names its schema, and shows every key that is supported', () => {
    assert.match(text, /^# yaml-language-server: \$schema=\.\/policy\.schema\.json\n/)
    for (const key of new Set([...KEYS].filter(([place]) => !['example', 'claims', 'hints'].includes(place)).flatMap(([, keys]) => keys)))
      assert.ok(new RegExp(`^[ #-]*(- )?(.*[{ ])?${key}:`, 'm').test(text), key)
  })
  it('what it shows as a comment is accepted too', () => {
    const shown = text.replace(/^# ((?:include|waivers):|  .*)$/gm, '$1')
    const { waivers, includes } = parsePolicy(shown, 'config/policy.yaml', { now: NOW, readFile: () => 'version: 1\n' })
    assert.deepEqual([waivers.length, includes.length], [1, 1])
  })
})

describe('policy: the JSON Schema', () => {
  const schema = JSON.parse(read('config/policy.schema.json')) as Json

  it('is what the code makes of its own schema', () => {
    // Made by `verdaccio-provenance policy schema > config/policy.schema.json`.
    assert.deepEqual(schema, JSON.parse(JSON.stringify(policyJsonSchema())))
  })
  it('describes every key, and knows no others', () => {
    const walk = (node: Json, at: string): void => {
      if (Array.isArray(node)) for (const item of node as readonly Json[]) walk(item, at)
      if (!isObject(node)) return
      const properties = own(node, 'properties')
      if (isObject(properties)) {
        assert.equal(own(node, 'additionalProperties'), false, at)
        for (const [key, value] of Object.entries(properties)) assert.ok(isObject(value) && own(value, 'description') !== undefined, `${at}.${key}`)
      }
      for (const [key, value] of Object.entries(node)) walk(value ?? null, `${at}.${key}`)
    }
    walk(schema, '')
  })
  it('is of draft 2020-12', () => {
    assert.ok(isObject(schema))
    assert.equal(own(schema, '$schema'), 'https://json-schema.org/draft/2020-12/schema')
  })
  it('docs/policy.md speaks of every key', () => {
    const text = read('docs/policy.md')
    for (const key of new Set([...KEYS.values()].flat())) assert.ok(new RegExp(`\\b${key}\\b`).test(text), key)
  })
})

describe('policy: a preset written out', () => {
  for (const name of Object.keys(PRESETS) as readonly PresetName[])
    it(`${name} means what it says`, () => {
      const written = parsePolicy(presetDocument(name), 'preset.yaml')
      const preset = presetPolicy(name)
      assert.deepEqual([written.mode, written.listing, written.onUnavailable], [preset.mode, preset.listing, preset.onUnavailable])
      assert.deepEqual(written.rules.map(({ require }) => require)[0], preset.rules[0]?.require)
    })
})
