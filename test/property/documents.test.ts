/** Properties of what registries send: metadata, digests, JSON. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseIntegrity, sriOf } from '../../plugin/domain/integrity.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { tarballFileName } from '../../plugin/domain/package-ref.ts'
import { parsePackument } from '../../plugin/domain/packument.ts'
import { reason } from '../../plugin/domain/reason.ts'
import { parseBothWays, parseStrictJson, StrictJsonError } from '../../plugin/domain/strict-json.ts'
import type { Outcome, Verdict } from '../../plugin/domain/verdict.ts'
import { rewritePackument } from '../../plugin/enforce/rewrite.ts'
import { versionOfFile } from '../../plugin/pipeline/tarball-name.ts'

const RUNS = { seed: 20_260_101, numRuns: 200 } as const
const key = fc.oneof(
  fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9), fc.constantFrom('', '-rc.1', '-0', 'rc2', '+b')).map(([a, b, c, end]) => `${a}.${b}.${c}${end}`),
  fc.constantFrom('__proto__', 'constructor', 'toString', '', 'latest', '1.0', 'v1.0.0', ' 1.0.0'),
  fc.string(),
)
/** Through text, as everything comes: `__proto__` is a key there like any other. */
const dictionary = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<JsonObject> =>
  fc.array(fc.tuple(key, value), { maxLength: 12 }).map((entries) =>
    JSON.parse(`{${entries.map(([name, one]) => `${JSON.stringify(name)}:${JSON.stringify(one)}`).join()}}`) as JsonObject,
  )
const manifest = fc.oneof(
  fc.record({ name: fc.constant('widget'), version: key, dist: fc.oneof(fc.record({ tarball: fc.webUrl(), integrity: fc.string() }), fc.jsonValue()) }, { requiredKeys: [] }),
  fc.jsonValue(),
)
const packument = fc.record(
  { name: fc.constant('widget'), versions: dictionary(manifest), 'dist-tags': dictionary(fc.oneof(key, fc.jsonValue())), time: dictionary(fc.oneof(key, fc.jsonValue())), _attachments: fc.jsonValue() },
  { requiredKeys: ['name', 'versions'] },
)
const outcome = fc.constantFrom<Outcome>('allow', 'warn', 'deny', 'unavailable')

describe('property: packuments', () => {
  it('any JSON value is a packument or a TypeError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parsePackument(value, 'widget')
        } catch (error) {
          assert.ok(error instanceof TypeError)
        }
      }),
      RUNS,
    )
  })

  it('whatever a packument holds and however it is judged, what is refused is not listed, tagged or dated', () => {
    fc.assert(
      fc.property(packument, fc.array(outcome, { minLength: 12, maxLength: 12 }), fc.constantFrom('full', 'abbreviated'), (raw, outcomes, form) => {
        const before = JSON.stringify(raw)
        const parsed = parsePackument(raw, 'widget')
        const versions = [...parsed.versions.keys()]
        const verdicts = new Map(versions.map((version, index): [string, Verdict] => [
          version,
          { outcome: outcomes[index] ?? 'deny', rule: 'any', reasons: [reason('provenance-absent', 'there is none')] },
        ]))
        const { document } = rewritePackument(parsed, verdicts, { form, baseUrl: 'https://npm.acme.example' })
        const refused = new Set(versions.filter((version) => verdicts.get(version)?.outcome === 'deny'))
        const rest = [Object.keys(document.versions as object), Object.keys((document.time ?? {}) as object), Object.values(document['dist-tags'] as Record<string, string>)].flat()
        assert.deepEqual(rest.filter((version) => refused.has(version)), [])
        assert.equal(JSON.stringify(raw), before)
      }),
      RUNS,
    )
  })

  it('a file name is that of one version or of none', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 8 }), fc.array(fc.constantFrom('a.tgz', 'b.tgz', 'c%2ftgz', ''), { minLength: 8, maxLength: 8 }), fc.string(), (versions, files, asked) => {
        const entries = versions.map((version, index) => [version, { dist: { tarball: `https://registry.example/-/${files[index] ?? ''}` } }] as const)
        const parsed = parsePackument({ name: 'widget', versions: Object.fromEntries(entries) }, 'widget')
        for (const version of parsed.versions.keys()) assert.equal(versionOfFile(parsed, tarballFileName({ name: 'widget', version })), version)
        for (const file of ['a.tgz', 'b.tgz', 'c/tgz']) {
          const owners = [...parsed.versions.values()].filter(({ dist }) => dist.tarball?.endsWith(`/${file}`))
          if (owners.length > 1) assert.equal(versionOfFile(parsed, file), undefined)
        }
        const found = versionOfFile(parsed, asked)
        assert.ok(found === undefined || parsed.versions.has(found))
      }),
      RUNS,
    )
  })
})

describe('property: digests', () => {
  it('every digest has one spelling, and it is read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (digest) => {
        const sha512 = Buffer.from(digest).toString('hex')
        const sri = sriOf(sha512)
        assert.equal(sri, `sha512-${Buffer.from(digest).toString('base64')}`)
        assert.deepEqual(parseIntegrity(sri), { state: 'ok', sri, sha512 })
      }),
      RUNS,
    )
  })

  it('another spelling is no digest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(94), fc.string({ minLength: 1, maxLength: 1 }), (digest, at, other) => {
        const sri = sriOf(Buffer.from(digest).toString('hex'))
        const changed = sri.slice(0, at) + other + sri.slice(at + 1)
        const read = parseIntegrity(changed)
        if (changed !== sri && read.state === 'ok') assert.notEqual(read.sha512, Buffer.from(digest).toString('hex'))
      }),
      RUNS,
    )
  })
})

describe('property: JSON of one reading', () => {
  it('what JSON.stringify writes is read as it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        assert.deepEqual(parseStrictJson(Buffer.from(text)), JSON.parse(text))
        const both = parseBothWays(text)
        assert.equal(both.first, both.last)
      }),
      RUNS,
    )
  })

  it('[4e] a key that comes twice is found wherever it is and however it is spelt', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ minLength: 1 }), fc.boolean(), (value, name, escaped) => {
        const plain = JSON.stringify(name)
        const other = escaped ? `"${Array.from({ length: name.length }, (_, at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"` : plain
        const text = `[{"x":[${JSON.stringify(value)},{${plain}:1,"y":{},${other}:2}]}]`
        assert.throws(() => parseStrictJson(Buffer.from(text)), (error) => error instanceof StrictJsonError && error.fault === 'duplicate-key')
      }),
      RUNS,
    )
  })

  it('any bytes are JSON or a StrictJsonError', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          assert.deepEqual(parseStrictJson(bytes), JSON.parse(Buffer.from(bytes).toString()))
        } catch (error) {
          assert.ok(error instanceof StrictJsonError)
        }
      }),
      RUNS,
    )
  })
})
