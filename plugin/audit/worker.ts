/** What runs in the log's threads: one that writes, and one that answers questions, each with a connection of its own. */
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../domain/errors.ts'
import type { Call, Reply, ThreadStart } from './messages.ts'
import { LogService } from './service.ts'

const port = parentPort
if (port === null) throw new TypeError('audit/worker runs as a worker thread')
const start = workerData as ThreadStart
const post = (reply: Reply): void => { port.postMessage(reply) }
const service = new LogService(start, post)

/** One after the other: what is asked after an entry was given sees it. */
let before: Promise<unknown> = Promise.resolve()
port.on('message', (message: Call | 'end') => {
  before = before.then(() => (message === 'end' ? end() : answer(message)))
})

async function answer(call: Call): Promise<void> {
  try {
    post({ id: call.id, gives: await service.do(call) })
  } catch (error) {
    post({ id: call.id, error: { name: error instanceof Error ? error.name : 'Error', message: messageOf(error) } })
  }
}

/** The process ends, and its main thread waits here. */
async function end(): Promise<void> {
  await service.close().catch(() => undefined)
  const done = new Int32Array(start.done)
  Atomics.store(done, 0, 1)
  Atomics.notify(done, 0)
}
