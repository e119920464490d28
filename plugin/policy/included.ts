import type { ExampleDocument, FragmentDocument } from './schema.ts'
import type { Scope } from './scope.ts'
import type { Source } from './source.ts'

/** A file of a policy, validated: the policy itself, or one it includes. */
export interface Part {
  readonly document: FragmentDocument
  readonly source: Source
  readonly scope: Scope
}

export interface Included extends Part {
  /** As problems and rules name it: relative to the policy. */
  readonly file: string
  /** Where it was read. */
  readonly path: string
}

export interface Example {
  /** Undefined for the policy itself. */
  readonly file: string | undefined
  readonly line: number | undefined
  readonly document: ExampleDocument
}
