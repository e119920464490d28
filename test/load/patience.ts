/** Waiting for other processes, which tell nobody when they are done. */
import { setTimeout as wait } from 'node:timers/promises'

const PATIENCE = 120_000
const LOOK = 50

/** @returns milliseconds until it was so. @throws Error when it does not come to pass */
export async function eventually(what: string, holds: () => Promise<boolean>, patience = PATIENCE): Promise<number> {
  const started = performance.now()
  while (!(await holds())) {
    if (performance.now() - started > patience) throw new Error(`it did not come to pass that ${what}`)
    await wait(LOOK)
  }
  return performance.now() - started
}
