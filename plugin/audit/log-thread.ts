import { Worker } from 'node:worker_threads'
import { BadQuery, type LogEntry } from '../domain/decision.ts'
import type { CallName, Calls, LogPlace, Reply } from './messages.ts'

export interface LogThreadOptions extends LogPlace {
  /** What a database's client reads of the environment, and nothing else of it. */
  readonly environment: Readonly<Record<string, string>>
  readonly onEntries: (entries: readonly LogEntry[]) => void
  readonly onProblem: (problem: string) => void
}

/** The log could not be asked, or could not answer. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable'
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** A thread with the log's database open. It keeps no process alive while nobody waits for an answer of it. */
export class LogThread {
  readonly #worker: Worker
  readonly #done = new SharedArrayBuffer(4)
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0
  #ended = false

  constructor({ environment, onEntries, onProblem, ...place }: LogThreadOptions) {
    const script = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
    this.#worker = new Worker(script, { env: environment, execArgv: [], workerData: { ...place, done: this.#done } })
    this.#worker.unref()
    this.#worker.on('message', (reply: Reply) => {
      if ('entries' in reply) onEntries(reply.entries)
      else if ('problem' in reply) onProblem(reply.problem)
      else this.#answered(reply)
    })
    this.#worker.on('error', (error: Error) => { this.#gone(error) })
    this.#worker.on('exit', () => { this.#gone(new Error('it ended')) })
  }

  get isGone(): boolean {
    return this.#ended
  }

  /** @throws BadQuery; LogUnavailable with what the database said */
  call<Name extends CallName>(call: Name, parameters: Calls[Name]['with']): Promise<Calls[Name]['gives']> {
    if (this.#ended) return Promise.reject(new LogUnavailable("the decision log's thread has ended"))
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#worker.ref()
      this.#worker.postMessage({ id, call, with: parameters })
    })
  }

  async close(): Promise<void> {
    await this.call('close', {}).catch(() => undefined)
    this.#ended = true
    await this.#worker.terminate()
  }

  /** Where the process ends at once: waits, doing nothing else, until the thread has done what it was told, or for so long. */
  finishNow(milliseconds: number): void {
    if (this.#ended) return
    this.#worker.postMessage('end')
    Atomics.wait(new Int32Array(this.#done), 0, 0, milliseconds)
  }

  #answered(reply: Exclude<Reply, { readonly entries: unknown } | { readonly problem: unknown }>): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (waiting === undefined) return
    if (!('error' in reply)) waiting.resolve(reply.gives)
    else waiting.reject(reply.error.name === 'BadQuery' ? new BadQuery(reply.error.message) : new LogUnavailable(reply.error.message))
  }

  #gone(error: Error): void {
    this.#ended = true
    for (const { reject } of this.#waiting.values()) reject(new LogUnavailable(`the decision log's thread has ended: ${error.message}`))
    this.#waiting.clear()
  }
}
