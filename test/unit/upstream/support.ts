import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Unavailable } from '../../../plugin/domain/errors.ts'
import type { Clock } from '../../../plugin/domain/ports.ts'
import type { UplinkOptions } from '../../../plugin/upstream/options.ts'
import { PackumentThreads } from '../../../plugin/threads/pool.ts'
import { PackumentCache } from '../../../plugin/upstream/packument-cache.ts'
import { RegistryClient, type RegistryClientOptions } from '../../../plugin/upstream/registry-client.ts'

export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

export class TestClock implements Clock {
  #now = new Date('2026-01-01T00:00:00.000Z')
  now(): Date {
    return this.#now
  }
  advance(milliseconds: number): void {
    this.#now = new Date(this.#now.getTime() + milliseconds)
  }
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void

/** A server on loopback that answers as told and remembers what it was asked. */
export class TestServer {
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[] = []
  readonly #server: Server
  handler: Handler

  private constructor(handler: Handler) {
    this.handler = handler
    this.#server = createServer((request, response) => {
      this.requests.push({ url: request.url ?? '', headers: request.headers })
      this.handler(request, response, this.requests.length)
    })
  }

  static async start(handler: Handler): Promise<TestServer> {
    const server = new TestServer(handler)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export const json = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

export const status = (code: number, headers: Record<string, string> = {}): Handler => (_request, response) => {
  response.writeHead(code, headers).end()
}

export const packumentOf = (name: string, ...versions: string[]): unknown => ({
  name,
  versions: Object.fromEntries(versions.map((version) => [version, { name, version, dist: {} }])),
  'dist-tags': {},
})

/** A server, a clock, a cache directory and clients on them; everything goes when the test is over. */
export class Fixture {
  readonly clock = new TestClock()
  readonly errors: unknown[] = []
  readonly server: TestServer
  readonly dir: string
  readonly #closing: (() => Promise<void>)[] = []

  private constructor(server: TestServer, dir: string) {
    this.server = server
    this.dir = dir
  }

  static async create(handler: Handler): Promise<Fixture> {
    return new Fixture(await TestServer.start(handler), await mkdtemp(path.join(tmpdir(), 'upstream-')))
  }

  /** A client as after a start: what it knows, it has from disk. */
  async client(uplink: Partial<UplinkOptions> = {}, options: Partial<RegistryClientOptions> = {}): Promise<RegistryClient> {
    const client = new RegistryClient(
      { name: 'up', url: this.server.url, registry: 'https://registry.example', retries: 0, ...uplink },
      {
        clock: this.clock,
        userAgent: 'verdaccio-provenance/0.0.0',
        retryWait: 0,
        cache: await PackumentCache.open({ dir: this.dir, reader: new PackumentThreads() }),
        reader: new PackumentThreads(),
        onError: (error) => this.errors.push(error),
        ...options,
      },
    )
    this.#closing.push(() => client.close())
    return client
  }

  /** Another server, for redirects. */
  async other(handler: Handler): Promise<TestServer> {
    const server = await TestServer.start(handler)
    this.#closing.push(() => server.stop())
    return server
  }

  async dispose(): Promise<void> {
    for (const close of this.#closing) await close()
    await this.server.stop()
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** For `assert.rejects`: the code, never the prose. */
export const unavailable = (error: unknown): boolean =>
  error instanceof Unavailable && error.reason.code === 'evidence-unavailable'

export async function bytesOf(source: AsyncIterable<Uint8Array> | 'absent'): Promise<string> {
  if (source === 'absent') return source
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
