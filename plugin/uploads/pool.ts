import { Tinypool } from 'tinypool'
import { messageOf, Unavailable } from '../domain/errors.ts'
import type { UploadJob, UploadOutcome } from './read.ts'

/** A lockfile of 5 MB of YAML takes 2 s. */
const JOB_LIMIT_MS = 15_000
const WAITING = 64

let shared: Tinypool | undefined

/** One thread for the process, which begins with the first upload and ends a minute after the last; or when one takes too long, or too much. */
function pool(): Tinypool {
  shared ??= new Tinypool({
    filename: new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 60_000,
    maxQueue: WAITING,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  })
  // A thread that dies while nobody waits for it says so here, and nowhere else: it would end the process.
  if (shared.listenerCount('error') === 0) shared.on('error', () => undefined)
  return shared
}

/** @throws Unavailable when it took too long, or too many wait */
export async function readInThread(job: UploadJob): Promise<UploadOutcome> {
  try {
    return (await pool().run(job, { signal: AbortSignal.timeout(JOB_LIMIT_MS) })) as UploadOutcome
  } catch (error) {
    throw new Unavailable('internal-error', `the ${job.kind} could not be read: ${messageOf(error)}`, { cause: error })
  }
}
