/** An address that leads elsewhere than it begins is nobody's repository. */
import assert from 'node:assert/strict'
import { repositoryAddress } from '../../plugin/enforce/repository.ts'

describe('regression: the repository of a package.json', () => {
  for (const text of [
    'https://gitlab.com/evil/x/-/../../../acme/widget',
    'https://gitlab.com/evil/x/-/%2e%2E/.%2e/../acme/widget',
    'https://gitlab.com/evil/x/-/.\t./.\n./.\r./acme/widget',
    'git+https://gitlab.com/evil/x/-/tree/main/../../../../../acme/widget',
    'https://gitlab.com/evil/x/-\\..\\..\\..\\acme\\widget',
    'https://github.com/evil/x/../../acme/widget',
    'https://git.example/evil/x/../../acme/widget',
    'git@git.example:../acme/widget',
  ])
    it(`[8c] ${JSON.stringify(text)} names none`, () => { assert.equal(repositoryAddress(text), text) })

  it('dots in names and in fragments are no steps up', () => {
    assert.equal(repositoryAddress('https://gitlab.com/acme/a..b/-/tree/main'), 'https://gitlab.com/acme/a..b')
    assert.equal(repositoryAddress('https://github.com/acme/widget.git#../x'), 'https://github.com/acme/widget')
  })
})
