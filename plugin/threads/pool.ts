import { availableParallelism } from 'node:os'
import path from 'node:path'
import { Tinypool } from 'tinypool'
import { messageOf, Unavailable } from '../domain/errors.ts'
import { UnreadableDocument, type PackumentReader, type ReadDocument } from '../domain/ports.ts'
import type { QueueState } from '../domain/state.ts'
import { noWork, type Work } from '../domain/work.ts'
import type { BuildJob, BuiltAnswer } from './build.ts'
import { documentOf, UNFOLDED_TOO_FAR, type ReadJob, type ReadOutcome } from './read.ts'
import { openInTurns } from './stored.ts'
import type { Job } from './worker.ts'

/** Bytes, folded and not, of what is read in less time than a thread is told of it. */
const SMALL_WIRE = 12 * 1024
const SMALL = 96 * 1024
/** A packument of 256 MiB is read in a few seconds. */
const JOB_LIMIT_MS = 30_000
const WAITING = 2000

/**
 * One pool for the process, since its jobs depend on nothing but what they are given. Threads start with the first job, do not keep a
 * process alive, and end when one takes too long.
 */
let shared: Tinypool | undefined

const beside = (module: string): string => new URL(`./${module}${path.extname(import.meta.url)}`, import.meta.url).href

/** Exported for tests, which run other jobs in such threads. */
export const THREADS = {
  filename: beside('worker'),
  minThreads: 0,
  maxThreads: Math.min(4, Math.max(1, availableParallelism() - 1)),
  idleTimeout: 60_000,
  maxQueue: WAITING,
  env: {},
  // Not what the process was started with: it may be of no use to a thread (`--input-type`), and would then keep it from starting.
  execArgv: ['--import', beside('memory')],
  // What a large packument left behind would stay until the next one.
  maxMemoryLimitBeforeRecycle: 96 * 1024 ** 2,
  // Grows with what an uplink sends, and must not take the process with it. The young generation would grow to 128 MB, and stay.
  resourceLimits: { maxOldGenerationSizeMb: 2048, maxYoungGenerationSizeMb: 24 },
}

function pool(): Tinypool {
  shared ??= new Tinypool(THREADS)
  // A thread that dies while nobody waits for it says so here, and nowhere else: it would end the process.
  if (shared.listenerCount('error') === 0) shared.on('error', () => undefined)
  return shared
}

/** Reads packuments, and writes answers of them, off the event loop. */
export class PackumentThreads implements PackumentReader {
  readonly #work: Work

  constructor(work = noWork()) {
    this.#work = work
  }

  /** Of the process's pool. */
  get load(): QueueState {
    const waiting = shared?.queueSize ?? 0
    return { waiting, running: Math.max(0, open - waiting) }
  }

  async read(name: string, { wire, encoding }: Parameters<PackumentReader['read']>[1], limit: number): Promise<ReadDocument> {
    this.#work.reads++
    const here = wire.byteLength <= SMALL_WIRE ? readSmall({ name, wire, encoding, limit: Math.min(limit, SMALL) }) : 'larger'
    if (here !== 'larger') return here
    // What is small is copied, the rest shared (upstream/body.ts): it is also written to disk, so that it cannot be handed over.
    const outcome = await run<ReadOutcome>({ kind: 'read', name, wire, encoding, limit }, `the packument of ${name} could not be read`)
    if ('fault' in outcome) throw new UnreadableDocument(outcome.fault, outcome.message)
    const { stored, digest, size } = outcome
    return { packument: await openInTurns(stored), digest, size }
  }

  /** Has a thread start before anybody waits for it. Never rejects. */
  async warmUp(): Promise<void> {
    await run<ReadOutcome>({ kind: 'read', name: 'x', wire: Buffer.from('{"name":"x","versions":{}}'), encoding: 'identity', limit: 100 }, '').catch(() => undefined)
  }

  /** @throws Unavailable */
  build(job: BuildJob): Promise<BuiltAnswer> {
    return run<BuiltAnswer>({ kind: 'build', ...job }, 'the answer could not be written')
  }
}

function readSmall(job: ReadJob): ReadDocument | 'larger' {
  const outcome = documentOf(job)
  if (!('fault' in outcome)) return outcome
  if (outcome.fault === UNFOLDED_TOO_FAR) return 'larger'
  throw new UnreadableDocument(outcome.fault, outcome.message)
}

/** Jobs that were given to the pool and have not ended. */
let open = 0

async function run<Result>(job: Job, failure: string): Promise<Result> {
  open++
  try {
    return (await pool().run(job, { signal: AbortSignal.timeout(JOB_LIMIT_MS) })) as Result
  } catch (error) {
    throw new Unavailable('evidence-unavailable', `${failure}: ${messageOf(error)}`, { cause: error })
  } finally {
    open--
  }
}
