import { setTimeout as wait } from 'node:timers/promises'
import { RemoteStorage, type StoredText } from './fact-storage.ts'

type Pausing = (ms: number, signal: AbortSignal, isWaitedFor: boolean) => Promise<unknown>

export interface GuardOptions {
  readonly storage: RemoteStorage
  /** Milliseconds a question may take: what comes later comes too late. */
  readonly deadline?: number | undefined
  /** After so many failures in a row, or some more with an answer now and then between them, it is left alone. */
  readonly failures?: number | undefined
  /** Milliseconds between two looks at a storage that is left alone; twice as long each time it fails again within a minute, 30 s at most. */
  readonly pause?: number | undefined
  /** Questions on their way; more are not asked. */
  readonly maxRunning?: number | undefined
  /** Resolves when it is time to look again. Default: a timer, which keeps the process alive where somebody waits (`isWaitedFor`), and nowhere else. */
  readonly pausing?: Pausing | undefined
  /** Told of each change, and of the failure that led to it. */
  readonly onChange?: ((isUp: boolean, cause: unknown) => void) | undefined
}

/** Asked of a storage that is left alone, or too much at once. */
export class StorageAway extends Error {
  override readonly name = 'StorageAway'
}

class TooSlow extends Error {
  override readonly name = 'TooSlow'
  constructor(deadline: number) {
    super(`no answer within ${String(deadline)} ms`)
  }
}

const DEADLINE = 200
const FAILURES = 3
const PAUSE = 2000
const MAX_RUNNING = 256
const LONGEST_PAUSE = 30_000
/** Milliseconds after which it counts as one that is well. */
const WELL = 60_000

/**
 * A storage that may be down, hang or come back: every question has an end, and nobody waits for one that failed a few times in a row.
 * It is looked after behind the requests, until it answers.
 */
export class GuardedStorage extends RemoteStorage {
  readonly #storage: RemoteStorage
  readonly #deadline: number
  readonly #most: { readonly failures: number; readonly running: number }
  readonly #pause: number
  readonly #pausing: Pausing
  readonly #onChange: ((isUp: boolean, cause: unknown) => void) | undefined
  readonly #closed = new AbortController()
  /** Failures, less half of the answers since: three in a row, or more than a third of many. Of each kind: what is full still answers. */
  readonly #bad = { reading: 0, writing: 0 }
  readonly #seen = new WeakSet<object>()
  #running = 0
  #isUp = true
  #backAt = -Infinity
  #relapses = 0
  #failures = 0

  constructor({ storage, deadline = DEADLINE, failures = FAILURES, pause = PAUSE, maxRunning = MAX_RUNNING, pausing, onChange }: GuardOptions) {
    super()
    this.#storage = storage
    this.#deadline = deadline
    this.#most = { failures, running: maxRunning }
    this.#pause = pause
    this.#pausing = pausing ?? ((ms, signal, isWaitedFor) => wait(ms, undefined, { signal, ref: isWaitedFor }))
    this.#onChange = onChange
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** How many questions failed, those of looks at a storage that is left alone included. */
  get failures(): number {
    return this.#failures
  }

  /** Whether an error is one of its own: those are counted, and told as a change when there are too many. */
  isOwn(error: unknown): boolean {
    return error instanceof StorageAway || (error instanceof Error && this.#seen.has(error))
  }

  /** Whether it answered within `patience` milliseconds: it is connected to, for the first requests. Never rejects. */
  async open(patience: number): Promise<boolean> {
    const until = performance.now() + patience
    let cause: unknown
    do {
      try {
        await this.#within(this.#storage.ready(), Math.max(1, until - performance.now()))
        return true
      } catch (error) {
        cause = error
        await this.#pausing(Math.min(FIRST_LOOKS, patience), this.#closed.signal, true).catch(() => undefined)
      }
    } while (performance.now() < until && !this.#closed.signal.aborted)
    this.#failures++
    this.#left(cause)
    return false
  }

  ready(): Promise<void> {
    return this.#ask('writing', () => this.#storage.ready())
  }

  restart(): void {
    this.#storage.restart()
  }

  texts(keys: readonly string[]): Promise<(string | undefined)[]> {
    return this.#ask('reading', () => this.#storage.texts(keys))
  }

  write(entries: readonly StoredText[]): Promise<void> {
    return this.#ask('writing', () => this.#storage.write(entries))
  }

  remove(keys: readonly string[]): Promise<boolean[]> {
    return this.#ask('writing', () => this.#storage.remove(keys))
  }

  clear(): Promise<void> {
    return this.#ask('writing', () => this.#storage.clear())
  }

  disconnect(): Promise<void> {
    this.#closed.abort()
    return this.#storage.disconnect()
  }

  async #ask<Result>(kind: 'reading' | 'writing', question: () => Promise<Result>): Promise<Result> {
    if (!this.#isUp) throw new StorageAway('the storage is left alone')
    if (this.#running >= this.#most.running) throw new StorageAway('the storage has too much to answer')
    this.#running++
    try {
      const asked = question()
      // A question counts until it has ended, also when nobody waits for it any more.
      const ended = (): void => { this.#running-- }
      asked.then(ended, ended)
      const result = await this.#within(asked, this.#deadline)
      this.#bad[kind] = Math.max(0, this.#bad[kind] - 0.5)
      return result
    } catch (error) {
      this.#failures++
      if (error instanceof Error) this.#seen.add(error)
      if (++this.#bad[kind] >= this.#most.failures) this.#left(error)
      throw error
    }
  }

  async #within<Result>(asked: Promise<Result>, ms: number): Promise<Result> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      // After a turn of the event loop that took long, what was answered meanwhile is read first: it is not the storage that was slow.
      timer = setTimeout(() => setImmediate(() => { reject(new TooSlow(Math.round(ms))) }), ms)
    })
    try {
      return await Promise.race([asked, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #left(cause: unknown): void {
    if (!this.#isUp || this.#closed.signal.aborted) return
    this.#isUp = false
    this.#relapses = performance.now() - this.#backAt < WELL ? this.#relapses + 1 : 0
    this.#onChange?.(false, cause)
    void this.#lookAgain()
  }

  async #lookAgain(): Promise<void> {
    const { signal } = this.#closed
    while (!signal.aborted) {
      try {
        // What hangs is let go of: its answers would be nobody's.
        this.#storage.restart()
        await this.#pausing(Math.min(this.#pause * 2 ** Math.min(this.#relapses, 10), LONGEST_PAUSE), signal, false)
        signal.throwIfAborted()
        await this.#within(this.#storage.ready(), this.#deadline)
        Object.assign(this.#bad, { reading: 0, writing: 0 })
        this.#backAt = performance.now()
        this.#isUp = true
        this.#onChange?.(true, undefined)
        return
      } catch {
        this.#failures++
      }
    }
  }
}

/** Milliseconds between looks while a mirror starts. */
const FIRST_LOOKS = 20
