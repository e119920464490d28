import type { ReasonCodeOf, ReasonKind } from '../reason.ts'

/** What a reason means, and what to do about it, for the two who meet it. Each is ASCII, without the names of one case. */
export interface ReasonHelp {
  /** For whoever wanted to install it: one sentence. */
  readonly developer: string
  /** For whoever answers for the policy: one sentence. */
  readonly security: string
  readonly remedy: { readonly developer: string; readonly security: string }
}

/** Words for every code of a kind: a new code without words does not compile. */
export type HelpFor<Kind extends ReasonKind> = Readonly<Record<ReasonCodeOf<Kind>, ReasonHelp>>
