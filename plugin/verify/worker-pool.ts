import { Unavailable } from '../domain/errors.ts'
import type { QueueState } from '../domain/state.ts'
import type { PlainTrust } from './compiled-trust.ts'
import type { Job, JobResult } from './jobs.ts'
import { WorkerThread, type Assignment, type ThreadOptions } from './worker-thread.ts'

export interface PoolOptions extends ThreadOptions {
  /** Threads at most; each is started when first needed. */
  readonly size: number
  /** Jobs that may wait; more are turned away. */
  readonly queueLimit: number
}

/**
 * Runs verification jobs in worker threads. A thread that takes too long, dies or fails is replaced, and its job is rejected as
 * undecided, never as invalid: a slow machine looks the same as a hostile bundle, and a verdict of `invalid` is kept for good.
 * A bundle that always takes too long is therefore never served either.
 */
export class WorkerPool {
  readonly #options: PoolOptions
  readonly #threads = new Set<WorkerThread>()
  readonly #queue: Assignment[] = []
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** @throws Unavailable `evidence-unavailable` */
  run(job: Job, trust: PlainTrust): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      const undecided = (why: string, cause?: unknown): void => {
        reject(new Unavailable('evidence-unavailable', why, { cause }))
      }
      if (this.#closed) undecided('the mirror is shutting down')
      else if (this.#queue.length >= this.#options.queueLimit) undecided('too many verifications are waiting')
      else {
        this.#queue.push({ job, trust, resolve, reject: undecided })
        this.#next()
      }
    })
  }

  get load(): QueueState {
    return { waiting: this.#queue.length, running: this.#options.size - this.#free() }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { reject } of this.#queue.splice(0)) reject('the mirror is shutting down')
    const threads = [...this.#threads]
    for (const thread of threads) thread.end('the mirror is shutting down')
    await Promise.all(threads.map((thread) => thread.gone()))
  }

  /** Gives the oldest jobs to free threads, or to new ones. A thread that cannot start takes down one job, not the queue. */
  #next(): void {
    for (const assignment of this.#queue.splice(0, this.#free())) {
      try {
        this.#thread().assign(assignment)
      } catch (error) {
        assignment.reject('no verification can be started', error)
      }
    }
  }

  #thread(): WorkerThread {
    const idle = [...this.#threads].find((thread) => thread.idle)
    if (idle !== undefined) return idle
    const thread = new WorkerThread(this.#options, (freed) => {
      this.#freed(freed)
    })
    this.#threads.add(thread)
    return thread
  }

  #free(): number {
    const busy = [...this.#threads].filter((thread) => !thread.idle).length
    return this.#options.size - busy
  }

  #freed(thread: WorkerThread): void {
    if (thread.ended) this.#threads.delete(thread)
    if (!this.#closed) this.#next()
  }
}
