import type { Evidence } from '../domain/evidence.ts'
import { reason, type Reason, type ReasonCode } from '../domain/reason.ts'

/** What makes one piece of evidence not count. Thrown inside this folder, caught where the evidence is summed up. */
export class EvidenceFault extends Error {
  override readonly name = 'EvidenceFault'
  readonly state: 'invalid' | 'unknown-key'
  readonly reason: Reason
  readonly unknownAnchor: boolean
  constructor(
    code: ReasonCode,
    message: string,
    detail?: Readonly<Record<string, string>>,
    options?: { readonly cause?: unknown; readonly state?: 'invalid' | 'unknown-key'; readonly unknownAnchor?: boolean },
  ) {
    super(message, options)
    this.state = options?.state ?? 'invalid'
    this.unknownAnchor = options?.unknownAnchor ?? false
    this.reason = reason(code, message, detail === undefined ? undefined : clip(detail))
  }
}

/**
 * Runs a check of hostile data. Readers of ASN.1 and of bundles throw TypeErrors, RangeErrors and errors of their own at
 * hostile input; whatever it is, the evidence is invalid, and only the kind of error is passed on: a message may quote it.
 */
export function guarded<Result>(code: ReasonCode, message: string, check: () => Result): Result {
  try {
    return check()
  } catch (cause) {
    if (cause instanceof EvidenceFault) throw cause
    throw new EvidenceFault(code, message, { cause: kindOf(cause) }, { cause })
  }
}

export const faultEvidence = (fault: EvidenceFault): Evidence<never> => ({
  state: fault.state,
  reasons: [fault.reason],
  ...(fault.unknownAnchor ? { unknownAnchor: true } : {}),
})

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' ? code : error.name
}

const MAX_DETAIL = 300
/** Details quote evidence, which may be megabytes long. */
const clip = (detail: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(detail).map(([key, value]) => [key, value.length > MAX_DETAIL ? `${value.slice(0, MAX_DETAIL)}…` : value]),
  )
