/** A job that leaves so many megabytes on the heap of its thread. Answers which thread it was, and what that says of its memory. */
import { getHeapStatistics } from 'node:v8'
import { threadId } from 'node:worker_threads'

const kept: number[][] = []

export default function run(megabytes: number): { readonly thread: number; readonly rss: number; readonly differs: number } {
  // Numbers that are no small integers take eight bytes each.
  for (let index = 0; index < megabytes; index++) kept.push(Array.from({ length: 131_072 }, () => 0.5))
  const { rss, heapUsed } = process.memoryUsage()
  return { thread: threadId, rss, differs: Math.abs(heapUsed - getHeapStatistics().used_heap_size) }
}
