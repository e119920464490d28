/** A worker that behaves as the name in its job says, for tests of the pool. */
import { parentPort, threadId } from 'node:worker_threads'
import type { Request } from '../../../plugin/verify/jobs.ts'

parentPort?.on('message', ({ job, revision, trust, reset }: Request) => {
  const behaviour = job.kind === 'signatures' ? job.name : job.task.ref.name
  switch (behaviour) {
    case 'hang':
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
    case 'exit':
      process.exit(0)
    case 'throw':
      throw new RangeError('uncaught')
    case 'fail':
      parentPort?.postMessage({ kind: 'failed', error: 'a fault of ours' })
      return
    case 'memory': {
      const held: unknown[] = []
      for (;;) held.push(new Array(100_000).fill(held.length))
    }
    default:
      parentPort?.postMessage({ kind: 'done', result: { threadId, behaviour, revision, reset, trust: trust !== undefined } })
  }
})
parentPort?.postMessage({ kind: 'ready' })
