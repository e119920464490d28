import assert from 'node:assert/strict'
import { briefOf, parsePackument, restOf, withIntegrities, type Packument } from '../../../plugin/domain/packument.ts'
import { hintsOf } from '../../../plugin/pipeline/candidate.ts'
import { foreignDependencies } from '../../../plugin/enforce/foreign.ts'
import { openInTurns, openStored, storePackument } from '../../../plugin/threads/stored.ts'

const SIGNATURES = [{ keyid: 'SHA256:key', sig: 'MEUC' }]
/** As text, since some names cannot be written as keys of an object. */
const TEXT = `{
  "name": "widget", "_rev": "3", "readme": "wörld \\ud800 ☃", "dist-tags": { "latest": "1.1.0", "__proto__": "1.0.0" },
  "time": { "created": "2026-01-01T00:00:00Z", "1.0.0": "2026-01-01T00:00:00Z", "1.1.0": 7, "__proto__": "2026-01-02T00:00:00Z" },
  "versions": {
    "1.0.0": { "name": "widget", "version": "1.0.0", "dependencies": { "a": "^1.0.0" }, "dist": { "integrity": "sha512-x", "shasum": "s", "tarball": "https://registry.example/t.tgz", "signatures": ${JSON.stringify(SIGNATURES)} } },
    "1.1.0": { "name": "other", "version": 7, "dependencies": { "a": "git+ssh://git@example.org/a" }, "_npmUser": { "trustedPublisher": { "id": "github" }, "approver": null }, "dist": { "signatures": [7], "attestations": { "url": "u", "provenance": { "predicateType": "p" } } } },
    "2.0.0": "no object", "__proto__": { "name": "widget", "version": "__proto__", "dist": { "attestations": true } }, "constructor": { "dist": { "integrity": "" } }
  }
}`
const original = (): Packument => parsePackument(JSON.parse(TEXT), 'widget')

describe('stored packuments', () => {
  for (const [how, open] of [['at once', (packument: Packument) => openStored(storePackument(packument))], ['in turns', (packument: Packument) => openInTurns(storePackument(packument))]] as const)
    it(`${how}: read as they were`, async () => {
      const [expected, actual] = [original(), await open(original())]
      assert.deepEqual([...actual.versions.keys()], [...expected.versions.keys()])
      assert.deepEqual([actual.name, actual.distTags, actual.time], [expected.name, expected.distTags, expected.time])
      for (const [version, manifest] of expected.versions) {
        const stored = actual.versions.get(version)!
        assert.deepEqual([stored.version, stored.dist, stored.raw], [version, manifest.dist, manifest.raw], version)
        assert.deepEqual(hintsOf(stored), hintsOf(manifest), version)
        assert.deepEqual([briefOf(stored).name, briefOf(stored).version], [manifest.raw.name, manifest.raw.version], version)
        assert.deepEqual(foreignDependencies(stored), foreignDependencies(manifest), version)
      }
    })
  it('what is said of the package as a whole is all there, once with and once without its versions', () => {
    const stored = openStored(storePackument(original()))
    const { versions: _versions, ...rest } = original().raw
    assert.deepEqual(restOf(stored), rest)
    const { versions, ...others } = stored.raw
    assert.deepEqual(others, rest)
    assert.deepEqual(Object.keys(versions as object), [...original().versions.keys()])
  })
  it('a listing parses no entry', () => {
    const stored = openStored(storePackument(original()))
    for (const manifest of stored.versions.values()) Object.defineProperty(manifest, 'raw', { get: () => assert.fail('an entry was parsed') })
    for (const manifest of stored.versions.values()) if (manifest.namesOthers !== true) assert.deepEqual([typeof hintsOf(manifest).stagedPublish, foreignDependencies(manifest)], ['boolean', []])
  })
  it('an integrity that a waiver pins is in the manifest, and parses no other entry', () => {
    const pinned = withIntegrities(openStored(storePackument(original())), new Map([['1.1.0', 'sha512-y'], ['9.9.9', 'sha512-z']]))
    const manifest = pinned.versions.get('1.1.0')
    assert.deepEqual([manifest?.dist.integrity, manifest?.dist.pinned, (manifest?.raw.dist as { integrity: string }).integrity], ['sha512-y', true, 'sha512-y'])
    assert.deepEqual([pinned.versions.size, pinned.versions.get('1.0.0')?.dist.integrity, pinned.stored !== undefined], [5, 'sha512-x', true])
  })
  it('nothing of a package without versions', () => {
    const stored = openStored(storePackument(parsePackument({ name: 'widget', time: { unpublished: {} } }, 'widget')))
    assert.deepEqual([stored.versions.size, stored.time.size, stored.raw], [0, 0, { name: 'widget', time: { unpublished: {} }, versions: {} }])
  })
})
