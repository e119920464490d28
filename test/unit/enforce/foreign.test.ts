import assert from 'node:assert/strict'
import { parsePackument, type VersionManifest } from '../../../plugin/domain/packument.ts'
import { compareManifests } from '../../../plugin/enforce/compare.ts'
import { foreignDependencies } from '../../../plugin/enforce/foreign.ts'
import { readInstallManifest } from '../../../plugin/enforce/manifest.ts'

type Fields = Readonly<Record<string, unknown>>
const entry = (fields: Fields): VersionManifest => {
  const text = JSON.stringify({ name: 'widget', versions: { '1.0.0': { name: 'widget', version: '1.0.0', ...fields } } })
  return parsePackument(JSON.parse(text), 'widget').versions.get('1.0.0')!
}
const kindOf = (spec: string): string | undefined => foreignDependencies(entry({ dependencies: { left: spec } }))[0]?.kind

describe('dependencies that no registry serves', () => {
  for (const spec of [
    '', '*', 'x', '1', '1.x', '1.2.3', 'v1.2.3', '=1.2.3', '^1.2.3', '~1.2', '>=1.2.3 <2', '1.2.3 - 2', '1 || ^2.0.0', '^1.0.0-beta.1',
    '1.0.0+build', ' ^1.2.3 ', 'latest', 'next', 'next-11', 'npm:other@^1.0.0', 'npm:@acme/other@1', 'npm:other', 'npm:other@latest', '-tag', 'npm:Other.Name@^1.0.0 || 2', 'two words', '%zz',
  ])
    it(`${JSON.stringify(spec)} is of a registry`, () => { assert.equal(kindOf(spec), undefined) })

  for (const [kind, specs] of [
    ['git', ['acme/left', 'github:acme/left', 'acme/left#semver:^1', 'git+https://github.com/acme/left.git', 'git://git.example/left',
      'git+ssh://git@git.example:acme/left.git', 'git@github.com:acme/left', 'https://github.com/acme/left', 'gist:0123', 'git+file:///left', 'git+what://x', 'acme/left.tgz', 'github.com/acme/left']],
    ['url', ['https://evil.test/left.tgz', 'HTTPS://evil.test/left', 'http://evil.test/1.0.0', ' https://evil.test/left.tgz']],
    ['file', ['file:../left', 'FILE:left', './left', '../left', '/left', '~/left', '.', '..', 'left.tgz', '1.0.0.tgz', '1.0.0-a.TAR.GZ', 'a/b/c', 'c:left', 'a/b/c.tgz']],
    ['unknown', ['workspace:*', 'link:../left', 'jsr:@acme/left@1', 'catalog:', 'npm:acme/left', 'npm:other@https://evil.test/x.tgz',
      'npm:npm:other@1', 'patch:left@1#./x', 'exec:./run.js', 'ftp://evil.test/left', 'npm:other@./x', 'npm:other@x.tgz', 'npm:@acme/other/x@1', 'npm:./other', 'npm:.other', 'npm:@a:b/other', 'npm:o:ther', 'npm:o\\ther', 'NPM:../x', `xy:${'z'.repeat(300)}`]],
  ] as const)
    for (const spec of specs) it(`${JSON.stringify(spec)} is not: ${kind}`, () => { assert.equal(kindOf(spec), kind) })

  it('of every kind that is installed, with field, name and specifier as it stands', () => {
    const fields = { dependencies: { a: '1', b: 'acme/b' }, optionalDependencies: { c: 'file:c' }, peerDependencies: { d: 'https://x.test/d' }, devDependencies: { e: 'acme/e' } }
    assert.deepEqual(foreignDependencies(entry(fields)), [
      { field: 'dependencies', name: 'b', spec: 'acme/b', kind: 'git' },
      { field: 'optionalDependencies', name: 'c', spec: 'file:c', kind: 'file' },
      { field: 'peerDependencies', name: 'd', spec: 'https://x.test/d', kind: 'url' },
    ])
  })
  it('in the spellings of npm\'s first years', () => {
    assert.deepEqual(foreignDependencies(entry({ dependencies: ['a@1', 'b@acme/b'] })).map(({ name }) => name), ['b'])
    assert.deepEqual(foreignDependencies(entry({ dependencies: 'a@1 b@acme/b' })).map(({ name }) => name), ['b'])
  })
  it('also where they are said to be bundled', () => {
    assert.equal(foreignDependencies(entry({ dependencies: { a: 'acme/a' }, bundleDependencies: ['a'] })).length, 1)
  })
  it('[16] under names that are properties', () => {
    const manifest = entry(JSON.parse('{"dependencies":{"__proto__":"acme/a","constructor":"acme/b"}}') as Fields)
    assert.deepEqual(foreignDependencies(manifest).map(({ name }) => name).toSorted(), ['__proto__', 'constructor'])
  })
  it('what is no specifier is none', () => {
    assert.deepEqual(foreignDependencies(entry({ dependencies: { a: null, b: 1, c: { d: 'acme/d' } }, peerDependencies: null })), [])
  })
  it('at most ten, whoever wrote how many', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`a${index}`, 'acme/a']))
    assert.equal(foreignDependencies(entry({ dependencies: many })).length, 10)
  })

  describe('what the packument leaves out or spells otherwise', () => {
    const TARBALL = { dependencies: { a: 'git+https://evil.test/a.git' } }
    const disagreements = (claimed: Fields, actual: Fields): readonly (string | undefined)[] =>
      compareManifests(entry(claimed), readInstallManifest(Buffer.from(JSON.stringify({ name: 'widget', version: '1.0.0', ...actual })), new Set()))
        .map(({ detail }) => detail?.field)
    for (const [test, claimed] of [
      ['nothing', {}],
      ['an empty field', { dependencies: {} }],
      ['a range in its place', { dependencies: { a: '^1.0.0' } }],
      ['another of its kind', { dependencies: { a: 'git+https://evil.test/b.git' } }],
    ] as const)
      it(`[20b] ${test}: the tarball says otherwise`, () => { assert.deepEqual(disagreements(claimed, TARBALL), ['dependencies.a']) })

    it('[20b] no two specifiers that agree are one of a registry and one that is not', () => {
      const specs = ['', '*', '1', 'latest', 'acme/a', 'github:acme/a', 'github.com/acme/a', 'git@github.com:acme/a', 'https://github.com/acme/a', 'git:github.com/acme/a', 'npm:a@1', 'file:a']
      for (const one of specs)
        for (const other of specs)
          if (disagreements({ dependencies: { a: one } }, { dependencies: { a: other } }).length === 0)
            assert.equal(kindOf(one) === undefined, kindOf(other) === undefined, `${one} ${other}`)
    })
  })
})
