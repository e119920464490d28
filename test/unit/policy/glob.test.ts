import assert from 'node:assert/strict'
import { compileGlob } from '../../../plugin/policy/glob.ts'
import { compileIdentity } from '../../../plugin/policy/identity.ts'
import { Mistake } from '../../../plugin/policy/mistake.ts'
import { compilePackagePattern, parseExactSpec } from '../../../plugin/policy/package-pattern.ts'

describe('policy: package patterns', () => {
  it('only a ref is told from the package: elsewhere {name} is a mistake', () => {
    assert.throws(() => compileIdentity({ sourceRepository: 'https://github.com/acme/{name}' }), Mistake)
    assert.doesNotThrow(() => compileIdentity({ sourceRef: 'refs/tags/{name}@{version}' }))
  })
  for (const text of ['a@ ', 'a@', `a@${'1'.repeat(300)}`, 'a b', 'a:b', '/a', 'acme/a', '@acme/a/b'])
    it(`${JSON.stringify(text.slice(0, 20))} means nothing, and is refused`, () => {
      assert.throws(() => compilePackagePattern(text), Mistake)
    })
  it('one version is no range of versions', () => {
    assert.doesNotThrow(() => { parseExactSpec('@acme/a@1.0.0') })
    for (const text of ['@acme/a@^1.0.0', '@acme/a@1', '@acme/a', '@acme/*@1.0.0']) assert.throws(() => { parseExactSpec(text) }, Mistake)
  })
})

const matches = (pattern: string, value: string): boolean => compileGlob(pattern).matches(value)

describe('policy: globs', () => {
  for (const [pattern, value] of [
    ['**', ''],
    ['**', '@acme/a/b'],
    ['*', 'left-pad'],
    ['@acme/*', '@acme/ui'],
    ['@acme/*', '@acme/.hidden'],
    ['*/*', '@acme/ui'],
    ['a*b*c', 'aXbXbXc'],
    ['**/release.yml', 'a/b/release.yml'],
    ['lodash', 'lodash'],
  ] as const)
    it(`${pattern} matches "${value}"`, () => {
      assert.equal(matches(pattern, value), true)
    })

  for (const [pattern, value, why] of [
    ['*', '@acme/ui', 'a star stops at a slash'],
    ['@acme/*', '@acme/a/b', 'a star stops at a slash'],
    ['@acme/*', '@acme-evil/ui', '[8a] another scope that begins the same'],
    ['lodash', 'lodash-evil', 'anchored at the end'],
    ['lodash', 'evil-lodash', 'anchored at the start'],
    ['lodash', 'Lodash', 'case-sensitive'],
    ['**/release.yml', 'release.yml', 'the slash is literal'],
    ['a*b', 'ab/b', 'no slash in a star'],
  ] as const)
    it(`${pattern} does not match "${value}": ${why}`, () => {
      assert.equal(matches(pattern, value), false)
    })

  for (const pattern of ['a.c', 'a?c', '[abc]', 'a+', '^a$', '(a|b)', 'a\\b', '$&', '-'])
    it(`[8f] ${pattern} means itself and nothing else`, () => {
      const glob = compileGlob(pattern)
      assert.equal(glob.literal, pattern)
      assert.equal(glob.matches(pattern), true)
      for (const other of ['abc', 'a', 'b', 'aa', 'axc']) assert.equal(glob.matches(other), false)
    })

  it('[8f] characters beside a wildcard mean themselves', () => {
    assert.equal(matches('a.b*', 'a.bc'), true)
    assert.equal(matches('a.b*', 'axbc'), false)
    assert.equal(matches('[a]*', 'a'), false)
  })

  it('[8f] what stands for a placeholder is never a pattern', () => {
    const glob = compileGlob('refs/tags/{name}@{version}', { placeholders: true })
    assert.equal(glob.matches('refs/tags/anything@1.0.0', { name: '*', version: '1.0.0' }), false)
    assert.equal(glob.matches('refs/tags/*@1.0.0', { name: '*', version: '1.0.0' }), true)
    assert.equal(glob.matches('refs/tags/@acme/ui@1.0.0', { name: '@acme/ui', version: '1.0.0' }), true)
    assert.equal(glob.matches('refs/tags/{version}@1', { name: '{version}', version: '1' }), true)
  })

  it('describes a pattern with the package in it', () => {
    const glob = compileGlob('refs/*/v{version}/**', { placeholders: true })
    assert.equal(glob.describe({ name: 'a', version: '1.2.3' }), 'refs/*/v1.2.3/**')
  })

  it('takes no longer for a value made to be slow', () => {
    const value = `${'a'.repeat(20_000)}b`
    const started = process.cpuUsage()
    assert.equal(matches('*a*a*a*a*a*a*a*', value), true)
    assert.equal(matches('*a*a*a*a*a*a*ac', value), false)
    assert.equal(matches('**a**a**a**a**a**a**ac', value), false)
    assert.ok(process.cpuUsage(started).user < 2_000_000)
  })

  for (const pattern of [
    '',
    ' a',
    'a ',
    '!a',
    '{a,b}',
    'a}',
    '@(a|b)',
    '!(a)',
    'a+(b)',
    '*(a)',
    '?(a)',
    '***',
    '*a*a*a*a*a*a*a*a*a',
    '{name}',
  ])
    it(`refuses "${pattern}" with a remedy`, () => {
      assert.throws(
        () => compileGlob(pattern),
        (error) => error instanceof Mistake && error.remedy !== '' && error.message !== '',
      )
    })

  it('refuses a pattern without end', () => {
    assert.throws(() => compileGlob('a'.repeat(513)), Mistake)
  })
})
