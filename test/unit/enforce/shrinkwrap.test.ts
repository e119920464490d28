import assert from 'node:assert/strict'
import { DEFAULT_REGISTRY } from '@verdaccio/config'
import type { ForeignDependency } from '../../../plugin/domain/history.ts'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { contentsOf } from '../../../plugin/enforce/contents.ts'
import { lockedElsewhere } from '../../../plugin/enforce/shrinkwrap.ts'
import { createTarballInspector, type TarballLimits } from '../../../plugin/enforce/tarball.ts'
import { END, gzip, manifest, member, withFile } from './archive.ts'

const EVIL = 'https://evil.test/left/-/left-1.0.0.tgz'
const PUBLIC = `${DEFAULT_REGISTRY.replace(/\/$/, '')}/left/-/left-1.0.0.tgz`
const lock3 = (entry: JsonObject, place = 'node_modules/left'): JsonObject => ({ name: 'widget', lockfileVersion: 3, packages: { '': { name: 'widget', version: '1.0.0' }, [place]: { version: '1.0.0', ...entry } } })
const read = (document: unknown): readonly ForeignDependency[] => lockedElsewhere('npm-shrinkwrap.json', Buffer.from(JSON.stringify(document)))
const kinds = (document: unknown): readonly string[] => read(document).map(({ kind }) => kind)

const own = member({ name: 'package/package.json', body: manifest() })
const inspect = async (members: readonly Buffer[], limits: Partial<TarballLimits> = {}, ownAddresses: readonly URL[] = []): Promise<readonly ForeignDependency[] | undefined> => {
  const inspector = createTarballInspector(limits, ownAddresses)
  return inspector.contents(await withFile(gzip(own, ...members, END), (file) => inspector.inspect(file))).lockedElsewhere
}
const evil = JSON.stringify(lock3({ resolved: EVIL }))

describe('a lockfile in a tarball', () => {
  const FOREIGN: readonly (readonly [string, JsonObject, string])[] = [
    ['another host', lock3({ resolved: EVIL }), 'url'],
    ['another host for a development dependency, which npm fetches too', lock3({ resolved: EVIL, dev: true }), 'url'],
    ['another host for what is called bundled', lock3({ resolved: EVIL, inBundle: true }), 'url'],
    ['another host below a package', lock3({ resolved: EVIL }, 'node_modules/middle/node_modules/left'), 'url'],
    ['a host that begins like the public registry', lock3({ resolved: PUBLIC.replace(/(?<=\/\/[^/]*)(?=\/)/, '.evil.test') }), 'url'],
    ['the public registry as a user', lock3({ resolved: PUBLIC.replace(/(?<=\/\/[^/]*)(?=\/)/, '@evil.test') }), 'url'],
    ['Git', lock3({ resolved: 'git+ssh://git@github.com/acme/left.git#0123' }), 'git'],
    ['Git, in short', lock3({ resolved: 'acme/left' }), 'git'],
    ['a file', lock3({ resolved: 'file:../left.tgz' }), 'file'],
    ['an address where a version belongs', lock3({ version: EVIL }), 'url'],
    ['a name that holds an address', lock3({ name: 'left@https://evil.test/x.tgz#' }), 'unknown'],
    ['version 1', { lockfileVersion: 1, dependencies: { left: { version: '1.0.0', resolved: EVIL } } }, 'url'],
    ['version 1, Git where a version belongs', { lockfileVersion: 1, dependencies: { left: { version: 'git+https://evil.test/left.git#0123' } } }, 'git'],
    ['version 1, below a package', { lockfileVersion: 1, dependencies: { middle: { version: '1.0.0', dependencies: { left: { version: '1.0.0', resolved: EVIL } } } } }, 'url'],
    ['the tree that version 2 keeps for npm 6', { ...lock3({ resolved: PUBLIC }), dependencies: { left: { version: '1.0.0', resolved: EVIL } } }, 'url'],
  ]
  for (const [what, document, kind] of FOREIGN) it(`[20b] names ${what}`, () => { assert.deepEqual(kinds(document), [kind]) })

  it('says the file, the package and the address', () => {
    assert.deepEqual(read(lock3({ resolved: EVIL })), [{ field: 'npm-shrinkwrap.json', name: 'left', spec: EVIL, kind: 'url' }])
  })
  const FINE: readonly (readonly [string, JsonObject])[] = [
    ['the public registry, which npm replaces', lock3({ resolved: PUBLIC })],
    ['the same without TLS, as lockfiles of old have it', lock3({ resolved: PUBLIC.replace('https:', 'http:') })],
    ['no address', lock3({})],
    ['an alias', lock3({ name: 'right', resolved: PUBLIC })],
    ['a package in a scope', lock3({ name: '@acme/left', resolved: PUBLIC }, 'node_modules/@acme/left')],
    ['a link to a folder of its own', lock3({ link: true, resolved: 'packages/left' })],
    ['version 1 that npm 6 wrote of what it found in a tarball', { lockfileVersion: 1, dependencies: { left: { version: '1.0.0', bundled: true, resolved: false } } }],
    ['version 1, an alias', { lockfileVersion: 1, dependencies: { left: { version: 'npm:right@1.0.0', resolved: PUBLIC } } }],
  ]
  for (const [what, document] of FINE) it(`may name ${what}`, () => { assert.deepEqual(read(document), []) })

  for (const text of ['', '{', '<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs', '[]', 'null'])
    it(`that is ${JSON.stringify(text)} is told as one that cannot be read`, () => {
      assert.deepEqual(lockedElsewhere('package-lock.json', Buffer.from(text)).map(({ kind, name }) => [kind, name]), [['unknown', 'package-lock.json']])
    })
  it('[17b] may be nested as deep as it likes', () => {
    const deep = `${'{"dependencies":{"a":{"dependencies":{"a":'.repeat(500)}{"resolved":"${EVIL}"}${'}}}}'.repeat(500)}`
    assert.deepEqual(lockedElsewhere('npm-shrinkwrap.json', Buffer.from(deep)).map(({ kind }) => kind), ['url'])
  })
  it('[17d] of a thousand places each origin is named once, of a thousand origins ten and that there are more', () => {
    const many = (host: (index: number) => string): JsonObject => ({ packages: Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`node_modules/p${String(index)}`, { version: '1.0.0', resolved: `https://${host(index)}/p.tgz` }])) })
    assert.equal(read(many(() => 'evil.test')).length, 1)
    assert.deepEqual(kinds(many((index) => `${String(index % 10)}.evil.test`)), Array.from({ length: 10 }, () => 'url'))
    assert.deepEqual(kinds(many((index) => `${String(index)}.evil.test`)), [...Array.from({ length: 10 }, () => 'url'), 'unknown'])
  })
  it('[16a] packages called like members of objects are packages', () => {
    for (const name of ['__proto__', 'constructor']) assert.deepEqual(kinds(JSON.parse(`{"packages":{"node_modules/${name}":{"resolved":"${EVIL}"}},"dependencies":{"${name}":{"version":"git+https://evil.test/a"}}}`)), ['url', 'git'])
  })

  describe('is found', () => {
    for (const name of ['package/npm-shrinkwrap.json', 'package/package-lock.json', 'npm-shrinkwrap.json', 'package/NPM-Shrinkwrap.JSON', 'package/./npm-shrinkwrap.json', 'package\\npm-shrinkwrap.json', 'package/NPM-SH~1.JSO'])
      it(`[20b] as ${name}`, async () => { assert.deepEqual((await inspect([member({ name, body: evil })]))?.map(({ kind }) => kind), ['url']) })
    it('[20b] beside one that names nothing, in whichever order', async () => {
      const [good, bad] = [member({ name: 'package/npm-shrinkwrap.json', body: JSON.stringify(lock3({})) }), member({ name: 'package/npm-shrinkwrap.json', body: evil })]
      for (const members of [[good, bad], [bad, good]]) assert.equal((await inspect(members))?.length, 1)
    })
    it('[17d] among more of them than are read, as one that is not read', async () => {
      const members = Array.from({ length: 9 }, () => member({ name: 'package/npm-shrinkwrap.json', body: '{}' }))
      assert.deepEqual((await inspect(members))?.map(({ kind }) => kind), ['unknown'])
    })
    it('[17e] when it is larger than is read, as one that is not read', async () => {
      assert.deepEqual((await inspect([member({ name: 'package/npm-shrinkwrap.json', body: evil })], { lockfile: 100 }))?.map(({ kind }) => kind), ['unknown'])
    })
    it('nowhere else', async () => {
      assert.equal(await inspect([member({ name: 'package/test/npm-shrinkwrap.json', body: evil }), member({ name: 'package/yarn.lock', body: evil })]), undefined)
    })
  })

  it('may name this mirror, and no other origin beside it', async () => {
    const mirror = new URL('https://npm.acme.example/npm/')
    const [ours, both] = [{ ...lock3({ resolved: 'https://npm.acme.example/npm/left/-/left-1.0.0.tgz' }) }, { packages: { 'node_modules/left': { resolved: 'https://npm.acme.example/npm/left/-/left-1.0.0.tgz' }, 'node_modules/right': { resolved: 'http://npm.acme.example/right.tgz' } } }]
    const found = async (document: JsonObject, addresses: readonly URL[]): Promise<number | undefined> => (await inspect([member({ name: 'package/npm-shrinkwrap.json', body: JSON.stringify(document) })], {}, addresses))?.length
    assert.deepEqual([await found(ours, []), await found(ours, [mirror]), await found(both, [mirror])], [1, undefined, 1])
  })
  it('that was stored in a form nobody knows is told, not passed over', () => {
    assert.deepEqual(contentsOf({ lockedElsewhere: ['x', { kind: 'none' }] }).lockedElsewhere?.map(({ kind }) => kind), ['unknown', 'unknown'])
  })
})
