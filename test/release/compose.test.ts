/** docker/compose.yaml and what it mounts: consistent, restrained, and read by the programs it is for. No container engine runs. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { readConfiguration, type Configuration } from '../../plugin/config/configuration.ts'
import { takeOver } from '../../plugin/config/take-over.ts'
import { readYaml } from '../../plugin/config/yaml.ts'
import { parsePolicy } from '../../plugin/compose.ts'
import { all, contextOf, listOf, stagesOf, wordsOf } from '../support/image.ts'
import { temporaryDirectory } from '../support/process.ts'

const DOCKER = path.resolve(import.meta.dirname, '../../docker')
const text = (file: string): string => readFileSync(path.join(DOCKER, file), 'utf8')
const yaml = (file: string): unknown => parse(text(file), { merge: true })

/** What is used here of the Compose Specification, and no other key. */
const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  hostname: z.string().optional(),
  user: z.string().optional(),
  restart: z.literal('unless-stopped'),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.tuple([z.literal('no-new-privileges:true')]),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), z.string()) }),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z.array(z.string()).default([]),
  networks: z.array(z.string()).min(1),
  tmpfs: z.array(z.string().startsWith('/')).optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.strictObject({ condition: z.enum(['service_started', 'service_healthy']) }))]).default([]),
  healthcheck: z.strictObject({ test: z.array(z.string()), interval: z.string(), timeout: z.string(), retries: z.number() }).optional(),
  stop_grace_period: z.string().optional(),
  mem_limit: z.string().optional(),
  shm_size: z.string().optional(),
})
const SCHEMA = z.object({
  name: z.string(),
  services: z.record(z.string(), service),
  networks: z.record(z.string(), z.strictObject({ internal: z.literal(true).optional() })),
  volumes: z.record(z.string(), z.strictObject({})),
  secrets: z.record(z.string(), z.strictObject({ file: z.string() })),
})
const compose = SCHEMA.parse(yaml('compose.yaml'))
const services = Object.entries(compose.services)
const MIRRORS = ['mirror-1', 'mirror-2'] as const
const place = (name: string): z.output<typeof service> => {
  const found = compose.services[name]
  assert.ok(found, name)
  return found
}
const dependencies = ({ depends_on }: z.output<typeof service>): readonly string[] => (Array.isArray(depends_on) ? depends_on : Object.keys(depends_on))
const mounts = ({ volumes }: z.output<typeof service>): readonly { readonly from: string; readonly to: string; readonly mode: string | undefined }[] =>
  volumes.map((volume) => {
    const [from = '', to = '', mode] = volume.split(':')
    return { from, to, mode }
  })

describe('compose.yaml', () => {
  it('names only services, networks, volumes and secrets that it has, and has none that nobody uses', () => {
    const used = { networks: new Set<string>(), volumes: new Set<string>(), secrets: new Set<string>() }
    for (const [name, one] of services) {
      for (const dependency of dependencies(one)) assert.ok(compose.services[dependency], `${name} depends on ${dependency}`)
      for (const network of one.networks) used.networks.add(network)
      for (const secret of one.secrets) used.secrets.add(secret)
      for (const { from } of mounts(one)) if (!from.startsWith('.')) used.volumes.add(from)
    }
    for (const kind of ['networks', 'volumes', 'secrets'] as const) assert.deepEqual([...used[kind]].toSorted(), Object.keys(compose[kind]).toSorted(), kind)
  })
  it('waits for health only where health is told', () => {
    const told = (name: string): boolean => place(name).healthcheck !== undefined || all(stagesOf(text('Dockerfile')).at(-1)!, 'HEALTHCHECK').length > 0 && place(name).build !== undefined
    for (const [name, { depends_on }] of services)
      for (const [dependency, { condition }] of Object.entries(Array.isArray(depends_on) ? {} : depends_on))
        if (condition === 'service_healthy') assert.ok(told(dependency), `${name} waits for ${dependency}`)
  })
  it('mounts files that exist, and these read-only', () => {
    for (const [name, one] of services)
      for (const { from, mode } of mounts(one)) {
        if (!from.startsWith('.')) continue
        assert.ok(existsSync(path.join(DOCKER, from)), `${name}: ${from}`)
        assert.equal(mode, 'ro', `${name}: ${from}`)
      }
  })
  it('every image is of an exact version', () => {
    for (const [name, { image }] of services) assert.match(image, /^[a-z0-9./-]+:v?\d+\.\d+(?:\.\d+)?(?:-[a-z]+)?$/, name)
  })
  it('nobody reaches the stores but the replicas, and they no other machine', () => {
    for (const store of ['postgres', 'valkey']) {
      assert.deepEqual(place(store).networks, ['back'])
      assert.deepEqual(place(store).ports, [])
    }
    assert.equal(compose.networks.back?.internal, true)
    assert.deepEqual(services.filter(([, { networks }]) => networks.includes('back')).map(([name]) => name).toSorted(), ['mirror-1', 'mirror-2', 'postgres', 'valkey'])
  })
  it('clients reach the proxy alone', () => {
    const open = services.filter(([, { ports }]) => ports.some((port) => !port.startsWith('127.0.0.1:'))).map(([name]) => name)
    assert.deepEqual(open, ['proxy'])
  })
  it('each replica has a cache and a name of its own, and shares what is published', () => {
    const of = MIRRORS.map((name) => mounts(place(name)))
    assert.deepEqual(of.map((list) => list.find(({ to }) => to === '/data')?.from), [...MIRRORS])
    assert.deepEqual(of.map((list) => list.find(({ to }) => to === '/shared')?.from), ['shared', 'shared'])
    assert.deepEqual(MIRRORS.map((name) => place(name).hostname), [...MIRRORS])
  })
  it('no secret stands in it', () => {
    for (const [name, { environment }] of services)
      for (const [key, value] of Object.entries(environment))
        if (/PASSWORD|SECRET|TOKEN|KEY/.test(key)) assert.match(value, /^\/run\/secrets\//, `${name}: ${key}`)
    assert.match(text('.gitignore'), /^\/secrets\/$/m)
    const context = contextOf(text('Dockerfile.dockerignore'))
    assert.ok(!context.some((entry) => entry === 'docker' || entry.startsWith('docker/secrets')))
  })
  it('what asks for health is in the image that is asked', () => {
    const programs: Readonly<Record<string, readonly string[]>> = { postgres: ['pg_isready'], valkey: ['valkey-cli'] }
    for (const [name, { healthcheck }] of services) if (healthcheck !== undefined) assert.ok(programs[name]?.includes(healthcheck.test[1] ?? ''), name)
    const final = stagesOf(text('Dockerfile')).at(-1)!
    const copied = all(final, 'COPY').map((one) => wordsOf(one).at(-1))
    for (const file of ['/app/docker/health.mjs', '/usr/local/bin/verdaccio-provenance']) assert.ok(copied.includes(file), file)
    assert.deepEqual(listOf(all(final, 'ENTRYPOINT')[0]!), ['verdaccio-provenance'])
  })
})

describe('compose.yaml: the configuration of the replicas', () => {
  let dir: string
  let configuration: Configuration
  before(() => {
    dir = temporaryDirectory('compose-')
    execFileSync('sh', [path.join(copyOfScript(dir), 'secrets.sh')], { stdio: 'ignore' })
    cpSync(path.join(DOCKER, 'mirror'), path.join(dir, 'mirror'), { recursive: true })
    const file = path.join(dir, 'mirror/config.yaml')
    // Where the secret is mounted, in this test.
    writeFileSync(file, text('mirror/config.yaml').replaceAll('/run/secrets/', `${path.join(dir, 'docker/secrets')}/`))
    const environment = Object.fromEntries(Object.entries(place('mirror-1').environment))
    configuration = readConfiguration({ ...takeOver(readYaml(file)).config, configPath: file }, environment)
  })
  after(() => { rmSync(dir, { recursive: true, force: true }) })

  it('is one that the mirror takes', () => {
    assert.equal(configuration.shared.ledger, 'postgres://provenance@postgres/provenance')
    assert.equal(configuration.shared.factsAreShared, true)
    assert.equal(configuration.decisions.isFile, false)
    assert.deepEqual(configuration.shared.keys.map(({ id }) => id), ['first'])
  })
  it('names services that there are, of a network that both are in', () => {
    for (const address of [configuration.shared.ledger, configuration.shared.facts, configuration.decisions.store]) {
      const { hostname } = new URL(address ?? '')
      assert.ok(place(hostname).networks.some((network) => place('mirror-1').networks.includes(network)), hostname)
    }
    assert.equal(new URL(configuration.shared.ledger ?? '').username, place('postgres').environment.POSTGRES_USER)
    assert.equal(new URL(configuration.shared.ledger ?? '').pathname, `/${place('postgres').environment.POSTGRES_DB ?? ''}`)
  })
  it('writes to its volumes alone', () => {
    const written = [configuration.shared.copy, configuration.keysDir, configuration.cache.dir, (yaml('mirror/config.yaml') as { storage: string }).storage]
    const places = mounts(place('mirror-1')).filter(({ mode }) => mode !== 'ro').map(({ to }) => `${to}/`)
    for (const file of written) assert.ok(places.some((folder) => file.startsWith(folder)), file)
  })
  it('signs by keys that both replicas have, and keeps caches apart', () => {
    assert.ok(configuration.keysDir.startsWith('/shared/'))
    for (const own of [configuration.cache.dir, configuration.shared.copy]) assert.ok(own.startsWith('/data/'))
  })
  it('reads the secrets that are mounted for it', () => {
    const named = [...text('mirror/config.yaml').matchAll(/\/run\/secrets\/([\w.]+)/g)].map(([, name]) => name!)
    for (const name of [...named, path.basename(place('mirror-1').environment.PGPASSWORD_FILE ?? '')]) for (const mirror of MIRRORS) assert.ok(place(mirror).secrets.includes(name), name)
    assert.ok(named.length > 0)
  })
  it('its address is the port of the proxy', () => {
    const [address] = configuration.publicUrls
    assert.equal(place('proxy').ports[0], `\${MIRROR_PORT:-${address?.port ?? ''}}:8443`)
    assert.match(text('haproxy/haproxy.cfg'), /presetenv LISTEN :8443$/m)
  })
  it('its policy is one', () => {
    assert.equal(parsePolicy(text('mirror/policy.yaml'), 'policy.yaml').mode, 'enforce')
  })
  it('the proxy asks the replicas, and finds its certificate where it is mounted', () => {
    const file = text('haproxy/haproxy.cfg')
    for (const [index, name] of MIRRORS.entries()) assert.ok(file.includes(`presetenv MIRROR_${String(index + 1)} ${name}:4873\n`))
    const certificate = /presetenv CERTIFICATE \/run\/secrets\/(\S+)/.exec(file)?.[1] ?? ''
    assert.ok(place('proxy').secrets.includes(certificate))
  })
  it('Prometheus asks both replicas, who take its address', () => {
    const { scrape_configs: [job] } = yaml('prometheus/replicas.yaml') as { scrape_configs: [{ static_configs: [{ targets: string[] }] }] }
    assert.deepEqual(job.static_configs[0].targets, MIRRORS.map((name) => `${name}:4873`))
    assert.ok(place('prometheus').networks.includes('front'))
    for (const network of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']) assert.ok(configuration.metrics?.allow.includes(network))
  })
  it('Grafana finds Prometheus, and our dashboard', () => {
    const { datasources: [source] } = yaml('grafana/provisioning/datasources/prometheus.yaml') as { datasources: [{ url: string }] }
    assert.ok(place('grafana').networks.some((network) => place(new URL(source.url).hostname).networks.includes(network)))
    const { providers: [provider] } = yaml('grafana/provisioning/dashboards/mirror.yaml') as { providers: [{ options: { path: string } }] }
    assert.ok(mounts(place('grafana')).some(({ from, to }) => from === './grafana/dashboard.json' && path.dirname(to) === provider.options.path))
  })
})

describe('compose.yaml: its secrets', () => {
  let dir: string
  const secret = (name: string): string => path.join(dir, 'docker/secrets', name)
  const make = (...hosts: readonly string[]): { readonly status: number | null } => spawnSync('sh', [path.join(copyOfScript(dir), 'secrets.sh'), ...hosts], { stdio: 'ignore' })
  before(() => { dir = temporaryDirectory('secrets-') })
  after(() => { rmSync(dir, { recursive: true, force: true }) })

  it('are made, for containers to read and nobody else', () => {
    assert.equal(make('npm.acme.example', '192.0.2.1').status, 0)
    assert.equal(statSync(path.dirname(secret('x'))).mode & 0o777, 0o700)
    for (const { file } of Object.values(compose.secrets)) {
      assert.equal(statSync(path.join(dir, 'docker', file)).mode & 0o777, 0o444, file)
      assert.notEqual(readFileSync(path.join(dir, 'docker', file), 'utf8').trim(), '')
    }
  })
  it('the certificate is for the names that were given', () => {
    const said = execFileSync('openssl', ['x509', '-in', secret('tls.crt'), '-noout', '-ext', 'subjectAltName'], { encoding: 'utf8' })
    assert.match(said, /DNS:npm\.acme\.example, IP Address:192\.0\.2\.1/)
    assert.match(readFileSync(secret('tls.pem'), 'utf8'), /^-----BEGIN CERTIFICATE-----[^]+-----BEGIN PRIVATE KEY-----/)
  })
  it('stay as they are', () => {
    const before = Object.keys(compose.secrets).map((name) => readFileSync(secret(name), 'utf8'))
    assert.equal(make().status, 0)
    assert.deepEqual(Object.keys(compose.secrets).map((name) => readFileSync(secret(name), 'utf8')), before)
  })
  it('a name that would be more than a name is refused', () => {
    rmSync(secret('tls.pem'))
    assert.equal(make('a,DNS:evil.example').status, 2)
    assert.equal(existsSync(secret('tls.pem')), false)
  })
})

describe('the command in the container', () => {
  it('passes on the password that a file holds, and what it was told', () => {
    const dir = temporaryDirectory('entry-')
    try {
      // In the image's node's place: says what it was given.
      writeFileSync(path.join(dir, 'node'), '#!/bin/sh\necho "$PGPASSWORD" "$@"\n', { mode: 0o755 })
      writeFileSync(path.join(dir, 'password'), 'a b$c\n')
      const env = { PATH: `${dir}:${process.env.PATH ?? ''}`, PGPASSWORD_FILE: path.join(dir, 'password') }
      assert.equal(execFileSync(path.join(DOCKER, 'verdaccio-provenance'), ['pins', 'list'], { env, encoding: 'utf8' }), 'a b$c /app/dist/cli/main.js pins list\n')
      assert.notEqual(spawnSync(path.join(DOCKER, 'verdaccio-provenance'), [], { env: { ...env, PGPASSWORD_FILE: path.join(dir, 'none') } }).status, 0)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})

describe('the secret of tokens', () => {
  let dir: string
  const run = (env: Readonly<Record<string, string>> = {}, folder = dir): Promise<number | null> =>
    new Promise((resolve) => {
      spawn(process.execPath, [path.join(DOCKER, 'token-secret.mjs'), folder], { env, stdio: 'ignore' }).once('exit', (code) => { resolve(code) })
    })
  const kept = (): { readonly list: readonly string[]; readonly secret: string } => JSON.parse(readFileSync(path.join(dir, '.verdaccio-db.json'), 'utf8')) as { list: string[]; secret: string }
  beforeEach(() => { dir = temporaryDirectory('tokens-') })
  afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

  it('is made once, whoever comes first, as Verdaccio takes it', async () => {
    // What the first one leaves is what the others find.
    const found = await Promise.all(Array.from({ length: 4 }, async () => ({ status: await run(), ...kept() })))
    const { list, secret } = kept()
    for (const one of found) assert.deepEqual(one, { status: 0, list: [], secret })
    assert.deepEqual(list, [])
    assert.match(secret, /^[0-9a-f]{32}$/)
    assert.equal(statSync(path.join(dir, '.verdaccio-db.json')).mode & 0o777, 0o600)
    assert.equal(await run(), 0)
    assert.equal(kept().secret, secret)
    assert.deepEqual(readdirSync(dir), ['.verdaccio-db.json'])
  })
  it('that is given replaces what is there, and leaves the list of packages', async () => {
    writeFileSync(path.join(dir, '.verdaccio-db.json'), JSON.stringify({ list: ['a'], secret: 'x'.repeat(32) }))
    assert.equal(await run({ TOKEN_SECRET: 'y'.repeat(32) }), 0)
    assert.deepEqual(kept(), { list: ['a'], secret: 'y'.repeat(32) })
  })
  it('of another length than Verdaccio takes ends the start', async () => {
    assert.equal(await run({ TOKEN_SECRET: 'short' }), 1)
    assert.deepEqual(readdirSync(dir), [])
  })
  it('in a list that cannot be read ends the start, and writes nothing over it', async () => {
    writeFileSync(path.join(dir, '.verdaccio-db.json'), 'broken')
    assert.equal(await run(), 1)
    assert.equal(readFileSync(path.join(dir, '.verdaccio-db.json'), 'utf8'), 'broken')
  })
})

describe('smoke.sh', () => {
  it('is understood by a shell, and names services and commands that there are', () => {
    assert.equal(spawnSync('sh', ['-n', path.join(DOCKER, 'smoke.sh')]).status, 0)
    for (const [, name] of text('smoke.sh').matchAll(/^\s*compose (?:kill|start|stop|exec)(?: --timeout \d+)? ([\w-]+)/gm)) place(name!)
    assert.ok(text('smoke.sh').includes('https://localhost:8443'))
  })
})

/** Writes beside itself, and not into the checkout. */
function copyOfScript(dir: string): string {
  const folder = path.join(dir, 'docker')
  mkdirSync(folder, { recursive: true })
  cpSync(path.join(DOCKER, 'secrets.sh'), path.join(folder, 'secrets.sh'))
  return folder
}
