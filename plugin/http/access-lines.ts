import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isObject, ownString } from '../domain/json.ts'
import { userOf } from './access.ts'
import { addressOf, TRUSTS_NONE, type TrustsProxy } from './asker.ts'

/** Where lines go; never throws. */
export interface Lines {
  /** @param pieces of one line, whose end is `end` */
  add(pieces: readonly Uint8Array[], end: string): void
}

/** How a request was answered. */
export interface Answered {
  readonly method: string | undefined
  readonly url: string
  /** 0: the client went away before the answer was sent. */
  readonly status: number
  /** Of the body; undefined where nobody said so beforehand. */
  readonly bytes: number | undefined
  /** Given again, before anything else looked at the request. */
  readonly isWarm: boolean
}

const MAX_TEXT = 2000
const MAX_CLIENT = 200
/** What opens something is not for a log; routes do not tell upper from lower case. */
const SECRET = /^(.*\/-\/user\/token\/).+$/i

/**
 * The access log: a line of JSON for each request, whoever answered it. `time` is when the answer ended (RFC 3339), `address` the last
 * hop which is no trusted proxy, `url` the request's target, `ms` milliseconds with three digits.
 */
export class AccessLines {
  readonly #lines: Lines
  readonly #now: () => number
  /** Most requests come over a connection on which the last one came from the same client. */
  readonly #askers = new WeakMap<Socket, { readonly client: string | undefined; readonly text: Buffer }>()
  readonly #begun = new WeakSet<IncomingMessage>()
  #trusts: TrustsProxy = TRUSTS_NONE
  #time = NaN
  #timeText = Buffer.of()

  /** @param now milliseconds since 1970 */
  constructor(lines: Lines, now: () => number) {
    this.#lines = lines
    this.#now = now
  }

  /** What Verdaccio was configured to trust. */
  open(trusts: TrustsProxy): void {
    this.#trusts = trusts
  }

  /** A line is written when this request has been answered; once, however often this is called. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    if (this.#begun.has(request)) return
    this.#begun.add(request)
    const began = performance.now()
    // Routers cut off what they have matched.
    const { method, url = '' } = request
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 0
      this.note(request, answered({ method, url, status, bytes: lengthOf(request, response), isWarm: false }), performance.now() - began)
    })
  }

  /** No line is written of it: nobody asked. */
  skip(request: IncomingMessage): void {
    this.#begun.add(request)
  }

  /** @param what as `answered` makes it: there are tens of thousands a second, and what was answered again was made before */
  note(request: IncomingMessage, what: Buffer, milliseconds: number): void {
    this.#lines.add([this.#timeNow(), this.#asker(request), what], `${String(Math.round(milliseconds * 1000) / 1000)}}\n`)
  }

  #timeNow(): Buffer {
    const now = this.#now()
    if (now !== this.#time) {
      this.#time = now
      this.#timeText = Buffer.from(`{"time":"${new Date(now).toISOString()}"`)
    }
    return this.#timeText
  }

  #asker(request: IncomingMessage): Buffer {
    const { socket, headers } = request
    const client = headers['user-agent']
    const user = userOf(request)
    const isPlain = user === undefined && headers['x-forwarded-for'] === undefined
    const known = isPlain ? this.#askers.get(socket) : undefined
    if (known !== undefined && known.client === client) return known.text
    const name = isObject(user) ? ownString(user, 'name') : undefined
    const text = Buffer.from(field('address', addressOf(request, this.#trusts)) + field('user', name) + field('client', client?.slice(0, MAX_CLIENT)))
    if (isPlain) this.#askers.set(socket, { client, text })
    return text
  }
}

/** The middle of a line, up to the milliseconds. */
export function answered({ method = '', url, status, bytes, isWarm }: Answered): Buffer {
  const size = bytes === undefined ? '' : `,"bytes":${String(bytes)}`
  return Buffer.from(`,"method":"${method}","url":${quoted(url)},"status":${String(status)}${size},"warm":${String(isWarm)},"ms":`)
}

const field = (name: string, value: string | undefined): string => (value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`)

/** As JSON, without the token that `npm logout` names. */
const quoted = (url: string): string => JSON.stringify(url.slice(0, MAX_TEXT).replace(SECRET, '$1…'))

/** Of the body that was sent; undefined where nobody said so beforehand. */
export function lengthOf({ method }: IncomingMessage, response: ServerResponse): number | undefined {
  if (method === 'HEAD' || response.statusCode === 304) return 0
  const length = Number(response.getHeader('content-length') ?? NaN)
  return Number.isInteger(length) ? length : undefined
}
