import type { RequestHandler } from 'express'
import { reason } from '../domain/reason.ts'
import { unavailable } from './refusal.ts'

/** Some hundred clients installing at once; each waiting request holds what it has read so far. */
const MAX_IN_FLIGHT = 5000

/**
 * Answers 503 while so many requests are waiting for theirs. Everything behind this is bounded by it: single flights, open
 * questions, downloads. Connections are no such bound, since one can carry any number of requests at once (RFC 9112, 9.3.2).
 */
export function inFlight(max: number = MAX_IN_FLIGHT): RequestHandler {
  let waiting = 0
  return (request, response, next) => {
    // Broken off while its password was checked: nobody waits, and `close` will not come once more.
    if (response.closed) return
    if (waiting >= max) {
      unavailable(request, response, reason('internal-error', 'too many requests are waiting for an answer'), {})
      return
    }
    waiting++
    // Comes once however a request ends: answered, broken off, or with its connection.
    response.once('close', () => { waiting-- })
    next()
  }
}
