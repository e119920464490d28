/** The plugin in a stock Verdaccio 6, through Verdaccio's own loader. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { ProvenancePlugin, registeredEngines } from '../../plugin/plugin.ts'
import { FakeRegistry, type Published } from '../support/fake-registry.ts'
import { NO_AGE, startTestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { raw, rawJson, register } from '../support/raw.ts'
import { pluginsFolder, publishTo, sectionFor, startPluginForm, startStock, stockConfig, type Stock } from '../support/stored.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const BUILT = path.join(ROOT, 'dist/index.js')
const POLICY = { ...NO_AGE, rules: [{ packages: ['widget@1.2.0'], verdict: 'deny', reason: 'known to be bad' }] }

describe('the plugin in a stock Verdaccio', function () {
  this.timeout(20_000)
  let registry: FakeRegistry
  let good: Published
  let dir: string
  let stock: Stock | undefined

  before(async () => {
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    good = registry.publish({ name: 'widget', version: '1.0.0' })
    registry.publish({ name: 'widget', version: '1.2.0' })
    registry.publish({ name: 'secret-sauce', version: '1.0.0' })
  })
  after(() => registry.close())
  beforeEach(() => { dir = mkdtempSync(path.join(tmpdir(), 'plugin-')) })
  afterEach(async () => {
    await stock?.close()
    stock = undefined
    rmSync(dir, { recursive: true, force: true })
  })

  const section = (more: JsonObject = {}): JsonObject => sectionFor(dir, registry, { policy: POLICY, ...more })
  const config = (more: JsonObject = {}): JsonObject =>
    stockConfig(dir, { plugins: pluginsFolder(dir), middlewares: { provenance: section() }, filters: { provenance: {} }, ...more })

  async function mirrors(url: string): Promise<void> {
    const { versions } = (await rawJson(url, '/widget')) as { versions: Record<string, { dist: JsonObject }> }
    assert.deepEqual(Object.keys(versions), ['1.0.0'])
    assert.equal(versions['1.0.0']!.dist.tarball, `${url}/widget/-/widget-1.0.0.tgz`)
    assert.ok((await raw(url, '/widget/-/widget-1.0.0.tgz')).body.equals(good.tarball))
    assert.equal((await raw(url, '/widget/-/widget-1.2.0.tgz')).status, 403)
    const { ready, problems } = await rawJson(url, '/-/provenance/ready')
    assert.deepEqual([ready, problems], [true, []])
  }

  it('mirrors with the configuration that is documented', async () => {
    stock = await startPluginForm(config())
    await mirrors(stock.url)
  })
  it('has an access log of its own where it is wanted, with the address as it was asked for', async () => {
    stock = await startPluginForm(config({ middlewares: { provenance: section({ accessLog: './access.log' }) } }))
    await mirrors(stock.url)
    await stock.close()
    stock = undefined
    const lines = readFileSync(path.join(dir, 'access.log'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as JsonObject)
    assert.deepEqual(lines.map(({ url, status }) => [url, status]), [['/widget', 200], ['/widget/-/widget-1.0.0.tgz', 200], ['/widget/-/widget-1.2.0.tgz', 403], ['/-/provenance/ready', 200]])
  })
  it('takes what comes from where from `proxy` under `packages`', async () => {
    const { packages: _left, ...rest } = section()
    const packages = { 'secret-*': { access: '$all' }, '**': { access: '$all', publish: '$authenticated', proxy: 'fake' } }
    stock = await startPluginForm(config({ middlewares: { provenance: rest }, packages }))
    await mirrors(stock.url)
    assert.equal((await raw(stock.url, '/secret-sauce')).status, 404)
  })
  for (const encoding of ['gzip', 'identity'])
    it(`answers from its first route what it answered before, ${encoding}, past Verdaccio's own compression`, async () => {
      const { uplinks, ...rest } = section() as { uplinks: { fake: JsonObject } } & JsonObject
      stock = await startPluginForm(config({ middlewares: { provenance: { ...rest, uplinks: { fake: { ...uplinks.fake, maxage: '1h' } } } } }))
      const work = (await registeredEngines().at(-1))?.work
      const headers = { 'accept-encoding': encoding }
      for (let round = 0; round < 3; round++) await raw(stock.url, '/widget', { headers })
      const before = work?.warm ?? NaN
      const [short, long] = [await raw(stock.url, '/widget', { headers }), await raw(stock.url, '/widget?', { headers })]
      assert.equal(work?.warm, before + 1)
      assert.deepEqual({ ...short.headers, date: '' }, { ...long.headers, date: '' })
      assert.deepEqual(short.body, long.body)
    })
  it('works without `filters`', async () => {
    stock = await startPluginForm(config({ filters: {} }))
    await mirrors(stock.url)
  })
  it('a foreign Host is 400 here too', async () => {
    stock = await startPluginForm(config())
    for (const where of ['/widget', '/-/ping', '/-/verdaccio/data/packages', '/home-made'])
      assert.equal((await raw(stock.url, where, { headers: { host: 'evil.test' } })).status, 400, where)
    assert.equal((await raw(stock.url, '/-/provenance/health', { headers: { host: 'evil.test' } })).status, 200)
  })

  it('beside verdaccio-htpasswd: login, access rules and publishing', async () => {
    const packages = { 'secret-*': { access: 'alice' }, '**': { access: '$all', publish: '$authenticated' } }
    stock = await startPluginForm(config({ packages }))
    const authorization = `Bearer ${await register(stock.url, 'alice')}`
    assert.equal((await raw(stock.url, '/secret-sauce')).status, 401)
    assert.equal((await raw(stock.url, '/secret-sauce', { headers: { authorization } })).status, 200)
    assert.equal((await publishTo(stock.url, authorization.slice(7), 'home-made', '1.0.0')).status, 201)
    assert.equal((await publishTo(stock.url, authorization.slice(7), 'widget', '9.0.0')).status, 403)
    assert.match((await raw(stock.url, '/-/verdaccio/data/packages')).body.toString(), /home-made/)
  })
  for (const order of ['before', 'after'] as const)
    it(`verdaccio-audit, loaded ${order} it: ${order === 'before' ? 'asks its own registry' : 'is not asked'}, and takes nothing down when that cannot be reached`, async () => {
      const audit = { enabled: true, timeout: 1000 }
      const middlewares = order === 'before' ? { audit, provenance: section() } : { provenance: section(), audit }
      // Nothing listens there: no test asks a registry.
      stock = await startPluginForm(config({ middlewares, https_proxy: 'http://127.0.0.1:9' }))
      const headers = { 'content-type': 'application/json' }
      for (const where of ['audits', 'audits/quick', 'advisories/bulk']) {
        const body = where === 'advisories/bulk' ? '{}' : '{"dependencies":{}}'
        assert.equal((await raw(stock.url, `/-/npm/v1/security/${where}`, { method: 'POST', headers, body })).status, order === 'before' ? 500 : 200)
      }
      await mirrors(stock.url)
    })

  it('two instances of it share one engine', async () => {
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
    const core = { ...config(), self_path: '' }
    const options = { config: core as never, logger: logger as never }
    const [one, other] = [new ProvenancePlugin({}, options), new ProvenancePlugin({}, options)]
    const known = registeredEngines().length
    const app = { use: () => undefined }
    for (const plugin of [one, other]) plugin.register_middlewares(app, { webUIJWTmiddleware: () => () => undefined } as never, { localStorage: {} } as never)
    const [first, second] = registeredEngines().slice(known)
    assert.equal(first, second)
    await (await first)?.close()
  })

  // -------------------------------------------------------------- refusals at start

  it('does not start while the core has uplinks, though Verdaccio swallows what a constructor throws', async () => {
    const uplinks = { npmjs: { url: registry.url } }
    await assert.rejects(startStock(config({ uplinks })), /core still has uplinks \(npmjs\)/)
  })
  it('does not start with a policy that is wrong', async () => {
    const middlewares = { provenance: section({ policy: { version: 1, extends: 'recommended', defaults: { provenence: 'required' } } }) }
    await assert.rejects(startStock(config({ middlewares })), /provenence/)
  })
  it('does not start with a key it does not know, or a file that is not there', async () => {
    await assert.rejects(startStock(config({ middlewares: { provenance: section({ polices: {} }) } })), /polices/)
    await assert.rejects(startStock(config({ middlewares: { provenance: section({ policy: './nowhere.yaml' }) } })), /nowhere\.yaml/)
    await assert.rejects(startStock(config({ middlewares: { provenance: section({ trust: { trustedRoot: './nowhere.json' } }) } })), /nowhere\.json/)
  })
  it('as a filter only, it lets nothing through that was proxied, even by a core with uplinks', async () => {
    const packages = { '**': { access: '$all', proxy: 'fake' } }
    stock = await startStock(config({ middlewares: {}, uplinks: { fake: { url: registry.url } }, packages }))
    const { versions } = await rawJson(stock.url, '/widget')
    assert.deepEqual(versions, {})
    for (let times = 0; times < 2; times++) assert.notEqual((await raw(stock.url, '/widget/-/widget-1.0.0.tgz')).status, 200)
    assert.notEqual((await raw(stock.url, '/widget/1.0.0')).status, 200)
  })
  it('answers 503 as JSON when its stores cannot be opened', async () => {
    mkdirSync(path.join(dir, 'store.db'))
    const started = await startStock(config({ middlewares: { provenance: section({ store: 'sqlite:./store.db' }) } }))
    const { status, body } = await raw(started.url, '/widget')
    await started.close()
    assert.equal(status, 503)
    assert.match((JSON.parse(body.toString()) as { error: string }).error, /stores/)
  })

  // -------------------------------------------------------------- serve

  it('serve does not start when `plugins:` holds a plugin of this name that does nothing', async () => {
    const folder = pluginsFolder(dir, path.join(dir, 'nothing.cjs'))
    writeFileSync(path.join(dir, 'nothing.cjs'), 'exports.default = class { register_middlewares() {} filter_metadata(all) { return all } }')
    await assert.rejects(startTestMirror({ registry, dir, core: { plugins: folder } }), /did not load this plugin/)
  })
  it('serve loads its own when `plugins:` holds a plugin of this name that cannot be loaded', async () => {
    const folder = pluginsFolder(dir, path.join(dir, 'broken.cjs'))
    writeFileSync(path.join(dir, 'broken.cjs'), 'throw new Error("broken")')
    const mirror = await startTestMirror({ registry, dir, core: { plugins: folder } })
    const answer = await mirror.json('/-/provenance/ready')
    await mirror.close({ keep: true })
    assert.equal(answer.ready, true)
  })
  it('serve does not start when `plugins:` holds another copy of this plugin', async function () {
    if (!existsSync(BUILT)) {
      process.stderr.write('skipped: not built (npm run build)\n')
      this.skip()
    }
    await assert.rejects(startTestMirror({ registry, dir, core: { plugins: pluginsFolder(dir, BUILT) } }), /did not load this plugin/)
    // Here the process does not end with that, and what the other copy opened still writes.
    const other = (await import(path.join(path.dirname(BUILT), 'plugin.js'))) as { registeredEngines: typeof registeredEngines }
    const opened = await Promise.all(other.registeredEngines())
    assert.equal(opened.length, 1)
    await opened[0]!.close()
  })

  // -------------------------------------------------------------- as a package, built

  const DRIVERS = [
    ['--input-type=module', 'import { runServer } from "verdaccio"; runServer(process.argv[1]).then(listen)'],
    ['--input-type=commonjs', 'require("verdaccio").runServer(process.argv[1]).then(listen)'],
  ] as const
  const LISTEN = ';function listen(server) { server.listen(0, "localhost", () => console.log("port=" + server.address().port)) }'

  /** A stock Verdaccio as a process of its own, in a project where this package is installed. */
  function startInstalled([type, script]: (typeof DRIVERS)[number], project: string): { readonly port: Promise<string>; end(): Promise<NodeJS.Signals | null> } {
    const core = config()
    const file = path.join(project, 'config.yaml')
    mkdirSync(path.join(project, 'node_modules'), { recursive: true })
    symlinkSync(ROOT, path.join(project, 'node_modules/verdaccio-provenance'), 'dir')
    const middlewares = { provenance: sectionFor(project, registry, { policy: POLICY }) }
    writeFileSync(file, stringify({ ...core, plugins: undefined, self_path: undefined, configPath: undefined, storage: './storage', middlewares }))
    const env = { ...process.env, NODE_PATH: path.join(project, 'node_modules') }
    const child = spawn(process.execPath, [type, '-e', `${script}${LISTEN}`, file], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const port = new Promise<string>((resolve, reject) => {
      let output = ''
      const read = (chunk: Buffer): void => {
        output += chunk.toString()
        const found = /port=(\d+)/.exec(output)?.[1]
        if (found !== undefined) resolve(found)
      }
      child.stdout.on('data', read)
      child.stderr.on('data', read)
      child.once('exit', () => { reject(new Error(output)) })
    })
    const ended = new Promise<NodeJS.Signals | null>((resolve) => { child.once('exit', (_code, signal) => { resolve(signal) }) })
    return {
      port,
      end: () => {
        child.kill()
        return ended
      },
    }
  }

  it('installed as a package, built, under the ES module and the CommonJS build of Verdaccio, and ends at SIGTERM', async function () {
    if (!existsSync(BUILT)) {
      process.stderr.write('skipped: not built (npm run build)\n')
      this.skip()
    }
    const children = DRIVERS.map((driver, index) => startInstalled(driver, path.join(dir, String(index))))
    try {
      for (const port of await Promise.all(children.map((child) => child.port))) await mirrors(`http://localhost:${port}`)
    } finally {
      // Nobody listens to the signal in a stock Verdaccio: its locks and this plugin's log must not each wait for the other.
      assert.deepEqual(await Promise.all(children.map((child) => child.end())), ['SIGTERM', 'SIGTERM'])
    }
  })
})
