/** Reads what people send to be judged: lockfiles and policies. Pure, and as slow as its sender likes: it runs in a thread. */
import { ConfigurationError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import { LockfileError, readLockfile, type Lockfile } from '../lockfile/index.ts'
import { dataOf, parsePolicy, problemDocument, type PolicyData } from '../policy/index.ts'

export type UploadJob =
  | { readonly kind: 'lockfile'; readonly file: string; readonly text: string; readonly manifest: string | undefined }
  | { readonly kind: 'policy'; readonly text: string; readonly now: string }

export type UploadOutcome =
  | { readonly kind: 'lockfile'; readonly lockfile: Lockfile }
  | { readonly kind: 'policy'; readonly policy: PolicyData }
  | { readonly kind: 'wrong'; readonly message: string; readonly problems: readonly JsonObject[] }

/** What a policy is called that came without a file. */
const POLICY = 'policy'

export function readUpload(job: UploadJob): UploadOutcome {
  try {
    if (job.kind === 'lockfile') return { kind: 'lockfile', lockfile: readLockfile({ file: job.file, bytes: Buffer.from(job.text), manifest: job.manifest }) }
    // Without a way to read files: one that is included would be this machine's, for whoever asks.
    return { kind: 'policy', policy: dataOf(parsePolicy(job.text, POLICY, { now: new Date(job.now) })) }
  } catch (error) {
    if (error instanceof LockfileError) return { kind: 'wrong', message: error.message, problems: [] }
    if (error instanceof ConfigurationError) return { kind: 'wrong', message: 'the policy cannot be used', problems: error.problems.map(problemDocument) }
    throw error
  }
}
