import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGunzip, gunzipSync } from 'node:zlib'
import { inTurns } from '../domain/turns.ts'
import type { Answer } from './connection.ts'
import { RequestFailure } from './failure.ts'

export type Encoding = 'gzip' | 'identity'

export interface Wire {
  readonly wire: Buffer
  readonly encoding: Encoding
  /** sha256 of `wire`, hex. */
  readonly wireDigest: string
}

/**
 * All of a body, decompressed, within `limit` bytes before and after decompression: a gzip bomb is dropped when it has unfolded that far,
 * not when all of it is in memory.
 */
export async function readBody(answer: Answer, limit: number): Promise<Buffer> {
  const encoding = encodingOf(answer.header('content-encoding'))
  const expected = expectedLength(answer, limit)
  const wire = new Collector(limit)
  const unfolded = new Collector(limit)
  const isSmall = expected !== undefined && expected <= SMALL
  if (encoding === 'identity' || isSmall) await wire.drain(answer.body)
  else await pipeline(wire.passing(answer.body), createGunzip(), (decoded: AsyncIterable<Uint8Array>) => unfolded.drain(decoded))
  if (expected !== undefined && wire.size !== expected) throw cutShort()
  if (encoding === 'identity') return wire.concat()
  return isSmall ? unfoldedAtOnce(wire.concat(), limit) : unfolded.concat()
}

/** Of what unfolds in less time than a stream takes to be set up. */
const SMALL = 16 * 1024

function unfoldedAtOnce(wire: Buffer, limit: number): Buffer {
  try {
    return gunzipSync(wire, { maxOutputLength: limit })
  } catch (error) {
    throw error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(limit) : error
  }
}

/** A body as it came over the wire, within `limit` bytes. */
export async function readWire(answer: Answer, limit: number): Promise<Wire> {
  const encoding = encodingOf(answer.header('content-encoding'))
  const expected = expectedLength(answer, limit)
  const wire = new Collector(limit)
  // As it comes: of megabytes at once it takes milliseconds.
  const digest = createHash('sha256')
  for await (const chunk of wire.passing(answer.body)) digest.update(chunk)
  if (expected !== undefined && wire.size !== expected) throw cutShort()
  return { wire: wire.size > SMALL ? await wire.shared() : wire.concat(), encoding, wireDigest: digest.digest('hex') }
}

function expectedLength(answer: Answer, limit: number): number | undefined {
  const expected = lengthOf(answer)
  if (expected !== undefined && expected > limit) throw tooLarge(limit)
  return expected
}

/** Keeps chunks up to a limit. */
class Collector {
  readonly #chunks: Uint8Array[] = []
  readonly #limit: number
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  #add(chunk: Uint8Array): void {
    this.#size += chunk.byteLength
    if (this.#size > this.#limit) throw tooLarge(this.#limit)
    this.#chunks.push(chunk)
  }

  async drain(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) this.#add(chunk)
  }

  async *passing(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#add(chunk)
      yield chunk
    }
  }

  concat(): Buffer {
    return Buffer.concat(this.#chunks, this.#size)
  }

  /** In memory that all threads see: handing over megabytes would copy them, and hold the event loop meanwhile. */
  async shared(): Promise<Buffer> {
    const all = Buffer.from(new SharedArrayBuffer(this.#size))
    let at = 0
    await inTurns(this.#chunks, (chunk) => {
      all.set(chunk, at)
      at += chunk.byteLength
    })
    return all
  }
}

/** The length an answer announces; undefined when it announces none. */
export function lengthOf(answer: Answer): number | undefined {
  const header = answer.header('content-length')
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}

export function encodingOf(header: string | undefined): Encoding {
  const encoding = header?.trim().toLowerCase() ?? ''
  if (encoding === 'gzip' || encoding === 'x-gzip') return 'gzip'
  if (encoding === '' || encoding === 'identity') return 'identity'
  throw new RequestFailure('sent an encoding that was not asked for')
}

export const tooLarge = (limit: number): RequestFailure => new RequestFailure(`sent more than ${limit} bytes`)
export const cutShort = (): RequestFailure =>
  new RequestFailure('sent a body that was cut short', { retryable: true, answered: false })
