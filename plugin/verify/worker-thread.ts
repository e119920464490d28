import { Worker } from 'node:worker_threads'
import type { PlainTrust } from './compiled-trust.ts'
import type { Job, JobResult, Reply, Request } from './jobs.ts'

/** Revisions a worker keeps; an uplink has one at a time for each set of Sigstore instances that may vouch for its packages. */
const MAX_REVISIONS = 64

export interface ThreadOptions {
  readonly script: URL
  /** Longest a job may run, in milliseconds. */
  readonly jobLimitMs: number
  /** Longest a worker may take to load, in milliseconds. */
  readonly startLimitMs: number
}

export interface Assignment {
  readonly job: Job
  readonly trust: PlainTrust
  readonly resolve: (result: JobResult) => void
  readonly reject: (why: string, cause?: unknown) => void
}

/** One worker thread and the job it is at, at most one, so that what takes too long is known and ends alone. */
export class WorkerThread {
  readonly #worker: Worker
  readonly #options: ThreadOptions
  readonly #sent = new Set<string>()
  readonly #freed: (thread: WorkerThread) => void
  #ready = false
  #ended = false
  #current: Assignment | undefined
  #timer: NodeJS.Timeout | undefined
  #termination: Promise<number> | undefined

  /** `freed` is called when the thread can take a job again, and when it never will. */
  constructor(options: ThreadOptions, freed: (thread: WorkerThread) => void) {
    this.#options = options
    this.#freed = freed
    // A bundle that makes the heap grow ends its worker, not the mirror. Nothing in the environment is of use there.
    this.#worker = new Worker(options.script, { env: {}, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 } })
    this.#worker.on('message', (reply: Reply) => {
      this.#receive(reply)
    })
    this.#worker.on('error', (error) => {
      this.end('the verification failed', error)
    })
    this.#worker.on('messageerror', (error) => {
      this.end('the verification failed', error)
    })
    this.#worker.on('exit', () => {
      this.end('the verification was ended')
    })
    this.#limit(options.startLimitMs, 'the verification did not start in time')
  }

  get ended(): boolean {
    return this.#ended
  }

  get idle(): boolean {
    return this.#current === undefined && !this.#ended
  }

  assign(assignment: Assignment): void {
    this.#current = assignment
    this.#worker.ref()
    if (this.#ready) this.#send(assignment)
  }

  /** Ends the thread; its job, if any, is rejected. */
  end(why: string, cause?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    const assignment = this.#current
    this.#current = undefined
    this.#termination = this.#worker.terminate()
    assignment?.reject(why, cause)
    this.#freed(this)
  }

  /** Settles once the thread is gone. */
  async gone(): Promise<void> {
    await this.#termination
  }

  #send(assignment: Assignment): void {
    const { job, trust } = assignment
    const reset = this.#sent.size >= MAX_REVISIONS && !this.#sent.has(trust.revision)
    if (reset) this.#sent.clear()
    const { instance, trustedRoot, others, elsewhere, registryKeys, revision } = trust
    const request: Request = {
      job,
      revision,
      reset,
      trust: this.#sent.has(revision) ? undefined : { instance, trustedRoot, ...(others && { others }), ...(elsewhere && { elsewhere }), registryKeys, revision },
    }
    this.#sent.add(revision)
    this.#limit(this.#options.jobLimitMs, 'the verification took too long')
    this.#worker.postMessage(request, transferred(job))
  }

  #receive(reply: Reply): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (reply.kind === 'ready') {
      this.#ready = true
      if (this.#current === undefined) this.#worker.unref()
      else this.#send(this.#current)
      return
    }
    const assignment = this.#current
    this.#current = undefined
    // An idle thread does not keep a process alive that has nothing else to do.
    this.#worker.unref()
    if (reply.kind === 'done') assignment?.resolve(reply.result)
    else assignment?.reject('the verification failed', new Error(reply.error))
    this.#freed(this)
  }

  /** A busy event loop sees its timers before its messages: the answer that is already there is let in first. */
  #limit(milliseconds: number, why: string): void {
    clearTimeout(this.#timer)
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (this.#timer === timer) this.end(why, new Error(`limit of ${milliseconds} ms`))
      })
    }, milliseconds)
    this.#timer = timer
  }
}

/** A document was copied for its job (`verifier.ts`): it goes to the thread without being copied again. */
const transferred = (job: Job): readonly ArrayBuffer[] =>
  job.kind === 'attestations' && job.task.document.buffer instanceof ArrayBuffer ? [job.task.document.buffer] : []
