import { parentPort } from 'node:worker_threads'
import { messageOf } from '../domain/errors.ts'
import { JobRunner, type Reply, type Request } from './jobs.ts'

const port = parentPort
if (port === null) throw new TypeError('verify/worker runs as a worker thread')
// Reading DER throws at every octet string that holds no DER, and nobody reads the stack recorded each time: a quarter of the work.
Error.stackTraceLimit = 0
const runner = new JobRunner()

const reply = (request: Request): Reply => {
  try {
    return { kind: 'done', result: runner.run(request) }
  } catch (error) {
    // Bad evidence does not throw: this is a fault of ours, and the job is undecided.
    return { kind: 'failed', error: messageOf(error) }
  }
}

port.on('message', (request: Request) => {
  port.postMessage(reply(request))
})
port.postMessage({ kind: 'ready' } satisfies Reply)
