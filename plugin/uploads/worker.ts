/** What runs in the threads that read uploads. */
import { readUpload, type UploadJob, type UploadOutcome } from './read.ts'

export default function run(job: UploadJob): UploadOutcome {
  return readUpload(job)
}
