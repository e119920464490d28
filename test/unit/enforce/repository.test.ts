import assert from 'node:assert/strict'
import { contentsOf } from '../../../plugin/enforce/contents.ts'
import { readInstallManifest } from '../../../plugin/enforce/manifest.ts'
import { repositoryAddress } from '../../../plugin/enforce/repository.ts'

const WIDGET = 'https://github.com/acme/widget'

describe('the repository a package.json names', () => {
  for (const spelling of [
    'https://github.com/acme/widget',
    'https://github.com/acme/widget.git',
    'https://github.com/acme/widget/',
    'https://www.github.com/acme/widget',
    'http://github.com/acme/widget',
    'https://user:secret@github.com/acme/widget.git',
    'https://github.com/acme/widget#readme',
    'https://github.com/acme/widget.git#main',
    'https://github.com/acme/widget/tree/main/packages/ui',
    'git+https://github.com/acme/widget.git',
    'git://github.com/acme/widget.git',
    'git+ssh://git@github.com/acme/widget.git',
    'ssh://git@github.com/acme/widget.git',
    'git@github.com:acme/widget.git',
    'git+ssh://git@github.com:acme/widget.git',
    'github:acme/widget',
    'acme/widget',
    ' acme/widget ',
  ])
    it(`${spelling} is one address`, () => { assert.equal(repositoryAddress(spelling), WIDGET) })

  for (const [spelling, address] of [
    ['https://github.com/acme/widget.github.io', 'https://github.com/acme/widget.github.io'],
    ['git+ssh://git@git.example:7999/acme/widget.git', 'https://git.example/acme/widget'],
    ['https://git.example/acme/widget//', 'https://git.example/acme/widget'],
    ['gitlab:acme/group/widget', 'https://gitlab.com/acme/group/widget'],
    ['https://gitlab.com/acme/group/widget/-/tree/main/ui', 'https://gitlab.com/acme/group/widget'],
    ['git@gitlab.com:acme/group/widget.git', 'https://gitlab.com/acme/group/widget'],
    ['bitbucket:acme/widget', 'https://bitbucket.org/acme/widget'],
    ['gist:0123abcd', 'https://gist.github.com/0123abcd'],
    ['https://git.example/acme/widget.git', 'https://git.example/acme/widget'],
    ['https://git.example:8443/acme/widget.git', 'https://git.example:8443/acme/widget'],
    ['git+https://token@Git.Example/acme/widget.git#main', 'https://git.example/acme/widget'],
    ['git@git.example:acme/widget.git', 'https://git.example/acme/widget'],
    ['ssh://git@git.example:7999/acme/widget.git', 'https://git.example/acme/widget'],
    ['git+ssh://git@git.example:acme/widget.git', 'https://git.example/acme/widget'],
  ] as const)
    it(`${spelling} is ${address}`, () => { assert.equal(repositoryAddress(spelling), address) })

  for (const near of [
    'acme/widget.evil',
    'acme/widget-evil',
    'acme-evil/widget',
    'https://github.com.evil.test/acme/widget',
    'https://github.com@evil.test/acme/widget',
    'https://evil.test/github.com/acme/widget',
    'https://github.com/evil/..%2facme%2fwidget',
    'https://github.com/acme%2fwidget/x',
    'https://github.com/acme/w%69dget%20',
    'https://github.com/acme/wid\u212Aet',
    'https://gist.github.com/acme/widget',
    'file:///acme/widget',
    'javascript:acme/widget',
  ])
    it(`[8c] ${near} is another`, () => { assert.notEqual(repositoryAddress(near).toLowerCase(), WIDGET) })

  it('[8f] what is encoded in a name is not decoded into another', () => {
    assert.equal(repositoryAddress('https://github.com/acme/\u212Ait'), 'https://github.com/acme/%E2%84%AAit')
    assert.equal(repositoryAddress('https://github.com/evil/..%2facme%2fwidget'), 'https://github.com/evil/..%2facme%2fwidget')
    assert.equal(repositoryAddress('github:acme/wid get%0a'), 'github:acme/wid get%0a')
  })

  it('[8c] an address that goes up is not the one it ends at', () => {
    for (const up of ['https://git.example/evil/../acme/widget', 'https://git.example/evil/.\t./acme/widget', 'https://git.example/evil/%2e%2E/acme/widget'])
      assert.equal(repositoryAddress(up), up)
  })

  it('what is no address stays as it stands', () => {
    for (const text of ['see our web site', 'https://', '..', `https://github.com/acme/${'w'.repeat(5000)}`]) assert.equal(repositoryAddress(text), text)
  })

  it('is read from a package.json in both of its forms, and kept in the fact as it stands', () => {
    const manifestOf = (fields: object) => readInstallManifest(Buffer.from(JSON.stringify({ name: 'widget', version: '1.0.0', ...fields })), new Set())
    assert.equal(contentsOf(manifestOf({ repository: 'acme/widget' })).repository, WIDGET)
    const manifest = manifestOf({ repository: { type: 'git', url: 'git+https://github.com/acme/widget.git', directory: 'packages/ui' } })
    assert.equal(manifest.repository, 'git+https://github.com/acme/widget.git')
    assert.equal(contentsOf(manifest).repository, WIDGET)
    for (const fields of [{}, { repository: '' }, { repository: ' ' }, { repository: { type: 'git' } }, { repository: 7 }])
      assert.equal(contentsOf(manifestOf(fields)).repository, undefined)
  })
})
