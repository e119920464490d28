import assert from 'node:assert/strict'
import { parsePackument, type VersionManifest } from '../../../plugin/domain/packument.ts'
import type { InstallManifest } from '../../../plugin/domain/ports.ts'
import { compareManifests } from '../../../plugin/enforce/compare.ts'
import { readInstallManifest } from '../../../plugin/enforce/manifest.ts'

type Fields = Readonly<Record<string, unknown>>
const BASE = { name: 'widget', version: '1.0.0' }

function claimed(fields: Fields, version = '1.0.0'): VersionManifest {
  return parsePackument({ name: 'widget', versions: { [version]: { ...BASE, ...fields } } }, 'widget').versions.get(version)!
}
const packed = (fields: Fields, files: readonly string[] = []): InstallManifest =>
  readInstallManifest(Buffer.from(JSON.stringify({ ...BASE, ...fields })), new Set(['package.json', ...files]))

const disagreements = (packument: Fields, tarball: Fields, files: readonly string[] = []): readonly (string | undefined)[] => {
  const reasons = compareManifests(claimed(packument), packed(tarball, files))
  for (const { code } of reasons) assert.equal(code, 'manifest-mismatch')
  return reasons.map(({ detail }) => detail?.field)
}

const LIES: readonly (readonly [test: string, packument: Fields, tarball: Fields, field: string, files?: readonly string[]])[] = [
  ['[20a] a dependency added', { dependencies: { a: '1', evil: '1' } }, { dependencies: { a: '1' } }, 'dependencies.evil'],
  ['[20a] an optional dependency added', { optionalDependencies: { evil: '1' } }, {}, 'optionalDependencies.evil'],
  ['[20a] a peer dependency added', { peerDependencies: { evil: '1' } }, {}, 'peerDependencies.evil'],
  ['[20a] a dependency taken away', {}, { dependencies: { a: '1' } }, 'dependencies.a'],
  ['[20a] a range widened', { dependencies: { a: '*' } }, { dependencies: { a: '1' } }, 'dependencies.a'],
  ['[20a] a peer made optional', { peerDependenciesMeta: { a: { optional: true } } }, {}, 'peerDependenciesMeta.a'],
  [
    '[20a] bundled dependencies dropped',
    { dependencies: { a: '1' } },
    { dependencies: { a: '1' }, bundledDependencies: ['a'] },
    'bundleDependencies',
  ],
  [
    '[20b] a dependency re-targeted to a URL',
    { dependencies: { a: 'https://evil.test/a.tgz' } },
    { dependencies: { a: '1' } },
    'dependencies.a',
  ],
  [
    '[20b] a dependency re-targeted to git',
    { dependencies: { a: 'evil/a' } },
    { dependencies: { a: 'acme/a' } },
    'dependencies.a',
  ],
  ['[20b] another commit', { dependencies: { a: 'acme/a#evil' } }, { dependencies: { a: 'acme/a' } }, 'dependencies.a'],
  [
    '[20b] an archive instead of a repository',
    { dependencies: { a: 'https://github.com/acme/a/tarball/x' } },
    { dependencies: { a: 'acme/a' } },
    'dependencies.a',
  ],
  [
    '[20b] a dependency re-targeted to an alias',
    { dependencies: { a: 'npm:evil@1' } },
    { dependencies: { a: '1' } },
    'dependencies.a',
  ],
  [
    '[20b] an address behind which a known one stands',
    { dependencies: { a: 'github:acme/a' } },
    { dependencies: { a: 'https://evil.test/git@github.com/acme/a' } },
    'dependencies.a',
  ],
  [
    '[20b] a page that is not the repository\u2019s own',
    { dependencies: { a: 'github:acme/a#next' } },
    { dependencies: { a: 'https://github.com/evil/acme/a/tree/next' } },
    'dependencies.a',
  ],
  [
    '[20b] a file in a repository instead of a repository',
    { dependencies: { a: 'git+ssh://git@github.com/acme/a/archive/x' } },
    { dependencies: { a: 'https://github.com/acme/a/archive/x' } },
    'dependencies.a',
  ],
  ['[20b] a slash elsewhere', { dependencies: { a: 'github:ac/mea' } }, { dependencies: { a: 'github:acm/ea' } }, 'dependencies.a'],
  ['[20b] an end like .git elsewhere', { dependencies: { a: 'acme/a.gitx' } }, { dependencies: { a: 'acme/ax' } }, 'dependencies.a'],
  ['[20b] something behind an address', { dependencies: { a: 'https://github.com/acme/a evil' } }, { dependencies: { a: 'acme/a' } }, 'dependencies.a'],
  [
    '[20b] a dependency that only some clients read, behind an optional one',
    { dependencies: { a: 'evil/a' }, optionalDependencies: { a: '1' } },
    { optionalDependencies: { a: '1' } },
    'dependencies.a',
  ],
  ['[20a] a peer no longer optional', { peerDependenciesMeta: { a: { optional: false } } }, { peerDependenciesMeta: { a: { optional: true } } }, 'peerDependenciesMeta.a'],
  [
    '[20a] others bundled than the object says',
    { dependencies: { a: '1', b: '1' }, bundleDependencies: ['b'] },
    { dependencies: { a: '1', b: '1' }, bundleDependencies: { a: '1' } },
    'bundleDependencies',
  ],
  ['[20c] a bin beside a directory of bins', { bin: { npm: 'bin/a' }, directories: { bin: 'bin' } }, { bin: { npm: 'bin/b' }, directories: { bin: 'bin' } }, 'bin.npm'],
  ['[20c] another directory of bins', { directories: { bin: 'lib' } }, { directories: { bin: 'bin' } }, 'bin.a', ['bin/a']],
  ['[20d] a script beside node-gyp', {}, { scripts: { postinstall: 'x' } }, 'scripts.postinstall', ['binding.gyp']],
  ['[20d] another script than node-gyp', { scripts: { install: 'evil' } }, {}, 'scripts.install', ['binding.gyp']],
  ['[20d] node-gyp instead of a script', { scripts: { install: 'node-gyp rebuild' } }, { scripts: { install: 'x' } }, 'scripts.install'],
  ['[20d] a script that the tarball has not', { scripts: { install: 'evil' } }, {}, 'scripts.install'],
  ['[20c] a bin added', { bin: { widget: 'cli.js', npm: 'cli.js' } }, { bin: 'cli.js' }, 'bin.npm'],
  ['[20c] a bin of another file', { bin: 'evil.js' }, { bin: 'cli.js' }, 'bin.widget'],
  ['[20c] a bin missing', {}, { bin: 'cli.js' }, 'bin.widget'],
  ['[20c] an install script added', { scripts: { postinstall: 'evil' } }, { scripts: { test: 'x' } }, 'scripts.postinstall'],
  [
    '[20c] an install script changed',
    { scripts: { install: 'evil' } },
    { scripts: { install: 'node-gyp rebuild' } },
    'scripts.install',
  ],
  ['[20c] an install script hidden', { hasInstallScript: false }, { scripts: { preinstall: 'x' } }, 'scripts.preinstall'],
  ['[20c] hidden in a full document', { scripts: {}, hasInstallScript: true }, { scripts: { install: 'x' } }, 'scripts.install'],
  [
    '[20c] node-gyp although the author opted out',
    { scripts: { install: 'node-gyp rebuild' } },
    { gypfile: false },
    'scripts.install',
    ['binding.gyp'],
  ],
  ['[20c] node-gyp written out and hidden', {}, { scripts: { install: 'node-gyp rebuild' } }, 'scripts.install', ['binding.gyp']],
  ['[20d] another name', { name: 'gadget' }, {}, 'name'],
  ['[20d] another version', { version: '1.0.1' }, { version: '1.0.1' }, 'versions'],
  ['[20d] another version in the tarball', {}, { version: '2.0.0' }, 'version'],
  ['[20e] os narrowed', { os: ['win32'] }, {}, 'os'],
  ['[20e] cpu narrowed', { cpu: ['x64'] }, { cpu: ['x64', 'arm64'] }, 'cpu'],
  ['[20e] libc narrowed', { libc: ['musl'] }, {}, 'libc'],
  ['[20e] os lifted', {}, { os: ['!win32'] }, 'os'],
  ['[20e] engines narrowed', { engines: { node: '>=99' } }, { engines: { node: '>=9' } }, 'engines.node'],
  ['[16] a dependency named __proto__', JSON.parse('{"dependencies":{"__proto__":"1"}}') as Fields, {}, 'dependencies.__proto__'],
  ['[16] a bin named constructor', { bin: { constructor: 'a.js' } }, {}, 'bin.constructor'],
]

const REWRITTEN: readonly (readonly [test: string, packument: Fields, tarball: Fields, files?: readonly string[]])[] = [
  [
    'optional dependencies copied into dependencies',
    { dependencies: { a: '1', b: '2' }, optionalDependencies: { b: '2' } },
    { dependencies: { a: '1' }, optionalDependencies: { b: '2' } },
  ],
  [
    'a dependency that is optional as well',
    { optionalDependencies: { a: '2' } },
    { dependencies: { a: '1' }, optionalDependencies: { a: '2' } },
  ],
  [
    'the other spelling of bundled dependencies',
    { bundleDependencies: ['b', 'a'], dependencies: { a: '1', b: '1' } },
    { bundledDependencies: ['a', 'b'], dependencies: { a: '1', b: '1' } },
  ],
  [
    'all dependencies bundled',
    { bundleDependencies: ['a'], dependencies: { a: '1' } },
    { bundleDependencies: true, dependencies: { a: '1' } },
  ],
  ['nothing bundled', { bundleDependencies: [] }, { bundleDependencies: false }],
  ['bundled without being a dependency', { bundleDependencies: ['a'], dependencies: { a: '*' } }, { bundleDependencies: ['a'] }],
  [
    'bundled dependencies as an object',
    { dependencies: { a: '1' } },
    { bundleDependencies: { a: '1' }, dependencies: { a: '1' } },
  ],
  ['dependencies as a list', { dependencies: { a: '', b: '1', c: '>=2' } }, { dependencies: ['a', 'b@1', 'c >=2'] }],
  ['dependencies that are no strings', { dependencies: { b: '1' } }, { dependencies: { a: 1, b: '1' } }],
  ['an empty range', { dependencies: { a: '*' } }, { dependencies: { a: ' ' } }],
  ['a shortcut to a repository', { dependencies: { a: 'github:acme/a' } }, { dependencies: { a: 'acme/a' } }],
  [
    'a repository over another protocol',
    { dependencies: { a: 'git+ssh://git@github.com/acme/a.git#v1' } },
    { dependencies: { a: 'git@github.com:acme/a#v1' } },
  ],
  [
    'a branch’s page',
    { dependencies: { a: 'git+https://github.com/acme/a.git#next' } },
    { dependencies: { a: 'https://github.com/acme/a/tree/next' } },
  ],
  ['bin as a string', { bin: { widget: 'cli.js' } }, { bin: './cli.js' }],
  ['bin as a list', { bin: { 'a.js': 'bin/a.js' } }, { bin: ['bin/a.js'] }],
  ['bin that names nothing', {}, { bin: { '': 'a', b: '', c: 1 } }],
  [
    'a directory of bins, expanded',
    { bin: { a: 'bin/a', b: 'bin/b' }, directories: { bin: 'bin' } },
    { directories: { bin: './bin' } },
    ['bin/a', 'bin/b', 'bin/.c'],
  ],
  ['a directory of bins, left as it is', { directories: { bin: './bin/' } }, { directories: { bin: 'bin' } }, ['bin/a']],
  ['node-gyp filled in', { scripts: { install: 'node-gyp rebuild' }, gypfile: true }, {}, ['binding.gyp']],
  ['node-gyp filled in for another gyp file', { scripts: { install: 'node-gyp rebuild' }, gypfile: true }, {}, ['addon.gyp']],
  ['node-gyp not filled in', {}, {}, ['binding.gyp']],
  ['a local binary’s path', { scripts: { install: 'foo x' } }, { scripts: { install: './node_modules/.bin/foo x' } }],
  ['scripts that are no strings', {}, { scripts: { install: 1 } }],
  ['only the hint of an install script', { hasInstallScript: true }, { scripts: { postinstall: 'x' } }],
  ['os as a string', { os: ['darwin'], cpu: [] }, { os: 'darwin' }],
  ['engines as a list', { engines: { node: '>= 0.4' } }, { engines: ['node >= 0.4'] }],
  ['a dependency list with what is no word', { dependencies: { a: '*' } }, { dependencies: ['a', 1, ''] }],
  ['a version spelled loosely', { version: '1.0.0' }, { version: ' = v1.0.0' }],
  ['a version with a v', {}, { version: 'v1.0.0' }],
  ['build metadata', {}, { version: '1.0.0+linux' }],
  ['a name with blanks', {}, { name: ' widget ' }],
  ['fields that decide nothing', { description: 'a', devDependencies: { a: '1' }, _hasShrinkwrap: true }, { description: 'b' }],
]

describe('packument against tarball', () => {
  it('agrees with itself', () => {
    assert.deepEqual(disagreements({}, {}), [])
  })
  for (const [test, packument, tarball, field, files] of LIES) {
    it(test, () => {
      assert.deepEqual(disagreements(packument, tarball, files), [field])
    })
  }

  describe('what npm and others rewrite when they publish is no lie', () => {
    for (const [test, packument, tarball, files] of REWRITTEN) {
      it(test, () => {
        assert.deepEqual(disagreements(packument, tarball, files), [])
      })
    }
  })

  it('says both values, in printable ASCII and short', () => {
    const [found] = compareManifests(claimed({ dependencies: { a: `\u001b[31m\r\n${'é'.repeat(500)}` } }), packed({}))
    assert.deepEqual(found?.detail, { field: 'dependencies.a', packument: '?[31m?', tarball: '(none)' })
    assert.match(found.message, /^[\x20-\x7e]+$/)
  })

  it('is bounded, however much disagrees', () => {
    const dependencies = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`d${i}`, '1']))
    assert.equal(disagreements({ dependencies }, {}).length, 50)
  })

  it('keeps the repository for policy, and does not compare it', () => {
    const actual = packed({ repository: { type: 'git', url: 'git+https://github.com/acme/widget.git' } })
    assert.equal(actual.repository, 'git+https://github.com/acme/widget.git')
    assert.deepEqual(compareManifests(claimed({ repository: 'https://github.com/evil/widget' }), actual), [])
  })

  it('survives storage as JSON', () => {
    const actual = packed(JSON.parse('{"dependencies":{"__proto__":"1"},"bin":"a.js"}') as Fields)
    assert.deepEqual(JSON.parse(JSON.stringify(actual)), actual)
  })
})
