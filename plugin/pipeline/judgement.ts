import type { Candidate } from '../domain/evidence.ts'
import type { PackageRef } from '../domain/package-ref.ts'
import type { StoredTarball } from '../domain/ports.ts'
import type { Verdict } from '../domain/verdict.ts'

/** One version, judged in full. */
export interface Judgement {
  readonly ref: PackageRef
  readonly candidate: Candidate
  readonly verdict: Verdict
  /** Of the policy that judged. */
  readonly policyRevision: string
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
