import { availableParallelism } from 'node:os'
import type { Anchored, AttestationResult, AttestationTask, SignatureTask, TrustMaterial, Verifier } from '../domain/ports.ts'
import type { QueueState } from '../domain/state.ts'
import { MAX_DOCUMENT_BYTES, verifyAttestationDocument } from './attestation-document.ts'
import { compileTrust } from './compiled-trust.ts'
import type { SignatureResults } from './jobs.ts'
import { verifyRegistrySignatures } from './registry-signature.ts'
import { WorkerPool, type PoolOptions } from './worker-pool.ts'

export type VerifierOptions = Partial<PoolOptions>

/** 0.08 ms each: up to here, sending them away costs more than it saves. */
const INLINE_SIGNATURES = 4
/** One for each core, since the main thread mostly waits; each may take 30 MB. */
const MAX_THREADS = 8
/** About 20 ms of a worker. */
const BATCH = 250

export interface PooledVerifier extends Verifier {
  /** Of its threads. */
  readonly load: QueueState
}

/** The port `Verifier`: keyless bundles and long lists of signatures off the event loop, short lists on it. */
export function createVerifier(options: VerifierOptions = {}): PooledVerifier {
  const pool = new WorkerPool({
    script: new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url),
    size: Math.min(MAX_THREADS, availableParallelism()),
    queueLimit: 1000,
    jobLimitMs: 2000,
    startLimitMs: 10_000,
    ...options,
  })
  return {
    async signatures(name: string, tasks: readonly SignatureTask[], trust: TrustMaterial) {
      if (tasks.length <= INLINE_SIGNATURES) return verifyRegistrySignatures(name, tasks, trust)
      const batches = inBatches(tasks).map((batch) => pool.run({ kind: 'signatures', name, tasks: batch }, trust))
      return (await Promise.all(batches)).flatMap((results) => results as SignatureResults)
    },
    async attestations(task: AttestationTask, trust: TrustMaterial) {
      // Not worth a worker's memory, and refused by its size alone.
      if (task.document.byteLength > MAX_DOCUMENT_BYTES) return verifyAttestationDocument(task, compileTrust(trust))
      // A view of a larger buffer would be sent with all of that buffer.
      const job = { kind: 'attestations', task: { ...task, document: Uint8Array.from(task.document) } } as const
      return (await pool.run(job, trust)) as Anchored<AttestationResult>
    },
    get load() { return pool.load },
    close: () => pool.close(),
  }
}

const inBatches = (tasks: readonly SignatureTask[]): readonly (readonly SignatureTask[])[] =>
  Array.from({ length: Math.ceil(tasks.length / BATCH) }, (_, index) => tasks.slice(index * BATCH, (index + 1) * BATCH))
