/** A name in `dependencies` and in `optionalDependencies`: npm installs what the second says, pnpm what the first does. */
import assert from 'node:assert/strict'
import { readInstallManifest } from '../../plugin/enforce/manifest.ts'
import { compareManifests } from '../../plugin/enforce/compare.ts'
import { foreignDependencies } from '../../plugin/enforce/foreign.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { parsePackument, type VersionManifest } from '../../plugin/domain/packument.ts'

const entry = (fields: JsonObject): VersionManifest => {
  const raw = { name: 'widget', version: '1.0.0', ...fields }
  const manifest = parsePackument({ name: 'widget', versions: { '1.0.0': raw } }, 'widget').versions.get('1.0.0')
  assert.ok(manifest)
  return manifest
}
const differences = (packument: JsonObject, tarball: JsonObject): readonly (string | undefined)[] => {
  const bytes = Buffer.from(JSON.stringify({ name: 'widget', version: '1.0.0', ...tarball }))
  return compareManifests(entry(packument), readInstallManifest(bytes, new Set())).map(({ detail }) => detail?.field)
}
const OPTIONAL = { optionalDependencies: { helper: '^1.0.0' } } as const

describe('regression: a dependency that an optional one overrides', () => {
  it('[20a] is held against the tarball: in the packument alone it is what pnpm would install', () => {
    assert.deepEqual(differences({ ...OPTIONAL, dependencies: { helper: 'npm:evil@1.0.0' } }, OPTIONAL), ['dependencies.helper'])
  })
  it('[20b] with another address in the packument than in the tarball is refused', () => {
    const tarball = { ...OPTIONAL, dependencies: { helper: '^2.0.0' } }
    assert.deepEqual(differences({ ...OPTIONAL, dependencies: { helper: 'git+https://host.example/evil.git' } }, tarball), ['dependencies.helper'])
  })
  it('is no disagreement as clients publish it: copied, left out, or as it stands', () => {
    const both = { ...OPTIONAL, dependencies: { helper: '^2.0.0' } }
    assert.deepEqual(differences({ ...OPTIONAL, dependencies: { helper: '^1.0.0' } }, OPTIONAL), [])
    assert.deepEqual(differences(OPTIONAL, both), [])
    assert.deepEqual(differences(both, both), [])
  })
  it('counts as a dependency from elsewhere, since pnpm fetches it', () => {
    const found = foreignDependencies(entry({ ...OPTIONAL, dependencies: { helper: 'git+https://host.example/evil.git' } }))
    assert.deepEqual(found.map(({ field, name, kind }) => [field, name, kind]), [['dependencies', 'helper', 'git']])
  })
})
