/** `trust.instances`: what is written is what may vouch, and a mistake stops the start where it was made. */
import assert from 'node:assert/strict'
import { readConfiguration, type Configuration } from '../../../plugin/config/configuration.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'
import { PUBLISHED_HERE } from '../../../plugin/domain/ports.ts'

const read = (instances: readonly object[]): Configuration =>
  readConfiguration({
    configPath: '/etc/mirror/config.yaml',
    middlewares: { provenance: { uplinks: { npmjs: { url: 'https://registry.example/' }, company: { url: 'https://company.example/' } }, packages: { '**': ['company', 'npmjs'] }, trust: { instances } } },
  }, {})
const ACME = { name: 'acme', trustedRoot: './acme.json', packages: ['@acme/*'] }
const one = (changes: object = {}) => {
  const [instance] = read([{ ...ACME, ...changes }]).instances
  assert.ok(instance)
  return instance
}
const places = (...instances: readonly object[]): readonly string[] => {
  try {
    read(instances)
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error))
    for (const { message, remedy } of error.problems) assert.ok(message !== '' && remedy !== '')
    return error.problems.map(({ path }) => path.replace('middlewares.provenance.trust.instances', ''))
  }
  return []
}

describe('configuration of Sigstore instances', () => {
  it('none when nothing says so', () => assert.deepEqual(read([]).instances, []))
  it('a root in a file, relative to the configuration; a TUF repository; the public-good one', () => {
    assert.deepEqual([one().trustedRootFile, one().tuf], ['/etc/mirror/acme.json', undefined])
    const tuf = { mirror: 'https://tuf.example/', root: './root.json' }
    assert.deepEqual(one({ trustedRoot: undefined, tuf }).tuf, { mirror: 'https://tuf.example/', rootFile: '/etc/mirror/root.json' })
    const publicGood = one({ trustedRoot: undefined, publicGood: true })
    assert.deepEqual([publicGood.trustedRootFile, publicGood.tuf], [undefined, undefined])
  })
  it('vouches alone for its packages, unless it says otherwise', () => assert.deepEqual([one().exclusive, one({ exclusive: false }).exclusive], [true, false]))

  describe('packages', () => {
    const vouched = (packages: readonly string[], ...names: readonly string[]): readonly boolean[] => names.map((name) => one({ packages, exclusive: false }).vouchesFor('npmjs', name))
    it('* stops at a slash, ** is everything', () => {
      assert.deepEqual(vouched(['@acme/*'], '@acme/x', '@acme/x-y.z', '@acme/', '@acmes/x', 'acme', '@other/@acme/x'), [true, true, true, false, false, false])
      assert.deepEqual(vouched(['acme-*'], 'acme-x', 'acme-x/y', 'acme', 'x-acme-y'), [true, false, false, false])
      assert.deepEqual(vouched(['**'], 'x', '@acme/x'), [true, true])
    })
    it('case counts, and nothing but stars is special', () => {
      assert.deepEqual(vouched(['@acme/*'], '@Acme/x', '@ACME/x'), [false, false])
      assert.deepEqual(vouched(['a.c'], 'abc', 'a.c'), [false, true])
    })
    it('a name that is no name matches no more', () => assert.deepEqual(vouched(['@acme/*'], '@acme/x/y', '\n@acme/x'), [false, false]))
    for (const pattern of ['!@acme/*', '@(acme)/*', '{a,b}', '[a]', '', 'a***', '*-*-*-*-*', 'a b'])
      it(`${JSON.stringify(pattern)} is a mistake`, () => assert.deepEqual(places({ ...ACME, packages: [pattern] }), ['[0].packages[0]']))
  })

  it('of every uplink and of what is published here, unless it says which', () => {
    const from = (changes: object) => ['npmjs', 'company', PUBLISHED_HERE].map((uplink) => one(changes).vouchesFor(uplink, '@acme/x'))
    assert.deepEqual(from({}), [true, true, true])
    assert.deepEqual(from({ uplinks: ['company'] }), [false, true, true])
    assert.deepEqual(from({ uplinks: ['company'], local: false }), [false, true, false])
    assert.deepEqual(from({ uplinks: [] }), [false, false, true])
  })

  const MISTAKES: readonly (readonly [string, object, string])[] = [
    ['no Sigstore', { trustedRoot: undefined }, '[0]'],
    ['two of them', { publicGood: true }, '[0]'],
    ['publicGood: false', { trustedRoot: undefined, publicGood: false }, '[0].publicGood'],
    ['no packages', { packages: [] }, '[0].packages'],
    ['an uplink that is none', { uplinks: ['nowhere'] }, '[0].uplinks[0]'],
    ['a name with a slash, which would be a file', { name: '../x' }, '[0].name'],
    ['a name with the sign that separates it in anchors', { name: 'a@b' }, '[0].name'],
    ['the name of the default one', { name: 'default' }, '[0].name'],
    ['everything for itself', { packages: ['**'] }, '[0].packages[0]'],
    ['a key that is none', { package: ['x'] }, '[0].package'],
  ]
  for (const [title, changes, place] of MISTAKES) it(title, () => assert.deepEqual(places({ ...ACME, ...changes }), [place]))
  it('two of one name', () => assert.deepEqual(places(ACME, ACME), ['[1].name']))
})
