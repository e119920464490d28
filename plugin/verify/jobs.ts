import type { Evidence, SignatureFacts } from '../domain/evidence.ts'
import type { Anchored, AttestationResult, AttestationTask, SignatureTask } from '../domain/ports.ts'
import { verifyAttestationDocument } from './attestation-document.ts'
import { compileTrust, type CompiledTrust, type PlainTrust } from './compiled-trust.ts'
import { verifyRegistrySignatures } from './registry-signature.ts'

/** What a worker can be asked. Plain data, both ways. */
export type Job =
  | { readonly kind: 'signatures'; readonly name: string; readonly tasks: readonly SignatureTask[] }
  | { readonly kind: 'attestations'; readonly task: AttestationTask }

export type SignatureResults = readonly Anchored<Evidence<SignatureFacts>>[]
export type JobResult = SignatureResults | Anchored<AttestationResult>

/** A job, with the trust material the first time a worker meets that revision. */
export interface Request {
  readonly revision: string
  readonly trust: PlainTrust | undefined
  /** Forget all other revisions first. */
  readonly reset: boolean
  readonly job: Job
}

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly error: string }

/** Answers requests, keeping what it made of trust material by revision. */
export class JobRunner {
  readonly #known = new Map<string, PlainTrust>()
  readonly #compiled = new Map<string, CompiledTrust>()

  run({ revision, trust, reset, job }: Request): JobResult {
    if (reset) {
      this.#known.clear()
      this.#compiled.clear()
    }
    if (trust !== undefined) this.#known.set(revision, trust)
    const known = this.#known.get(revision)
    if (known === undefined) throw new RangeError('trust material was never sent')
    return job.kind === 'signatures'
      ? verifyRegistrySignatures(job.name, job.tasks, known)
      : verifyAttestationDocument(job.task, this.#compile(known))
  }

  #compile(trust: PlainTrust): CompiledTrust {
    const compiled = this.#compiled.get(trust.revision) ?? compileTrust(trust)
    this.#compiled.set(trust.revision, compiled)
    return compiled
  }
}
