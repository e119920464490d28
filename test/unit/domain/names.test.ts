import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ConfigurationError, Unavailable, messageOf } from '../../../plugin/domain/errors.ts'
import { parseIntegrity, sriOf } from '../../../plugin/domain/integrity.ts'
import { isObject, own, ownObject, ownString, type JsonObject } from '../../../plugin/domain/json.ts'
import { purlOf, specOf, splitSpec, tarballFileName, unscopedName } from '../../../plugin/domain/package-ref.ts'
import { REASON_CODES, isForgery, isReasonCode, isUnavailable, reason } from '../../../plugin/domain/reason.ts'
import { SingleFlight } from '../../../plugin/domain/single-flight.ts'
import { isServed } from '../../../plugin/domain/verdict.ts'

const HEX = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('hex'))

describe('integrity', () => {
  it('round trip: a digest is read back from what npm would write for it', () => {
    fc.assert(
      fc.property(HEX, (hex) => {
        const sri = sriOf(hex)
        assert.deepEqual(parseIntegrity(sri), { state: 'ok', sri, sha512: hex })
      }),
    )
  })
  it('is what Node writes', () => {
    fc.assert(fc.property(HEX, (hex) => { assert.equal(sriOf(hex), `sha512-${Buffer.from(hex, 'hex').toString('base64')}`) }))
  })
  it('[1j] another spelling of the same digest is malformed', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    fc.assert(
      fc.property(HEX, fc.integer({ min: 1, max: 15 }), (hex, unused) => {
        const sri = sriOf(hex)
        const last = alphabet.charAt(alphabet.indexOf(sri.charAt(92)) + unused)
        const other = `${sri.slice(0, 92)}${last}==`
        assert.equal(Buffer.from(other.slice(7), 'base64').toString('hex'), hex)
        assert.equal(parseIntegrity(other).state, 'malformed')
      }),
    )
  })
  it('nothing but one canonical sha512 is accepted', () => {
    fc.assert(fc.property(fc.string(), (text) => { assert.notEqual(parseIntegrity(text).state, 'ok') }))
  })

  const good = sriOf('ab'.repeat(64))
  for (const value of [undefined, '']) it(`${JSON.stringify(value)} is missing`, () => assert.equal(parseIntegrity(value).state, 'missing'))
  for (const [what, value] of [
    ['two hashes', `${good} ${good}`],
    ['a weaker hash beside it', `sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= ${good}`],
    ['sha1', 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk='],
    ['sha256', 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
    ['an option', `${good}?x`],
    ['a space', ` ${good}`],
    ['a line break', `${good}\n`],
    ['another case', good.replace('sha512', 'SHA512')],
    ['without padding', good.slice(0, -2)],
    ['URL-safe base64', good.replace(/.==$/, '_==')],
    ['one character less', `${good.slice(0, 20)}${good.slice(21)}`],
  ] as const)
    it(`[1j] ${what} is malformed`, () => assert.equal(parseIntegrity(value).state, 'malformed'))
})

describe('references to packages', () => {
  for (const [spec, name, version] of [
    ['widget', 'widget', undefined],
    ['widget@1.0.0', 'widget', '1.0.0'],
    ['@acme/widget', '@acme/widget', undefined],
    ['@acme/widget@1.0.0', '@acme/widget', '1.0.0'],
    ['@1.0.0', '@1.0.0', undefined],
    ['', '', undefined],
    ['widget@', 'widget', ''],
    ['a@b@c', 'a@b', 'c'],
  ] as const)
    it(`${JSON.stringify(spec)} is ${name} and ${String(version)}`, () => assert.deepEqual(splitSpec(spec), { name, version }))
  it('a spec is split into what it was made of', () => {
    const part = fc.stringMatching(/^[a-z0-9._-]+$/)
    const name = fc.oneof(part, fc.tuple(part, part).map(([scope, bare]) => `@${scope}/${bare}`))
    fc.assert(fc.property(name, part, (one, version) => { assert.deepEqual(splitSpec(specOf({ name: one, version })), { name: one, version }) }))
  })
  it('a tarball is named without the scope', () => {
    assert.deepEqual([tarballFileName({ name: '@acme/widget', version: '1.0.0' }), tarballFileName({ name: 'widget', version: '1.0.0' })], ['widget-1.0.0.tgz', 'widget-1.0.0.tgz'])
    assert.equal(unscopedName('@acme/widget'), 'widget')
  })
  it('[2g] a package URL as npm writes it: the scope\'s @ encoded and nothing else', () => {
    assert.equal(purlOf({ name: '@acme/widget', version: '1.0.0+build' }), 'pkg:npm/%40acme/widget@1.0.0+build')
    assert.equal(purlOf({ name: 'Widget_a', version: '1.0.0' }), 'pkg:npm/Widget_a@1.0.0')
  })
})

describe('reason codes', () => {
  it('are each of one kind', () => assert.equal(new Set(REASON_CODES).size, REASON_CODES.length))
  it('of forgery are exactly those no waiver excuses', () => {
    assert.deepEqual(REASON_CODES.filter(isForgery), [
      'signature-invalid', 'publish-attestation-invalid', 'provenance-invalid', 'subject-mismatch', 'statement-mismatch', 'manifest-mismatch',
      'integrity-missing', 'integrity-malformed', 'integrity-mismatch', 'integrity-changed',
    ])
  })
  it('of unavailability are exactly those that are 503', () => {
    assert.deepEqual(REASON_CODES.filter(isUnavailable), ['evidence-unavailable', 'verification-pending', 'trust-material-stale', 'internal-error'])
  })
  it('[16] names of properties are no codes', () => assert.deepEqual(['constructor', '__proto__', 'toString', ''].filter(isReasonCode), []))
  it('are known by name', () => assert.ok(REASON_CODES.every(isReasonCode)))
  it('a detail that is not there is no field', () => {
    assert.equal(Object.hasOwn(reason('recalled', 'x'), 'detail'), false)
    assert.deepEqual(reason('recalled', 'x', { a: 'b' }), { code: 'recalled', message: 'x', detail: { a: 'b' } })
  })
})

describe('verdicts', () => {
  for (const [outcome, served] of [['allow', true], ['warn', true], ['deny', false], ['unavailable', false]] as const)
    it(`${outcome} is ${served ? '' : 'not '}served`, () => assert.equal(isServed({ outcome, rule: '', reasons: [] }), served))
})

describe('JSON objects', () => {
  const OBJECT = JSON.parse('{"a":"x","o":{"b":1},"l":[],"n":null,"i":1,"__proto__":{"hidden":"x"}}') as JsonObject
  it('[16] only own properties are there', () => {
    assert.deepEqual(['constructor', 'toString', 'hidden'].map((key) => own(OBJECT, key)), [undefined, undefined, undefined])
    assert.deepEqual(own(OBJECT, '__proto__'), { hidden: 'x' })
  })
  it('a string is a string', () => assert.deepEqual(['a', 'o', 'n', 'i', 'none'].map((key) => ownString(OBJECT, key)), ['x', undefined, undefined, undefined, undefined]))
  it('an object is no list and not null', () => {
    assert.deepEqual(['o', 'l', 'n', 'a'].map((key) => ownObject(OBJECT, key)), [{ b: 1 }, undefined, undefined, undefined])
    assert.deepEqual([{}, [], null, undefined, 'x', 1].map(isObject), [true, false, false, false, false, false])
  })
})

describe('errors', () => {
  it('unavailable carries its reason, with what is known of it', () => {
    const error = new Unavailable('evidence-unavailable', 'no answer', { cause: 'x', detail: { status: '502' } })
    assert.deepEqual([error.reason, error.cause, error.name], [{ code: 'evidence-unavailable', message: 'no answer', detail: { status: '502' } }, 'x', 'Unavailable'])
  })
  it('a configuration error names file, line, key, mistake and remedy, one line each', () => {
    const problems = [
      { path: 'rules[0].name', line: 7, message: 'is missing', remedy: 'Give the rule a name.' },
      { path: '', message: 'is not a mapping', remedy: 'Begin anew.' },
    ]
    assert.equal(
      new ConfigurationError('policy.yaml', problems).message,
      'policy.yaml:7: rules[0].name: is missing. Give the rule a name.\npolicy.yaml: is not a mapping. Begin anew.',
    )
  })
  it('anything thrown has a message', () => assert.deepEqual([messageOf(new Error('x')), messageOf('y'), messageOf(undefined)], ['x', 'y', 'undefined']))
})

describe('single flight', () => {
  it('one run for all who ask meanwhile, and a new one after it', async () => {
    const flight = new SingleFlight<string, number>()
    let runs = 0
    const start = (): Promise<number> => Promise.resolve(++runs)
    assert.deepEqual(await Promise.all([flight.run('a', start), flight.run('a', start), flight.run('b', start)]), [1, 1, 2])
    assert.equal(await flight.run('a', start), 3)
  })
  it('a failure is everybody\'s who waits, and not the next one\'s', async () => {
    const flight = new SingleFlight<string, number>()
    const fail = (): Promise<number> => Promise.reject(new Error('x'))
    const results = await Promise.allSettled([flight.run('a', fail), flight.run('a', fail)])
    assert.deepEqual(results.map(({ status }) => status), ['rejected', 'rejected'])
    assert.equal(await flight.run('a', () => Promise.resolve(1)), 1)
  })
  it('settled waits for the end, however it comes', async () => {
    const flight = new SingleFlight<string, number>()
    let ended = false
    const running = flight.run('a', async () => {
      await Promise.resolve()
      ended = true
      throw new Error('x')
    })
    const settled = flight.settled().then(() => ended)
    await assert.rejects(running)
    assert.equal(await settled, true)
  })
})
