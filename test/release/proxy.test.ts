/** The proxy of docker/haproxy: the real program, in front of stand-ins that say what reached them, and of real mirrors. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import { Agent, fetch, type RequestInit, type Response } from 'undici'
import { FakeRegistry } from '../support/fake-registry.ts'
import { certificateIn, checkHaproxy, freePort, hasHaproxy, startHaproxy, type Proxy } from '../support/haproxy.ts'
import { startTestMirror, type TestMirror } from '../support/mirror.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { NpmProject, temporaryDirectory } from '../support/process.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Answers in a replica's stead. */
class Stand {
  readonly name: string
  readonly asked: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers'] }[] = []
  isReady = true
  isAlive = true
  answer: Answer = (_request, response) => { response.end(this.name) }
  readonly #server: Server
  #port = 0

  constructor(name: string) {
    this.name = name
    this.#server = createServer((request, response) => {
      const { method = '', url = '', headers } = request
      if (url === '/-/provenance/ready') return void response.writeHead(this.isReady && this.isAlive ? 200 : 503).end()
      if (url === '/-/provenance/health') return void response.writeHead(this.isAlive ? 200 : 503).end()
      this.asked.push({ method, url, headers })
      this.answer(request, response)
    })
  }

  get place(): string {
    return `127.0.0.1:${String(this.#port)}`
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => { resolve() }))
    this.#server.closeAllConnections()
    await closed
  }

  reset(): void {
    this.asked.length = 0
    this.isReady = this.isAlive = true
    this.answer = (_request, response) => { response.end(this.name) }
  }
}

describe('proxy', function () {
  this.timeout(20_000)
  let dir: string | undefined
  let first: Stand
  let second: Stand
  let proxy: Proxy
  let agent: Agent | undefined
  const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${proxy.url}${path}`, { ...(agent === undefined ? {} : { dispatcher: agent }), ...init })
  const said = async (path: string, init?: RequestInit): Promise<string> => (await get(path, init)).text()
  /** Health is asked every second, and nobody is told what came of it. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const PATHS = Array.from({ length: 40 }, (_, index) => `/package-${String(index)}`)
  const answeredBy = async (): Promise<ReadonlySet<string>> => new Set(await Promise.all(PATHS.map((path) => said(path))))
  const only = (stand: Stand) => async (): Promise<boolean> => [...(await answeredBy())].join() === stand.name
  const both = async (): Promise<boolean> => (await answeredBy()).size === 2

  before(async function () {
    if (!hasHaproxy()) this.skip()
    dir = temporaryDirectory('proxy-')
    ;[first, second] = [await new Stand('first').start(), await new Stand('second').start()]
    proxy = await startHaproxy(dir, [first.place, second.place])
    agent = new Agent({ connect: { ca: proxy.ca } })
    await until(both)
  })
  beforeEach(() => {
    for (const stand of [first, second]) stand.reset()
  })
  after(async () => {
    if (agent === undefined) return
    await agent.destroy()
    await proxy.close()
    await Promise.all([first.stop(), second.stop()])
    rmSync(dir!, { recursive: true, force: true })
  })

  const asked = (): Stand['asked'] => [...first.asked, ...second.asked]

  it('its configuration is taken without a warning', () => {
    const { pem } = certificateIn(dir!)
    const { status, said: words } = checkHaproxy({ CERTIFICATE: pem, MIRROR_1: '127.0.0.1:1', MIRROR_2: '127.0.0.1:2' })
    assert.equal(status, 0, words)
    assert.doesNotMatch(words, /WARNING|ALERT/)
  })
  it('passes Host on, says itself who asks, and believes nobody who says otherwise', async () => {
    const lies = { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Port': '1', 'X-Real-IP': '192.0.2.2', Forwarded: 'for=192.0.2.3' }
    await said('/package', { headers: lies })
    const { headers } = asked()[0]!
    assert.equal(headers.host, new URL(proxy.url).host)
    assert.deepEqual([headers['x-forwarded-for'], headers['x-forwarded-proto'], headers['x-forwarded-host'], headers['x-forwarded-port'], headers['x-real-ip'], headers.forwarded], ['127.0.0.1', 'https', undefined, undefined, undefined, undefined])
  })
  it('asks one replica again and again for a package, and both for many', async () => {
    await until(both)
    for (const stand of [first, second]) stand.reset()
    for (const path of PATHS) for (let round = 0; round < 3; round++) await said(path)
    const moved = PATHS.filter((path) => [first, second].every((stand) => stand.asked.some(({ url }) => url === path)))
    // One that has half more to do than the others is spared: now and then, also of requests that are made one after the other.
    assert.ok(moved.length <= PATHS.length / 10, moved.join())
    for (const stand of [first, second]) assert.ok(stand.asked.length > 0)
  })
  it('tells nobody outside of metrics', async () => {
    for (const path of ['/-/provenance/metrics', '/-/provenance/metrics/', '/-/Provenance/METRICS?a']) assert.equal((await get(path)).status, 404)
    assert.deepEqual(asked(), [])
  })
  it('lets all that writes go to one replica', async () => {
    for (const path of PATHS) await said(path, { method: 'PUT', body: '{}' })
    assert.deepEqual([first.asked.length, second.asked.length], [PATHS.length, 0])
  })
  it('a question that a replica died over is put to the other', async () => {
    let deaths = 0
    const dies: Answer = (request, response) => {
      if (deaths++ === 0) request.socket.destroy()
      else response.end('answered')
    }
    first.answer = second.answer = dies
    assert.equal(await said('/package'), 'answered')
    assert.equal(asked().length, 2)
    assert.deepEqual([first.asked.length, second.asked.length], [1, 1])
  })
  it('a publish that a replica died over is not sent twice', async () => {
    first.answer = second.answer = (request) => { request.socket.destroy() }
    const publish = async (): Promise<number> => (await get('/package', { method: 'PUT', body: '{}' })).status
    // Or the connection just ends, where it had been used before.
    assert.equal(await publish().catch(() => 502), 502)
    assert.equal(asked().length, 1)
  })
  it('nobody is told that a publish was not begun', async () => {
    const protocol = await new Promise((resolve) => {
      const socket = connect({ host: 'localhost', port: Number(new URL(proxy.url).port), ca: proxy.ca, ALPNProtocols: ['h2', 'http/1.1'] }, () => {
        resolve(socket.alpnProtocol)
        socket.destroy()
      })
    })
    assert.equal(protocol, 'http/1.1')
  })
  it('a refusal or an outage that a replica speaks of is the answer', async () => {
    first.answer = second.answer = (_request, response) => { response.writeHead(503, { 'Retry-After': '5' }).end('{"error":"evidence"}') }
    const answer = await get('/package')
    assert.deepEqual([answer.status, answer.headers.get('retry-after'), await answer.text()], [503, '5', '{"error":"evidence"}'])
    assert.equal(asked().length, 1)
  })
  it('events arrive when they are sent', async () => {
    let next = (): void => undefined
    first.answer = second.answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
      next = () => { response.end('data: 2\n\n') }
    }
    const reader = ((await get('/-/provenance/v1/decisions')).body as ReadableStream<Uint8Array>).getReader()
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: 1\n\n')
    next()
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: 2\n\n')
  })
  it('a publish of 40 MB goes through, and arrives as it was', async () => {
    const body = randomBytes(40 * 1024 ** 2)
    first.answer = (request, response) => {
      const hash = createHash('sha256')
      request.on('data', (chunk: Buffer) => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')))
    }
    assert.equal(await said('/package', { method: 'PUT', body }), createHash('sha256').update(body).digest('hex'))
  })
  it('a replica that is not ready is asked for nothing, and asked again when it is', async () => {
    first.isReady = false
    await until(only(second))
    first.isReady = true
    await until(both)
  })
  it('where none is ready, those that live are asked', async () => {
    first.isReady = second.isReady = false
    second.isAlive = false
    await until(only(first))
    second.reset()
    first.reset()
    await until(both)
  })
  it('no question fails while a replica goes and comes back', async () => {
    const ask = async (): Promise<readonly number[]> => Promise.all(PATHS.map(async (path) => (await get(path)).status))
    const before = ask()
    await first.stop()
    const statuses = [...(await before), ...(await ask())]
    await first.start()
    statuses.push(...(await ask()))
    assert.deepEqual([...new Set(statuses)], [200])
    await until(both)
  })
})

describe('proxy: in front of mirrors', function () {
  this.timeout(60_000)
  let dir: string | undefined
  let registry: FakeRegistry
  let mirrors: readonly TestMirror[] = []
  let proxy: Proxy | undefined

  before(async function () {
    if (!hasHaproxy()) this.skip()
    dir = temporaryDirectory('proxy-')
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    registry.publish({ name: 'widget', version: '1.0.0' })
    const port = await freePort()
    const section = { publicUrl: [`https://localhost:${String(port)}`] }
    mirrors = [await startTestMirror({ registry, section }), await startTestMirror({ registry, section })]
    const [one, two] = mirrors.map(({ url }) => new URL(url).host)
    proxy = await startHaproxy(dir, [one!, two!], port)
  })
  after(async () => {
    if (dir === undefined) return
    await proxy?.close()
    await mirrors[1]?.close()
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('npm installs through it, over TLS, and goes on when a replica ends', async () => {
    const project = new NpmProject(dir!)
    const install = async (): Promise<void> => {
      const { code, output } = await project.npm(proxy!.url, 'install', 'widget@1.0.0', `--cafile=${proxy!.caFile}`)
      assert.equal(code, 0, output)
      assert.ok(project.has('widget/package.json'))
    }
    await install()
    await mirrors[0]!.close()
    project.reset()
    await install()
  })
})
