import { specOf } from './package-ref.ts'
import { reason, type Reason } from './reason.ts'

/** Without a version, of a whole package. */
export const withdrawnReason = ({ name, version }: { readonly name: string; readonly version?: string }): Reason =>
  reason('version-withdrawn', `${version === undefined ? name : specOf({ name, version })} was here and its registry no longer has it`)
