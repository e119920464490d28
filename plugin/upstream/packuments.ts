import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { messageOf } from '../domain/errors.ts'
import { UnreadableDocument, type PackumentHead, type PackumentReader, type ReadDocument, type UpstreamPackument, type Urgency } from '../domain/ports.ts'
import { SingleFlight } from '../domain/single-flight.ts'
import { nextTurn } from '../domain/turns.ts'
import { readWire, tooLarge, type Wire } from './body.ts'
import { discard, type Connection } from './connection.ts'
import { PACKUMENT_LIMIT } from './document.ts'
import { asUnavailable, RequestFailure } from './failure.ts'
import type { Confirmed, Known, PackumentCache } from './packument-cache.ts'
import { packumentUrl } from './paths.ts'
import { UrgentFlight, type Turn } from './turn.ts'

export interface PackumentsOptions {
  readonly connection: Connection
  readonly cache: PackumentCache
  readonly reader: PackumentReader
  /** Told of what went wrong behind an answer that was given already. */
  readonly onError: (error: unknown) => void
  /** Bytes; a test makes it small. */
  readonly limit?: number | undefined
}

interface Received {
  readonly status: number
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly body: (Wire & { readonly read: ReadDocument }) | undefined
}

const fold = promisify(gzip)
/** In which some fifty clients that ask at one time are sent megabytes each. */
const AFTER_ANSWERS_MS = 100
/** An `absent` is short-lived: a name may be published at any time. */
const ABSENT_FOR = 30_000
const MAX_ABSENT = 10_000
const MAX_KEYS = 20_000
/** How long a body may be confirmed: a lie told once under the validator of the truth would be confirmed by the truth for good. */
const CONFIRMABLE_FOR = 24 * 60 * 60 * 1000

/**
 * One uplink's packuments, by age of the last confirmation:
 * - below `maxage`: as they are, without asking;
 * - then for `staleFor`: as they are, and the uplink is asked behind the answer;
 * - then: the uplink is asked first; the last good answer stands in for one that fails, up to `maxStale`.
 */
export class Packuments {
  readonly #connection: Connection
  readonly #cache: PackumentCache
  readonly #keyOfUplink: string
  readonly #reader: PackumentReader
  readonly #onError: (error: unknown) => void
  readonly #limit: number
  /** A key that is made for a question is hashed for it too: a good part of what a warm answer takes. */
  readonly #keys = new LRUCache<string, string>({ max: MAX_KEYS })
  readonly #answers = new SingleFlight<string, UpstreamPackument | 'absent'>()
  readonly #refreshes = new UrgentFlight<Known | 'absent'>()
  readonly #absent = new LRUCache<string, number>({ max: MAX_ABSENT })

  constructor({ connection, cache, reader, onError, limit = PACKUMENT_LIMIT }: PackumentsOptions) {
    this.#connection = connection
    this.#cache = cache
    const { uplink } = connection
    this.#keyOfUplink = `${JSON.stringify([uplink.name, uplink.base.href]).slice(0, -1)},`
    this.#reader = reader
    this.#onError = onError
    this.#limit = limit
  }

  /**
   * @param after - the uplink is asked unless it confirmed its answer after this
   * @throws Unavailable (`evidence-unavailable`)
   */
  async get(name: string, after?: Date): Promise<UpstreamPackument | 'absent'> {
    if (this.#connection.uplink.offline) return this.#imported(name)
    if (this.#isAbsent(name, after)) return 'absent'
    const known = this.#cache.peek(this.#key(name))
    if (known !== undefined && this.#mayServe(known, after)) return this.#serve(name, this.#cache.found('memory', known))
    return this.#answers.run(after === undefined ? name : `${name} anew`, () => this.#find(name, after))
  }

  /** Of what `get` answers from memory, and has done behind it what `get` has; undefined where there is no such answer. */
  peek(name: string): PackumentHead | 'absent' | undefined {
    const { offline, maxage } = this.#connection.uplink
    if (offline) return undefined
    if (this.#isAbsent(name)) return 'absent'
    const known = this.#cache.confirmed(this.#key(name))
    if (known === undefined) return undefined
    return within(this.#age(known), maxage) ? this.#head(known, false) : this.#peekStale(name)
  }

  /** Of fifty clients that come back when an answer has expired, none is to go a longer way than the day before. */
  #peekStale(name: string): PackumentHead | undefined {
    const known = this.#cache.peek(this.#key(name))
    if (known === undefined || known.failing || this.#connection.isOffline || !this.#mayServe(known)) return undefined
    if (!this.#refreshes.isRunning(name)) this.#refresh(name, known, 'background').catch(this.#onError)
    return this.#head(known, false)
  }

  /** The last good answer, however old, without asking. */
  async held(name: string): Promise<UpstreamPackument | undefined> {
    const known = await this.#cache.reload(this.#key(name), name)
    return known && this.#answer(known, true)
  }

  /**
   * Takes a document for the uplink's answer of `confirmedAt`, in the place of what is there. It is never confirmed by a 304: the
   * next answer brings its own.
   * @throws Error when it is not a packument of this name
   */
  async adopt(name: string, bytes: Buffer, confirmedAt: Date): Promise<void> {
    const { packument, digest, size } = await this.#reader.read(name, { wire: bytes, encoding: 'identity' }, PACKUMENT_LIMIT)
    const wire = await fold(bytes)
    const head = { key: this.#key(name), etag: undefined, lastModified: undefined, digest, encoding: 'gzip' as const }
    await this.#cache.store({ head, wireDigest: hash('sha256', wire), packument, size, confirmedAt, failing: false }, wire)
    this.#absent.delete(name)
  }

  /**
   * Of an uplink that is never asked. `stale`, since it may be reduced to what archives brought: versions that it lacks were not
   * taken down. Nor is a name absent that no archive has brought.
   */
  async #imported(name: string): Promise<UpstreamPackument> {
    const known = await this.#cache.reload(this.#key(name), name)
    const { maxStale } = this.#connection.uplink
    if (known === undefined) throw this.#unusable(name, 'is offline, and no archive brought it')
    if (this.#age(known) > maxStale) throw this.#unusable(name, `is offline, and what was brought of it is of ${known.confirmedAt.toISOString()}, older than maxStale`)
    return this.#answer(known, true)
  }

  /** Resolves when nothing runs behind any more. */
  async settled(): Promise<void> {
    await this.#answers.settled()
    await this.#refreshes.settled()
  }

  async #find(name: string, after?: Date): Promise<UpstreamPackument | 'absent'> {
    const known = await this.#cache.load(this.#key(name), name)
    if (known !== undefined && this.#mayServe(known, after)) return this.#serve(name, known)
    try {
      const fresh = await this.#refresh(name, known, 'foreground')
      return fresh === 'absent' ? fresh : this.#answer(fresh, false)
    } catch (error) {
      if (known === undefined || this.#age(known) > this.#connection.uplink.maxStale) throw error
      return this.#answer(known, true)
    }
  }

  #isAbsent(name: string, after?: Date): boolean {
    const since = this.#absent.get(name)
    return since !== undefined && within(this.#now() - since, ABSENT_FOR) && (after === undefined || since > after.getTime())
  }

  #mayServe(known: Known, after?: Date): boolean {
    const { maxage, staleFor } = this.#connection.uplink
    return within(this.#age(known), maxage + staleFor) && (after === undefined || known.confirmedAt > after)
  }

  #serve(name: string, known: Known): UpstreamPackument {
    const fresh = within(this.#age(known), this.#connection.uplink.maxage)
    if (!fresh && !this.#connection.isOffline) this.#refresh(name, known, 'background').catch(this.#onError)
    return this.#answer(known, !fresh && (known.failing || this.#connection.isOffline))
  }

  #answer(known: Known, stale: boolean): UpstreamPackument {
    return { ...this.#head(known, stale), packument: known.packument }
  }

  #head({ confirmedAt, head, size }: Confirmed, stale: boolean): PackumentHead {
    return { uplink: this.#connection.uplink.name, digest: head.digest, size, confirmedAt, stale }
  }

  #refresh(name: string, known: Known | undefined, urgency: Urgency): Promise<Known | 'absent'> {
    return this.#refreshes.run(name, urgency, async (turn) => {
      try {
        if (turn.urgency === 'background') await afterAnswers(turn)
        return await this.#ask(name, known, turn)
      } catch (error) {
        if (known !== undefined) this.#cache.remember({ ...known, failing: true })
        throw error
      }
    })
  }

  async #ask(name: string, known: Known | undefined, turn: Turn): Promise<Known | 'absent'> {
    const askedAt = this.#connection.clock.now()
    const received = await this.#receive(name, known, turn)
    // Before the question: the uplink's answer is not older than that, and may be as old.
    const confirmedAt = turn.startedAt ?? askedAt
    if (received.status === 404) return this.#forget(name, confirmedAt)
    if (received.body === undefined) {
      if (known === undefined) throw this.#unusable(name, 'answered 304 to a question without conditions')
      return this.#confirmed(known, confirmedAt)
    }
    return this.#received(name, received, received.body, known, confirmedAt)
  }

  async #receive(name: string, known: Known | undefined, turn: Turn): Promise<Received> {
    const url = packumentUrl(this.#connection.uplink.base, name)
    if (url === undefined) return { status: 404, etag: undefined, lastModified: undefined, body: undefined }
    return this.#connection.ask(
      {
        kind: 'packument',
        url,
        what: name,
        headers: { accept: 'application/json', 'accept-encoding': 'gzip', ...conditions(known, this.#now()) },
        deadline: this.#connection.uplink.deadline,
        allows: (next) => next.origin === url.origin,
        refused: () => new RequestFailure('redirects to another host'),
        answers: [200, 304, 404],
      },
      async (answer) => {
        const { status } = answer
        if (status !== 200) await discard(answer.body)
        return {
          status,
          etag: answer.header('etag'),
          lastModified: answer.header('last-modified'),
          body: status === 200 ? await this.#read(name, await readWire(answer, this.#limit), known) : undefined,
        }
      },
      { turn },
    )
  }

  /** A takedown, or never there: what is known of it must not be served as if it still were. */
  async #forget(name: string, at: Date): Promise<'absent'> {
    this.#absent.set(name, at.getTime())
    await this.#cache.remove(this.#key(name))
    return 'absent'
  }

  async #confirmed(known: Known, confirmedAt: Date): Promise<Known> {
    const confirmed = { ...known, confirmedAt, failing: false }
    await this.#cache.confirm(confirmed)
    return confirmed
  }

  /** Unless it is what is known already, byte for byte. */
  async #read(name: string, { wire, encoding, wireDigest }: Wire, known: Known | undefined): Promise<NonNullable<Received['body']>> {
    // Its last piece has just come: reading it is a turn of its own.
    await nextTurn()
    if (known?.wireDigest === wireDigest && known.head.encoding === encoding)
      return { wire, encoding, wireDigest, read: { packument: known.packument, digest: known.head.digest, size: known.size } }
    try {
      return { wire, encoding, wireDigest, read: await this.#reader.read(name, { wire, encoding }, this.#limit) }
    } catch (error) {
      // Else it is this mirror that is busy: the uplink did answer, and asking it again helps nobody.
      throw error instanceof UnreadableDocument ? this.#failureOf(error) : new RequestFailure(messageOf(error), { cause: error })
    }
  }

  #failureOf(error: UnreadableDocument): RequestFailure {
    switch (error.fault) {
      case 'too-large':
        return tooLarge(this.#limit)
      case 'undecodable':
        return new RequestFailure('sent a broken gzip body', { retryable: true, cause: error })
      case 'unreadable':
        return new RequestFailure('sent a document that is not a packument of it', { cause: error })
    }
  }

  async #received(name: string, received: Received, body: NonNullable<Received['body']>, known: Known | undefined, confirmedAt: Date): Promise<Known> {
    const { wire, encoding, wireDigest, read } = body
    const { etag, lastModified } = received
    const head = { key: this.#key(name), etag, lastModified, digest: read.digest, encoding, receivedAt: confirmedAt.toISOString() }
    // The same document keeps its object, so that what was computed from it can be kept by identity.
    const packument = known?.head.digest === read.digest ? known.packument : read.packument
    const fresh = { head, wireDigest, packument, size: read.size, confirmedAt, failing: false }
    await this.#cache.store(fresh, wire)
    this.#absent.delete(name)
    return fresh
  }

  #unusable(name: string, message: string, cause?: unknown): Error {
    return asUnavailable(new RequestFailure(message, { cause }), this.#connection.uplink.name, name)
  }

  /** The address is in it, since an uplink that was pointed elsewhere is another source under an old name. */
  #key(name: string): string {
    const known = this.#keys.peek(name)
    if (known !== undefined) return known
    const key = `${this.#keyOfUplink}${JSON.stringify(name)}]`
    this.#keys.set(name, key)
    return key
  }

  #age(known: Confirmed): number {
    return this.#now() - known.confirmedAt.getTime()
  }

  #now(): number {
    return this.#connection.clock.now().getTime()
  }
}

/** A time from the future (a clock set back) is not within anything: such an answer is asked for again, not fresh for years. */
const within = (age: number, limit: number): boolean => age >= 0 && age < limit

function conditions(known: Known | undefined, now: number): Record<string, string> {
  if (known === undefined || !within(now - Date.parse(known.head.receivedAt ?? ''), CONFIRMABLE_FOR)) return {}
  if (known.head.etag !== undefined) return { 'if-none-match': known.head.etag }
  if (known.head.lastModified !== undefined) return { 'if-modified-since': known.head.lastModified }
  return {}
}

/** Who asked has the answer that is there first: a new document takes as much of the machine as fifty answers do. Whoever waits for it ends this. */
const afterAnswers = (turn: Turn): Promise<void> => new Promise((resolve) => {
  const timer = setTimeout(resolve, AFTER_ANSWERS_MS)
  turn.onHurry(() => {
    clearTimeout(timer)
    resolve()
  })
})
