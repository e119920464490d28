import type { Message } from '../domain/notification.ts'
import type { Posted } from './post.ts'

/** What came of an attempt, and what to do. */
export type Attempt =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'again'; readonly at: Date; readonly why: string }
  /** Nothing would come of another attempt, or it is too late for one. */
  | { readonly kind: 'given-up'; readonly why: string }

const FIRST_WAIT = 5_000
const MOST_WAIT = 3_600_000
const GIVE_UP_AFTER = 24 * 3_600_000
/** Time-outs, "Too Early" and "Too Many Requests": the receiver itself says that it may work later. */
const LATER = new Set([408, 425, 429])

/** @param result what the receiver answered, or why it did not */
export function judgeAttempt(result: Posted | { readonly fault: string }, { attempts, created }: Pick<Message, 'attempts' | 'created'>, now: Date): Attempt {
  if ('fault' in result) return later(result.fault, undefined, { attempts, created }, now)
  const { status, retryAfter } = result
  if (status >= 200 && status < 300) return { kind: 'delivered' }
  if (status >= 300 && status < 400) return { kind: 'given-up', why: `it answered ${String(status)}: redirects are not followed, name the address itself` }
  const why = `it answered ${String(status)}`
  return status >= 500 || LATER.has(status) ? later(why, retryAfter, { attempts, created }, now) : { kind: 'given-up', why }
}

function later(why: string, retryAfter: number | undefined, { attempts, created }: Pick<Message, 'attempts' | 'created'>, now: Date): Attempt {
  const wait = Math.min(MOST_WAIT, Math.max(FIRST_WAIT * 3 ** Math.min(attempts, 10), retryAfter ?? 0))
  const at = new Date(now.getTime() + wait)
  return at.getTime() - created.getTime() > GIVE_UP_AFTER ? { kind: 'given-up', why: `${why}, after ${String(attempts + 1)} attempts` } : { kind: 'again', at, why }
}
