/** What compose.ts puts around and between the parts. */
import pLimit from 'p-limit'
import { Unavailable } from './domain/errors.ts'
import type { TrustMaterial, Verifier } from './domain/ports.ts'
import type { Work } from './domain/work.ts'

/** The last key of an id is the one clients are told: no registry puts its own in the place of one that is vouched for. */
export const ownWordFirst = (materials: readonly TrustMaterial[]): readonly TrustMaterial[] =>
  materials.toSorted((a, b) => Number(b.keysArePinned === true) - Number(a.keysArePinned === true))

/** The same verifier, and what it is asked for. */
export const counted = (verifier: Verifier, work: Work): Verifier => ({
  signatures: (name, tasks, trust) => {
    work.signatures += tasks.length
    return verifier.signatures(name, tasks, trust)
  },
  attestations: (task, trust) => {
    work.attestations++
    return verifier.attestations(task, trust)
  },
  close: () => verifier.close(),
})

/** A few at a time, and a queue that ends: who comes after it is told to come again, before memory is what says so. */
export function boundedLimit(concurrency: number, waiting: number): <Result>(task: () => Promise<Result>) => Promise<Result> {
  const limit = pLimit(concurrency)
  return async (task) => {
    if (limit.pendingCount >= waiting) throw new Unavailable('evidence-unavailable', 'too many questions to uplinks are waiting')
    return limit(task)
  }
}
