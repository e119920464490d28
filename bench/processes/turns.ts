/**
 * Loaded before a server (`node --import`): how long its event loop was held. At SIGUSR2 the longest turn since the last one is
 * written to the file of BENCH_TURNS, in milliseconds of the main thread's CPU and of the wall.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

export interface LongestTurn {
  readonly cpu: number
  readonly wall: number
}

const file = process.env.BENCH_TURNS
if (isMainThread && file !== undefined) {
  const threadCpu = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let longest: LongestTurn = { cpu: 0, wall: 0 }
  let cpu = threadCpu()
  let wall = performance.now()
  // Timers run once in each round of the loop: between two of them lies one turn, or a millisecond of short ones.
  setInterval(() => {
    const cpuNow = threadCpu()
    const wallNow = performance.now()
    longest = { cpu: Math.max(longest.cpu, cpuNow - cpu), wall: Math.max(longest.wall, wallNow - wall - 1) }
    cpu = cpuNow
    wall = wallNow
  }, 1).unref()
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.new`, JSON.stringify(longest))
    renameSync(`${file}.new`, file)
    longest = { cpu: 0, wall: 0 }
    cpu = threadCpu()
    wall = performance.now()
  })
}
