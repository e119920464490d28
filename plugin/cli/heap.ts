import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes: what requests leave behind fits many times. */
const ENOUGH = 16 * 1024 ** 2
/** A million small objects; it takes some tens of thousands. */
const MOST = 1_000_000
const STEP = 1000

/**
 * Keeps the heap's young generation small. V8 lets it grow to 128 MB, all of which stays resident, and the longer it is the longer the
 * event loop stands still while what is alive in it is moved. How far it may grow is read once, before any of this runs (`node
 * --max-semi-space-size` says it on the command line); by how much, whenever it grows. So it is had to grow as far as it should,
 * and then no further.
 */
export function boundYoungGeneration(): void {
  let kept: unknown[] = []
  for (let made = 0; made < MOST && sizeOfYoungGeneration() < ENOUGH; made += STEP) kept = [...Array.from({ length: STEP }, (_, index) => ({ index })), kept]
  setFlagsFromString('--semi-space-growth-factor=1')
  // It holds for all threads: those that start from now on have what they need to begin with.
  setFlagsFromString('--min-semi-space-size=4')
}

/** In bytes. */
export const sizeOfYoungGeneration = (): number => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? ENOUGH

/**
 * Collects what loading left behind, now that nobody waits: else it is done while the first large packument is read, and takes as long as
 * several turns of the event loop may.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}
