/** What is written is what is in force: each key of the configuration reaches the mirror, and no other value does. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readConfiguration, type Configuration, type VerdaccioConfiguration } from '../../../plugin/config/configuration.ts'
import { takeOver } from '../../../plugin/config/take-over.ts'
import { parseInterval, parseSize } from '../../../plugin/config/units.ts'
import { ConfigurationError, type Problem } from '../../../plugin/domain/errors.ts'

const FILE = '/etc/mirror/config.yaml'
const PACKAGES = { '**': ['a'] }
const URL_A = 'https://registry.example/'
const PEM = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n'

const read = (section: object, core: Partial<VerdaccioConfiguration> = {}, environment: Record<string, string> = {}): Configuration =>
  readConfiguration({ configPath: FILE, middlewares: { provenance: { uplinks: { a: { url: URL_A } }, packages: PACKAGES, ...section } }, ...core }, environment)
const uplink = (more: object, core: Partial<VerdaccioConfiguration> = {}, environment: Record<string, string> = {}) => {
  const [first] = read({ uplinks: { a: { url: URL_A, ...more } } }, core, environment).uplinks
  assert.ok(first)
  return first
}
function problemsOf(run: () => unknown): readonly Problem[] {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error))
    return error.problems
  }
  return assert.fail('was accepted')
}

describe('what a configuration says is in force', () => {
  let dir: string
  before(() => { dir = mkdtempSync(path.join(tmpdir(), 'said-')) })
  after(() => { rmSync(dir, { recursive: true }) })

  it('a policy inline, in a file, and none', () => {
    const file = path.join(dir, 'policy.yaml')
    writeFileSync(file, 'version: 1\n')
    const inline = read({ policy: { version: 1 } }).policy
    assert.deepEqual(inline !== 'shared' && inline?.source, { version: 1 })
    assert.deepEqual(read({ policy: file }).policy, { source: 'version: 1\n', file })
    assert.equal(read({}).policy, undefined)
  })
  it('one public address, several, and none', () => {
    const urls = (publicUrl?: unknown): readonly string[] => read(publicUrl === undefined ? {} : { publicUrl }).publicUrls.map(({ href }) => href)
    assert.deepEqual([urls('https://a.example'), urls(['https://a.example', 'https://b.example/npm/']), urls()], [['https://a.example/'], ['https://a.example/', 'https://b.example/npm/'], []])
  })
  for (const [prefix, expected] of [[undefined, ''], ['', ''], ['/', ''], ['npm', '/npm'], ['/npm/', '/npm'], ['//npm//x/', '/npm/x']] as const)
    it(`url_prefix ${String(prefix)} is ${JSON.stringify(expected)}`, () => assert.equal(read({}, { url_prefix: prefix }).urlPrefix, expected))
  it('the server\'s id', () => assert.deepEqual([read({}, { server_id: 'x' }).serverId, read({}).serverId], ['x', '']))
  it('a private root and private keys, relative to the file', () => {
    assert.equal(read({ trust: { trustedRoot: './root.json' } }).trustedRootFile, '/etc/mirror/root.json')
    assert.equal(uplink({ trust: { registryKeys: './keys.json' } }).registryKeysFile, '/etc/mirror/keys.json')
    assert.deepEqual([read({}).trustedRootFile, uplink({}).registryKeysFile], [undefined, undefined])
  })
  it('where TUF is asked, and whether', () => {
    const { tuf, offline } = read({ trust: { tuf: { mirror: 'https://tuf.example', root: './root.json' }, offline: true } })
    assert.deepEqual([tuf, offline], [{ mirror: 'https://tuf.example', rootFile: '/etc/mirror/root.json' }, true])
    assert.deepEqual([read({}).tuf, read({}).offline], [undefined, false])
  })
  it('whose evidence an uplink serves: as said, else its own', () => {
    assert.deepEqual([uplink({ trust: { registry: 'https://other.example/' } }).registry, uplink({}).registry], ['https://other.example', 'https://registry.example'])
  })
  it('an uplink that signs everything, as said and not otherwise', () => {
    assert.deepEqual([uplink({ trust: { signs: true } }).signsAlways, uplink({ trust: { signs: 'auto' } }).signsAlways, uplink({}).signsAlways], [true, false, false])
  })
  it('how attestations are asked for', () => assert.deepEqual([uplink({ trust: { attestations: 'probe' } }).attestations, uplink({}).attestations], ['probe', 'announced']))
  it('options of an uplink that are Verdaccio\'s', () => {
    const { timeout, max_fails: fails, headers, tarballHosts } = uplink({ timeout: '5s', max_fails: 0, headers: { x: 'y' }, tarballHosts: ['cdn.example'] })
    assert.deepEqual([timeout, fails, headers, tarballHosts], [5000, 0, { x: 'y' }, ['cdn.example']])
  })
  it('the size of caches', () => {
    const { cache } = read({ cache: { dir: './c', memory: '1mb', disk: '2mb' } })
    assert.deepEqual(cache, { dir: '/etc/mirror/c', memory: 1024 ** 2, disk: 2 * 1024 ** 2 })
  })
  it('a CA as text and as a file', () => {
    const file = path.join(dir, 'ca.pem')
    writeFileSync(file, PEM)
    assert.deepEqual([uplink({ ca: PEM }).ca, uplink({ ca: file }).ca], [PEM, PEM])
  })

  describe('tokens', () => {
    const token = (auth: object, environment: Record<string, string> = {}): unknown => uplink({ auth: { type: 'bearer', ...auth } }, {}, environment).auth?.token
    it('given', () => assert.equal(token({ token: 'x' }), 'x'))
    it('given goes before a variable', () => assert.equal(token({ token: 'x', token_env: 'V' }, { V: 'y' }), 'x'))
    it('NPM_TOKEN', () => assert.equal(token({ token_env: true }, { NPM_TOKEN: 'y' }), 'y'))
    it('an empty one is none', () => {
      const [problem] = problemsOf(() => token({ token_env: 'V' }, { V: '' }))
      assert.match(problem?.message ?? '', /\bV\b/)
      assert.equal(problemsOf(() => token({ token: '' }))[0]?.message, 'has no token')
    })
    it('of the environment is the one of the moment', () => {
      const environment: Record<string, string> = { V: 'monday' }
      const { auth } = uplink({ auth: { type: 'bearer', token_env: 'V' } }, {}, environment)
      assert.equal(auth?.token, 'monday')
      environment.V = 'tuesday'
      assert.equal(auth.token, 'tuesday')
    })
    describe('in a file', () => {
      const file = path.join(tmpdir(), `token-${String(process.pid)}`)
      before(() => { writeFileSync(file, 'x\n') })
      after(() => { rmSync(file) })
      it('is read when it is needed', () => assert.deepEqual(uplink({ auth: { type: 'basic', token_file: file } }).auth, { type: 'basic', tokenFile: file }))
      it('must be there, and hold something', () => {
        assert.match(problemsOf(() => token({ token_file: './not-there' }))[0]?.path ?? '', /token_file$/)
        writeFileSync(file, '\n')
        assert.equal(problemsOf(() => token({ token_file: file }))[0]?.message, 'is empty')
      })
      it('is not also said elsewhere', () => {
        writeFileSync(file, 'x')
        assert.match(problemsOf(() => token({ token_file: file, token: 'y' }))[0]?.message ?? '', /more than one/)
        assert.match(problemsOf(() => token({ token_file: file, token_env: 'V' }, { V: 'y' }))[0]?.message ?? '', /more than one/)
      })
    })
    it('`token_env: false` names none', () => assert.equal(problemsOf(() => token({ token_env: false }, { false: 'y', NPM_TOKEN: 'z' })).length, 1))
  })

  describe('proxies', () => {
    it('an uplink\'s own, else Verdaccio\'s, else the environment\'s in either case', () => {
      const environment = { https_proxy: 'http://e', HTTPS_PROXY: 'http://E' }
      assert.equal(uplink({ https_proxy: 'http://u' }, { https_proxy: 'http://c' }, environment).https_proxy, 'http://u')
      assert.equal(uplink({}, { https_proxy: 'http://c' }, environment).https_proxy, 'http://c')
      assert.equal(uplink({}, {}, environment).https_proxy, 'http://e')
      assert.equal(uplink({}, {}, { HTTPS_PROXY: 'http://E' }).https_proxy, 'http://E')
    })
    it('none, and an empty one, are none', () => {
      assert.equal(Object.hasOwn(uplink({}), 'https_proxy'), false)
      assert.equal(Object.hasOwn(uplink({}, { https_proxy: '' }), 'https_proxy'), false)
    })
  })

  describe('remedies', () => {
    const remedy = (section: object): string => problemsOf(() => read(section))[0]?.remedy ?? ''
    it('of a value that is none of a few names them', () => assert.match(remedy({ uplinks: { a: { url: URL_A, auth: { type: 'x' } } } }), /bearer, basic/))
    it('of a wrong type names the right one', () => assert.match(remedy({ local: 'x' }), /a list/))
    it('of an interval and a size show how they are written', () => {
      assert.match(remedy({ uplinks: { a: { url: URL_A, timeout: 'x' } } }), /30s/)
      assert.match(remedy({ cache: { disk: 'x' } }), /20gb/)
    })
    it('of an address shows one', () => assert.match(remedy({ uplinks: { a: { url: 'registry' } } }), /https:\/\//))
    it('an address that only begins like one is none', () => assert.equal(problemsOf(() => read({ uplinks: { a: { url: 'https://' } } })).length, 1))
    it('packages that come from nowhere: an example with an uplink there is', () => assert.match(remedy({ packages: { '**': [] } }), /\[a\]/))
    it('proxies of Verdaccio\'s packages are named where they stand', () => {
      const core = { packages: { '**': { proxy: 'b' } } }
      assert.deepEqual(problemsOf(() => readConfiguration({ configPath: FILE, middlewares: { provenance: { uplinks: { a: { url: URL_A } } } }, ...core }, {})).map(({ path: place }) => place), ['packages["**"].proxy'])
    })
  })

  it('a package that no pattern names comes from nowhere', () => assert.deepEqual(read({ packages: { '@acme/*': ['a'] } }).uplinksFor('left-pad'), []))
})

describe('taking over keeps all else', () => {
  const taken = (config: object) => takeOver(config as never)
  const section = (config: object): Record<string, unknown> => (taken(config).config.middlewares as { provenance: Record<string, unknown> }).provenance

  it('the policy and everything else of the section', () => {
    assert.deepEqual(section({ middlewares: { provenance: { policy: './p.yaml', publicUrl: 'https://a.example', packages: PACKAGES, uplinks: {} } } }), {
      policy: './p.yaml', publicUrl: 'https://a.example', packages: PACKAGES, uplinks: {},
    })
  })
  it('the core\'s own keys, and filters beside ours', () => {
    const { config } = taken({ storage: './s', auth: { x: 1 }, filters: { other: { y: 1 } } })
    assert.deepEqual([config.storage, config.auth, config.filters], ['./s', { x: 1 }, { other: { y: 1 }, provenance: {} }])
  })
  it('what was moved is said, what was not is not', () => {
    assert.deepEqual([taken({ uplinks: { a: {} } }).notes.length, taken({ uplinks: {} }).notes.length, taken({}).notes.length], [1, 0, 0])
  })
  for (const [where, config] of [
    ['middlewares', { middlewares: ['provenance'] }],
    ['middlewares.provenance', { middlewares: { provenance: 'x' } }],
    ['uplinks', { uplinks: ['a'] }],
  ] as const)
    it(`${where} that is no mapping is refused, and never taken for none`, () =>
      assert.deepEqual(problemsOf(() => taken(config)).map(({ path: place }) => place), [where]))
  it('packages of the section go before proxies', () => {
    assert.deepEqual(section({ packages: { '**': { proxy: 'b' } }, middlewares: { provenance: { uplinks: {}, packages: PACKAGES } } }).packages, PACKAGES)
  })
  it('proxies as a list, with spaces, and of rules that are none', () => {
    assert.deepEqual(section({ packages: { a: { proxy: ['x', 'y'] }, b: { proxy: ' x  y ' }, c: null, d: { proxy: 7 } }, uplinks: { x: {} } }).packages, { a: ['x', 'y'], b: ['x', 'y'], c: [], d: [] })
  })
  it('rules that are none stay as they are', () => assert.deepEqual(taken({ packages: { c: null } }).config.packages, { c: null }))
})

describe('units at their edges', () => {
  it('intervals', () => assert.deepEqual([0, -1, NaN, Infinity, '1.5m', '5x'].map(parseInterval), [0, undefined, undefined, undefined, 90_000, undefined]))
  it('sizes', () => assert.deepEqual([0, -1, NaN, Infinity, 1, '1.5kb', '1 mb', '5xb'].map(parseSize), [undefined, undefined, undefined, undefined, 1, 1536, 1024 ** 2, undefined]))
})
