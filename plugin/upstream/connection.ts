import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import pRetry from 'p-retry'
import { request } from 'undici'
import type { Question as EndedQuestion, QuestionKind, QuestionOutcome } from '../domain/measures.ts'
import { TarballRefused, type Clock } from '../domain/ports.ts'
import type { UplinkState } from '../domain/state.ts'
import { NO_TRACING, type SpanAttributes, type Tracing } from '../domain/tracing.ts'
import { Breaker } from './breaker.ts'
import { authorization } from './credentials.ts'
import { createDispatchers, type Dispatchers } from './dispatchers.ts'
import { asFailure, asUnavailable, RequestFailure } from './failure.ts'
import type { Uplink } from './options.ts'
import { Scheduler } from './scheduler.ts'
import { Turn } from './turn.ts'

/** What a client of uplinks needs of its surroundings. */
export interface Surroundings {
  readonly clock: Clock
  /** `verdaccio-provenance/<version>` */
  readonly userAgent: string
  /** The first wait before asking again, in milliseconds; doubled each time. */
  readonly retryWait?: number
  /** Told of every question that ended. */
  readonly asked?: ((question: EndedQuestion) => void) | undefined
  readonly tracing?: Tracing | undefined
  /** A signal that aborts after so many milliseconds. */
  readonly deadline?: (milliseconds: number) => AbortSignal
}

export interface Question {
  readonly kind: QuestionKind
  readonly url: URL
  /** For messages. */
  readonly what: string
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds for all of it. */
  readonly deadline: number
  /** Where a redirect may lead. */
  readonly allows: (url: URL) => boolean
  /** What is thrown when it leads elsewhere. */
  readonly refused: () => RequestFailure | TarballRefused
  /** Statuses that are answers; anything else is a failure. */
  readonly answers: readonly number[]
  /** JSON to post; without it the question is a GET. */
  readonly body?: Uint8Array
  /** An extra that registries may do without: its failures do not count against the uplink. */
  readonly isExtra?: boolean
}

/** How a question is asked. */
export interface Asking {
  /** Its place among the other questions; by default a client waits for it. */
  readonly turn?: Turn | undefined
  /** Ends it; by default its deadline does, counted from its turn. */
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  readonly body: Readable
  header(name: string): string | undefined
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const MAX_REDIRECTS = 3
const MAX_RETRY_WAIT = 5000

/** Asks one uplink: retries, redirects, credentials and the circuit breaker are here and nowhere else. */
export class Connection {
  readonly uplink: Uplink
  readonly clock: Clock
  readonly #breaker: Breaker
  readonly #scheduler: Scheduler
  readonly #dispatchers: Dispatchers
  readonly #surroundings: Surroundings

  constructor(uplink: Uplink, surroundings: Surroundings) {
    this.uplink = uplink
    this.clock = surroundings.clock
    this.#surroundings = surroundings
    this.#breaker = new Breaker(uplink.maxFails, uplink.failTimeout, surroundings.clock)
    this.#dispatchers = createDispatchers(uplink)
    const { name, maxSockets, rate } = uplink
    this.#scheduler = new Scheduler({ uplink: name, clock: surroundings.clock, concurrency: maxSockets, rate })
  }

  /** The uplink failed so often that it is not asked just now, or is never asked. */
  get isOffline(): boolean {
    return this.uplink.offline || this.#breaker.isOpen
  }

  get state(): UplinkState {
    const { name, offline } = this.uplink
    return { name, state: offline ? 'offline' : this.#breaker.isOpen ? 'left-alone' : 'asked', ...this.#scheduler.load }
  }

  isOwn(url: URL): boolean {
    return url.origin === this.uplink.base.origin
  }

  /** A signal for one question and everything that is read of its answer. */
  signal(deadline: number): AbortSignal {
    return (this.#surroundings.deadline ?? ((milliseconds) => AbortSignal.timeout(milliseconds)))(deadline)
  }

  /**
   * Asks, hands the answer to `read`, and asks again where that may help: `read` must take all of the body that it needs, so
   * that a body cut short is asked for again like an answer that never came.
   * @throws Unavailable (`evidence-unavailable`); TarballRefused when redirected to an address that is not allowed
   */
  async ask<Value>(question: Question, read: (answer: Answer) => Promise<Value>, { turn = new Turn(), signal }: Asking = {}): Promise<Value> {
    let began: number | undefined
    let outcome: QuestionOutcome = 'skipped'
    const { tracing = NO_TRACING } = this.#surroundings
    try {
      return await tracing.traced({ name: `uplink ${question.kind}`, kind: 'client', attributes: () => attributesOf(question, this.uplink.name) }, async (note) => {
        // Nobody queues for an uplink that is left alone.
        this.#assertNotLeftAlone(question)
        return this.#scheduler.run(turn, async () => {
          began = performance.now()
          outcome = 'failed'
          const value = await this.#ask(question, (answer) => {
            note({ 'http.response.status_code': answer.status })
            return read(answer)
          }, signal ?? this.signal(question.deadline))
          outcome = 'answered'
          return value
        })
      })
    } catch (error) {
      if (error instanceof TarballRefused) outcome = 'refused'
      throw error
    } finally {
      this.#surroundings.asked?.({ uplink: this.uplink.name, kind: question.kind, outcome, seconds: began === undefined ? 0 : (performance.now() - began) / 1000 })
    }
  }

  async #ask<Value>(question: Question, read: (answer: Answer) => Promise<Value>, signal: AbortSignal): Promise<Value> {
    this.#assertNotLeftAlone(question)
    // Another host says nothing about the uplink: its failures neither close the uplink nor does its health open it.
    const breaker = this.isOwn(question.url) && question.isExtra !== true ? this.#breaker : undefined
    try {
      const value = await this.#retried(() => this.#once(question, read, signal), signal)
      breaker?.answered()
      return value
    } catch (error) {
      const failure = asFailure(error, signal)
      if (failure instanceof RequestFailure && !failure.answered) breaker?.failed()
      else breaker?.answered()
      throw asUnavailable(failure, this.uplink.name, question.what)
    }
  }

  #assertNotLeftAlone({ url, what }: Question): void {
    // Hosts of tarballs too: an air gap is one.
    if (this.uplink.offline) throw asUnavailable(new RequestFailure('is offline, and no archive brought it'), this.uplink.name, what)
    if (this.isOwn(url) && this.#breaker.isOpen) throw asUnavailable(leftAlone(), this.uplink.name, what)
  }

  async close(): Promise<void> {
    this.#scheduler.close()
    await this.#dispatchers.destroy()
  }

  #retried<Value>(attempt: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    return pRetry(attempt, {
      retries: this.uplink.retries,
      minTimeout: this.#surroundings.retryWait ?? 200,
      maxTimeout: MAX_RETRY_WAIT,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof RequestFailure && error.retryable && error.retryAfter <= MAX_RETRY_WAIT,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (!(error instanceof RequestFailure) || retriesLeft === 0) return
        if (error.retryAfter > 0 && error.retryAfter <= MAX_RETRY_WAIT) await sleep(error.retryAfter, undefined, { signal })
      },
    })
  }

  async #once<Value>(question: Question, read: (answer: Answer) => Promise<Value>, signal: AbortSignal): Promise<Value> {
    try {
      const answer = await this.#follow(question, signal)
      if (question.answers.includes(answer.status)) return await readOrEnd(answer, read)
      await discard(answer.body)
      const failure = refusal(answer, this.clock.now(), this.isOwn(question.url) && this.uplink.auth !== undefined)
      if (answer.status === 429 && this.isOwn(question.url) && question.isExtra !== true) this.#scheduler.pause(failure.retryAfter)
      throw failure
    } catch (error) {
      throw asFailure(error, signal)
    }
  }

  async #follow(question: Question, signal: AbortSignal): Promise<Answer> {
    let url = question.url
    let trusted = this.isOwn(url)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.#send(question, url, await this.#headers(question, trusted), signal)
      if (!REDIRECTS.has(answer.status)) return answer
      await discard(answer.body)
      const next = URL.parse(answer.header('location') ?? '', url.href)
      if (next === null) throw new RequestFailure('redirects to nowhere')
      if (!question.allows(next)) throw question.refused()
      url = next
      // Once an answer of another host was followed, what it leads to is its choice: no credentials, even back home.
      trusted = trusted && this.isOwn(next)
    }
    throw new RequestFailure('redirects too often')
  }

  async #send({ body: posted }: Question, url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const { statusCode, headers: received, body } = await request(url, {
      ...(posted !== undefined && { method: 'POST', body: posted }),
      dispatcher: this.#dispatchers.for(url),
      headers,
      signal,
      headersTimeout: this.uplink.timeout,
      bodyTimeout: this.uplink.timeout,
    })
    // Errors reach whoever reads the body; one that nobody reads any more must not end the process.
    body.on('error', () => undefined)
    return { status: statusCode, body, header: (name) => [received[name] ?? []].flat()[0] }
  }

  async #headers(question: Question, trusted: boolean): Promise<Record<string, string>> {
    const { auth, headers } = this.uplink
    return {
      'user-agent': this.#surroundings.userAgent,
      // Nobody but the uplink learns of anything inside here.
      ...(trusted && this.#surroundings.tracing?.headers()),
      ...(trusted && lowerCased(headers)),
      ...(trusted && auth !== undefined && { authorization: await authorization(auth) }),
      ...question.headers,
    }
  }
}

/** As the semantic conventions for HTTP clients name them; a query may hold a signature. */
const attributesOf = ({ url, body }: Question, uplink: string): SpanAttributes => ({
  'http.request.method': body === undefined ? 'GET' : 'POST',
  'url.full': `${url.origin}${url.pathname}`,
  'server.address': url.hostname,
  'server.port': url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
  'provenance.uplink': uplink,
})

const leftAlone = (): RequestFailure => new RequestFailure('failed repeatedly and is left alone for a while')

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** A body that cannot be used is not read on: its sender may have no end in mind. */
async function readOrEnd<Value>(answer: Answer, read: (answer: Answer) => Promise<Value>): Promise<Value> {
  try {
    return await read(answer)
  } catch (error) {
    answer.body.destroy()
    throw error
  }
}

/** Gives the connection back where little is left to read, and ends it otherwise. */
export async function discard(body: Readable): Promise<void> {
  let left = 64 * 1024
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      left -= chunk.byteLength
      if (left < 0) break
    }
  } catch {
    // What is thrown away may be broken: the status has said all there is to know.
  }
}

function refusal(answer: Answer, now: Date, withCredentials: boolean): RequestFailure {
  const { status } = answer
  if (status === 401 || status === 403)
    return new RequestFailure(`answered ${status}: it ${withCredentials ? 'does not accept the credentials of this mirror' : 'wants credentials, or serves this to nobody'}`)
  const busy = status === 429 || status === 408
  const broken = status >= 500
  return new RequestFailure(`answered ${status}`, {
    retryable: busy || broken,
    answered: !broken,
    retryAfter: busy || broken ? retryAfterOf(answer, now) : 0,
  })
}

/** RFC 9110, 10.2.3, in milliseconds: seconds, or a date, which is held against the sender's own clock where he tells it. */
function retryAfterOf(answer: Answer, now: Date): number {
  const value = answer.header('retry-after') ?? ''
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const until = Date.parse(value)
  const sent = Date.parse(answer.header('date') ?? '')
  return Number.isNaN(until) ? 0 : Math.max(0, until - (Number.isNaN(sent) ? now.getTime() : sent))
}
