/** Stores on servers: away at the start, going away, hanging, slow, and coming back. Real servers, behind a way that can be cut or held. */
import assert from 'node:assert/strict'
import { hasPostgres, startPostgres, type Postgres } from '../support/postgres.ts'
import { hasRedis, startRedis, type Redis } from '../support/redis.ts'
import { startTcpProxy, type TcpProxy, type Way } from '../support/tcp-proxy.ts'
import type { JsonObject } from '../../plugin/domain/json.ts'
import { fault, tarballOf, type Scene } from './kit.ts'

const SECRET = 'a secret of replicas that is long enough'
const SHARED: JsonObject = { name: 'one', keys: [{ id: 'first', secret_env: 'REPLICAS' }] }
const WHEN_IT_ANSWERS = 'by itself, when the store answers again'
const MISSING: { readonly redis: string | undefined; readonly postgres: string | undefined } = {
  redis: hasRedis() ? undefined : 'Redis is not installed',
  postgres: hasPostgres() ? undefined : 'PostgreSQL is not installed',
}

/** A store by its address, behind a way of its own. */
async function wayTo(scene: Scene, address: string): Promise<{ readonly way: TcpProxy; readonly url: string }> {
  const way = await startTcpProxy(Number(new URL(address).port))
  scene.defer(() => way.close())
  return { way, url: way.url(address) }
}

const AWAY: readonly { readonly how: string; readonly what: string; readonly way: Way }[] = [
  { how: 'goes away', what: 'connections are broken off and not taken', way: 'cut' },
  { how: 'hangs', what: 'connections stay, and nothing is answered', way: 'hold' },
]

describe('faults of the server of facts', function () {
  this.timeout(30_000)
  let redis: Redis | undefined
  before(async () => { if (MISSING.redis === undefined) redis = await startRedis() })
  after(() => redis?.close())
  const needs = { without: () => MISSING.redis }
  const start = async (scene: Scene, way: Way = 'pass'): Promise<TcpProxy> => {
    await redis?.command('FLUSHALL')
    const there = await wayTo(scene, redis?.url() ?? '')
    there.way.set(way)
    await scene.start({ section: { facts: there.url, shared: SHARED }, launch: { env: { REPLICAS: SECRET } } })
    return there.way
  }
  const isUp = (scene: Scene, up: boolean): Promise<void> => scene.metric('provenance_store_up{store="facts"}', (value) => value === Number(up))

  fault({ name: 'Redis away at the start', what: 'connections are not taken', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    scene.break()
    const way = await start(scene, 'cut')
    await scene.installs(known, 'everything: it is verified here')
    await isUp(scene, false)
    await scene.isReady(true)
    way.set('pass')
    scene.mended()
    await isUp(scene, true)
    await scene.installs(scene.publish('fresh', '1.0.0'), 'what is new')
    scene.recovered()
  }, needs)

  for (const { how, what, way: bad } of AWAY)
    fault({ name: `Redis ${how}`, what: `${what}, while the mirror runs`, recovery: WHEN_IT_ANSWERS }, async (scene) => {
      const known = scene.publish('built', '1.0.0')
      const way = await start(scene)
      await scene.installs(known)
      scene.break()
      way.set(bad)
      await scene.installs(known)
      for (const name of ['fresh', 'other', 'third']) await scene.installs(scene.publish(name, '1.0.0'), 'what is new: it is verified here')
      await isUp(scene, false)
      await scene.isReady(true)
      way.set('pass')
      scene.mended()
      await isUp(scene, true)
      await scene.installs(scene.publish('later', '1.0.0'), 'what is new')
      scene.recovered()
    }, needs)

  fault({ name: 'Redis is slow', what: 'everything it says takes a quarter of a second', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const way = await start(scene)
    scene.break()
    way.set(250)
    await scene.installs(known, 'everything: it is verified here')
    for (const name of ['fresh', 'other']) await scene.installs(scene.publish(name, '1.0.0'), 'everything: it is verified here')
    await isUp(scene, false)
    await scene.isReady(true)
    way.set('pass')
    scene.mended()
    await isUp(scene, true)
    scene.recovered()
  }, needs)
})

describe('faults of PostgreSQL', function () {
  this.timeout(30_000)
  let postgres: Postgres | undefined
  let schemas = 0
  before(async () => {
    if (MISSING.postgres === undefined) postgres = await startPostgres()
  })
  after(() => postgres?.close())
  const needs = { without: () => MISSING.postgres }
  const database = async (scene: Scene): ReturnType<typeof wayTo> => wayTo(scene, (await postgres?.database(`fault_${String(++schemas)}`)) ?? '')
  const launch = { env: { REPLICAS: SECRET } }
  const shared = (url: string): JsonObject => ({ store: url, facts: 'sqlite:./facts.db', shared: SHARED })
  const is = (scene: Scene, state: string): Promise<void> => scene.metric(`provenance_replica_state{state="${state}"}`, (value) => value === 1)

  for (const { how, what, way: bad } of AWAY)
    fault({ name: `PostgreSQL of the ledger ${how}`, what: `${what}, while the mirror runs`, recovery: WHEN_IT_ANSWERS }, async (scene) => {
      const known = scene.publish('built', '1.0.0')
      const { way, url } = await database(scene)
      await scene.start({ section: shared(url), launch })
      await is(scene, 'current')
      await scene.installs(known)
      scene.break()
      way.set(bad)
      const fresh = scene.publish('fresh', '1.0.0')
      await scene.sees('503 evidence-unavailable', 'the tarball of what nobody recorded yet', tarballOf(fresh))
      await is(scene, 'alone')
      await scene.installs(known)
      await scene.isReady(true)
      way.set('pass')
      scene.mended()
      await is(scene, 'current')
      await scene.installs(fresh, 'what nobody had recorded')
      await scene.installs(known)
      scene.recovered()
    }, needs)

  fault({ name: 'PostgreSQL of ledger, facts and decisions away at the start', what: 'connections are not taken, and the mirror knows what its copy says', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const { way, url } = await database(scene)
    // As docs/replicas.md sets it up: nothing but the waiting for them keeps the process alive.
    await scene.start({ section: { store: url, decisions: { store: url }, shared: SHARED }, launch })
    await is(scene, 'current')
    await scene.installs(known)
    await scene.mirror.kill()
    scene.break()
    way.set('cut')
    await scene.start()
    // What others refused or recalled meanwhile is not known here.
    await scene.sees('503 evidence-unavailable', 'everything', tarballOf(known))
    await is(scene, 'behind')
    await scene.isReady(false, 'stores')
    way.set('pass')
    scene.mended()
    await is(scene, 'current')
    await scene.installs(known, 'everything')
    await scene.isReady(true, 'stores')
    scene.recovered()
  }, needs)

  fault({ name: 'PostgreSQL of the ledger is slow', what: 'everything it says takes a tenth of a second', recovery: WHEN_IT_ANSWERS }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const { way, url } = await database(scene)
    await scene.start({ section: shared(url), launch })
    await is(scene, 'current')
    scene.break()
    way.set(100)
    await scene.installs(known, 'everything')
    await scene.isReady(true)
    way.set('pass')
    scene.mended()
    await scene.installs(scene.publish('fresh', '1.0.0'), 'everything')
    await is(scene, 'current')
    scene.recovered()
  }, needs)

  fault({ name: 'PostgreSQL of the decision log goes away', what: 'connections are broken off and not taken, while the mirror runs', recovery: `${WHEN_IT_ANSWERS}: what waited is written` }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const { way, url } = await database(scene)
    await scene.start({ section: { decisions: { store: url } } })
    await scene.installs(known)
    await scene.metric('provenance_log_entries_waiting', (value) => value === 0)
    scene.break()
    way.set('cut')
    await scene.installs(scene.publish('fresh', '1.0.0'), 'everything')
    await scene.metric('provenance_log_entries_waiting', (value) => value > 0)
    await scene.isReady(true)
    way.set('pass')
    scene.mended()
    await scene.metric('provenance_log_entries_waiting', (value) => value === 0)
    await scene.installs(known, 'everything')
    scene.recovered()
    assert.equal(await scene.series('provenance_log_entries_dropped_total'), 0)
  }, needs)

  fault({ name: 'PostgreSQL of the decision log away at the start', what: 'connections are not taken', recovery: `${WHEN_IT_ANSWERS}: what waited is written` }, async (scene) => {
    const known = scene.publish('built', '1.0.0')
    const { way, url } = await database(scene)
    scene.break()
    way.set('cut')
    await scene.start({ section: { decisions: { store: url } } })
    await scene.installs(known, 'everything')
    await scene.metric('provenance_log_entries_waiting', (value) => value > 0)
    way.set('pass')
    scene.mended()
    await scene.metric('provenance_log_entries_waiting', (value) => value === 0)
    scene.recovered()
    assert.equal(await scene.series('provenance_log_entries_dropped_total'), 0)
  }, needs)
})
