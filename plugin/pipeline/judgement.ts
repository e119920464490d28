import type { Candidate } from '../domain/evidence.ts'
import type { Asker, EntryEvidence } from '../domain/decision.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { StoredTarball } from '../domain/ports.ts'
import type { Reason } from '../domain/reason.ts'
import type { Verdict } from '../domain/verdict.ts'

/** One version, judged in full. */
export interface Judgement {
  readonly ref: PackageRef
  readonly candidate: Candidate
  readonly verdict: Verdict
  /** Of the policy that judged. */
  readonly policyRevision: string
  /** What was verified of it, in short. */
  readonly evidence?: EntryEvidence
}

/** Who wants a tarball. */
export interface Requested {
  readonly asker?: Asker | undefined
  /** Why he will not take these bytes (sha512, hex), whatever policy says; undefined where he will. */
  readonly refuses?: ((sha512: string) => Reason | undefined) | undefined
}

export interface ServedTarball {
  readonly kind: 'served'
  readonly judgement: Judgement
  readonly tarball: StoredTarball
}

export type TarballAnswer =
  | ServedTarball
  | { readonly kind: 'refused'; readonly judgement: Judgement }
  /** Known before, and gone upstream. */
  | { readonly kind: 'withdrawn'; readonly ref: PackageRef }
  | { readonly kind: 'absent' }
