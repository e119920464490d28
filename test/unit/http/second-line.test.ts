/** What the filter leaves of a manifest in Verdaccio's storage. */
import assert from 'node:assert/strict'
import { filesOf, withoutUpstreamVersions, type StoredManifest } from '../../../plugin/http/second-line.ts'

const at = (file: string): { readonly dist: { readonly tarball: string } } => ({ dist: { tarball: `http://localhost/x/-/${file}` } })
const MIXED: StoredManifest = {
  name: 'x',
  versions: { '1.0.0': at('x-1.0.0.tgz'), '1.1.0': at('x-1.1.0.tgz'), '6.6.6': at('x-6.6.6.tgz') },
  time: { created: '2026-01-01', modified: '2026-01-04', '1.0.0': '2026-01-03', '1.1.0': '2026-01-02', '6.6.6': '2026-01-04' },
  'dist-tags': { latest: '6.6.6', old: '1.0.0' },
  _distfiles: { 'x-6.6.6.tgz': { url: 'http://elsewhere/x-6.6.6.tgz' } },
  readme: 'of 6.6.6',
}
const versionsOf = (manifest: StoredManifest, local = true): readonly string[] =>
  Object.keys(withoutUpstreamVersions(manifest, local).versions ?? {})

describe('the second line', () => {
  it('leaves nothing of a package that was not published here, whatever its manifest says', () => {
    const { versions, 'dist-tags': tags, readme } = withoutUpstreamVersions({ ...MIXED, _distfiles: {} }, false)
    assert.deepEqual([versions, tags, readme], [{}, {}, ''])
  })
  it('leaves what was published here, as it is', () => {
    const manifest = { ...MIXED, _distfiles: {} }
    assert.equal(withoutUpstreamVersions(manifest, true), manifest)
  })
  it('takes versions of an uplink out of versions, time, tags and readme', () => {
    const left = withoutUpstreamVersions(MIXED, true)
    assert.deepEqual(Object.keys(left.versions ?? {}), ['1.0.0', '1.1.0'])
    assert.deepEqual(Object.keys(left.time ?? {}), ['created', 'modified', '1.0.0', '1.1.0'])
    assert.equal(left.readme, '')
  })
  it('points latest at what was published last when it pointed at one of an uplink', () => {
    assert.deepEqual(withoutUpstreamVersions(MIXED, true)['dist-tags'], { latest: '1.0.0', old: '1.0.0' })
  })
  it('reads file names as Verdaccio does: without query, encoded as in a URL', () => {
    const version = (tarball: string): StoredManifest => ({ ...MIXED, versions: { '6.6.6': { dist: { tarball } } } })
    for (const tarball of ['http://x/x-6.6.6.tgz?a=/b', 'http://x/x-6.6.6.tgz#a/b', 'http://x/y/../x-6.6.6.tgz', 'http:\\\\x\\x-6.6.6.tgz'])
      assert.deepEqual(versionsOf(version(tarball)), [], tarball)
  })
  it('leaves no version whose file cannot be told', () => {
    const odd = [null, 5, {}, { dist: null }, { dist: {} }, { dist: { tarball: 5 } }, { dist: { tarball: 'http://' } }, { dist: { tarball: 'http://x/' } }]
    for (const version of odd) assert.deepEqual(versionsOf({ ...MIXED, versions: { '6.6.6': version as never } }), [], JSON.stringify(version))
  })
  it('shows nothing of a manifest that it cannot read, instead of throwing', () => {
    for (const manifest of [{ name: 'x', versions: { '1.0.0': null } }, { name: 'x', versions: MIXED.versions, time: 5, 'dist-tags': null, _distfiles: null }])
      assert.doesNotThrow(() => withoutUpstreamVersions(manifest as never, true))
    assert.deepEqual(versionsOf({ name: 'x', versions: { '1.0.0': null as never } }), [])
  })
  it('[16b] versions and files that are properties are data', () => {
    const versions = Object.fromEntries([['__proto__', at('constructor')], ['constructor', at('x-1.0.0.tgz')]])
    assert.deepEqual(versionsOf({ ...MIXED, versions, 'dist-tags': { latest: 'constructor' } }), ['__proto__', 'constructor'])
    assert.equal(filesOf({ name: 'x', versions }).has('toString'), false)
  })
})
