/** What an operator took back by hand: refused from then on, whatever policy, waiver or mode say. */
import type { JsonObject } from './json.ts'
import { withoutMail } from './mail.ts'
import { withoutUnseen } from './unseen.ts'

export interface NewRecall {
  /** Exact name. */
  readonly name: string
  /** semver range, prereleases included, or one version as its registry writes it. */
  readonly range: string
  readonly reason: string
  /** Who answers for it; undefined where nobody was named. */
  readonly by: string | undefined
  readonly at: Date
}

export interface Recall extends NewRecall {
  readonly id: number
  /** Taken back; undefined while it is in force. */
  readonly lifted: Lifted | undefined
}

export type Lifted = Pick<NewRecall, 'reason' | 'by' | 'at'>

/** Durable, and the same for all processes on one ledger. */
export interface RecallMemory {
  /** On disk when this returns. The same name and range in force already is that recall: nothing is written. */
  add(recall: NewRecall): Recall
  /** Undefined when there is none of this id in force. */
  lift(id: number, why: Lifted): Recall | undefined
  /** Every one there ever was, oldest first. */
  all(): readonly Recall[]
  /** In force, of one package. */
  of(name: string): readonly Recall[]
  /** Changes with every recall of the package, and with every one that is lifted; 0 while there was none. */
  revision(name: string): number
}

/** What an operator wrote, for everybody who is refused. */
export const recallText = (text: string, length = 300): string => withoutMail(withoutUnseen(text.slice(0, 4096))).slice(0, length)

export const recallDocument = ({ id, name, range, reason, by, at, lifted }: Recall): JsonObject => ({
  id,
  package: name,
  range,
  reason: recallText(reason),
  by: by === undefined ? null : recallText(by, 100),
  at: at.toISOString(),
  lifted: lifted === undefined ? null : { reason: recallText(lifted.reason), by: lifted.by === undefined ? null : recallText(lifted.by, 100), at: lifted.at.toISOString() },
})
