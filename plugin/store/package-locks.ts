import { setTimeout as wait } from 'node:timers/promises'
import { Unavailable } from '../domain/errors.ts'
import type { PackageLocks } from '../domain/package-locks.ts'

/** Milliseconds that somebody waits for a package: longer than a publish takes, shorter than clients do. */
export const LOCK_PATIENCE = 30_000

/** Among the requests of one process, first come, first served. */
export class ProcessLocks implements PackageLocks {
  readonly #last = new Map<string, Promise<void>>()
  readonly #patience: number

  constructor(patience = LOCK_PATIENCE) {
    this.#patience = patience
  }

  async acquire(name: string): Promise<() => void> {
    const before = this.#last.get(name)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    // Whoever gives up waiting must not let the next one in before those who are ahead of both.
    const mine = before === undefined ? promise : before.then(() => promise)
    this.#last.set(name, mine)
    void mine.then(() => { if (this.#last.get(name) === mine) this.#last.delete(name) })
    if (before !== undefined && !(await isDoneIn(before, this.#patience))) {
      resolve(undefined)
      throw busy(name)
    }
    return () => { resolve(undefined) }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export const busy = (name: string, cause?: unknown): Unavailable => new Unavailable('internal-error', `${name} is being changed by somebody else`, { cause })

async function isDoneIn(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  const timer = new AbortController()
  const late = wait(milliseconds, false, { signal: timer.signal, ref: false }).catch(() => false)
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    timer.abort()
  }
}
