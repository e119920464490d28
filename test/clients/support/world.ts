/** What all cells of the matrix run against: one fake registry, and mirrors of it that differ in one setting each. */
import http from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import type { JsonObject } from '../../../plugin/domain/json.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { startTestMirror, type TestMirror } from '../../support/mirror.ts'
import { githubIdentity, PrivateSigstore } from '../../support/private-sigstore.ts'

export const RULE = 'Refused for the matrix'
export const REASON = 'it was taken over'
/** What clients ask for that have the mirror under a public name. */
export const PUBLIC = 'http://npm.acme.example'
/** A name that leads to the mirror and is none of its own. */
export const STRANGE = 'http://other.example'

const policy = (more: JsonObject = {}): JsonObject => ({
  version: 1,
  extends: 'recommended',
  ...more,
  rules: [{ name: RULE, packages: ['ranged@1.2.0', 'shady'], verdict: 'deny', reason: REASON }],
})

function publishAll(registry: FakeRegistry): void {
  const provenance = (version: string): ReturnType<typeof githubIdentity> => githubIdentity({ ref: `refs/tags/v${version}` })
  for (const [name, ...versions] of [['plain', '1.0.0', '1.1.0'], ['@acme/scoped', '1.0.0'], ['ranged', '1.0.0', '1.1.0', '1.2.0'], ['shady', '1.0.0'], ['changed', '1.0.0']] as const)
    for (const version of versions) registry.publish({ name, version, provenance: provenance(version) })
}

export class World {
  readonly registry: FakeRegistry
  #mirrors: TestMirror[] = []
  #proxies: readonly http.Server[] = []
  monitor!: TestMirror
  enforce!: TestMirror
  marked!: TestMirror
  /** Address of a proxy that leads to a mirror whatever name is asked. */
  proxy!: string
  /** Address of a mirror behind a path. */
  prefixed!: string

  private constructor(registry: FakeRegistry) {
    this.registry = registry
  }

  static async start(): Promise<World> {
    const registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    publishAll(registry)
    const world = new World(registry)
    world.monitor = await world.#mirror({ mode: 'monitor' })
    world.marked = await world.#mirror({ withheld: 'marked' })
    const prefixed = await world.#mirror({}, {}, { url_prefix: '/npm/' })
    const named = await world.#mirror({}, { publicUrl: ['http://mirror.acme.example', PUBLIC] })
    const [forward, reverse] = await Promise.all([listening(forwardProxy(() => portOf(named))), listening(underPath('/npm', () => portOf(prefixed)))])
    world.#proxies = [forward, reverse]
    world.proxy = addressOf(forward)
    world.prefixed = `${addressOf(reverse)}/npm`
    return world
  }

  /** From here on the policy is enforced at the address at which everything was allowed, by a mirror that remembers nothing. */
  async enforceNow(): Promise<void> {
    const { port } = new URL(this.monitor.url)
    this.#mirrors = this.#mirrors.filter((mirror) => mirror !== this.monitor)
    await this.monitor.close()
    this.registry.publish({ name: 'changed', version: '1.0.0', files: { 'package/index.js': 'module.exports = 2\n' }, provenance: githubIdentity({ ref: 'refs/tags/v1.0.0' }) })
    this.enforce = await this.#mirror({}, {}, { listen: `localhost:${port}` })
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies) proxy.closeAllConnections()
    await Promise.all(this.#proxies.map((proxy) => new Promise((resolve) => proxy.close(resolve))))
    await Promise.all([...this.#mirrors.map((mirror) => mirror.close()), this.registry.close()])
  }

  /** One at a time: what a test replaces in a mirror is read while it starts. */
  async #mirror(more: JsonObject, section: JsonObject = {}, core: JsonObject = {}): Promise<TestMirror> {
    const mirror = await startTestMirror({ registry: this.registry, policy: policy(more), section, core, uplink: { maxage: '1m' } })
    this.#mirrors.push(mirror)
    return mirror
  }
}

/** A proxy to which every name is this machine: so clients use names that nobody has to resolve. */
function forwardProxy(port: () => number): http.Server {
  const server = http.createServer((request, response) => {
    const { pathname, search, host } = new URL(request.url ?? '', 'http://unknown.example')
    pass(request, response, port(), `${pathname}${search}`, host)
  })
  server.on('connect', (_request, socket) => {
    const onward = connect(port(), 'localhost', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
  })
  return server
}

/** A reverse proxy with the mirror under a path, as Verdaccio's `url_prefix` means it; what is beside the path it does not know. */
function underPath(prefix: string, port: () => number): http.Server {
  return http.createServer((request, response) => {
    if (request.url?.startsWith(`${prefix}/`) === true) pass(request, response, port(), request.url.slice(prefix.length), request.headers.host ?? '')
    else response.writeHead(502).end()
  })
}

function pass(request: http.IncomingMessage, response: http.ServerResponse, port: number, where: string, host: string): void {
  const onward = http.request({ host: 'localhost', port, method: request.method, path: where, headers: { ...request.headers, host } }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  request.pipe(onward)
}

const listening = async (server: http.Server): Promise<http.Server> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const addressOf = (server: http.Server): string => `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
const portOf = ({ url }: TestMirror): number => Number(new URL(url).port)
