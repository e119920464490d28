/** People who install while replicas, Redis and PostgreSQL come and go. */
import { setTimeout as wait } from 'node:timers/promises'
import { register } from '../support/raw.ts'
import { Developers } from './developers.ts'
import { differences, rememberedIn, sequenceOf } from './ledgers.ts'
import { Operators } from './operators.ts'
import { eventually } from './patience.ts'
import { Random } from './random.ts'
import { Site } from './site.ts'
import { Tally } from './tally.ts'
import { Tree } from './tree.ts'

export interface LoadOptions {
  /** Milliseconds of work. */
  readonly duration: number
  /** Milliseconds between two restarts. */
  readonly restartEvery: number
  /** Restarts between two of Redis. */
  readonly redisEvery: number
  /** After so many installs somebody publishes, recalls or decides, and the uplink has something new. */
  readonly operatorEvery: number
  /** As `shutdown.drain` has it. */
  readonly drain: string
  readonly packages: number
  readonly seed: number
  readonly say: (line: string) => void
  /** Ends it early, with all that it started. */
  readonly stop?: AbortSignal
}

/** Milliseconds that Redis is away. */
const REDIS_AWAY = 3000
export interface Outcome {
  readonly isGood: boolean
  readonly tally: Tally
  readonly lines: readonly string[]
}

export async function load({ duration, restartEvery, redisEvery, operatorEvery, drain, packages, seed, say, stop }: LoadOptions): Promise<Outcome> {
  const tally = new Tally()
  const random = new Random(seed)
  const site = await Site.open({ drain, onLine: (line) => { tally.line(line) } })
  const stopping = new AbortController()
  stop?.addEventListener('abort', () => { stopping.abort() })
  try {
    const tree = new Tree(site.registry, random, packages)
    await Promise.all(site.replicas.map((replica) => replica.start()))
    const operators = new Operators(site, tally, await register(site.replicas[0].url, 'alice'))
    await operators.publishPolicy()
    await eventually('both replicas are asked', () => areReady(site))
    say(`begun: ${String(tree.published)} versions of ${String(packages)} packages, seed ${String(seed)}`)
    const end = performance.now() + duration
    const ended = (error: unknown): void => {
      tally.faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
      stopping.abort()
    }
    const restarting = restarts(site, tally, { every: restartEvery, redisEvery, say, stop: stopping.signal }).catch(ended)
    await people(site, tree, tally, operators, { end, half: end - duration / 2, operatorEvery, say, stop: stopping.signal }).catch(ended)
    stopping.abort()
    await restarting
    await compared(site, tally, say).catch(ended)
    return { isGood: tally.isGood, tally, lines: [...tally.report(), ...(tally.isGood ? [] : site.replicas.map(({ name, printed }) => `${name} said at last:\n${printed.slice(-4000)}`))] }
  } finally {
    stopping.abort()
    await site.close()
  }
}

const areReady = async ({ replicas }: Site): Promise<boolean> => (await Promise.all(replicas.map((replica) => replica.isReady()))).every(Boolean)

interface Working {
  /** By `performance.now()`. */
  readonly end: number
  /** When PostgreSQL goes away for a while. */
  readonly half: number
  readonly operatorEvery: number
  readonly say: (line: string) => void
  readonly stop: AbortSignal
}

async function people(site: Site, tree: Tree, tally: Tally, operators: Operators, { end, half, operatorEvery, say, stop }: Working): Promise<void> {
  const developers = new Developers(site)
  let isDatabaseDone = false
  let told = 0
  for (let turn = 1; performance.now() < end && !stop.aborted; turn++) {
    await developers.next(site, tree, tally)
    site.forgetRequests()
    if (turn % operatorEvery === 0) {
      tree.grow()
      await operators.next()
    }
    if (!isDatabaseDone && performance.now() > half) {
      isDatabaseDone = true
      await withoutDatabase(site, developers, tally, say)
    }
    if (turn % 20 === 0) say(`${String(turn)} installs, ${String(tally.failed.length)} not as expected, ${String(tally.restarts.length)} restarts`)
    for (const { what, during, ran } of tally.failed.slice(told)) say(`not as expected: ${what} (${during.join(', ')})\n${ran.output.slice(-2000)}`)
    told = tally.failed.length
  }
}

/** What was installed before goes on being installed. */
async function withoutDatabase(site: Site, developers: Developers, tally: Tally, say: (line: string) => void): Promise<void> {
  await tally.away('PostgreSQL is away', async () => {
    await site.postgres.stop()
    try {
      await developers.again(site, tally)
    } finally {
      await site.postgres.start()
    }
  })
  let warnings: readonly (readonly string[] | undefined)[] = []
  const took = await eventually('both replicas have PostgreSQL again', async () => {
    warnings = await Promise.all(site.replicas.map((replica) => replica.warnings()))
    return warnings.every((one) => one?.length === 0)
  }).catch((error: unknown) => { throw new Error(`${String(error)}: ${JSON.stringify(warnings)}`) })
  tally.restarts.push({ what: 'restart of PostgreSQL', took })
  say(`PostgreSQL was away; the replicas had it again ${String(Math.round(took))} ms after it was back`)
}

interface Restarting {
  readonly every: number
  readonly redisEvery: number
  readonly say: (line: string) => void
  readonly stop: AbortSignal
}

/** One after the other, by turns as an upgrade ends it and as a machine that loses power does. */
async function restarts(site: Site, tally: Tally, { every, redisEvery, say, stop }: Restarting): Promise<void> {
  const started = performance.now()
  for (let turn = 0; await passed(Math.max(0, started + (turn + 1) * every - performance.now()), stop); turn++) {
    const replica = site.replicas[turn % 2]!
    const how = Math.floor(turn / 2) % 2 === 0 ? 'SIGTERM' : 'SIGKILL'
    const { took, steps } = await tally.away(`restart of ${replica.name} by ${how}`, async () => {
      const ended = await replica.stop(how)
      if (how === 'SIGTERM' && ended !== 0) tally.faults.push(`${replica.name} ended with ${String(ended)} at SIGTERM`)
      const began = performance.now()
      const said = await replica.start()
      return { took: performance.now() - began, steps: said }
    })
    tally.restarts.push({ what: `restart of a replica by ${how}`, took })
    say(`restarted ${replica.name} by ${how}: ${steps}`)
    if (turn % redisEvery === redisEvery - 1) await withoutRedis(site, tally, stop)
  }
}

/** @returns false when it was stopped before */
const passed = (milliseconds: number, stop: AbortSignal): Promise<boolean> => wait(milliseconds, true, { signal: stop }).catch(() => false)

async function withoutRedis(site: Site, tally: Tally, stop: AbortSignal): Promise<void> {
  const began = performance.now()
  await tally.away('Redis is away', async () => {
    await site.redis.stop()
    await passed(REDIS_AWAY, stop)
    await site.redis.start()
  })
  tally.restarts.push({ what: 'restart of Redis', took: performance.now() - began })
}

/** Nobody asks any more: both have to come to the end of the log, and to the same. */
async function compared(site: Site, tally: Tally, say: (line: string) => void): Promise<void> {
  await eventually('both replicas are ready', () => areReady(site))
  await eventually('both copies have all operations', async () => {
    const last = await site.lastOperation()
    return site.replicas.every(({ copy }) => sequenceOf(copy) === last)
  }).catch((error: unknown) => { tally.faults.push(String(error)) })
  tally.faults.push(...(await site.stopReplicas()))
  const [first, second] = site.replicas.map(({ copy }) => rememberedIn(copy)) as [ReturnType<typeof rememberedIn>, ReturnType<typeof rememberedIn>]
  for (const difference of differences(first, second)) tally.faults.push(`the copies of the ledger differ: ${difference}`)
  const last = await site.lastOperation()
  if (first.sequence !== last || second.sequence !== last) tally.faults.push(`the log ends at operation ${String(last)}, the copies at ${String(first.sequence)} and ${String(second.sequence)}`)
  const rows = [...first.tables].filter(([, { length }]) => length > 0).map(([name, { length }]) => `${name} ${String(length)}`)
  say(`both copies are at operation ${String(first.sequence)} of ${String(last)}: ${rows.join(', ')}`)
}
