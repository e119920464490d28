/** Long work in short turns of the event loop, so that requests which need little are not kept waiting. */

/** Milliseconds: three such turns fit in what a request may wait for others. */
const TURN = 2
/** Items between two looks at the clock. */
const STRIDE = 16

export const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })

/** As `Array.map`, a few milliseconds at a time. What ends within one turn is not interrupted. */
export async function inTurns<Item, Result>(items: Iterable<Item>, work: (item: Item, index: number) => Result): Promise<readonly Result[]> {
  const results: Result[] = []
  let began = performance.now()
  for (const item of items) {
    if (results.length % STRIDE === STRIDE - 1 && performance.now() - began > TURN) {
      await nextTurn()
      began = performance.now()
    }
    results.push(work(item, results.length))
  }
  return results
}

/** As `new Map`, a few milliseconds at a time. */
export async function mapInTurns<Key, Value>(entries: Iterable<readonly [Key, Value]>): Promise<Map<Key, Value>> {
  const map = new Map<Key, Value>()
  await inTurns(entries, ([key, value]) => map.set(key, value))
  return map
}
