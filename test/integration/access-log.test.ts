/** The access log of a mirror as a process: what it answers before Verdaccio, by itself, and not at all. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { stringify } from 'yaml'
import { FakeRegistry } from '../support/fake-registry.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { isBuilt, runMain, serveProcess, temporaryDirectory } from '../support/process.ts'
import { onTheWire } from '../support/raw.ts'
import { sectionFor } from '../support/stored.ts'

describe('access log', function () {
  this.timeout(30_000)
  let dir: string
  let registry: FakeRegistry

  before(async function () {
    if (!isBuilt()) {
      process.stderr.write('skipped: not built (npm run build)\n')
      this.skip()
    }
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0' })
  })
  after(async () => { if (isBuilt()) await registry.close() })
  beforeEach(() => { dir = temporaryDirectory('access-log-') })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  it('has a line for each request when the mirror has ended, whoever answered it', async () => {
    const section = sectionFor(dir, registry)
    const uplinks = { fake: { ...(section.uplinks as { readonly fake: object }).fake, maxage: '1h' } }
    const mirror = await serveProcess(dir, { ...section, uplinks, accessLog: './logs/access.log' })
    const ask = (url: string, headers: Record<string, string> = {}): Promise<unknown> => fetch(`${mirror.url}${url}`, { headers: { 'user-agent': 'me', ...headers } }).then((answer) => answer.arrayBuffer())
    // What was learned behind the first answers makes another: from some point on the same is given again.
    for (const url of ['/widget', '/widget/-/widget-1.0.0.tgz']) for (let count = 0; count < 5; count++) await ask(url)
    await ask('/nowhere')
    await onTheWire(mirror.url, 'GET /widget HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n')
    await mirror.stop()
    const all = readFileSync(path.join(dir, 'logs/access.log'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    const of = (wanted: string): readonly unknown[] => all.filter(({ url }) => url === wanted).map(({ status }) => status)
    assert.deepEqual(of('/widget'), [200, 200, 200, 200, 200, 400])
    assert.deepEqual(of('/widget/-/widget-1.0.0.tgz'), [200, 200, 200, 200, 200])
    assert.deepEqual(of('/nowhere'), [404])
    // Nobody asked for what the mirror asks itself before it listens.
    assert.deepEqual(new Set(all.map(({ url }) => url)), new Set(['/widget', '/widget/-/widget-1.0.0.tgz', '/nowhere']))
    for (const wanted of ['/widget', '/widget/-/widget-1.0.0.tgz']) assert.deepEqual(new Set(all.filter(({ url }) => url === wanted).map(({ warm }) => warm)), new Set([false, true]))
  })
  it('a mirror does not start with one that it cannot write, and names the key', async () => {
    mkdirSync(path.join(dir, 'taken'))
    writeFileSync(path.join(dir, 'config.yaml'), stringify({ storage: './storage', listen: 'localhost:0', packages: {}, middlewares: { provenance: { ...sectionFor(dir, registry), trust: { offline: true, ...(sectionFor(dir, registry).trust as object) }, accessLog: './taken' } } }))
    const { code, output } = await runMain(dir, 'serve', '--config', 'config.yaml')
    assert.notEqual(code, 0)
    assert.match(output, /middlewares\.provenance\.accessLog/)
  })
  it('nothing is written where nobody asked for it', async () => {
    const mirror = await serveProcess(dir, sectionFor(dir, registry))
    await mirror.stop()
    assert.ok(!existsSync(path.join(dir, 'access.log')))
  })
})
