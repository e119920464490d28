import type { Asker, DecisionRecord } from './decision.ts'
import { eventRecord } from './decision-record.ts'
import { recallText, type Recall } from './recall.ts'

/** An entry of the decision log: of what was recalled, or of what was taken back where it has been. */
export function recallRecord({ id, name, range, reason, by, at, lifted }: Recall, asker?: Asker): DecisionRecord {
  const said = lifted ?? { reason, by, at }
  const detail = { recall: id, range, reason: recallText(said.reason), by: said.by === undefined ? null : recallText(said.by, 100) }
  return eventRecord({ at: said.at, kind: lifted === undefined ? 'recalled' : 'recall-lifted', package: name, detail, ...(asker === undefined ? {} : { asker }) })
}
