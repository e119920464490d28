/** What every reason code means and what to do about it: docs/reasons.md, the explanation over HTTP and `reasons` say these words. */
import { EVIDENCE, UNAVAILABLE } from './help/evidence.ts'
import { FORGERY } from './help/forgery.ts'
import { IDENTITY } from './help/identity.ts'
import { CIRCUMSTANCE, HISTORY, POLICY } from './help/rest.ts'
import type { ReasonHelp } from './help/words.ts'
import type { ReasonCode } from './reason.ts'

export type { ReasonHelp } from './help/words.ts'

const HELP: Readonly<Record<ReasonCode, ReasonHelp>> = {
  ...FORGERY,
  ...EVIDENCE,
  ...IDENTITY,
  ...HISTORY,
  ...CIRCUMSTANCE,
  ...POLICY,
  ...UNAVAILABLE,
}

export const helpFor = (code: ReasonCode): ReasonHelp => HELP[code]
