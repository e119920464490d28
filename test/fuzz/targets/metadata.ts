/** What a registry says of a package, and JSON of which there is one reading. */
import { isDeepStrictEqual } from 'node:util'
import { parseIntegrity, sriOf } from '../../../plugin/domain/integrity.ts'
import { isObject, type JsonObject } from '../../../plugin/domain/json.ts'
import type { Packument } from '../../../plugin/domain/packument.ts'
import { reason } from '../../../plugin/domain/reason.ts'
import { parseBothWays, parseStrictJson, StrictJsonError } from '../../../plugin/domain/strict-json.ts'
import type { Verdict } from '../../../plugin/domain/verdict.ts'
import { listingOf } from '../../../plugin/enforce/listing.ts'
import { rewritePackument, selectVersion } from '../../../plugin/enforce/rewrite.ts'
import { likelyPicks } from '../../../plugin/pipeline/selection.ts'
import { versionOfFile } from '../../../plugin/pipeline/tarball-name.ts'
import { parseDocument } from '../../../plugin/upstream/document.ts'
import { withDefaults } from '../../../plugin/upstream/options.ts'
import { allowedTarball } from '../../../plugin/upstream/tarball.ts'
import { must, orRefused, type Target } from '../target.ts'

const INTEGRITY = sriOf('ab'.repeat(64))
const entry = (version: string): JsonObject => ({
  ...{ name: 'widget', version, dependencies: { left: '^1.0.0' }, bin: { widget: 'cli.js' }, scripts: { postinstall: 'x' }, _npmUser: { name: 'jo' } },
  dist: {
    ...{ integrity: INTEGRITY, shasum: 'a'.repeat(40), tarball: `https://registry.example/widget/-/widget-${version}.tgz` },
    signatures: [{ keyid: 'SHA256:k', sig: 'MEUC' }],
    attestations: { url: 'https://registry.example/-/npm/v1/attestations/x', provenance: { predicateType: 'https://slsa.dev/provenance/v1' } },
  },
})
const VERSIONS = ['1.0.0', '1.0.1', '1.1.0-rc.1', '2.0.0', '3.0.0rc3', '0.1.0']
const PACKUMENT = JSON.stringify({
  ...{ _id: 'widget', name: 'widget', 'dist-tags': { latest: '2.0.0', next: '1.1.0-rc.1', old: '1.0.1' }, readme: '# x' },
  versions: Object.fromEntries(VERSIONS.map((version) => [version, entry(version)])),
  time: Object.fromEntries(['created', 'modified', ...VERSIONS].map((version) => [version, '2026-01-01T00:00:00.000Z'])),
})

const uplink = withDefaults({ name: 'main', url: 'https://registry.example', registry: 'https://registry.example', tarballHosts: ['cdn.example'] })
const HOSTS = ['registry.example', 'cdn.example']
const OUTCOMES = ['deny', 'allow', 'unavailable', 'warn'] as const

/** Every kind of verdict, by the place a version happens to have. */
const verdictsOf = (packument: Packument): ReadonlyMap<string, Verdict> =>
  new Map(
    [...packument.versions.keys()].map((version, index) => {
      const outcome = OUTCOMES[index % 4] ?? 'deny'
      return [version, { outcome, rule: 'fuzz', reasons: outcome === 'allow' ? [] : [reason('provenance-absent', 'x')] }]
    }),
  )

function assertRewritten(packument: Packument, form: 'full' | 'abbreviated', withheld: 'hidden' | 'marked', withholdUnavailable: boolean): void {
  const verdicts = verdictsOf(packument)
  const options = { form, withheld, withholdUnavailable, baseUrl: 'https://npm.acme.example' }
  const document = JSON.parse(JSON.stringify(rewritePackument(packument, verdicts, options).document)) as JsonObject
  const versions = isObject(document.versions) ? document.versions : {}
  const refused = (version: string): boolean => {
    const { outcome = 'deny' } = verdicts.get(version) ?? {}
    return outcome === 'deny' || (outcome === 'unavailable' && withholdUnavailable)
  }
  for (const [version, manifest] of Object.entries(versions)) {
    must(packument.versions.has(version), 'a version that nobody published')
    must(!refused(version) || (withheld === 'marked' && isObject(manifest) && typeof manifest.deprecated === 'string'), 'a refused version is listed')
    const { tarball } = (manifest as { dist: { tarball: unknown } }).dist
    must(typeof tarball === 'string' && tarball.startsWith('https://npm.acme.example/'), 'an address that is not this mirror\'s')
  }
  for (const target of Object.values(document['dist-tags'] as object)) must(typeof target === 'string' && !refused(target), 'a tag leads to a refused version')
  const listing = listingOf(packument, verdicts, options)
  for (const version of [...packument.versions.keys(), ...packument.distTags.keys()]) {
    const answer = selectVersion(packument, listing, version)
    must(answer.outcome !== 'found' || !refused(answer.manifest.version), 'a refused version is answered')
  }
}

const packument: Target = {
  name: 'packument',
  kind: 'json',
  seeds: () => [PACKUMENT],
  words: ['versions', 'dist-tags', 'latest', '1.0.0', '1.0.0-alpha', '01.0.0', 'v1.0.0', '1e3.0.0', 'dist', 'https://cdn.example/x.tgz', 'http://registry.example@evil.test', '%2e%2e'],
  covers: ['domain/packument.ts', 'domain/json.ts', 'enforce/rewrite.ts', 'enforce/listing.ts', 'enforce/dist-tags.ts', 'enforce/abbreviate.ts', 'upstream/document.ts', 'pipeline/selection.ts', 'pipeline/tarball-name.ts'],
  quick: 250,
  run: async (input) => {
    const read = orRefused(() => parseDocument(input, 'widget'), TypeError, SyntaxError)
    if (read === undefined) return
    for (const form of ['full', 'abbreviated'] as const)
      for (const withheld of ['hidden', 'marked'] as const) assertRewritten(read, form, withheld, form === 'full')
    for (const version of await likelyPicks(read)) must(read.versions.has(version), 'a pick that is no version')
    for (const { version, dist } of read.versions.values()) {
      const found = versionOfFile(read, `widget-${version}.tgz`)
      must(found === version, 'a version is not found under its own name')
      const url = allowedTarball(uplink, dist.tarball ?? '')
      must(url === undefined || (url.protocol === 'https:' && HOSTS.includes(url.host) && url.username === ''), 'an address that is not allowed')
      parseIntegrity(dist.integrity)
    }
    must(!('polluted' in {}) && Object.keys(Object.prototype).length === 0, 'a prototype was changed')
  },
}

const integrity: Target = {
  name: 'integrity',
  kind: 'bytes',
  seeds: () => [INTEGRITY, 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=', `${INTEGRITY} sha1-x`],
  words: ['sha512-', 'sha256-', '==', '=', ' ', '?opt', 'A'.repeat(86), '/', '+', '\n'],
  covers: ['domain/integrity.ts'],
  quick: 3000,
  run: (input) => {
    const text = input.toString()
    const read = parseIntegrity(text)
    if (read.state !== 'ok') return
    must(sriOf(read.sha512) === text, 'two spellings of one digest')
    must(Buffer.from(text.slice(7), 'base64').toString('hex') === read.sha512, 'another digest than it says')
  },
}

const strictJson: Target = {
  name: 'strict-json',
  kind: 'bytes',
  seeds: () => ['{"a":1,"b":[{"a":2}],"c":"\\u0061"}', '[{"x":{"y":[]}},"\\"",-1.5e3,null]', '{"a":1,"\\u0061":2}'],
  words: ['{"a":', '"a"', '\\u0061', '\\"', '\\\\', ',', ':', '[', ']', '{', '}', '\ufeff', '1e999', '-0', 'null', '"__proto__":'],
  covers: ['domain/strict-json.ts'],
  quick: 3000,
  run: (input) => {
    const strict = orRefused(() => parseStrictJson(input), StrictJsonError)
    const text = input.toString()
    const plain = orRefused(() => JSON.parse(text) as unknown, SyntaxError)
    if (strict !== undefined) must(isDeepStrictEqual(strict, plain), 'strict JSON reads something else')
    const both = orRefused(() => parseBothWays(text, { maxDepth: 64 }), SyntaxError)
    if (both === undefined) return
    must(isDeepStrictEqual(both.last, plain), 'the last reading is not JavaScript\'s')
    if (strict !== undefined) must(both.first === both.last, 'a key was taken for repeated')
  },
}

export const METADATA_TARGETS: readonly Target[] = [packument, integrity, strictJson]
