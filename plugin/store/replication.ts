import { rmSync } from 'node:fs'
import { messageOf, Unavailable } from '../domain/errors.ts'
import type { ReplicaState } from '../domain/state.ts'
import { nextTurn } from '../domain/turns.ts'
import type { SqliteLedger } from './ledger.ts'
import type { Position } from './ledger-copy-of-log.ts'
import { packageOf, UnknownOperation, type Operation, type OperationName, type Result } from './operations.ts'
import { LeftBehind, LogBroken, type LoggedOperation, type SharedLog } from './shared-log.ts'
import { Speculation, type Pending } from './speculation.ts'
import { Wake } from './wake.ts'

/** What a person decided: done when nobody else can write, so that what comes of it stands. */
interface Decision {
  readonly work: () => unknown
  readonly answered: (result: unknown) => void
  readonly failed: (error: unknown) => void
}

/** What goes with operations, and has to be there before them. */
export interface Companions {
  /** Shares what was kept since. */
  share(): Promise<void>
}

/** A ledger as a whole, for who begins, or comes back after a long time. */
export interface Snapshots {
  /** The newest as a file, which is the caller's to remove; undefined where there is none. */
  fetch(): Promise<string | undefined>
  /** Makes one where it is time for it. Never rejects. */
  makeIfDue(position: Position): Promise<void>
}

export interface ReplicationOptions {
  readonly ledger: SqliteLedger
  readonly log: SharedLog
  readonly companions: Companions
  readonly snapshots: Snapshots
  /** Tells the others that this mirror is there. */
  readonly greet: (position: Position) => Promise<void>
  readonly warn: (message: string) => void
  /** What others did, once it counts here. */
  readonly onOthers: (operations: readonly Operation[]) => void
  /** How long nobody need ask whether others have written; they tell it too. Milliseconds. */
  readonly poll?: number
}

const POLL_MS = 1000
/** Milliseconds that operations are gathered for which nobody waits. */
const GATHER_MS = 25
const AGAIN_MS = [100, 250, 500, 1000, 2000] as const
const AGREE_MS = 5000
/** Writings after one another, before the others are greeted again. */
const ROUNDS = 50
/**
 * Keeps a ledger in step with those of other mirrors: state machine replication. What is done here is done to the copy at once, in a
 * transaction that is still open; it is then written to the log, and when others were first the transaction is taken back and all is
 * done again in the order of the log. So every copy is what the same operations in the same order make of it.
 */
export class Replication {
  readonly #options: ReplicationOptions
  readonly #wake = new Wake()
  readonly #waiting = new Set<{ readonly isDone: () => boolean; readonly done: () => void; readonly failed: (error: unknown) => void }>()
  readonly #onCurrent = new Set<() => void>()
  readonly #speculation: Speculation
  #decisions: Decision[] = []
  #state: ReplicaState['state'] = 'behind'
  #problem = 'the shared ledger was not reached yet'
  #contact = -Infinity
  #failures = 0
  #closed = false
  #running: Promise<void> | undefined
  #applied = 0
  #written = 0

  constructor(options: ReplicationOptions) {
    this.#options = options
    this.#speculation = new Speculation(options.ledger, options.log.writer)
  }

  get state(): Omit<ReplicaState, 'mirrors'> {
    const { ledger } = this.#options
    return {
      state: this.#state, problem: this.#state === 'current' ? undefined : this.#problem, pending: this.#speculation.pending.length, sequence: ledger.copy.position?.sequence ?? 0,
      contact: Number.isFinite(this.#contact) ? (performance.now() - this.#contact) / 1000 : undefined, applied: this.#applied, written: this.#written,
    }
  }

  /** Whether what it knows may be served: it is current, or was and has not missed that it is not. */
  get isUsable(): boolean {
    return this.#state === 'current' || this.#state === 'alone'
  }

  /** Begins to follow the log, and goes on until `close`. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Does something to the copy now, and to all others soon. */
  do<Name extends OperationName>(operation: Operation<Name>, versions?: ReadonlySet<string>): Result<Name> | undefined {
    const result = this.#speculation.do(operation, versions)
    this.#wake.soon(GATHER_MS)
    return result
  }

  /**
   * Resolves when what is recorded of a version, and whose package it is, is the same for all.
   * @throws Unavailable when that cannot be known now
   */
  async agreed(name: string, version: string): Promise<void> {
    const isOpen = ({ operation, versions }: Pending): boolean => versions?.has(version) === true || operation.do === 'setOrigin'
    // Evidence that is more than was known may wait until there is somebody to tell it to.
    const isNews = ({ operation }: Pending): boolean => this.#state === 'current' && operation.do === 'record'
    const waits = this.#speculation.pending.filter((one) => packageOf(one.operation)?.[1] === name && (isOpen(one) || isNews(one)))
    if (waits.length > 0) await this.#untilWritten(waits, `mirrors that share a ledger cannot agree on ${name}@${version} now`)
  }

  /**
   * Does what somebody decided, so that it is known to all before this resolves; `work` runs when nobody else can write.
   * @throws Unavailable when it cannot be known whether it was kept
   */
  async decided<Value>(work: () => Value): Promise<Value> {
    this.assertCurrent('the shared ledger cannot be reached, so nothing can be decided now')
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#decisions.push({ work, answered: resolve, failed: reject })
    this.#wake.now()
    return (await promise) as Value
  }

  /** Another mirror has written. */
  look(): void {
    this.#wake.soon(0)
  }

  /** @throws Unavailable unless it knows what all know */
  assertCurrent(message: string): void {
    if (this.#state !== 'current') throw new Unavailable('evidence-unavailable', message)
  }

  /** Whether it is current, once it is, or after so many milliseconds. */
  async caughtUp(milliseconds: number): Promise<boolean> {
    if (this.#state === 'behind') await this.#told(milliseconds)
    return this.#state === 'current'
  }

  /** Everything done here is in the log; nothing when that takes too long. */
  async settled(): Promise<void> {
    const waits = this.#speculation.pending
    if (waits.length > 0) await this.#untilWritten(waits, 'the shared ledger cannot be reached')
  }

  /** Once what was done is written, or could not be. */
  async close(): Promise<void> {
    if (this.#closed) return
    if (this.#state === 'current') await this.settled().catch(() => undefined)
    this.#closed = true
    this.#wake.now()
    await this.#running
    this.#speculation.takeBack()
    this.#failAll(new Unavailable('internal-error', 'the mirror is shutting down'))
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#cycle()
        this.#reached()
        await this.#wake.next(this.#options.poll ?? POLL_MS)
      } catch (error) {
        this.#lost(error)
        if (error instanceof LeftBehind) await this.#catchUp()
        await this.#wake.next(AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length) - 1] ?? POLL_MS, 'only-by-hand')
      }
    }
  }

  async #cycle(): Promise<void> {
    const { log, greet, snapshots, companions } = this.#options
    let position = await this.#begun()
    for (let others = await log.read(position); others.length > 0; others = await log.read(position)) {
      await this.#take(others)
      position = others.at(-1)?.position ?? position
    }
    for (let round = 0; round < ROUNDS && (this.#speculation.pending.length > 0 || this.#decisions.length > 0); round++) {
      await companions.share()
      position = await this.#append(position)
    }
    await greet(position)
    void snapshots.makeIfDue(position)
  }

  async #begun(): Promise<Position> {
    const { ledger, log } = this.#options
    const known = ledger.copy.position
    if (known !== undefined) return known
    if (await this.#loadSnapshot()) return this.#begun()
    const position = await log.begin()
    this.#speculation.again(() => { ledger.copy.setPosition(position) })
    return position
  }

  /** Others' operations, before all that was done here and is not written yet. */
  async #take(others: readonly LoggedOperation[]): Promise<void> {
    let done = 0
    while (done < others.length) {
      done += this.#applySome(others.slice(done))
      await nextTurn()
    }
  }

  /** @returns how many were done in one turn */
  #applySome(others: readonly LoggedOperation[]): number {
    const applied = this.#speculation.take(others)
    this.#applied += applied.length
    this.#options.onOthers(applied)
    this.#settle()
    return applied.length
  }

  async #append(before: Position): Promise<Position> {
    const speculation = this.#speculation
    // What is decided comes after all that was done before.
    const decisions = speculation.fitsOneBatch ? this.#decisions.splice(0) : []
    let batch: readonly Pending[] = []
    let decided: readonly Pending[] = []
    const answers: (() => void)[] = []
    try {
      const last = await this.#options.log.append(before, (others) => {
        let position = before
        for (let done = 0; done < others.length; position = others[done - 1]?.position ?? position) done += this.#applySome(others.slice(done))
        decided = speculation.collect(() => {
          for (const { work, answered, failed } of decisions) answers.push(outcomeOf(work, answered, failed))
        })
        batch = decisions.length > 0 ? speculation.pending : speculation.batch()
        return { position, operations: batch }
      })
      speculation.confirm(batch, last)
      this.#written += batch.length
      for (const answer of answers) answer()
      this.#settle()
      return last
    } catch (error) {
      // Whether they are in the log is not known; where they are, they come back from it.
      speculation.drop(decided)
      for (const { failed } of decisions) failed(new Unavailable('evidence-unavailable', `the shared ledger was lost before it was certain that this is kept: ${messageOf(error)}`))
      throw error
    }
  }

  async #untilWritten(waits: readonly Pending[], otherwise: string): Promise<void> {
    this.assertCurrent(otherwise)
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const waiting = { isDone: () => !waits.some((one) => this.#speculation.pending.includes(one)), done: () => { resolve(undefined) }, failed: () => { reject(new Unavailable('evidence-unavailable', otherwise)) } }
    this.#waiting.add(waiting)
    const timer = setTimeout(waiting.failed, AGREE_MS)
    this.#wake.now()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(waiting)
    }
  }

  #told(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#onCurrent.delete(done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      this.#onCurrent.add(done)
    })
  }

  #settle(): void {
    for (const one of this.#waiting) if (one.isDone()) one.done()
  }

  #failAll(error: unknown): void {
    for (const one of this.#waiting) one.failed(error)
    for (const { failed } of this.#decisions.splice(0)) failed(error)
  }

  #reached(): void {
    this.#contact = performance.now()
    this.#failures = 0
    if (this.#state === 'current') return
    this.#options.warn(`the shared ledger is reached: this mirror is at operation ${String(this.#options.ledger.copy.position?.sequence ?? 0)}`)
    this.#state = 'current'
    for (const told of this.#onCurrent) told()
  }

  /** A mirror that was current goes on with what it knows; one that cannot trust the log serves nothing. */
  #lost(error: unknown): void {
    if (this.#closed) return
    this.#failures++
    const before = this.#state
    const isBroken = error instanceof LogBroken || error instanceof UnknownOperation
    this.#state = isBroken ? 'halted' : before === 'current' ? 'alone' : before
    const problem = messageOf(error)
    if (this.#state !== before || problem !== this.#problem) this.#options.warn(`${WORDS[this.#state]}: ${problem}`)
    this.#problem = problem
    if (this.#state === 'halted') for (const told of this.#onCurrent) told()
    this.#failAll(new Unavailable('evidence-unavailable', 'the shared ledger cannot be reached'))
  }

  /** What it missed is no longer there one by one: until it has all of it, it knows less than it thinks. */
  async #catchUp(): Promise<void> {
    this.#state = 'behind'
    try {
      if (!(await this.#loadSnapshot())) throw new Error('there is no snapshot of it')
    } catch (error) {
      this.#options.warn(`the shared ledger could not be taken anew: ${messageOf(error)}`)
    }
  }

  async #loadSnapshot(): Promise<boolean> {
    const file = await this.#options.snapshots.fetch()
    if (file === undefined) return false
    try {
      this.#speculation.replaceWith(file)
    } finally {
      rmSync(file, { force: true })
      this.#speculation.again(() => undefined)
    }
    return true
  }
}

const WORDS: Readonly<Record<ReplicaState['state'], string>> = {
  current: 'the shared ledger is reached',
  alone: 'the shared ledger cannot be reached, nothing new is let in until it is',
  behind: 'the shared ledger cannot be reached, nothing is served until it is',
  halted: 'THE SHARED LEDGER CANNOT BE TRUSTED, nothing is served',
}

function outcomeOf(work: () => unknown, answered: (result: unknown) => void, failed: (error: unknown) => void): () => void {
  try {
    const result = work()
    return () => { answered(result) }
  } catch (error) {
    return () => { failed(error) }
  }
}
