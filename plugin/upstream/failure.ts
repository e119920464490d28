import { messageOf, Unavailable } from '../domain/errors.ts'
import { TarballRefused } from '../domain/ports.ts'

type FailureDetails = Partial<Pick<RequestFailure, 'retryable' | 'answered' | 'retryAfter' | 'cause'>>

/** One question to an uplink that brought no usable answer. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure'
  /** Whether asking again may help. */
  readonly retryable: boolean
  /** Whether the uplink works as such: this failure is of one document, and no reason to leave the uplink alone. */
  readonly answered: boolean
  /** Milliseconds the uplink asked for before the next question. */
  readonly retryAfter: number

  constructor(message: string, { retryable = false, answered = true, retryAfter = 0, cause }: FailureDetails = {}) {
    super(message, { cause })
    this.retryable = retryable
    this.answered = answered
    this.retryAfter = retryAfter
  }
}

/** undici's codes for connections this process closed itself. */
const CLOSED = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'])

/** What was thrown while a request ran, by undici or zlib, as a failure; a refusal of an address stays what it is. */
export function asFailure(error: unknown, signal: AbortSignal): RequestFailure | TarballRefused {
  if (error instanceof RequestFailure || error instanceof TarballRefused) return error
  if (signal.aborted) return new RequestFailure('took too long', { answered: false, cause: error })
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('Z_')) return new RequestFailure('sent a broken gzip body', { retryable: true, cause: error })
  const retryable = !CLOSED.has(code)
  const why = code === '' ? messageOf(error) : code
  return new RequestFailure(`did not answer (${why})`, { retryable, answered: false, cause: error })
}

/** What callers see: anything that is not an answer is "cannot decide now", never "there is none". */
export function asUnavailable(error: unknown, uplink: string, what: string): Unavailable | TarballRefused {
  if (error instanceof Unavailable || error instanceof TarballRefused) return error
  return new Unavailable('evidence-unavailable', `uplink ${uplink} was asked for ${what}: ${messageOf(error)}`, {
    cause: error,
    detail: { uplink },
  })
}
