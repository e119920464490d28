/** Measures the costs in under two minutes: one mirror on a core of its own, the fake upstream and what asks on another. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { cpus } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { parse, stringify } from 'yaml'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { publishBody, sendPublish } from '../../test/support/publish.ts'
import { register } from '../../test/support/raw.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { freePort } from '../children.ts'
import { withContext, type Context } from '../context.ts'
import { get, type Headers } from '../load/fetch.ts'
import { packumentHeaders, tarballHeaders } from '../load/requests.ts'
import { cpuTime, memory } from '../proc.ts'
import { MAIN, writeMirrorConfig } from '../servers/mirror.ts'
import { launch, type Server } from '../servers/server.ts'
import { prepare } from '../upstream/control.ts'
import { TARBALLS, versionAt } from '../upstream/generated.ts'
import type { Costs } from './costs.ts'

const WIDTH = 8
const SMALL = 'bench-tar-100k'
const LARGE = 'bench-tar-5m'
const MEGABYTES_MORE = (TARBALLS[LARGE].bytes - TARBALLS[SMALL].bytes) / 1e6
/** Fifty versions each, about. */
const PACKAGES = Array.from({ length: 15 }, (_, index) => ({ name: `bench-${43 + index}`, versions: 43 + index }))
const PROVENANCES = Array.from({ length: 10 }, (_, index) => 10 + index)
const tarballsOf = (name: keyof typeof TARBALLS): readonly string[] =>
  Array.from({ length: TARBALLS[name].versions }, (_, index) => `/${name}/-/${name}-${versionAt(index, TARBALLS[name].versions)}.tgz`)

export const measure = (): Promise<Costs> => withContext({ quick: true, rounds: 1 }, measured)

async function measured(context: Context): Promise<Costs> {
  await prepare(context.upstream, [...PACKAGES.map(({ name }) => `/${name}`), ...PROVENANCES.map((count) => `/bench-claimed-${count}`), `/${SMALL}`, `/${LARGE}`, '/bench-600'])
  const since = performance.now()
  const mirror = await startMirror(context, 'mirror')
  const startSeconds = (performance.now() - since) / 1000
  try {
    return { machine: cpus()[0]?.model ?? 'unknown', node: process.version, day: new Date().toISOString().slice(0, 10), ...(await costsOf(context, mirror)), startSeconds: round(startSeconds) }
  } finally {
    await mirror.stop()
  }
}

async function costsOf(context: Context, mirror: Server): Promise<Pick<Costs, 'cpu' | 'disk' | 'shared' | 'memory'>> {
  const { dir } = mirror
  await settled(mirror)
  const started = memory(mirror.pid).resident * 1e6
  // Code is compiled as it first runs.
  await cost(mirror, Array.from({ length: 200 }, () => '/bench-20'), packumentHeaders)

  context.say('cold packuments')
  const listed = PACKAGES.reduce((sum, { versions }) => sum + versions, 0)
  const [rowsBefore, cacheBefore, memoryBefore] = [databases(dir), cacheOf(dir), await cachedIn(mirror)]
  const coldPackument = await cost(mirror, PACKAGES.map(({ name }) => `/${name}`), packumentHeaders)
  const listedVersion = (databases(dir) - rowsBefore) / listed
  const packumentBytes = (cacheOf(dir) - cacheBefore) / PACKAGES.length
  const packumentMemory = (await cachedIn(mirror) - memoryBefore) / PACKAGES.length

  context.say('cold tarballs')
  const provenance = await cost(mirror, PROVENANCES.map((count) => `/bench-claimed-${count}`), packumentHeaders) * PROVENANCES.length / PROVENANCES.reduce((sum, count) => sum + count, 0)
  await cost(mirror, [`/${SMALL}`, `/${LARGE}`, '/bench-600'], packumentHeaders)
  const [rowsOfTarballs, cacheOfTarballs] = [databases(dir), cacheOf(dir)]
  const small = tarballsOf(SMALL)
  const coldTarball = await cost(mirror, small, tarballHeaders)
  const held = TARBALLS[SMALL].bytes * small.length
  const tarballBytes = Math.max(1, (cacheOf(dir) - cacheOfTarballs - held + databases(dir) - rowsOfTarballs) / small.length)
  const coldLarge = await cost(mirror, tarballsOf(LARGE), tarballHeaders)

  context.say('warm answers')
  const decisionsBefore = decisionsOf(dir)
  const tarball = await deliveries(mirror)
  const decision = (decisionsOf(dir) - decisionsBefore) / DELIVERIES
  const large = await cost(mirror, Array.from({ length: 10 }, () => tarballsOf(LARGE)).flat(), tarballHeaders)
  const packument = await cost(mirror, Array.from({ length: 4000 }, (_, index) => `/${PACKAGES[index % PACKAGES.length]?.name ?? ''}`), packumentHeaders)
  const largePackument = await cost(mirror, Array.from({ length: 2000 }, () => '/bench-600'), packumentHeaders)
  const { etag = '' } = await get(`${mirror.url}/bench-50`, packumentHeaders)
  const notModified = await cost(mirror, Array.from({ length: 4000 }, () => '/bench-50'), { ...packumentHeaders, 'If-None-Match': etag }, undefined, 304)
  const loaded = memory(mirror.pid).peak * 1e6

  context.say('publishing')
  const publish = await publishing(mirror)
  context.say('revalidation')
  const asking = await startMirror(context, 'asking', { maxageSeconds: 0 })
  try {
    await cost(asking, ['/bench-50'], packumentHeaders)
    const revalidation = await cost(asking, Array.from({ length: 400 }, () => '/bench-50'), packumentHeaders)
    return {
      cpu: rounded({
        packument,
        largePackument,
        notModified,
        revalidation,
        tarball,
        tarballMegabyte: Math.max(0.01, (large - tarball) / MEGABYTES_MORE),
        coldPackument,
        coldTarball,
        coldTarballMegabyte: Math.max(0.01, (coldLarge - coldTarball) / MEGABYTES_MORE),
        provenance,
        publish,
      }),
      disk: rounded({ listedVersion, packument: packumentBytes, tarball: tarballBytes, decision }),
      shared: await sharedCosts(context),
      memory: rounded({ started, loaded, packument: packumentMemory }),
    }
  } finally {
    await asking.stop()
  }
}

async function startMirror({ dir: parent, upstream }: Context, name: string, { maxageSeconds = 3600, section = {} }: { readonly maxageSeconds?: number; readonly section?: JsonObject } = {}): Promise<Server> {
  const dir = path.join(parent, name)
  const port = await freePort()
  mkdirSync(dir, { recursive: true })
  const options = { dir, upstream, maxageSeconds, uplink: { rate: 10_000, ...(maxageSeconds === 0 ? { staleFor: '0s' } : {}) } }
  const file = writeMirrorConfig(options, port, { server: { trustProxy: 'loopback' } })
  const configuration = parse(readFileSync(file, 'utf8')) as { readonly middlewares: { readonly provenance: JsonObject } }
  writeFileSync(file, stringify({ ...configuration, middlewares: { provenance: { ...configuration.middlewares.provenance, ...section } } }))
  return launch('serve', dir, port, { command: process.execPath, args: [MAIN, 'serve', '--config', file] }, '/-/provenance/ready')
}

/** Milliseconds of CPU for one of them, with what is done behind the answers. */
async function cost(server: Server, paths: readonly string[], headers: Headers, each?: (index: number) => Headers, status = 200): Promise<number> {
  const before = cpuTime(server.pid)
  const agent = new http.Agent({ keepAlive: true, maxSockets: WIDTH })
  let next = 0
  const one = async (): Promise<void> => {
    for (let index = next++; index < paths.length; index = next++) {
      const answer = await get(`${server.url}${paths[index] ?? ''}`, { ...headers, ...each?.(index) }, agent)
      if (answer.status !== status) throw new Error(`${paths[index] ?? ''} was ${answer.status}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: WIDTH }, one))
  } finally {
    agent.destroy()
  }
  await settled(server)
  return (cpuTime(server.pid) - before) / paths.length
}

/** Until it has done next to nothing for half a second. */
async function settled({ pid }: Server): Promise<void> {
  for (let tries = 0, last = cpuTime(pid); tries < 40; tries++) {
    await wait(500)
    const now = cpuTime(pid)
    if (now - last <= 10) return
    last = now
  }
}

const DELIVERIES = 3000
/** Each to somebody else: the decision log puts none together. */
const deliveries = (mirror: Server): Promise<number> => {
  const paths = tarballsOf(SMALL)
  return cost(mirror, Array.from({ length: DELIVERIES }, (_, index) => paths[index % paths.length] ?? ''), tarballHeaders, (index) => ({ 'X-Forwarded-For': `10.0.${index >> 8}.${index & 255}` }))
}

/** The same of a mirror that shares everything. @throws Error where there is no PostgreSQL */
async function sharedCosts(context: Context): Promise<Costs['shared']> {
  context.say('stores in PostgreSQL')
  const postgres = await startPostgres()
  const client = new pg.Client({ connectionString: await postgres.database('shared') })
  try {
    const store = await postgres.database('provenance')
    await client.connect()
    const size = async (): Promise<number> => Number((await client.query<{ readonly bytes: string }>('SELECT pg_database_size(current_database()) AS bytes')).rows[0]?.bytes)
    process.env.BENCH_SHARED_KEY = 'k'.repeat(64)
    const shared = { name: 'bench', keys: [{ id: 'bench', secret_env: 'BENCH_SHARED_KEY' }] }
    const mirror = await startMirror(context, 'shared', { section: { store, decisions: { store, name: 'bench' }, shared } })
    try {
      await cost(mirror, ['/bench-20', `/${LARGE}`], packumentHeaders)
      const began = await size()
      const coldPackument = await cost(mirror, PACKAGES.map(({ name }) => `/${name}`), packumentHeaders)
      const listed = await size()
      await cost(mirror, [`/${SMALL}`], packumentHeaders)
      const before = await size()
      const paths = tarballsOf(SMALL)
      const coldTarball = await cost(mirror, paths, tarballHeaders)
      const fetched = await size()
      const tarball = await deliveries(mirror)
      const delivered = await size()
      const decision = (delivered - fetched) / DELIVERIES
      return {
        ...rounded({ coldPackument, coldTarball, tarball }),
        disk: rounded({
          listedVersion: Math.max(1, (listed - began) / PACKAGES.reduce((sum, { versions }) => sum + versions, 0)),
          tarball: Math.max(1, (fetched - before) / paths.length - decision),
          decision,
        }),
      }
    } finally {
      await mirror.stop()
    }
  } finally {
    await client.end()
    await postgres.close()
  }
}

async function publishing(server: Server): Promise<number> {
  const token = await register(server.url, 'alice')
  const count = 10
  await settled(server)
  const before = cpuTime(server.pid)
  for (let index = 0; index < count; index++) {
    const { status } = await sendPublish(server.url, token, publishBody({ name: `published-${index}`, version: '1.0.0', files: { 'package/index.js': 'x'.repeat(100_000) } }))
    if (status !== 201) throw new Error(`a publish was ${status}`)
  }
  await settled(server)
  return (cpuTime(server.pid) - before) / count
}

/** What its caches take in memory, as it tells itself. */
async function cachedIn({ url }: Server): Promise<number> {
  const text = await (await fetch(`${url}/-/provenance/metrics`)).text()
  return [...text.matchAll(/^provenance_cache_size_bytes\{[^}]*medium="memory"[^}]*\} (\S+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** As if its log were written back. */
function databaseSize(file: string): number {
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return 0
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const { bytes } = database.prepare('SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size').get() as { readonly bytes: number }
    return bytes
  } finally {
    database.close()
  }
}

const databases = (dir: string): number => databaseSize(path.join(dir, 'provenance.db')) + databaseSize(path.join(dir, 'provenance-facts.db'))
const decisionsOf = (dir: string): number => databaseSize(path.join(dir, 'provenance-decisions.db'))
function cacheOf(dir: string): number {
  const cache = path.join(dir, 'cache')
  const files = readdirSync(cache, { recursive: true, encoding: 'utf8' }).map((name) => lstatSync(path.join(cache, name), { throwIfNoEntry: false }))
  return files.reduce((sum, file) => sum + (file?.isFile() === true ? file.size : 0), 0)
}

/** Three digits that mean something. */
const round = (value: number): number => Number(value.toPrecision(3))
const rounded = <Key extends string>(values: Readonly<Record<Key, number>>): Record<Key, number> =>
  Object.fromEntries(Object.entries<number>(values).map(([key, value]) => [key, round(value)])) as Record<Key, number>
