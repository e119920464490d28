/** What has to agree before a version goes out, and the list of what it brings along. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { distTagOf, releaseNotes, releaseProblems, type ReleaseState } from '../../scripts/release/check.ts'
import { forProduction, lockedForProduction, sbomProblems, settled, type Sbom } from '../../scripts/release/sbom.ts'
import { temporaryDirectory } from '../support/process.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

const GOOD: ReleaseState = {
  tag: 'v1.2.3',
  manifest: { name: 'widget', version: '1.2.3', repository: { type: 'git', url: 'git+https://forge.example/acme/widget.git' }, homepage: 'https://acme.example/widget', bugs: { url: 'https://forge.example/acme/widget/issues' } },
  lockfile: { name: 'widget', version: '1.2.3', packages: { '': { name: 'widget', version: '1.2.3' } } },
  changelog: '# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-22\n\n### Added\n- Something.\n\n## 1.2.2 - 2026-11-01\n- Before.\n',
  chart: '1.2.3',
  repository: 'acme/widget',
}

describe('release: what has to agree', () => {
  it('a version of which all agrees can go out', () => assert.deepEqual(releaseProblems(GOOD), []))

  const manifest = (change: object): Partial<ReleaseState> => ({ manifest: { ...GOOD.manifest, ...change } })
  for (const [fault, change, expected] of [
    ['a tag of another version', { tag: 'v1.2.4' }, /the tag is v1\.2\.4/],
    ['a tag without its v', { tag: '1.2.3' }, /the tag is 1\.2\.3/],
    ['what is no version', { ...manifest({ version: '1.2' }), tag: 'v1.2', lockfile: { packages: { '': { name: 'widget', version: '1.2' } } }, changelog: '## 1.2 - 2026-11-22\n- x', chart: undefined }, /"1\.2" is no version/],
    ['private', manifest({ private: true }), /"private"/],
    ['no repository', manifest({ repository: undefined }), /no "repository"/],
    ['a repository in short', manifest({ repository: 'github:acme/widget' }), /no address that npm compares/],
    ['a repository over ssh', manifest({ repository: { url: 'git+ssh://git@forge.example/acme/widget.git' } }), /no address that npm compares/],
    ['the repository of another', manifest({ repository: { url: 'git+https://forge.example/mallory/widget.git' } }), /is not acme\/widget/],
    ['a repository that only ends alike', manifest({ repository: { url: 'git+https://forge.example/notacme/widget.git' } }), /is not acme\/widget/],
    ['no homepage', manifest({ homepage: undefined }), /no "homepage"/],
    ['nowhere to report mistakes', manifest({ bugs: undefined }), /no "bugs"/],
    ['a lockfile of another version', { lockfile: { packages: { '': { name: 'widget', version: '1.2.2' } } } }, /package-lock\.json is of widget@1\.2\.2/],
    ['a changelog that does not know it', { changelog: '## Unreleased\n- Something.\n' }, /CHANGELOG\.md has no section/],
    ['a changelog that says nothing of it', { changelog: '## 1.2.3 - 2026-11-22\n\n## 1.2.2 - 2026-11-01\n- x\n' }, /CHANGELOG\.md has no section/],
    ['a chart of another version', { chart: '1.2.2' }, /appVersion 1\.2\.2/],
  ] as const)
    it(`${fault} is told, with what to do`, () => {
      const problems = releaseProblems({ ...GOOD, ...change })
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0]!, expected)
      assert.match(problems[0]!, /[.:] [A-Z]/)
    })
  it('all problems at once', () => assert.equal(releaseProblems({ ...GOOD, tag: 'v2.0.0', ...manifest({ repository: undefined, homepage: undefined }) }).length, 3))
  it('notes are those of the version, and no more', () => {
    assert.equal(releaseNotes(GOOD.changelog, '1.2.3'), '### Added\n- Something.')
    assert.equal(releaseNotes(GOOD.changelog, '1x2.3'), undefined)
  })
  it('a prerelease is not what is installed by default', () => assert.deepEqual(['1.2.3', '1.2.3-rc.1'].map(distTagOf), ['latest', 'next']))
})

describe('release: what it brings along', function () {
  this.timeout(30_000)
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Parameters<typeof lockedForProduction>[0] }
  const locked = lockedForProduction(packages)
  let sbom: Sbom
  let again: string
  let text: string
  before(() => {
    const dir = temporaryDirectory('sbom-')
    const make = (file: string): string => {
      execFileSync(process.execPath, ['--no-warnings', path.join(ROOT, 'scripts/sbom.ts'), path.join(dir, file)], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, SOURCE_DATE_EPOCH: '1772323200', npm_config_loglevel: 'error' } })
      return readFileSync(path.join(dir, file), 'utf8')
    }
    text = make('a.json')
    again = make('b.json')
    rmSync(dir, { recursive: true })
    sbom = JSON.parse(text) as Sbom
  })

  it('is CycloneDX 1.5: its root, a type, a version and a purl for each, a serial number', () => {
    assert.deepEqual([sbom.bomFormat, sbom.specVersion, sbom.version], ['CycloneDX', '1.5', 1])
    assert.match(sbom.serialNumber ?? '', /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.deepEqual([sbom.metadata.component.type, sbom.metadata.component.name, sbom.metadata.timestamp], ['application', 'verdaccio-provenance', '2026-03-01T00:00:00.000Z'])
    for (const component of sbom.components) {
      assert.equal(component.type, 'library')
      assert.equal(component.purl, `pkg:npm/${component.name.replace('@', '%40')}@${component.version ?? ''}`)
      assert.ok((component.licenses?.length ?? 0) > 0, component.name)
    }
  })
  it('lists every package that is installed with this one, by its bytes, and none of the development', () => {
    assert.deepEqual(sbomProblems(sbom, locked), [])
    assert.ok(sbom.components.some(({ name }) => name === 'semver'))
    assert.equal(sbom.components.some(({ name }) => name === 'typescript'), false)
  })
  it('is the same for the same packages', () => assert.equal(again, text))
  it('has another number for other packages', () => {
    const options = { name: 'verdaccio-provenance', time: new Date(0) }
    assert.notEqual(settled(sbom, options).serialNumber, settled({ ...sbom, components: sbom.components.slice(1) }, options).serialNumber)
  })
  for (const [fault, change, expected] of [
    ['one left out', (whole: Sbom) => ({ ...whole, components: whole.components.filter(({ name }) => name !== 'semver'), dependencies: [] }), /^lacks semver@/],
    ['other bytes', (whole: Sbom) => ({ ...whole, components: whole.components.map((one) => (one.name === 'zod' ? { ...one, hashes: [] } : one)) }), /^has other bytes for zod@/],
    ['one too many', (whole: Sbom) => ({ ...whole, components: [...whole.components, { ...whole.components[0]!, 'bom-ref': 'x@1.0.0', name: 'x', version: '1.0.0' }] }), /^lists x@1\.0\.0/],
    ['one that nobody lists', (whole: Sbom) => ({ ...whole, dependencies: [{ ref: 'x@1.0.0' }] }), /^depends on x@1\.0\.0/],
    ['another format', (whole: Sbom) => ({ ...whole, specVersion: '1.4' }), /not CycloneDX 1\.5/],
  ] as const)
    it(`${fault} is told`, () => {
      const problems = sbomProblems(change(sbom), locked)
      assert.ok(problems.length > 0)
      for (const problem of problems) assert.match(problem, expected)
    })
  it('what only developers need is left out with what depends on it', () => {
    const component = (name: string): Sbom['components'][number] => ({ 'bom-ref': `${name}@1.0.0`, type: 'library', name, version: '1.0.0' })
    const whole: Sbom = { ...sbom, components: ['a', 'b'].map(component), dependencies: [{ ref: sbom.metadata.component['bom-ref'], dependsOn: ['a@1.0.0', 'b@1.0.0'] }, { ref: 'b@1.0.0', dependsOn: ['a@1.0.0'] }] }
    const left = forProduction(whole, new Map([['a@1.0.0', '']]))
    assert.deepEqual([left.components.map(({ name }) => name), left.dependencies], [['a'], [{ ref: sbom.metadata.component['bom-ref'], dependsOn: ['a@1.0.0'] }]])
  })
})
