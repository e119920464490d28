/** What runs in the threads that read packuments and write answers. */
import { Tinypool, type Transferable } from 'tinypool'
import { buildAnswer, type BuildJob } from './build.ts'
import { readPackument, type ReadJob, type ReadOutcome } from './read.ts'

export type Job = ({ readonly kind: 'read' } & ReadJob) | ({ readonly kind: 'build' } & BuildJob)

export default function run(job: Job): ReadOutcome | ReturnType<typeof Tinypool.move> {
  if (job.kind === 'read') return readPackument(job)
  const answer = buildAnswer(job)
  // Handed over, not copied: what arrives is megabytes, and would be copied on the main thread.
  return Tinypool.move({ [Tinypool.transferableSymbol]: [answer.identity.buffer, answer.gzip.buffer], [Tinypool.valueSymbol]: answer } as unknown as Transferable)
}
