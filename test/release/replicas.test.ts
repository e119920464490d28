/** docker/mirror/config.yaml, run: two replicas as processes, with a real PostgreSQL, Redis and HAProxy, and npm in front of them. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Agent, fetch } from 'undici'
import { parse } from 'yaml'
import { isObject, type JsonObject } from '../../plugin/domain/json.ts'
import { FakeRegistry } from '../support/fake-registry.ts'
import { freePort, hasHaproxy, startHaproxy, type Proxy } from '../support/haproxy.ts'
import { NO_AGE } from '../support/mirror.ts'
import { hasPostgres, startPostgres, type Postgres } from '../support/postgres.ts'
import { PrivateSigstore } from '../support/private-sigstore.ts'
import { isBuilt, NpmProject, serveProcess, temporaryDirectory, type MirrorProcess } from '../support/process.ts'
import { publishBody, sendPublish } from '../support/publish.ts'
import { register } from '../support/raw.ts'
import { hasRedis, startRedis, type Redis } from '../support/redis.ts'
import { sectionFor } from '../support/stored.ts'

const CONFIGURATION = path.resolve(import.meta.dirname, '../../docker/mirror/config.yaml')

describe('replicas as compose runs them', function () {
  this.timeout(60_000)
  let dir: string | undefined
  let registry: FakeRegistry
  let postgres: Postgres | undefined
  let redis: Redis | undefined
  let proxy: Proxy | undefined
  let project: NpmProject
  const mirrors: MirrorProcess[] = []
  let places: readonly (readonly [string, string])[]

  /** The file as it is, but for where things are. */
  function moved(own: string): JsonObject {
    const text = places.reduce((moving, [from, to]) => moving.replaceAll(from, to), readFileSync(CONFIGURATION, 'utf8'))
    return parse(text.replaceAll('/data/', `${own}/`)) as JsonObject
  }
  async function start(name: string): Promise<MirrorProcess> {
    const own = path.join(dir!, name)
    mkdirSync(own, { recursive: true })
    const { middlewares, ...core } = moved(own)
    const { provenance } = middlewares as { readonly provenance: JsonObject }
    const { uplinks, packages, trust } = sectionFor(own, registry)
    const shared = isObject(provenance.shared) ? { ...provenance.shared, name } : { name }
    const section = { ...provenance, shared, decisions: isObject(provenance.decisions) ? { ...provenance.decisions, name } : { name }, uplinks, packages, trust, policy: NO_AGE }
    return serveProcess(own, section, { ...core, listen: '127.0.0.1:0', packages: core.packages ?? {} })
  }
  before(async function () {
    const reason = process.env.CI === 'true' ? (isBuilt() ? undefined : 'not built (npm run build)') : 'only in CI (CI=true): starts six servers'
    if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`)
    if (reason !== undefined || !hasHaproxy() || !hasPostgres() || !hasRedis()) this.skip()
    dir = temporaryDirectory('replicas-')
    registry = await FakeRegistry.start({ sigstore: PrivateSigstore.create() })
    for (const name of ['first', 'second', 'third']) registry.publish({ name, version: '1.0.0' })
    ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    const port = await freePort()
    const store = await postgres.database('provenance')
    writeFileSync(path.join(dir, 'replicas_key'), 'k'.repeat(64))
    mkdirSync(path.join(dir, 'shared'))
    places = [
      ['postgres://provenance@postgres/provenance', store],
      ['valkey://valkey:6379', redis.url()],
      ['https://localhost:8443', `https://localhost:${String(port)}`],
      ['/run/secrets/', `${dir}/`],
      ['/shared/', `${dir}/shared/`],
    ]
    mirrors.push(await start('mirror-1'), await start('mirror-2'))
    const [one, two] = mirrors.map(({ url }) => new URL(url).host)
    proxy = await startHaproxy(dir, [one!, two!], port)
    project = new NpmProject(dir)
  })
  after(async () => {
    await proxy?.close()
    await Promise.all(mirrors.map((mirror) => mirror.kill()))
    await Promise.all([redis?.close(), postgres?.close()])
    if (dir === undefined) return
    await registry.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const install = async (spec: string): Promise<void> => {
    project.reset()
    const { code, output } = await project.npm(proxy!.url, 'install', spec, `--cafile=${proxy!.caFile}`)
    assert.equal(code, 0, output)
    assert.ok(project.has(`${spec.split('@')[0] ?? ''}/package.json`))
  }
  const signaturesOf = ({ versions }: JsonObject): readonly JsonObject[] =>
    Object.values(versions as JsonObject).flatMap((one) => (isObject(one) && isObject(one.dist) ? (one.dist.signatures as readonly JsonObject[]).map(({ keyid }) => ({ keyid: keyid! })) : []))
  const asked = (name: string): number => registry.requests.filter(({ path: where }) => where.includes(`/${name}/-/`)).length

  it('both are ready', async () => {
    for (const { url } of mirrors) assert.equal((await fetch(`${url}/-/provenance/ready`)).status, 200)
  })
  it('npm installs through the proxy', async () => { await install('first@1.0.0') })
  it('what is published at one is installed from the other, by the same keys and accounts', async () => {
    const [one, two] = mirrors as [MirrorProcess, MirrorProcess]
    const token = await register(one.url, 'alice')
    assert.equal((await sendPublish(one.url, token, publishBody({ name: 'ours', version: '1.0.0' }))).status, 201)
    const keysOf = async ({ url }: MirrorProcess): Promise<unknown> => (await fetch(`${url}/-/npm/v1/keys`)).json()
    // The first that is asked makes the key.
    const made = await keysOf(one)
    assert.deepEqual(await keysOf(two), made)
    const whoami = await fetch(`${two.url}/-/whoami`, { headers: { authorization: `Bearer ${token}` } })
    assert.deepEqual(await whoami.json(), { username: 'alice' })
    await install('ours@1.0.0')
    const [there, here] = await Promise.all([one, two].map(async ({ url }) => signaturesOf((await (await fetch(`${url}/ours`)).json()) as JsonObject)))
    assert.equal(there!.length, 1)
    assert.deepEqual(there, here)
  })
  it('a replica is killed, and nobody notices', async () => {
    await install('second@1.0.0')
    await mirrors[0]!.kill()
    await install('second@1.0.0')
    await install('third@1.0.0')
  })
  it('what was verified is served while the database is away, and nothing new is let in', async () => {
    registry.publish({ name: 'fourth', version: '1.0.0' })
    await postgres!.stop()
    await install('third@1.0.0')
    const agent = new Agent({ connect: { ca: proxy!.ca } })
    try {
      assert.equal((await fetch(`${proxy!.url}/fourth/-/fourth-1.0.0.tgz`, { dispatcher: agent })).status, 503)
    } finally {
      await agent.destroy()
      await postgres!.start()
    }
  })
  it('nothing of the organisation\'s own was fetched from an uplink', () => { assert.equal(asked('ours'), 0) })
})
