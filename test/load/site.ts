/** Two replicas as processes of their own behind the real proxy, with what they share: PostgreSQL, Redis, a bucket. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { stringify } from 'yaml'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { freePort, startHaproxy, type Proxy } from '../support/haproxy.ts'
import { startPostgres, type Postgres } from '../support/postgres.ts'
import { PrivateSigstore, REGISTRY } from '../support/private-sigstore.ts'
import { serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'
import { startRedis, type Redis } from '../support/redis.ts'
import { ACCESS, BUCKET, FakeS3 } from '../support/s3.ts'
import { eventually } from './patience.ts'

export const POLICY = { version: 1, extends: 'recommended', defaults: { minimumReleaseAge: '0' } } as const

export interface SiteOptions {
  /** As `shutdown.drain` has it. */
  readonly drain: string
  /** What the proxy logs. */
  readonly onLine: (line: string) => void
}

export class Replica {
  readonly name: string
  readonly dir: string
  readonly port: number
  readonly #section: JsonObject
  readonly #core: JsonObject
  #process: MirrorProcess | undefined
  /** What earlier processes printed. */
  #printed = ''

  constructor(dir: string, name: string, port: number, section: JsonObject, core: JsonObject) {
    this.name = name
    this.dir = path.join(dir, name)
    this.port = port
    this.#section = section
    this.#core = core
    mkdirSync(this.dir)
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`
  }

  get config(): string {
    return path.join(this.dir, 'config.yaml')
  }

  get copy(): string {
    return path.join(this.dir, 'copy.db')
  }

  get printed(): string {
    return this.#printed + (this.#process?.output() ?? '')
  }

  /** Until it says that it is ready. @returns how long each step took, and why it was not ready at first */
  async start(): Promise<string> {
    const began = performance.now()
    this.#process = await serveProcess(this.dir, this.#section, { ...this.#core, listen: `127.0.0.1:${String(this.port)}` })
    const listens = performance.now() - began
    const problems = new Set<string>()
    const ready = await eventually(`${this.name} is ready`, async () => {
      const said = await this.#said()
      for (const problem of said.problems) problems.add(problem)
      return said.isReady
    })
    return [`listens after ${String(Math.round(listens))} ms, ready ${String(Math.round(ready))} ms later`, ...problems].join('; ')
  }

  /** @returns how it ended */
  async stop(how: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals> {
    const mirror = this.#process
    if (mirror === undefined) return 0
    mirror.signal(how)
    const ended = await mirror.ended
    this.#printed += mirror.output()
    this.#process = undefined
    return ended
  }

  async isReady(): Promise<boolean> {
    return (await this.#said()).isReady
  }

  /** What it warns of; undefined while it is not ready. */
  async warnings(): Promise<readonly string[] | undefined> {
    const { isReady, warnings } = await this.#said()
    return isReady ? warnings : undefined
  }

  async #said(): Promise<{ readonly isReady: boolean; readonly problems: readonly string[]; readonly warnings: readonly string[] }> {
    try {
      const answer = await fetch(`${this.url}/-/provenance/ready`)
      const { problems, warnings = [] } = (await answer.json()) as { readonly problems: readonly string[]; readonly warnings?: readonly string[] }
      return { isReady: answer.status === 200, problems, warnings }
    } catch {
      return { isReady: false, problems: ['nobody answers'], warnings: [] }
    }
  }

  /** The status of an answer; undefined where nobody answers. */
  async status(where: string): Promise<number | undefined> {
    try {
      const answer = await fetch(`${this.url}${where}`)
      await answer.arrayBuffer()
      return answer.status
    } catch {
      return undefined
    }
  }
}

interface Parts {
  readonly dir: string
  readonly registry: FakeRegistry
  readonly postgres: Postgres
  readonly redis: Redis
  readonly s3: FakeS3
  readonly database: string
  readonly proxy: Proxy
  readonly replicas: readonly [Replica, Replica]
}

export class Site {
  readonly #parts: Parts
  readonly #opened: AsyncDisposableStack

  private constructor(parts: Parts, opened: AsyncDisposableStack) {
    this.#parts = parts
    this.#opened = opened
  }

  /** All but the replicas, which are started by their own `start` once the registry has what it is to have. */
  static async open(options: SiteOptions): Promise<Site> {
    await using opened = new AsyncDisposableStack()
    const parts = await started(options, opened)
    return new Site(parts, opened.move())
  }

  get dir(): string {
    return this.#parts.dir
  }

  get registry(): FakeRegistry {
    return this.#parts.registry
  }

  get postgres(): Postgres {
    return this.#parts.postgres
  }

  get redis(): Redis {
    return this.#parts.redis
  }

  get replicas(): readonly [Replica, Replica] {
    return this.#parts.replicas
  }

  /** Without a slash at the end. */
  get url(): string {
    return this.#parts.proxy.url
  }

  get caFile(): string {
    return this.#parts.proxy.caFile
  }

  /** A policy file for `policy publish`. */
  policyFile(policy: JsonObject): string {
    const file = path.join(this.dir, 'policy.yaml')
    writeFileSync(file, stringify(policy))
    return file
  }

  /** The number of the last operation in the log that the replicas share. */
  async lastOperation(): Promise<number> {
    const client = new pg.Client({ connectionString: this.#parts.database })
    await client.connect()
    try {
      const { rows } = await client.query<{ readonly sequence: string }>('SELECT sequence FROM ledger_log')
      return Number(rows[0]?.sequence)
    } finally {
      await client.end()
    }
  }

  /** @returns the replicas that did not end as they should */
  async stopReplicas(): Promise<readonly string[]> {
    const ended = await Promise.all(this.replicas.map(async (replica) => [replica.name, await replica.stop('SIGTERM')] as const))
    return ended.filter(([, code]) => code !== 0).map(([name, code]) => `${name} ended with ${String(code)}`)
  }

  /** Servers answer for half an hour, and nobody reads what they were asked. */
  forgetRequests(): void {
    this.#parts.registry.requests.length = 0
    this.#parts.s3.requests.length = 0
  }

  close(): Promise<void> {
    return this.#opened.disposeAsync()
  }
}

async function started({ drain, onLine }: SiteOptions, opened: AsyncDisposableStack): Promise<Parts> {
  const dir = temporaryDirectory('load-')
  opened.defer(() => { rmSync(dir, { recursive: true, force: true }) })
  const sigstore = PrivateSigstore.create()
  const registry = opened.adopt(await FakeRegistry.start({ sigstore }), (one) => one.close())
  const postgres = opened.adopt(await startPostgres(), (one) => one.close())
  const redis = opened.adopt(await startRedis(), (one) => one.close())
  const s3 = opened.adopt(await FakeS3.start(), (one) => one.stop())
  const [front, ...ports] = [await freePort(), await freePort(), await freePort()]
  const database = await postgres.database('load')
  writeFileSync(path.join(dir, 'root.json'), JSON.stringify(sigstore.trustedRoot()))
  writeFileSync(path.join(dir, 'keys.json'), JSON.stringify(sigstore.registryKeys()))
  writeFileSync(path.join(dir, 'replicas.key'), 'load'.repeat(12))
  // The bucket's, for the mirrors and the command line.
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: ACCESS.accessKeyId, AWS_SECRET_ACCESS_KEY: ACCESS.secretAccessKey })
  const sectionOf = (name: string): JsonObject => ({
    policy: 'shared',
    publicUrl: [`https://localhost:${String(front)}`],
    store: database,
    decisions: { store: database },
    facts: redis.url(),
    shared: { name, copy: './copy.db', keys: [{ id: 'first', secret_file: '../replicas.key' }] },
    keys: { dir: '../keys' },
    uplinks: { fake: { url: registry.url, trust: { registry: REGISTRY, registryKeys: '../keys.json' } } },
    trust: { trustedRoot: '../root.json' },
    shutdown: { drain },
  })
  const core: JsonObject = {
    auth: { htpasswd: { file: '../htpasswd' } },
    store: { 'provenance/s3': { bucket: BUCKET, endpoint: s3.url } },
    server: { trustProxy: 'loopback' },
    log: { type: 'stdout', format: 'json', level: 'warn' },
  }
  const [first, second] = ['mirror-1', 'mirror-2'].map((name, index) => opened.adopt(new Replica(dir, name, ports[index]!, sectionOf(name), core), async (one) => { await one.stop('SIGKILL') })) as [Replica, Replica]
  const proxy = opened.adopt(await startHaproxy(dir, [`127.0.0.1:${String(first.port)}`, `127.0.0.1:${String(second.port)}`], front, onLine), (one) => one.close())
  return { dir, registry, postgres, redis, s3, database, proxy, replicas: [first, second] }
}
