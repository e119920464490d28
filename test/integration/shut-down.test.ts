/** The end of a process: whoever is being answered gets all of it, whoever comes is served until nobody comes, and then it is over. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import net from 'node:net'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { isBuilt, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'
import { raw } from '../support/raw.ts'
import { sectionFor } from '../support/stored.ts'

/** More than the system takes for a client that does not read. */
const LARGE = 16 * 1024 ** 2
const SHUTTING_DOWN = /shutting down: answers on/

describe('shutting down', function () {
  this.timeout(30_000)
  let dir: string | undefined
  let registry: FakeRegistry
  let mirror: MirrorProcess
  let kill: (() => Promise<void>) | undefined
  let sha512: string

  before(async function () {
    if (!isBuilt()) {
      process.stderr.write('skipped: not built (npm run build)\n')
      this.skip()
    }
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'small', version: '1.0.0' })
    const { tarball } = registry.publish({ name: 'large', version: '1.0.0', files: { 'package/blob': randomBytes(LARGE) } })
    sha512 = hash('sha512', tarball)
  })
  after(() => registry.close())
  afterEach(async () => {
    await kill?.()
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
  })
  const start = async (shutdown: JsonObject, core: JsonObject = {}): Promise<void> => {
    dir = temporaryDirectory('shut-down-')
    kill = undefined
    mirror = await serveProcess(dir, { ...sectionFor(dir, registry), shutdown }, core)
    kill = () => mirror.kill()
  }
  /** Its head has come, and no more is read of it. */
  const begun = async (path: string, agent: http.Agent | false = false): Promise<IncomingMessage> => {
    const [response] = (await once(http.get(`${mirror.url}${path}`, { agent }), 'response')) as [IncomingMessage]
    return response
  }
  const digestOf = async (response: IncomingMessage): Promise<string> => {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return hash('sha512', Buffer.concat(chunks))
  }
  const isOpen = (): Promise<boolean> => new Promise((resolve) => {
    const socket = net.connect(Number(new URL(mirror.url).port), 'localhost')
    socket.once('connect', () => { resolve(true) }).once('error', () => { resolve(false) })
    socket.once('connect', () => socket.destroy())
  })

  it('a download under way arrives whole, who comes meanwhile is served, then the port is closed, and all is well', async () => {
    await start({ drain: '1s', finish: '1m' })
    const download = await begun('/large/-/large-1.0.0.tgz')
    assert.equal((await raw(mirror.url, '/-/provenance/ready')).status, 200)
    mirror.signal('SIGTERM')
    await mirror.printed(SHUTTING_DOWN)

    const ready = await raw(mirror.url, '/-/provenance/ready')
    assert.deepEqual([ready.status, (JSON.parse(ready.body.toString()) as { checks: JsonObject }).checks.running], [503, 'failed'])
    assert.equal((await raw(mirror.url, '/-/provenance/health')).status, 200)
    for (const path of ['/small', '/small', '/small/-/small-1.0.0.tgz']) {
      const { status, headers } = await raw(mirror.url, path, { headers: { connection: 'keep-alive' } })
      assert.deepEqual([path, status, headers.connection], [path, 200, 'close'])
    }
    while (await isOpen());
    assert.equal(await digestOf(download), sha512)
    assert.equal(await mirror.ended, 0)
  })
  it('connections that are kept for later requests keep nothing up', async () => {
    await start({ drain: '0s', finish: '1m' }, { server: { keepAliveTimeout: 3600 } })
    const agent = new http.Agent({ keepAlive: true })
    const download = await begun('/large/-/large-1.0.0.tgz', agent)
    await digestOf(await begun('/small', agent))
    mirror.signal('SIGTERM')
    while (await isOpen());
    // Its answer began when nobody spoke of the end yet.
    assert.equal(await digestOf(download), sha512)
    assert.equal(await mirror.ended, 0)
    agent.destroy()
  })
  it('who takes nothing is not waited for longer than is said', async () => {
    await start({ drain: '0s', finish: '100ms' })
    const download = await begun('/large/-/large-1.0.0.tgz')
    mirror.signal('SIGTERM')
    assert.equal(await mirror.ended, 0)
    await assert.rejects(digestOf(download))
  })
  it('another signal ends it at once', async () => {
    await start({ drain: '1h' })
    mirror.signal('SIGTERM')
    await mirror.printed(SHUTTING_DOWN)
    mirror.signal('SIGTERM')
    assert.equal(await mirror.ended, 143)
  })
  it('at SIGINT nobody waits for a load balancer, but for a download', async () => {
    await start({ drain: '1h', finish: '1m' })
    const download = await begun('/large/-/large-1.0.0.tgz')
    mirror.signal('SIGINT')
    assert.equal(await digestOf(download), sha512)
    assert.equal(await mirror.ended, 0)
  })
})
