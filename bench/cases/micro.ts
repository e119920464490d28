import { Bench } from 'tinybench'

/** Median time of one call in milliseconds, after a warm-up. */
export function median(work: () => void): number {
  const bench = new Bench({ time: 300, warmupTime: 100, iterations: 5, warmupIterations: 2 })
  bench.add('work', work)
  bench.runSync()
  const result = bench.tasks[0]?.result
  if (result?.state !== 'completed') throw new Error('the benchmark did not finish')
  return result.latency.p50
}
