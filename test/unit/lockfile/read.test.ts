import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { MAX_LOCKFILE, LockfileError, readLockfile, type LockedPackage, type Lockfile } from '../../../plugin/lockfile/index.ts'

const DATA = path.resolve(import.meta.dirname, '../../data/lockfiles')
const FILES = ['npm-1.json', 'npm-3.json', 'pnpm-6.yaml', 'pnpm-9.yaml', 'yarn-1.lock', 'yarn-4.lock', 'bun.lock']
const manifest = readFileSync(path.join(DATA, 'package.json'), 'utf8')

const read = (file: string): Lockfile => readLockfile({ file, bytes: readFileSync(path.join(DATA, file)), manifest })
const readText = (text: string, file = 'lock'): Lockfile => readLockfile({ file, bytes: Buffer.from(text) })
const faultOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof LockfileError, String(error))
    assert.match(error.message, /^lock: .+\. [A-Z].+\.$/)
    assert.doesNotMatch(error.message, /\n/)
    return error.fault
  }
  return 'none'
}
const named = ({ packages }: Lockfile, name: string, version: string, kind = 'registry'): LockedPackage => {
  const found = packages.find((one) => one.name === name && one.version === version && one.kind === kind)
  assert.ok(found, `no ${kind} ${name}@${version} among ${packages.map((one) => `${one.kind} ${one.name}@${one.version}`).join(', ')}`)
  return found
}

describe('lockfiles', () => {
  for (const file of FILES)
    describe(file, () => {
      it('tells what comes from a registry from what does not', () => {
        const kinds = Object.groupBy(read(file).packages, ({ kind }) => kind)
        const registry = new Set(kinds.registry?.map(({ name, version }) => `${name}@${version}`))
        assert.deepEqual([...registry].sort(), ['@acme/tool@1.0.0', 'host@3.0.0', 'left@1.1.0', 'left@2.0.0', 'middle@1.0.0', 'native-darwin@1.0.0', 'native-linux@1.0.0', 'native@1.0.0', 'plugin@1.0.0'])
        assert.deepEqual(kinds.alias?.map(({ name, version }) => `${name}@${version}`), ['left@2.0.0'])
        assert.deepEqual([kinds.git?.length, kinds.url?.length, kinds.file?.length], [1, 1, 1])
        assert.equal(kinds.file?.[0]?.name, 'local')
        assert.equal(kinds.git?.[0]?.name, 'forge')
      })
      it('says who pulls a package in, and by which name', () => {
        const lockfile = read(file)
        assert.deepEqual(named(lockfile, 'left', '1.1.0').paths.map((way) => way.join('>')).sort(), ['left', 'local>left', 'middle>left'])
        assert.deepEqual(named(lockfile, 'left', '2.0.0', 'alias').paths, [['renamed']])
        assert.deepEqual(named(lockfile, 'left', '2.0.0', 'alias').ranges, ['^2.0.0'])
        assert.ok(named(lockfile, 'left', '1.1.0').ranges.includes('^1.0.0'))
      })
      it('only what nothing but optional dependencies asks for is optional', () => {
        const optional = read(file).packages.filter((one) => one.optional).map(({ name }) => name)
        assert.deepEqual(optional.sort(), ['native-darwin', 'native-linux'])
      })
      it('knows the line of an entry', () => {
        const lines = readFileSync(path.join(DATA, file), 'utf8').split('\n')
        for (const one of read(file).packages) {
          const line = lines[one.line - 1] ?? ''
          assert.ok([one.name, ...one.paths.flat()].some((name) => line.includes(name)), `${one.name} at ${String(one.line)}: ${line}`)
        }
      })
    })

  it('development dependencies, where the format tells them', () => {
    for (const file of FILES.filter((one) => one !== 'yarn-4.lock')) assert.ok(named(read(file), '@acme/tool', '1.0.0').dev, file)
  })
  it('the project\'s own workspaces and what a tarball brings along', () => {
    for (const file of ['npm-1.json', 'npm-3.json', 'yarn-4.lock', 'bun.lock']) assert.ok(read(file).packages.some(({ kind, name }) => kind === 'workspace' && name === '@project/a'), file)
    assert.equal(named(read('npm-3.json'), 'inner', '0.1.0', 'bundled').resolved, undefined)
  })
  it('integrity and address are the lockfile\'s, and undefined where it has none a registry would know', () => {
    assert.match(named(read('npm-3.json'), 'left', '1.1.0').integrity ?? '', /^sha512-/)
    assert.equal(named(read('bun.lock'), 'left', '1.1.0').resolved, 'https://registry.example/left/-/left-1.1.0.tgz')
    assert.equal(named(read('pnpm-9.yaml'), 'left', '1.1.0').resolved, undefined)
    assert.equal(named(read('yarn-4.lock'), 'left', '1.1.0').integrity, undefined)
  })
  it('yarn: a patch stands for the package it is of, and an address of its own is told', () => {
    const text = `__metadata:\n  version: 8\n\n"a@npm:^1":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0::__archiveUrl=https%3A%2F%2Felsewhere.example%2Fa.tgz"\n\n"a@patch:a@npm%3A^1#~builtin<compat/a>":\n  version: 1.0.0\n  resolution: "a@patch:a@npm%3A1.0.0#~builtin<compat/a>::version=1.0.0&hash=1"\n`
    assert.deepEqual(readText(text).packages.map(({ kind, resolved }) => [kind, resolved]), [['registry', 'https://elsewhere.example/a.tgz']])
  })
  it('bun: an empty address is the configured registry\'s', () => {
    const text = '{ "lockfileVersion": 1, "workspaces": { "": { "dependencies": { "a": "^1" } } }, "packages": { "a": ["a@1.0.0", "", {}, "sha512-x"], }, }'
    assert.deepEqual(readText(text).packages.map(({ name, resolved, integrity, ranges }) => [name, resolved, integrity, ranges]), [['a', undefined, 'sha512-x', ['^1']]])
  })
  it('names that are properties are names', () => {
    const text = '{"lockfileVersion":3,"packages":{"":{"dependencies":{"__proto__":"^1","constructor":"1"}},"node_modules/__proto__":{"version":"1.0.0"},"node_modules/constructor":{"version":"1.0.0"}}}'
    assert.deepEqual(readText(text).packages.map(({ name, paths }) => [name, paths]), [['__proto__', [['__proto__']]], ['constructor', [['constructor']]]])
  })
  it('packages that depend on one another in a circle are there', () => {
    const text = '# yarn lockfile v1\n\n\na@1:\n  version "1.0.0"\n  dependencies:\n    b "1"\n\nb@1:\n  version "1.0.0"\n  dependencies:\n    a "1"\n'
    assert.deepEqual(readText(text).packages.map(({ name }) => name), ['a', 'b'])
  })
  it('pnpm: two documents in one file are both read', () => {
    const one = (name: string): string => `lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      ${name}:\n        specifier: ^1.0.0\n        version: 1.0.0\npackages:\n  ${name}@1.0.0:\n    resolution: {integrity: sha512-x}\nsnapshots:\n  ${name}@1.0.0: {}\n`
    assert.deepEqual(readText(`---\n${one('tool')}---\n${one('left')}`).packages.map(({ name, paths }) => [name, paths]), [['tool', [['tool']]], ['left', [['left']]]])
  })
})

describe('lockfiles that are none', () => {
  const FAULTS: Readonly<Record<string, readonly [string, string | Buffer]>> = {
    'nothing at all': ['empty', ' \n'],
    'bun\'s binary form': ['binary', Buffer.from('#!/usr/bin/env bun\nbun-lockfile-format-v0\n\0\0')],
    'bytes that are no text': ['binary', Buffer.from([0, 1, 2, 3])],
    'more than any project has': ['too-large', Buffer.alloc(MAX_LOCKFILE + 1, 32)],
    'a conflict of JSON': ['merge-conflict', '{\n<<<<<<< HEAD\n"lockfileVersion": 3,\n=======\n>>>>>>> other\n}'],
    'a conflict of YAML': ['merge-conflict', 'lockfileVersion: \'9.0\'\n<<<<<<< HEAD\n=======\n>>>>>>> other\n'],
    'JSON cut off': ['malformed', '{"lockfileVersion":3,"packages":{"":{'],
    'YAML cut off': ['malformed', 'lockfileVersion: \'9.0\'\npackages:\n  left@1.0.0:\n    resolution: {integrity: sha512-'],
    'a text': ['not-a-lockfile', 'hello\n'],
    'a package.json': ['not-a-lockfile', '{"name":"a","version":"1.0.0"}'],
    'another JSON': ['not-a-lockfile', '{"a":1}'],
    'npm of tomorrow': ['unsupported', '{"lockfileVersion":9,"packages":{}}'],
    'pnpm of yesterday': ['unsupported', 'lockfileVersion: 5.4\npackages: {}\n'],
    'bun of tomorrow': ['unsupported', '{"lockfileVersion":9,"workspaces":{},"packages":{}}'],
    'a package without a version': ['malformed', '{"lockfileVersion":3,"packages":{"node_modules/a":{}}}'],
    'a package that is a number': ['malformed', '{"lockfileVersion":3,"packages":{"node_modules/a":1}}'],
    'a snapshot of nothing': ['malformed', 'lockfileVersion: \'9.0\'\npackages: {}\nsnapshots:\n  a@1.0.0: {}\n'],
    'a project that asks for what is not there': ['malformed', 'lockfileVersion: \'9.0\'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, version: 1.0.0}\npackages: {}\nsnapshots: {}\n'],
    'a resolution that is none': ['malformed', '__metadata:\n  version: 8\n\n"a@npm:1":\n  version: 1.0.0\n  resolution: "a@npm:latest"\n'],
    'one key twice': ['malformed', 'lockfileVersion: \'9.0\'\npackages:\n  a@1.0.0: {}\n  a@1.0.0: {}\n'],
  }
  for (const [what, [fault, content]] of Object.entries(FAULTS))
    it(`${what}: ${fault}`, () => {
      assert.equal(faultOf(() => readLockfile({ file: 'lock', bytes: Buffer.from(content) })), fault)
    })
})
