import { collectDefaultMetrics, Registry } from 'prom-client'

let shared: Registry | undefined

/**
 * Of Node and the process: memory, CPU, files, event-loop delay, garbage collection. One for all mirrors of a process, since what it
 * watches is one; watched from the first question on, and not at all where nobody asks.
 */
export function processMetrics(): Registry {
  if (shared === undefined) {
    shared = new Registry()
    collectDefaultMetrics({ register: shared })
  }
  return shared
}
