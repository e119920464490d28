/**
 * Loaded in each thread before tinypool, which asks `process.memoryUsage()` after every job and looks at nothing but `heapUsed`. The rest
 * of that answer is read from /proc, which takes as long as a small job: up to half a second of a cold install. In this thread, the
 * heap is asked instead; nothing else here asks for memory.
 */
import { isMainThread } from 'node:worker_threads'
import { getHeapStatistics } from 'node:v8'

export function heapOnly(): NodeJS.MemoryUsage {
  const { used_heap_size: heapUsed, total_heap_size: heapTotal, external_memory: external } = getHeapStatistics()
  return { rss: 0, heapTotal, heapUsed, external, arrayBuffers: 0 }
}

const whole = process.memoryUsage
if (!isMainThread) process.memoryUsage = Object.assign(heapOnly, { rss: () => whole.rss() })
