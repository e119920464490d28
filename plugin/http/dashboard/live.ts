import type { Request, Response } from 'express'
import type { DecisionReader, LogEntry } from '../../domain/decision.ts'

export interface LiveLimits {
  /** Streams at one time. */
  readonly streams: number
  /** Milliseconds between two signs of life. */
  readonly beat: number
  /** Milliseconds a stream lasts: whoever follows comes again, with a token that is looked at again. */
  readonly lasts: number
  /** Bytes that a reader may be behind. */
  readonly behind: number
}

const LIMITS: LiveLimits = { streams: 100, beat: 15_000, lasts: 10 * 60_000, behind: 1024 ** 2 }

/** Entries as they are kept, as Server-Sent Events. */
export class LiveDecisions {
  readonly #log: DecisionReader
  readonly #limits: LiveLimits
  readonly #open = new Set<Response>()
  #closed = false

  constructor(log: DecisionReader, limits: Partial<LiveLimits> = {}) {
    this.#log = log
    this.#limits = { ...LIMITS, ...limits }
  }

  /** `shown` says what of new entries goes out; false where there are too many streams. */
  follow(request: Request, response: Response, shown: (entries: readonly LogEntry[]) => Promise<readonly unknown[]>): boolean {
    const { streams, beat, lasts, behind } = this.#limits
    if (this.#closed || this.#open.size >= streams) return false
    this.#open.add(response)
    // Whatever stands between must hand on each event at once: compression and proxies alike.
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' })
    response.write(': following\n\n')
    const write = (text: string): void => {
      if (response.writableEnded) return
      response.write(text)
      // Whoever does not read is not waited for: what is behind stays in the log.
      if (response.writableLength > behind) response.destroy()
    }
    let before = Promise.resolve()
    const stop = this.#log.follow((entries) => {
      before = before
        .then(async () => {
          const out = await shown(entries)
          if (out.length > 0) write(`event: entries\ndata: ${JSON.stringify(out)}\n\n`)
        })
        .catch(() => { response.end() })
    })
    const beating = setInterval(() => { write(': still here\n\n') }, beat).unref()
    const ending = setTimeout(() => { response.end() }, lasts).unref()
    request.socket.setNoDelay(true)
    response.once('close', () => {
      stop()
      clearInterval(beating)
      clearTimeout(ending)
      this.#open.delete(response)
    })
    return true
  }

  /** Ends all of them: a server that closes waits for every answer. */
  close(): void {
    this.#closed = true
    for (const response of this.#open) response.end()
  }
}
