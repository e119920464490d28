import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { getDefaultConfig } from '@verdaccio/config'
import { readConfiguration, type VerdaccioConfiguration } from '../../../plugin/config/configuration.ts'
import { takeOver } from '../../../plugin/config/take-over.ts'
import { parseInterval, parseSize } from '../../../plugin/config/units.ts'
import { readYaml } from '../../../plugin/config/yaml.ts'
import { ConfigurationError } from '../../../plugin/domain/errors.ts'

const PACKAGES = { '**': ['a'] }
const UPLINKS = { a: { url: 'https://registry.example/' } }
const read = (section: object, core: Partial<VerdaccioConfiguration> = {}, environment: Record<string, string> = {}) =>
  readConfiguration({ configPath: '/etc/mirror/config.yaml', middlewares: { provenance: section }, ...core }, environment)

/** The places of all problems found. */
function problemsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error))
    for (const { message, remedy } of error.problems) assert.ok(message !== '' && remedy !== '')
    return error.problems.map(({ path: place }) => place.replace('middlewares.provenance.', ''))
  }
  return assert.fail('was accepted')
}

describe('configuration', () => {
  describe('mistakes name their place', () => {
    const MISTAKES: readonly (readonly [string, object, string])[] = [
      ['an unknown key', { polcy: 'x' }, 'polcy'],
      ['an unknown key of an uplink', { uplinks: { a: { ...UPLINKS.a, urll: 'x' } } }, 'uplinks.a.urll'],
      ['an uplink without a url', { uplinks: { a: {} } }, 'uplinks.a.url'],
      ['a url that is no http address', { uplinks: { a: { url: 'ftp://registry.example' } } }, 'uplinks.a.url'],
      ['an interval that is none', { uplinks: { a: { ...UPLINKS.a, maxage: 'soon' } } }, 'uplinks.a.maxage'],
      ['a size that is none', { cache: { disk: 'lots' } }, 'cache.disk'],
      ['strangers among those who read decisions', { dashboard: { read: ['$all'] } }, 'dashboard.read[0]'],
      ['strangers among those who approve', { dashboard: { write: ['security', '$anonymous'] } }, 'dashboard.write[1]'],
      ['a group without a name', { dashboard: { write: [''] } }, 'dashboard.write[0]'],
      ['an unknown key of the dashboard', { dashboard: { admin: ['bob'] } }, 'dashboard.admin'],
      ['a scraper by the name of its host', { metrics: { allow: ['prometheus.example'] } }, 'metrics.allow[0]'],
      ['a network that is too narrow', { metrics: { allow: ['10.0.0.0/8', '10.0.0.0/33'] } }, 'metrics.allow[1]'],
      ['a network of two parts too many', { metrics: { allow: ['10.0.0.0/8/8'] } }, 'metrics.allow[0]'],
      ['a scraper without a name', { metrics: { access: [''] } }, 'metrics.access[0]'],
      ['an unknown key of metrics', { metrics: { port: 9090 } }, 'metrics.port'],
      ['an unknown key of traces', { tracing: { url: 'x' } }, 'tracing.url'],
      ['a store of another kind', { store: 'redis://localhost' }, 'store'],
      ['a TUF repository without its first root', { trust: { tuf: { mirror: 'https://tuf.example' } } }, 'trust.tuf.root'],
      ['a TUF mirror that is no http address', { trust: { tuf: { mirror: 'tuf.example', root: 'x' } } }, 'trust.tuf.mirror'],
      ['trust.offline that is no boolean', { trust: { offline: 'yes' } }, 'trust.offline'],
      ['signs of another kind', { uplinks: { a: { ...UPLINKS.a, trust: { signs: 'maybe' } } } }, 'uplinks.a.trust.signs'],
      ['a tarball host with a path', { uplinks: { a: { ...UPLINKS.a, tarballHosts: ['cdn.example/x'] } } }, 'uplinks.a.tarballHosts[0]'],
      ['a publicUrl that is none', { publicUrl: ['npm.acme.example'] }, 'publicUrl[0]'],
      ['an uplink that is not there', { uplinks: UPLINKS, packages: { '**': ['b'] } }, 'packages["**"]'],
      ['no package from anywhere', { uplinks: UPLINKS, packages: {} }, 'packages'],
      ['a token that is nowhere', { uplinks: { a: { ...UPLINKS.a, auth: { type: 'bearer' } } }, packages: PACKAGES }, 'uplinks.a.auth'],
      ['a token in a variable that is not set', { uplinks: { a: { ...UPLINKS.a, auth: { type: 'bearer', token_env: 'NO' } } }, packages: PACKAGES }, 'uplinks.a.auth'],
      ['a CA that cannot be read', { uplinks: { a: { ...UPLINKS.a, ca: './none.pem' } }, packages: PACKAGES }, 'uplinks.a.ca'],
      ['a policy that cannot be read', { policy: './none.yaml', uplinks: UPLINKS, packages: PACKAGES }, 'policy'],
      ['a switched-off cache of an uplink', { uplinks: { a: { ...UPLINKS.a, cache: false } } }, 'uplinks.a.cache'],
    ]
    for (const [title, section, place] of MISTAKES) it(title, () => assert.deepEqual(problemsOf(() => read(section)), [place]))

    it('several at once', () => assert.deepEqual(problemsOf(() => read({ store: 'x', cache: { memory: 'x' } })), ['store', 'cache.memory']))
    it('uplinks left in Verdaccio\'s core', () => {
      assert.deepEqual(problemsOf(() => read({ packages: { '**': ['npmjs'] } }, { uplinks: { npmjs: {} } })), ['uplinks'])
    })
  })

  describe('what is not said', () => {
    it('metrics are for this machine, and no uplink learns of traces', () => {
      const { metrics, propagatesTraces } = read({ uplinks: UPLINKS, packages: PACKAGES })
      assert.deepEqual([metrics, propagatesTraces], [{ access: [], allow: ['127.0.0.0/8', '::1'] }, false])
    })
    it('the uplinks are Verdaccio\'s default ones', () => {
      const { uplinks } = read({ packages: { '**': Object.keys(getDefaultConfig().uplinks) } })
      assert.deepEqual(uplinks.map(({ name }) => name), Object.keys(getDefaultConfig().uplinks))
    })
    it('an uplink\'s evidence is its own registry\'s', () => assert.equal(read({ uplinks: UPLINKS, packages: PACKAGES }).uplinks[0]?.registry, 'https://registry.example'))
    it('packages come from where Verdaccio\'s proxy says', () => {
      const { uplinksFor } = read({ uplinks: UPLINKS }, { packages: { '@acme/*': {}, '**': { proxy: 'a' } } })
      assert.deepEqual([uplinksFor('@acme/x'), uplinksFor('left-pad')], [[], ['a']])
    })
    it('paths are relative to the file', () => assert.equal(read({ uplinks: UPLINKS, packages: PACKAGES }).database, '/etc/mirror/provenance.db'))
    it('trust is the public-good Sigstore, kept fresh', () => {
      const { trustedRootFile, tuf, offline } = read({ uplinks: UPLINKS, packages: PACKAGES })
      assert.deepEqual([trustedRootFile, tuf, offline], [undefined, undefined, false])
    })
    it('nothing may be published over an uplink\'s name', () => assert.equal(read({ uplinks: UPLINKS, packages: PACKAGES }).mayShadow('left-pad'), false))
  })

  it('a private TUF repository has its root beside the file', () => {
    const { tuf } = read({ uplinks: UPLINKS, packages: PACKAGES, trust: { tuf: { mirror: 'https://tuf.example/repo', root: './root.json' } } })
    assert.deepEqual(tuf, { mirror: 'https://tuf.example/repo', rootFile: '/etc/mirror/root.json' })
  })
  it('a token comes from the environment', () => {
    const auth = { type: 'bearer', token_env: 'COMPANY' }
    const { uplinks } = read({ uplinks: { a: { ...UPLINKS.a, auth } }, packages: PACKAGES }, {}, { COMPANY: 'secret' })
    assert.deepEqual(uplinks[0]?.auth, { type: 'bearer', token: 'secret' })
  })
  it('local lists names that may be published over an uplink\'s', () => {
    assert.equal(read({ uplinks: UPLINKS, packages: PACKAGES, local: ['@acme/*'] }).mayShadow('@acme/x'), true)
  })
})

describe('taking over Verdaccio\'s configuration', () => {
  const taken = (config: object) => takeOver(config as never)

  it('leaves the core without uplinks and proxies', () => {
    const { config } = taken({ uplinks: { a: UPLINKS.a }, packages: { '**': { access: '$all', proxy: 'a' } } })
    assert.equal(Object.hasOwn(config, 'uplinks'), false)
    assert.deepEqual(config.packages, { '**': { access: '$all' } })
  })
  it('hands both to middlewares.provenance', () => {
    const { config } = taken({ uplinks: { a: UPLINKS.a }, packages: { '@acme/*': {}, '**': { proxy: 'a b' } } })
    const { provenance } = config.middlewares as { provenance: object }
    assert.deepEqual(provenance, { uplinks: { a: UPLINKS.a }, packages: { '@acme/*': [], '**': ['a', 'b'] } })
  })
  it('keeps what middlewares.provenance says itself', () => {
    const { config } = taken({ uplinks: { b: {} }, middlewares: { provenance: { uplinks: UPLINKS, packages: PACKAGES } } })
    assert.deepEqual((config.middlewares as { provenance: object }).provenance, { uplinks: UPLINKS, packages: PACKAGES })
  })
  it('sends everything to all uplinks when nothing says proxy', () => {
    const { config } = taken({ uplinks: { a: {}, b: {} }, packages: { '**': { access: '$all' } } })
    assert.deepEqual((config.middlewares as { provenance: { packages: object } }).provenance.packages, { '**': ['a', 'b'] })
  })
  it('a misspelled section does not start on the defaults', () => {
    assert.deepEqual(problemsOf(() => taken({ middlewares: { provenence: { policy: './policy.yaml' } } })), ['middlewares.provenence'])
  })
  it('leaves the audit middleware out, and says so', () => {
    const { config, notes } = taken({ middlewares: { audit: { enabled: true }, other: {} } })
    assert.deepEqual(Object.keys(config.middlewares as object), ['other', 'provenance'])
    assert.equal(notes.length, 1)
  })
})

describe('the configuration file', () => {
  let dir: string
  before(() => { dir = mkdtempSync(path.join(tmpdir(), 'yaml-')) })
  after(() => { rmSync(dir, { recursive: true }) })
  const file = (text: string): string => {
    const name = path.join(dir, 'config.yaml')
    writeFileSync(name, text)
    return name
  }

  it('a syntax error names its line', () => {
    assert.throws(() => readYaml(file('storage: ./s\nlisten: [\nweb: x\n')), (error) => error instanceof ConfigurationError && error.problems.every(({ line }) => (line ?? 0) >= 2))
  })
  it('a key given twice is an error', () => assert.deepEqual(problemsOf(() => readYaml(file('storage: a\nstorage: b\n'))), ['']))
  it('a list is no configuration', () => assert.deepEqual(problemsOf(() => readYaml(file('- a\n'))), ['']))
  it('a missing file is named', () => assert.deepEqual(problemsOf(() => readYaml(path.join(dir, 'none.yaml'))), ['']))
  it('the default one is accepted', () => {
    const shipped = path.resolve(import.meta.dirname, '../../../config/config.yaml')
    const { config } = takeOver(readYaml(shipped))
    assert.equal(readConfiguration(config as never, {}).uplinks.length, 1)
  })
})

describe('units', () => {
  for (const [text, milliseconds] of [['2m', 120_000], ['30s', 30_000], ['1h 30m', 5_400_000], ['7d', 604_800_000], [5, 5000], ['5', 5000], ['0s', 0], ['', undefined], ['m', undefined], ['-1s', undefined], ['1 h', undefined]] as const)
    it(`interval ${JSON.stringify(text)}`, () => assert.equal(parseInterval(text), milliseconds))
  for (const [text, bytes] of [['1kb', 1024], ['256mb', 268_435_456], ['20GB', 21_474_836_480], [7, 7], ['7', undefined], ['x', undefined], [0, undefined]] as const)
    it(`size ${JSON.stringify(text)}`, () => assert.equal(parseSize(text), bytes))
})
